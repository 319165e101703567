import fs from 'node:fs';
import promises from 'node:fs/promises';
import { dirname } from 'node:path';
import { addon } from '../../lib/binding/addon';

/** Folders that are in no file system: names and bytes by path. */
const folders = new Map<string, ReadonlyMap<string, Uint8Array>>();
let isLooking = false;

/** Makes `folder` hold `files` for those who read it while `lookAtOnce` is on; false when it is not. */
export function keepInMemory(folder: string, files: ReadonlyMap<string, Uint8Array>): boolean {
  if (isLooking) folders.set(folder, files);
  return isLooking;
}

/** The folder is the file system's again. */
export function leaveToDisk(folder: string): void {
  folders.delete(folder);
}

/** Bytes of files that are open, by descriptors that no system gives. */
const inMemory = new Map<number, Uint8Array>();
/** Descriptors of files on the disk that are read at once. */
const looking = new Set<number>();
let nextDescriptor = 2 ** 30;

/** Files of such folders that are open. */
export function openFilesInMemory(): number {
  return inMemory.size;
}

/**
 * Small files in memory are read two to three times as fast when no thread of libuv's fetches them, and ten times as fast
 * when no system call does. These stand in for the calls of fs/promises that only look, with the same results and the same
 * errors; whatever else is asked goes to Node.
 */
export function lookAtOnce(): () => void {
  const own = { open: promises.open, stat: promises.stat, readFile: promises.readFile, realpath: promises.realpath };
  const at = promises as unknown as Record<string, unknown>;
  const ownRead = fs.read;
  const calls = fs as unknown as Record<string, unknown>;
  calls['read'] = (...args: Parameters<typeof readOf>) =>
    inMemory.has(args[0]) || looking.has(args[0]) ? readOf(...args) : (ownRead as (...a: unknown[]) => void)(...args);
  at['open'] = async (path: string, flags?: string | number, mode?: number) => {
    const files = folders.get(dirname(path));
    if (files !== undefined) return new MemoryHandle(bytesOf(files, path));
    const looks = typeof flags === 'number' && (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) === 0;
    return looks ? new LookingHandle(fs.openSync(path, flags)) : own.open(path, flags, mode);
  };
  at['stat'] = async (path: string, options?: fs.StatOptions) => {
    if (folders.has(path)) return { isDirectory: () => true, isFile: () => false };
    const files = folders.get(dirname(path));
    return files === undefined ? fs.statSync(path, options) : statOf(bytesOf(files, path));
  };
  at['readFile'] = async (path: string, options?: Parameters<typeof own.readFile>[1]) =>
    typeof path === 'string' ? fs.readFileSync(path, encodingOf(options)) : own.readFile(path, options);
  const native = addon();
  const ownCached = native.readCached;
  native.readCached = (file, target, offset, length, position) =>
    inMemory.has(file)
      ? copied(file, target, offset, length, position)
      : ownCached(file, target, offset, length, position);
  at['realpath'] = async (path: string) => (folders.has(dirname(path)) ? path : fs.realpathSync.native(path));
  isLooking = true;
  return () => {
    isLooking = false;
    Object.assign(at, own);
    calls['read'] = ownRead;
    native.readCached = ownCached;
  };
}

function encodingOf(options: unknown): BufferEncoding | null {
  if (typeof options === 'string') return options as BufferEncoding;
  return (options as { encoding?: BufferEncoding } | null | undefined)?.encoding ?? null;
}

function bytesOf(files: ReadonlyMap<string, Uint8Array>, path: string): Uint8Array {
  const found = files.get(path.slice(dirname(path).length + 1));
  if (found !== undefined) return found;
  throw Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT' });
}

function statOf(bytes: Uint8Array) {
  return { isDirectory: () => false, isFile: () => true, size: BigInt(bytes.byteLength), mtimeNs: 1n };
}

type Done = (error: Error | null, bytesRead: number) => void;

/** `fs.read` of such a file: `done` hears before this returns. */
function readOf(file: number, target: Uint8Array, offset: number, length: number, position: number, done: Done): void {
  const isHere = inMemory.has(file);
  done(null, (isHere ? copied : fs.readSync)(file, target, offset, length, position));
}

function copied(file: number, target: Uint8Array, offset: number, length: number, position: number): number {
  const found = inMemory.get(file)?.subarray(position, position + length) ?? new Uint8Array(0);
  target.set(found, offset);
  return found.byteLength;
}

/** A file that is open for reading. */
class LookingHandle {
  constructor(readonly fd: number) {
    looking.add(fd);
  }

  async stat(options?: fs.StatOptions & { bigint?: false }) {
    return fs.fstatSync(this.fd, options);
  }

  async close(): Promise<void> {
    looking.delete(this.fd);
    fs.closeSync(this.fd);
  }
}

/** A file that is bytes. Its descriptor is none to native code: what that reads by itself must lie on the disk. */
class MemoryHandle {
  readonly fd = nextDescriptor++;

  constructor(private readonly bytes: Uint8Array) {
    inMemory.set(this.fd, bytes);
  }

  async stat() {
    return statOf(this.bytes);
  }

  async close(): Promise<void> {
    inMemory.delete(this.fd);
  }
}
