/** Files that are whole or absent after a crash: written under a temporary name, synced, then given their own. */

import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, writeError } from '../job-error';

/** Ends the name of every file that is not finished. */
export const UNFINISHED = '.tmp';

/** Replaces `path` by `text`. */
export async function writeDurable(path: string, text: string): Promise<void> {
  const temporary = await writeTemporary(path, text);
  await attempt(path, () => rename(temporary, path));
  await syncFolder(dirname(path));
}

/** Creates `path` with `text`; false, and nothing changed, when it is there already. */
export async function createDurable(path: string, text: string): Promise<boolean> {
  const temporary = await writeTemporary(path, text);
  const created = await attempt(path, () => linkOrRename(temporary, path));
  await syncFolder(dirname(path));
  return created;
}

/** Makes renames and removals inside `folder` survive a crash. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await attempt(folder, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** A name beside `path` that nobody else takes. */
export function temporaryName(path: string): string {
  return `${path}.${randomBytes(4).toString('hex')}${UNFINISHED}`;
}

async function writeTemporary(path: string, text: string): Promise<string> {
  const temporary = temporaryName(path);
  try {
    await attempt(path, async () => {
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return temporary;
}

/** A hard link fails where the name is taken, and so decides between two writers; some file systems have none. */
async function linkOrRename(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(errorCode(error) ?? '')) throw error;
    return await claimAndRename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return true;
}

async function claimAndRename(temporary: string, path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  await rename(temporary, path);
  return true;
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);

async function attempt<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    throw writeError(error, path);
  }
}
