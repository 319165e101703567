/**
 * Saving several files as one: whoever looks at the folder, after a kill or a power cut too, finds the old files or the new
 * ones, never some of each. The new folder is made beside the old one, takes over what is not written, and the two change
 * places in one step. Where that cannot be, see save-journal.ts.
 */
import { randomBytes } from 'node:crypto';
import { realpathSync, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { OSError, throwIfAborted } from '../errors';
import { carryOver, countEntries, giveMode, listFolder } from './carry-over';
import { type CheckpointFault, messageOf, systemCode } from './fault';
import { FolderLock, type FolderSystem } from './folder-lock';
import {
  completeInterruptedSave,
  type FolderContents,
  isSaveTrace,
  keepMode,
  refuseFolders,
  saveInside,
} from './save-journal';
import { isOfSystem, namingTarget, syncFolder, writeError } from './staged-file';
import { abandonedFiles } from './temporary-file';

export type { FolderContents } from './save-journal';

/** A folder with more than this in it is no checkpoint's own: its files stay where they are. */
const MOST_CARRIED = 10_000;

/**
 * Makes `contents` the state of the folder `path`, which is made when there is none; what else is in it stays. After an
 * error or an abort it is as it was.
 *
 * @throws OSError `SAVE_IN_PROGRESS` when somebody else saves into it, `DISK_FULL`, `WRITE_FAILED`; AbortError
 */
export async function saveFolder(
  path: string,
  contents: FolderContents,
  system: FolderSystem,
  signal?: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  const target = await fs.realpath(path).catch(() => resolve(path));
  const found = await statOrNull(target);
  if (found?.isDirectory()) await completeInterruptedSave(target, system);
  else if (found) throw writeError(new Error('it is a file, not a folder'), target);
  const parents = await makeParents(dirname(target));
  try {
    await save(target, contents, system, signal);
    await syncParents(parents, dirname(target));
  } catch (error) {
    await removeParents(parents, dirname(target));
    throw isOfSystem(error) ? writeError(error, target) : error;
  }
}

async function save(
  target: string,
  contents: FolderContents,
  system: FolderSystem,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await statOrNull(target);
  const stage = (await mustStay(target, found)) ? null : await Stage.make(target, found, system);
  if (stage === null) {
    const lock = await FolderLock.take(target, system);
    try {
      await saveInside(target, contents, signal);
    } finally {
      await lock.release();
    }
    return;
  }
  let lock = await lockOf(target, found, system).catch(async (error: unknown) => {
    await stage.remove();
    throw error;
  });
  try {
    const written = new Set(await namingTarget(stage.path, target, contents.write(stage.path)));
    await syncFolder(stage.path);
    throwIfAborted(signal);
    if (lock === null && (await moveInto(stage.path, target))) return;
    lock ??= await FolderLock.take(target, system); // somebody made the folder meanwhile
    await exchange(stage.path, target, written, contents, system, signal);
  } finally {
    await stage.remove();
    await lock?.release();
  }
}

function lockOf(target: string, found: Stats | null, system: FolderSystem): Promise<FolderLock | null> {
  return found === null ? Promise.resolve(null) : FolderLock.take(target, system);
}

/** Puts the new folder where there is none, or an empty one. */
async function moveInto(stage: string, target: string): Promise<boolean> {
  try {
    await fs.rename(stage, target);
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(systemCode(error)) && (await statOrNull(target)))
      return false;
    throw writeError(error, target);
  }
  await syncFolder(dirname(target));
  return true;
}

async function exchange(
  stage: string,
  target: string,
  written: ReadonlySet<string>,
  contents: FolderContents,
  system: FolderSystem,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { folders } = await listFolder(target);
  refuseFolders(target, written, folders);
  const goes = (name: string) => written.has(name) || contents.isStale(name, written);
  const abandoned = await abandonedFiles(target);
  const stays = (name: string) => !isSaveTrace(name) && !abandoned.has(name) && (folders.has(name) || !goes(name));
  await carryOver(target, stage, stays);
  for (const name of written) await keepMode(join(target, name), join(stage, name));
  await giveMode(stage, await fs.stat(target));
  await syncFolder(stage);
  throwIfAborted(signal);
  const refused = await system.exchange(stage, target);
  if (refused !== null)
    throw writeError(Object.assign(new Error(`exchanging folders failed: ${refused}`), { code: refused }), target);
  await syncFolder(dirname(target));
  // Files that others put there while we were saving are in the old folder now.
  await carryOver(stage, target, stays);
}

