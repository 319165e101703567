import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OSError, throwIfAborted, ValueError } from '../errors';
import { type CommitInfo, commitFiles } from './commit-files';
import { createBranch, createRepo } from './create-repo';
import { CARD_NAME, prepareModelCard } from './model-card';
import type { HubOptions } from './options';
import { DownloadProgress } from './progress';
import { checkPushKinds, type PushOptions, tagsIn, tokenIn } from './push-to-hub';
import { tokenForWriting } from './token';

/** Options of `uploadFolder`. */
export interface UploadOptions
  extends Omit<
    PushOptions,
    'use_temp_dir' | 'max_shard_size' | 'safe_serialization' | 'repo_path_or_name' | 'repo_url' | 'organization'
  > {
  /** Chooses among the files, by their paths in the folder. */
  choose?: (paths: string[]) => string[];
}

/**
 * Commits the files of a folder to a repository, which is made when it is not there, with a model card when it has none.
 * @throws as `pushToHub`
 */
export async function uploadFolder(folder: string, repo_id: string, given: UploadOptions = {}): Promise<CommitInfo> {
  throwIfAborted(given.signal);
  checkPushKinds('uploadFolder', given);
  const paths = await filesToUpload(folder);
  const token = await tokenForWriting(tokenIn(given));
  const { revision, signal } = given;
  const hub: HubOptions = {
    ...(given.proxies && { proxies: given.proxies }),
    ...(signal && { signal }),
    ...(given.progress_callback && { onTransfer: new DownloadProgress(repo_id, given.progress_callback).listen }),
  };
  const chosen = given.choose?.(paths) ?? paths;
  if (chosen.length === 0)
    throw new ValueError(`the folder '${folder}' holds no files to push`, { code: 'ERR_HUB_NO_FILES' });
  if (chosen.includes(CARD_NAME) && tagsIn(given).length > 0)
    throw new ValueError(`tags go into a new model card, and '${folder}' has its own ${CARD_NAME}: put them there`);
  const repo = await createRepo(repo_id, token, { ...hub, private: given.private ?? null });
  const create_pr = given.create_pr ?? false;
  if (revision) await createBranch(repo, revision, token, { ...hub, create_pr });
  const files = chosen.map((path) => ({ path, file: join(folder, path) }));
  const beside = await mkdtemp(join(tmpdir(), 'push-'));
  try {
    if (
      !chosen.includes(CARD_NAME) &&
      (await prepareModelCard(beside, repo, tagsIn(given), token, { ...hub, ...(revision && { revision }) }))
    )
      files.push({ path: CARD_NAME, file: join(beside, CARD_NAME) });
    return await commitFiles(repo, files, token, {
      ...hub,
      commit_message: given.commit_message ?? 'Upload folder using native-transformers',
      commit_description: given.commit_description ?? null,
      revision: revision ?? null,
      create_pr,
    });
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** Paths of a folder's files, except git's own and what unfinished work leaves. @throws OSError when there is no such folder */
export async function filesToUpload(folder: string): Promise<string[]> {
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new OSError(`there is no folder '${folder}' to push; check the path`, { code: 'FILE_NOT_FOUND' });
  return filesIn(folder, '');
}

async function filesIn(folder: string, inside: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(join(folder, inside), { withFileTypes: true })) {
    const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
    if (['.git', '.cache'].includes(entry.name) || /^\..*\.tmp$/.test(entry.name)) continue;
    if (entry.isDirectory()) paths.push(...(await filesIn(folder, path)));
    else paths.push(path);
  }
  return paths.sort();
}
