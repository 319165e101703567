import { type FileHandle, open, stat } from 'node:fs/promises';
import { OSError } from '../errors';
import { type CheckpointFault, systemCode } from './fault';

/** What safe saving asks of the system beyond Node's own functions; given from outside, as this room has no addon. */
export interface FolderSystem {
  /** Exchanges what two paths name, in one step; null, or the name of the system's error. */
  exchange(a: string, b: string): Promise<string | null>;
  /** Locks an open folder until it is closed: true; false when somebody has it; null where there are no such locks. */
  lock(descriptor: number): boolean | null;
}

/** The right to change a folder. It belongs to the folder itself, not to its name, and ends with the process. */
export class FolderLock {
  private constructor(private readonly handle: FileHandle | null) {}

  /** The lock of the folder at `path`; null when somebody else has it. Where there are no locks, it holds nobody off. */
  static async tryTake(path: string, system: FolderSystem): Promise<FolderLock | null> {
    for (;;) {
      const handle = await open(path, 'r').catch((error: unknown) => {
        // Windows opens no folders.
        if (['EISDIR', 'EPERM'].includes(systemCode(error))) return null;
        throw error;
      });
      if (handle === null) return new FolderLock(null);
      const got = system.lock(handle.fd);
      if (got === true && !(await isAt(handle, path))) {
        await handle.close();
        continue; // it was exchanged between opening and locking
      }
      if (got === true) return new FolderLock(handle);
      await handle.close();
      return got === null ? new FolderLock(null) : null;
    }
  }

  /** The same. @throws OSError `SAVE_IN_PROGRESS` when somebody else has it */
  static async take(path: string, system: FolderSystem): Promise<FolderLock> {
    const lock = await FolderLock.tryTake(path, system);
    if (lock !== null) return lock;
    throw new OSError(`'${path}' is being saved to by somebody else; wait for that to end, or save to another folder`, {
      code: 'SAVE_IN_PROGRESS' satisfies CheckpointFault,
    });
  }

  /** Whether it holds others off. */
  get isReal(): boolean {
    return this.handle !== null;
  }

  async release(): Promise<void> {
    await this.handle?.close();
  }
}

async function isAt(handle: FileHandle, path: string): Promise<boolean> {
  const [held, there] = await Promise.all([handle.stat(), stat(path).catch(() => null)]);
  return there !== null && held.dev === there.dev && held.ino === there.ino;
}
