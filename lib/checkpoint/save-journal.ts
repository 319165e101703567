/**
 * Saving inside a folder that cannot be exchanged: the new files wait in a hidden folder; a journal, written when they are
 * complete, decides the save; then they are moved to their names. A kill before the journal leaves the old state, one
 * behind it a save that the next load or save completes. What this cannot give: in between, a reader that does not know
 * the journal may see new files beside old ones.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OSError, throwIfAborted } from '../errors';
import { giveMode, listFolder } from './carry-over';
import { type CheckpointFault, quote, systemCode } from './fault';
import { FolderLock, type FolderSystem } from './folder-lock';
import { unsafeNameReason } from './shard-name';
import { namingTarget, syncFolder, writeError, writeWhole } from './staged-file';
import { abandonedFiles } from './temporary-file';

/** What a save puts into a folder. */
export interface FolderContents {
  /** Writes the files into `folder`, each to the disk, and gives their names: plain ones, no paths. */
  write(folder: string): Promise<readonly string[]>;
  /** Whether a file of the old state has no place beside the new files, and goes. */
  isStale(name: string, written: ReadonlySet<string>): boolean;
}

const JOURNAL = '.save-journal.json';
const STAGE = /^\.saving-[0-9a-f]{16}$/;
const LONGEST_JOURNAL = 16 * 2 ** 20;
const WAIT_MS = 10_000;

interface Journal {
  stage: string;
  files: string[];
  remove: string[];
}

/** Saves into `target`, which nobody else changes: the caller has its lock. @throws OSError `DISK_FULL`, `WRITE_FAILED` */
export async function saveInside(target: string, contents: FolderContents, signal?: AbortSignal): Promise<void> {
  await completeSave(target);
  await sweep(target);
  const name = `.saving-${randomBytes(8).toString('hex')}`;
  const stage = join(target, name);
  const journal = join(target, JOURNAL);
  try {
    await fs.mkdir(stage).catch((error: unknown) => {
      throw writeError(error, target);
    });
    const files = await namingTarget(stage, target, contents.write(stage));
    for (const file of files) await keepMode(join(target, file), join(stage, file));
    await syncFolder(stage);
    const written = new Set(files);
    const old = await listFolder(target);
    refuseFolders(target, files, old.folders);
    const abandoned = await abandonedFiles(target);
    const remove = [...old.files].filter((file) => contents.isStale(file, written) || abandoned.has(file));
    const plan: Journal = { stage: name, files: [...files], remove };
    await writeWhole(join(stage, JOURNAL), Buffer.from(`${JSON.stringify(plan)}\n`));
    throwIfAborted(signal);
    await fs.rename(join(stage, JOURNAL), journal).catch((error: unknown) => {
      throw writeError(error, target);
    });
    await syncFolder(target);
  } catch (error) {
    await fs.rm(journal, { force: true }); // first: while there is a journal, the stage is needed
    await fs.rm(stage, { recursive: true, force: true });
    throw error;
  }
  await completeSave(target);
}

/** Whether `name` is this module's own, and no part of a checkpoint. */
export function isSaveTrace(name: string): boolean {
  return name === JOURNAL || STAGE.test(name);
}

/**
 * Completes a save into `folder` that was decided and then killed. Call before anything in the folder is read.
 * @throws OSError `SAVE_INTERRUPTED` when the folder cannot be written to or its journal is damaged; `SAVE_IN_PROGRESS`
 */
export async function completeInterruptedSave(folder: string, system: FolderSystem): Promise<void> {
  for (const begin = Date.now(); await isThere(join(folder, JOURNAL)); await pause(20)) {
    const lock =
      Date.now() - begin < WAIT_MS ? await FolderLock.tryTake(folder, system) : await FolderLock.take(folder, system);
    if (lock === null) continue; // its saver is at work
    try {
      await completeSave(folder);
    } catch (error) {
      throw interrupted(folder, (error as Error).message, error);
    } finally {
      await lock.release();
    }
  }
}

/** Moves the files of the journal, if there is one, to their names. May be repeated after a kill. */
async function completeSave(target: string): Promise<void> {
  const journal = await readJournal(target);
  if (journal === null) return;
  const { stage, files, remove } = journal;
  try {
    if (!(await isThere(join(target, stage)))) {
      // A copy of the folder that took the journal along, or all was done but for this.
      await fs.unlink(join(target, JOURNAL));
      return;
    }
    for (const file of files) await ignoring('ENOENT', fs.rename(join(target, stage, file), join(target, file)));
    for (const file of remove) await ignoring('ENOENT', fs.unlink(join(target, file)));
    await syncFolder(target);
    await fs.unlink(join(target, JOURNAL));
    await fs.rm(join(target, stage), { recursive: true, force: true });
    await syncFolder(target);
  } catch (error) {
    throw writeError(error, target);
  }
}

async function readJournal(folder: string): Promise<Journal | null> {
  const path = join(folder, JOURNAL);
  const found = await fs.stat(path).catch(() => null);
  if (found === null) return null;
  if (!found.isFile() || found.size > LONGEST_JOURNAL) throw interrupted(folder, `its ${JOURNAL} is no journal`);
  const text = await fs.readFile(path, 'utf8');
  let journal: Partial<Journal> | null = null;
  try {
    journal = JSON.parse(text) as Partial<Journal>;
  } catch {}
  const { stage, files, remove } = journal ?? {};
  const isStage = typeof stage === 'string' && STAGE.test(stage);
  if (isStage && areNames(files) && areNames(remove)) return { stage, files, remove };
  throw interrupted(folder, `its ${JOURNAL} is damaged`);
}

/** The journal may come with a downloaded folder: it can name files directly in its own folder, nothing else. */
function areNames(list: unknown): list is string[] {
  const isName = (name: unknown) =>
    typeof name === 'string' && !name.includes('/') && unsafeNameReason(name) === null && !isSaveTrace(name);
  return Array.isArray(list) && list.every(isName);
}

/** Removes what killed saves left before they were decided. */
async function sweep(target: string): Promise<void> {
  for (const name of await fs.readdir(target)) {
    if (STAGE.test(name)) await fs.rm(join(target, name), { recursive: true, force: true });
  }
}

/** @throws OSError when a file to be written has the name of a folder */
export function refuseFolders(target: string, files: Iterable<string>, folders: ReadonlySet<string>): void {
  for (const file of files) {
    if (!folders.has(file)) continue;
    throw new OSError(`'${join(target, file)}' is a folder, where a file of the checkpoint belongs; move it away`, {
      code: 'WRITE_FAILED' satisfies CheckpointFault,
    });
  }
}

/** Gives a new file the permissions of the one that it will replace. */
export async function keepMode(old: string, made: string): Promise<void> {
  const found = await fs.stat(old).catch(() => null);
  if (found?.isFile()) await giveMode(made, found);
}

async function isThere(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}

async function ignoring(code: string, step: Promise<void>): Promise<void> {
  await step.catch((error: unknown) => {
    if (systemCode(error) !== code) throw error;
  });
}

function interrupted(folder: string, what: string, cause?: unknown): OSError {
  return new OSError(
    `a save into ${quote(folder)} was interrupted and cannot be completed: ${what}. Make the folder writable and load ` +
      'it again, or save the model anew',
    { code: 'SAVE_INTERRUPTED' satisfies CheckpointFault, cause },
  );
}
