import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { OSError, throwIfAborted } from '../errors';
import { checkFileName } from './cache';

/**
 * Copies files of a snapshot into a folder of one's own, each in one step; blocks are shared where the file system can.
 * A file of the same size and time is left as it is.
 * @throws OSError `ERR_HUB_LOCAL_DIR`, `DISK_FULL`; AbortError
 */
export async function copyToFolder(
  snapshot: string,
  paths: readonly string[],
  folder: string,
  signal?: AbortSignal | null,
): Promise<void> {
  for (const path of paths) {
    throwIfAborted(signal);
    const file = relative(snapshot, path).split('\\').join('/');
    checkFileName(file);
    const target = join(folder, file);
    const temporary = join(dirname(target), `.${randomBytes(8).toString('hex')}.tmp`);
    try {
      await mkdir(dirname(target), { recursive: true });
      const source = await realpath(path);
      const [from, to] = await Promise.all([stat(source), stat(target).catch(() => null)]);
      if (to?.isFile() && to.size === from.size && to.mtimeMs >= from.mtimeMs) continue;
      await copyFile(source, temporary, constants.COPYFILE_FICLONE);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      const { code, message } = error as NodeJS.ErrnoException;
      throw new OSError(`'${target}' cannot be written: ${message}`, {
        code: code === 'ENOSPC' ? 'DISK_FULL' : 'ERR_HUB_LOCAL_DIR',
        cause: error,
      });
    }
  }
}
