import { constants, read } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { readCached } from '../binding/files';
import { type CheckpointError, RuntimeError, throwIfAborted } from '../errors';
import { fault, messageOf, systemCode, unreadable } from './fault';

/** How files are opened: without O_NONBLOCK the open of a named pipe waits for a writer for ever. Windows has no such flag. */
export const READING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Bytes read by one system call: small enough that a signal is heard soon, large enough that calls cost nothing. */
const READ_BYTES = 16 * 1024 * 1024;

/** Reads of at most so many bytes are done at once where the system has them in memory … */
const SMALL_BYTES = 256 * 1024;
/** … but in a row only so many as bring this many bytes: a few milliseconds' work. A read costs as much as so many bytes. */
const MOST_IN_A_ROW = 4 * 1024 * 1024;
const READ_COST = 8 * 1024;

/**
 * A regular file held open for reading at positions. It never waits on a pipe, and tells a file that changed under it
 * from a damaged one.
 */
export class PinnedFile {
  private closed = false;
  private reads = 0;
  private inARow = 0;
  private turn: Promise<void> | null = null;
  private whenIdle: (() => void) | null = null;

  private constructor(
    readonly path: string,
    /** Bytes of the file when it was opened. */
    readonly size: number,
    private readonly modified: bigint,
    private readonly handle: FileHandle,
  ) {}

  /** Opens `path`. @throws CheckpointError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NOT_A_FILE`. */
  static async open(path: string, signal?: AbortSignal): Promise<PinnedFile> {
    throwIfAborted(signal);
    const handle = await openForReading(path);
    try {
      const stat = await handle.stat({ bigint: true });
      if (!stat.isFile()) throw notAFile(path);
      if (stat.size > BigInt(Number.MAX_SAFE_INTEGER)) {
        throw unreadable('OVERFLOW', path, `it has ${stat.size} bytes; files up to 2^53 - 1 bytes can be read`);
      }
      throwIfAborted(signal);
      return new PinnedFile(path, Number(stat.size), stat.mtimeNs, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get descriptor(): number {
    this.checkOpen();
    return this.handle.fd;
  }

  /** Fills `target` with the bytes from `position` on. @throws CheckpointError `FILE_CHANGED` when they have gone. */
  async readInto(target: Uint8Array, position: number, signal?: AbortSignal): Promise<void> {
    let done = 0;
    while (done < target.byteLength) {
      const wanted = Math.min(READ_BYTES, target.byteLength - done);
      if (wanted <= SMALL_BYTES && this.inARow > MOST_IN_A_ROW) await this.nextTurn();
      throwIfAborted(signal);
      this.checkOpen();
      const bytesRead =
        this.readAtOnce(target, done, wanted, position + done) ??
        (await this.readSome(target, done, wanted, position + done));
      if (bytesRead === 0) throw this.changed(`it ended at byte ${position + done}`);
      done += bytesRead;
    }
    throwIfAborted(signal);
  }

  /**
   * Fills `target` at once where the system has its bytes in memory; false where they have to be waited for, and where
   * others should have their turn: then `readInto` does it.
   */
  readNow(target: Uint8Array, position: number): boolean {
    this.checkOpen();
    const length = target.byteLength;
    return this.readAtOnce(target, 0, length, position) === length;
  }

  /** Rejects with `FILE_CHANGED` when size or time of the file differ from when it was opened. */
  async verify(): Promise<void> {
    this.checkOpen();
    const stat = await this.handle.stat({ bigint: true });
    if (Number(stat.size) !== this.size) throw this.changed(`it now has ${stat.size} bytes`);
    if (stat.mtimeNs !== this.modified) throw this.changed('it was written to');
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    // A descriptor that is given back too soon may be another file's when a read begins.
    if (this.reads > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
    await this.handle.close();
  }

  /** What is in memory comes without a thread; null when it does not, and when others should have their turn. */
  private readAtOnce(target: Uint8Array, offset: number, length: number, position: number): number | null {
    this.inARow += length + READ_COST;
    if (length > SMALL_BYTES || this.inARow > MOST_IN_A_ROW) return null;
    return readCached(this.handle.fd, target, offset, length, position);
  }

  /** By the call with a callback, which takes half the time of the handle's own: small reads come in hundreds. */
  private readSome(target: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    void this.nextTurn();
    return new Promise((resolve, reject) => {
      this.reads++;
      read(this.handle.fd, target, offset, length, position, (error, bytesRead) => {
        if (--this.reads === 0) this.whenIdle?.();
        if (error === null) return resolve(bytesRead);
        const message = `reading at byte ${position} failed: ${messageOf(error)}`;
        reject(unreadable('FILE_UNREADABLE', this.path, message, { offset: position, cause: error }));
      });
    });
  }

  /** The next turn of the event loop, in which reads are done at once again, whoever of many asks for it. */
  private nextTurn(): Promise<void> {
    this.turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.turn = null;
        this.inARow = 0;
        resolve();
      });
    });
    return this.turn;
  }

  private changed(what: string): CheckpointError {
    return unreadable(
      'FILE_CHANGED',
      this.path,
      `the file changed while it was open: it had ${this.size} bytes and ${what}; ` +
        'load again when nothing else writes to it',
    );
  }

  private checkOpen(): void {
    if (this.closed) {
      throw new RuntimeError(`'${this.path}' has been closed; read tensors before close()`, {
        code: 'CHECKPOINT_CLOSED',
      });
    }
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, READING);
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw fault('FILE_NOT_FOUND', `There is no file '${path}'; check the path`, { file: path, cause: error });
      case 'EISDIR':
      case 'ENXIO':
        throw notAFile(path);
      case 'EMFILE':
      case 'ENFILE':
        throw unreadable('FILE_UNREADABLE', path, 'too many files are open; raise the limit (ulimit -n)', {
          cause: error,
        });
      default:
        throw unreadable('FILE_UNREADABLE', path, `opening it failed: ${messageOf(error)}`, { cause: error });
    }
  }
}

function notAFile(path: string): CheckpointError {
  return unreadable('NOT_A_FILE', path, 'it is a folder, a device or a pipe; give the path of a regular file');
}
