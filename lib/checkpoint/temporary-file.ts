/**
 * The files that stand in for others while those are written. Each is locked by its writer, and the lock ends with the
 * writer's process: what nobody holds has been left by one that was killed.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { lockFile } from '../binding/files';

const NAME = /^\..{1,60}\.[0-9a-f]{16}\.tmp$/s;
/** Where there are no locks, a file that nobody has written to for this long has no writer any more. */
const ABANDONED_MS = 60 * 60 * 1000;

/** A new file beside `destination`, open for writing. */
export interface TemporaryFile {
  path: string;
  handle: FileHandle;
  /** Whether it is known to be somebody's until the handle is closed. */
  isHeld: boolean;
}

/** @throws the system's error */
export async function openTemporary(destination: string): Promise<TemporaryFile> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  for (;;) {
    // A name of its own, cut so that a long destination does not make it too long for the file system.
    const name = `.${basename(destination).slice(0, 60)}.${randomBytes(8).toString('hex')}.tmp`;
    const path = join(dirname(destination), name);
    const handle = await open(path, flags, 0o666);
    const lock = lockFile(handle.fd);
    if (lock === null || (lock && (await isAt(handle, path)))) return { path, handle, isHeld: lock === true };
    // Somebody cleared it away between opening and locking, or the folder was exchanged for another.
    await handle.close();
    await unlink(path).catch(() => {});
  }
}

/** Names of the temporary files in `folder` that killed processes left. */
export async function abandonedFiles(folder: string): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of await readdir(folder))
    if (NAME.test(name) && (await isAbandoned(join(folder, name)))) found.add(name);
  return found;
}

/** Removes what killed processes left in `folder`. Never fails: what stays is left to the next one. */
export async function clearAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch((): string[] => []))
    if (NAME.test(name)) await isAbandoned(join(folder, name), (path) => unlink(path)).catch(() => {});
}

/** @param then - is called while nobody else can take the file, where it is abandoned */
async function isAbandoned(path: string, then: (path: string) => Promise<void> = async () => {}): Promise<boolean> {
  const there = await lstat(path).catch(() => null);
  if (!there?.isFile()) return false;
  const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(() => null);
  try {
    const lock = handle === null ? null : lockFile(handle.fd);
    const isFree = lock ?? Date.now() - there.mtimeMs > ABANDONED_MS;
    if (isFree) await then(path);
    return isFree;
  } finally {
    await handle?.close();
  }
}

async function isAt(handle: FileHandle, path: string): Promise<boolean> {
  const [held, there] = await Promise.all([handle.stat(), lstat(path).catch(() => null)]);
  return there !== null && held.dev === there.dev && held.ino === there.ino;
}
