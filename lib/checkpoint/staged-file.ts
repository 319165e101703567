import type { Stats } from 'node:fs';
import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OSError, throwIfAborted } from '../errors';
import { type CheckpointFault, messageOf, systemCode } from './fault';
import { isHubBlob } from './hub-blobs';
import { openTemporary, type TemporaryFile } from './temporary-file';

/** Small writes are gathered until they reach this many bytes. */
const GATHER_BYTES = 1024 * 1024;
/** How often, and how long, a temporary file is waited for that is in another folder for a moment. */
const FOLLOW_MS = 20;
const LONGEST_FOLLOW_MS = 1000;
/** Bytes given to one system call, so that a signal is heard soon. */
const WRITE_BYTES = 16 * 1024 * 1024;

/**
 * A file that is written beside its destination and takes its place in one step: whoever looks at the destination sees
 * the old file or the complete new one, also after a crash or a power cut. `discard()` leaves no trace.
 */
export class StagedFile {
  private gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);
  private fill = 0;
  private handle: FileHandle | null;
  /** Bytes that were appended, gathered ones among them. */
  private written = 0;
  private isFinished = false;

  private constructor(
    /** Path that `commit()` puts the file at. */
    readonly destination: string,
    private readonly temporary: TemporaryFile,
    private readonly replaced: Stats | null,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.handle = temporary.handle;
  }

  /** Opens a new temporary file in the folder of `path`. @throws OSError `DISK_FULL`, `WRITE_FAILED`. */
  static async create(path: string, signal?: AbortSignal): Promise<StagedFile> {
    throwIfAborted(signal);
    const destination = await behindLink(path);
    try {
      const temporary = await openTemporary(destination);
      return new StagedFile(destination, temporary, await statOrNull(destination), signal);
    } catch (error) {
      throw writeError(error, destination);
    }
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.written;
  }

  /** Appends `bytes`; they may be reused once the promise resolves. @throws OSError `DISK_FULL`, `WRITE_FAILED`. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.fill + bytes.byteLength > GATHER_BYTES) await this.flush();
    if (bytes.byteLength > GATHER_BYTES) {
      await this.writeThrough(bytes, this.written);
    } else {
      this.gathered.set(bytes, this.fill);
      this.fill += bytes.byteLength;
    }
    this.written += bytes.byteLength;
  }

  /**
   * Appends `length` bytes that `write` puts into the open file by itself, from `offset` on. When its promise settles it
   * touches the file no more.
   * @throws OSError `DISK_FULL`, `WRITE_FAILED`
   */
  async writeBy(length: number, write: (descriptor: number, offset: number) => Promise<void>): Promise<void> {
    await this.flush();
    throwIfAborted(this.signal);
    try {
      await write((this.handle as FileHandle).fd, this.written);
    } catch (error) {
      throw isOfSystem(error) ? writeError(error, this.destination) : error;
    }
    this.written += length;
  }

  /** Brings every byte to the disk. The file still has its temporary name, and stays open where that is what holds it. */
  async finish(): Promise<void> {
    const { handle } = this;
    if (handle === null || this.isFinished) return;
    await this.flush();
    this.gathered = Buffer.alloc(0);
    throwIfAborted(this.signal);
    try {
      await keepMode(handle, this.replaced);
      await handle.sync();
      this.isFinished = true;
      if (!this.temporary.isHeld) await this.close();
    } catch (error) {
      throw writeError(error, this.destination);
    }
  }

  /** Puts the finished file in place of the destination. */
  async commit(): Promise<void> {
    await this.finish();
    throwIfAborted(this.signal);
    try {
      await this.takePlace();
      await this.close();
      await syncFolder(dirname(this.destination));
    } catch (error) {
      throw writeError(error, this.destination);
    }
  }

  /**
   * Renames the file. Where the folder was exchanged for a newer one meanwhile, the temporary file follows in a moment
   * (staged-folder.ts): it is waited for.
   */
  private async takePlace(): Promise<void> {
    for (let waited = 0; ; waited += FOLLOW_MS) {
      try {
        return await rename(this.temporary.path, this.destination);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT' || waited >= LONGEST_FOLLOW_MS) throw error;
      }
      await pause(FOLLOW_MS);
    }
  }

  private async close(): Promise<void> {
    const { handle } = this;
    this.handle = null;
    await handle?.close();
  }

  /** Removes the temporary file. Never fails; does nothing after `commit()`. */
  async discard(): Promise<void> {
    await unlink(this.temporary.path).catch(() => {});
    await this.close().catch(() => {});
  }

  private async flush(): Promise<void> {
    const { fill } = this;
    this.fill = 0;
    await this.writeThrough(this.gathered.subarray(0, fill), this.written - fill);
  }

  private async writeThrough(bytes: Uint8Array, offset: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) {
      throwIfAborted(this.signal);
      try {
        const length = Math.min(WRITE_BYTES, bytes.byteLength - done);
        const { bytesWritten } = await (this.handle as FileHandle).write(bytes, done, length, offset + done);
        done += bytesWritten;
      } catch (error) {
        throw writeError(error, this.destination);
      }
    }
  }
}

