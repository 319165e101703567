import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { constants as systemConstants } from 'node:os';
import { dirname } from 'node:path';
import { addon } from '../binding/addon';
import { OSError } from '../errors';
import { info, warnOnce } from '../logging';
import { pause } from './request';

/** Numbers of the system's errors: somebody else has the lock; the file system has none. */
const { EWOULDBLOCK, EAGAIN, EINTR, ENOSYS, EOPNOTSUPP, ENOTSUP, ENOLCK } = systemConstants.errno;
const kHeld = new Set([EWOULDBLOCK, EAGAIN, EINTR]);
const kNoLocks = new Set([ENOSYS, EOPNOTSUPP, ENOTSUP, ENOLCK]);
const kSecondsBetweenMessages = 10;

/** A lock that this process holds; also among processes, ours and Python's. */
export interface FileLock {
  /** False where the file system has no locks: others may then do the same work at the same time. */
  readonly exclusive: boolean;
  release(): Promise<void>;
}

/**
 * Waits until the lock file `path` is ours: flock, which Python's `filelock` takes too. The file stays behind when the lock
 * is released. A process that dies loses its locks.
 * @param unless - ends the waiting, with null: what the lock was wanted for has been done by another
 * @throws AbortError; OSError `ERR_HUB_CACHE` when the file cannot be opened
 */
export async function lockFile(
  path: string,
  unless: () => Promise<boolean>,
  signal?: AbortSignal | null,
): Promise<FileLock | null> {
  const started = Date.now();
  let told = started;
  for (let wait = 0.005; ; wait = Math.min(0.1, wait * 1.5)) {
    const handle = await openLockFile(path);
    try {
      const result = addon().lock(handle.fd);
      if (kNoLocks.has(result)) return withoutLocks(path, handle);
      if (result !== 0 && !kHeld.has(result))
        throw new OSError(`'${path}' cannot be locked (errno ${result})`, { code: 'ERR_HUB_CACHE' });
      if (result === 0 && (await isStill(path, handle)))
        return { exclusive: true, release: () => handle.close().catch(() => {}) };
      await handle.close();
    } catch (error) {
      await handle.close().catch(() => {});
      throw error;
    }
    if (Date.now() - told > 1000 * kSecondsBetweenMessages) {
      told = Date.now();
      info(`Still waiting for the lock '${path}' (${Math.round((told - started) / 1000)} s)`);
    }
    await pause(wait, signal);
    if (await unless()) return null;
  }
}

async function openLockFile(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, flags, 0o664);
    // The umask does not count here: everybody in the group may wait for the lock.
    const { mode } = await handle.stat();
    if ((mode & 0o777) !== 0o664) await handle.chmod(0o664).catch(() => {});
    return handle;
  } catch (error) {
    throw new OSError(
      `the lock '${path}' cannot be opened: ${(error as Error).message}; check its permissions, or set HF_HOME or cache_dir ` +
        'to another folder',
      { code: 'ERR_HUB_CACHE', cause: error },
    );
  }
}

/** Some holders remove the file: a lock on what no longer has this name keeps nobody out. */
async function isStill(path: string, handle: FileHandle): Promise<boolean> {
  const [ours, named] = await Promise.all([
    handle.stat({ bigint: true }),
    stat(path, { bigint: true }).catch(() => null),
  ]);
  return named !== null && ours.ino === named.ino && ours.dev === named.dev;
}

function withoutLocks(path: string, handle: FileHandle): FileLock {
  warnOnce(
    `the file system of '${dirname(path)}' has no locks: two processes may fetch the same file at the same time`,
  );
  return { exclusive: false, release: () => handle.close().catch(() => {}) };
}
