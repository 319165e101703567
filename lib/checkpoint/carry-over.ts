import { constants, type Dirent, type Stats } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../errors';
import { systemCode } from './fault';
import { syncFolder, writeError } from './staged-file';

/** Errors of `link` that say that this file system, or this kind of file, has no hard links. */
const NO_LINK = ['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES'];

/**
 * Makes the entries of `from` appear in `to` as they are, folders with all that is in them: files by hard links, where
 * there are any, else by copies. What is in `to` already and is the same file stays; another file of that name gives way.
 *
 * @param wanted - false for the names, directly in `from`, that are left out
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`
 */
export async function carryOver(from: string, to: string, wanted: (name: string) => boolean): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!wanted(entry.name)) continue;
    try {
      await carry(entry, join(from, entry.name), join(to, entry.name));
    } catch (error) {
      throw writeError(error, join(to, entry.name));
    }
  }
}

async function carry(entry: Dirent, from: string, to: string): Promise<void> {
  const there = await lstat(to).catch(() => null);
  if (entry.isDirectory()) {
    const { mode, uid, gid } = await lstat(from);
    if (there === null) await mkdir(to);
    await carryOver(from, to, () => true);
    if (there === null) await giveMode(to, { mode, uid, gid });
    await syncFolder(to);
    return;
  }
  const here = await lstat(from);
  if (there !== null && (there.ino === here.ino || !isNewer(here, there))) return;
  if (there !== null) await rm(to, { recursive: true });
  if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
  else await linkOrCopy(from, to);
}

/** A copy's time may have lost what is below a millisecond. */
function isNewer(here: Stats, there: Stats): boolean {
  return here.mtimeMs > there.mtimeMs + 1;
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINK.includes(systemCode(error))) throw error;
    await copyWhole(from, to);
  }
}

/**
 * Copies the entries of `from` that `wanted` names into `to`, folders with all that is in them; of links, what they lead to.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`
 */
export async function copyOver(
  from: string,
  to: string,
  wanted: (name: string) => boolean,
  signal?: AbortSignal,
): Promise<string[]> {
  const names = (await readdir(from)).filter(wanted);
  for (const name of names) {
    throwIfAborted(signal);
    const [source, copy] = [join(from, name), join(to, name)];
    try {
      if (!(await stat(source)).isDirectory()) await copyWhole(source, copy);
      else {
        await mkdir(copy);
        await copyOver(source, copy, () => true, signal);
        await syncFolder(copy);
      }
    } catch (error) {
      throwIfAborted(signal);
      throw writeError(error, copy);
    }
  }
  return names;
}

/** A copy that is on the disk, with the times and the mode of the original. */
export async function copyWhole(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const { atime, mtime } = await stat(from);
  await utimes(to, atime, mtime);
  const handle = await open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives `path` permissions and, where we may, an owner. */
export async function giveMode(path: string, like: Pick<Stats, 'mode' | 'uid' | 'gid'>): Promise<void> {
  if (process.platform === 'win32') return;
  const own = await stat(path);
  if (own.uid !== like.uid || own.gid !== like.gid) await chown(path, like.uid, like.gid).catch(() => {});
  await chmod(path, like.mode & 0o7777);
}

/** Names of what lies directly in `folder`, folders apart from the rest. */
export async function listFolder(folder: string): Promise<{ files: Set<string>; folders: Set<string> }> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = (isFolder: boolean) => new Set(entries.filter((e) => e.isDirectory() === isFolder).map((e) => e.name));
  return { files: names(false), folders: names(true) };
}

/** Entries below `folder`, counted up to `most`; folders of another file system, and those that cannot be read, count as `most`. */
export async function countEntries(folder: string, most: number): Promise<number> {
  const { dev } = await stat(folder);
  let n = 0;
  const walk = async (path: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      n++;
      if (n >= most) return;
      if (!entry.isDirectory()) continue;
      const inner = join(path, entry.name);
      if ((await lstat(inner)).dev !== dev) n = most;
      else await walk(inner);
    }
  };
  await walk(folder).catch(() => {
    n = most;
  });
  return Math.min(n, most);
}