/** The folder beside the target that becomes the target, and after the exchange is the old one. */
class Stage {
  private constructor(
    readonly path: string,
    private readonly lock: FolderLock,
  ) {}

  /** A new one; null where folders cannot be made beside the target, or cannot be exchanged. */
  static async make(target: string, replaced: Stats | null, system: FolderSystem): Promise<Stage | null> {
    await sweep(target, system);
    for (;;) {
      const path = `${stagePrefix(target)}${randomBytes(8).toString('hex')}${SUFFIX}`;
      try {
        // What will replace a private folder is private from the start.
        await fs.mkdir(path, replaced === null ? {} : { mode: 0o700 });
      } catch (error) {
        if (replaced !== null && ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error))) return null;
        throw writeError(error, target);
      }
      const lock = await FolderLock.tryTake(path, system).catch((error: unknown) => {
        if (systemCode(error) === 'ENOENT') return null;
        throw writeError(error, target);
      });
      if (lock === null) continue; // somebody's sweep was quicker than our lock
      const stage = new Stage(path, lock);
      if (replaced === null || (await canExchange(path, system))) return stage;
      await stage.remove();
      return null;
    }
  }

  /** Removes whatever is at its path now. Never fails: what stays is swept by the next save. */
  async remove(): Promise<void> {
    await removeTree(this.path);
    await this.lock.release().catch(() => {});
  }
}

const SUFFIX = '.saving';

function stagePrefix(target: string): string {
  return join(dirname(target), `.${basename(target).slice(0, 60)}.`);
}

/** Removes the folders that killed saves left beside `target`: those that nobody holds. */
async function sweep(target: string, system: FolderSystem): Promise<void> {
  const prefix = basename(stagePrefix(target));
  const names = await fs.readdir(dirname(target)).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{16}\.saving$/.test(name.slice(prefix.length))) continue;
    const path = join(dirname(target), name);
    const lock = await FolderLock.tryTake(path, system).catch(() => null);
    if (lock?.isReal) await removeTree(path);
    await lock?.release();
  }
}

async function removeTree(path: string): Promise<void> {
  await fs.rm(path, { recursive: true, force: true }).catch(() => {});
}

/** Tries the exchange on two empty folders: file systems, and systems, differ. */
async function canExchange(stage: string, system: FolderSystem): Promise<boolean> {
  const [a, b] = [join(stage, 'a'), join(stage, 'b')];
  await fs.mkdir(a);
  await fs.mkdir(b);
  const refused = await system.exchange(a, b);
  await fs.rmdir(a);
  await fs.rmdir(b);
  return refused === null;
}

/** Whether the folder itself must stay: it is a root, a mount point, or someone's working directory, or holds very much. */
async function mustStay(target: string, found: Stats | null): Promise<boolean> {
  if (found === null) return false;
  const parent = dirname(target);
  if (parent === target || (await fs.stat(parent)).dev !== found.dev) return true;
  const inside = relative(target, workingFolder());
  const holdsUs = inside === '' || (inside.split(sep)[0] !== '..' && !isAbsolute(inside));
  return holdsUs || (await countEntries(target, MOST_CARRIED)) >= MOST_CARRIED;
}

/** The working directory's real path; a root when it has been removed. */
function workingFolder(): string {
  try {
    return realpathSync(process.cwd());
  } catch {
    return resolve(sep);
  }
}

async function statOrNull(path: string): Promise<Stats | null> {
  return fs.stat(path).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return null;
    throw writeError(error, path);
  });
}

/** Makes `folder`; the topmost of the folders that this made, or null. */
async function makeParents(folder: string): Promise<string | null> {
  try {
    return (await fs.mkdir(folder, { recursive: true })) ?? null;
  } catch (error) {
    throw new OSError(`the folder '${folder}' cannot be made: ${messageOf(error)}`, {
      code: 'WRITE_FAILED' satisfies CheckpointFault,
      cause: error,
    });
  }
}

/** Makes the new folders from `deepest` up to `topmost` last. */
async function syncParents(topmost: string | null, deepest: string): Promise<void> {
  if (topmost === null) return;
  for (let folder = deepest; folder.length >= topmost.length; folder = dirname(folder))
    await syncFolder(dirname(folder));
}

/** Removes the folders from `deepest` up to `topmost`, as far as they are empty. */
async function removeParents(topmost: string | null, deepest: string): Promise<void> {
  if (topmost === null) return;
  for (let folder = deepest; folder.length >= topmost.length; folder = dirname(folder)) {
    const removed = await fs.rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}