/**
 * A file that `fill` has written whole and that is on the disk under its temporary name; after an error nothing of it is left.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`
 */
export async function stageFile(
  path: string,
  signal: AbortSignal | undefined,
  fill: (staged: StagedFile) => Promise<void>,
): Promise<StagedFile> {
  const staged = await StagedFile.create(path, signal);
  try {
    await fill(staged);
    await staged.finish();
    return staged;
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** Puts a staged file in its place; after an error nothing of it is left. @returns its bytes */
export async function commitStaged(staged: StagedFile): Promise<number> {
  try {
    await staged.commit();
  } catch (error) {
    await staged.discard();
    throw error;
  }
  return staged.byteLength;
}

/** Writes a whole small file the same safe way. @throws OSError `DISK_FULL`, `WRITE_FAILED`. */
export async function writeWhole(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  await commitStaged(await stageFile(path, signal, (staged) => staged.write(bytes)));
}

/**
 * The file to replace when `path` is a link: its target. But a link into the Hub cache is itself replaced, as the cached
 * file is shared by every revision that contains it.
 */
async function behindLink(path: string): Promise<string> {
  const target = await realpath(path).catch(() => path);
  return target !== path && (await isHubBlob(target, dirname(path))) ? path : target;
}

async function statOrNull(path: string): Promise<Stats | null> {
  return stat(path).catch(() => null);
}

/** Gives the new file the permissions of the one that it replaces and, where we may, its owner. */
async function keepMode(handle: FileHandle, replaced: Stats | null): Promise<void> {
  if (replaced === null || process.platform === 'win32') return;
  const own = await handle.stat();
  if (own.uid !== replaced.uid || own.gid !== replaced.gid) {
    await handle.chown(replaced.uid, replaced.gid).catch(() => {});
  }
  await handle.chmod(replaced.mode & 0o777);
}

/** `done`; an error in it speaks of the folder that was to be written, not of the one that stands in for it. */
export async function namingTarget<T>(stage: string, target: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (error !== null && typeof error === 'object' && 'message' in error && typeof error.message === 'string')
      error.message = error.message.replaceAll(stage, target);
    throw error;
  }
}

/** Makes renames inside `folder` last. Some file systems cannot do this for a folder, and Windows needs no such call. */
export async function syncFolder(folder: string): Promise<void> {
  const unsupported = ['EINVAL', 'ENOTSUP', 'EPERM', 'EACCES', 'EISDIR', 'EBADF'];
  const tolerate = (error: unknown) => {
    if (!unsupported.includes(systemCode(error))) throw error;
  };
  const handle = await open(folder, 'r').catch(tolerate);
  if (!handle) return;
  try {
    await handle.sync().catch(tolerate);
  } finally {
    await handle.close();
  }
}

/** Whether `error` has a code of the system's, such as ENOSPC, and none of ours. */
export function isOfSystem(error: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(systemCode(error));
}

export function writeError(error: unknown, path: string): OSError {
  const system = systemCode(error);
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(system);
  const code: CheckpointFault = full ? 'DISK_FULL' : 'WRITE_FAILED';
  const what = full
    ? `there is no room left (${system}); free some and save again. What was there before is unchanged`
    : `${messageOf(error)}; check that the folder exists and may be written to`;
  return new OSError(`Writing '${path}' failed: ${what}`, { code, cause: error });
}
