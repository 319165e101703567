import { exchangePaths, lockFile } from '../binding/files';
import type { FolderSystem } from '../checkpoint/folder-lock';
import { completeInterruptedSave } from '../checkpoint/save-journal';

/** The system under safe saving of folders. */
export const folderSystem: FolderSystem = { exchange: exchangePaths, lock: lockFile };

/**
 * Completes a save into `folder` that was decided and then killed, where folders cannot be exchanged; before anything in it
 * is read.
 * @throws OSError `SAVE_INTERRUPTED`, `SAVE_IN_PROGRESS`
 */
export async function completeSaveIn(folder: string): Promise<void> {
  await completeInterruptedSave(folder, folderSystem);
}
