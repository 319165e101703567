import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OSError } from '../errors';
import { checkFileName, RepoCache } from './cache';
import { hubDownload } from './download';
import { fileInfo } from './file-info';
import { codeOf, isConnectionError, isEntryNotFound } from './hub-errors';
import { type HubOptions, tokenOption } from './options';
import { checkRepoId, repoIdProblem } from './repo-id';
import { endpoint, isOffline } from './settings';
import { tokenFor } from './token';

/** Options of `cachedFile`, under Transformers' names. */
export interface CachedFileOptions extends HubOptions {
  subfolder?: string;
  /** false: null in place of the error when there is no such file. */
  _raise_exceptions_for_missing_entries?: boolean;
  /** false: null in place of the error when the repository may not be read. */
  _raise_exceptions_for_gated_repo?: boolean;
  /** false: null in place of the error when the Hub cannot be asked. */
  _raise_exceptions_for_connection_errors?: boolean;
}

/**
 * The path of a model's file: in a folder, else in the cache, into which it is fetched. A folder is never asked of the
 * network. With `_commit_hash` what is known of that commit costs no request.
 * @param location - a folder or the id of a repository
 * @throws OSError that says what to do, with the Hub's own error as `cause`; null in place of those that options rule out
 */
export async function cachedFile(
  location: string,
  file: string,
  options: CachedFileOptions = {},
): Promise<string | null> {
  const { subfolder = '', _commit_hash: commit } = options;
  const path = [...subfolder.split('/').filter((part) => part !== ''), file].join('/');
  const mayBeMissing = options._raise_exceptions_for_missing_entries === false;
  if ((await stat(location).catch(() => null))?.isDirectory()) {
    const found = join(location, path);
    if ((await stat(found).catch(() => null))?.isFile()) return found;
    if (mayBeMissing) return null;
    throw new OSError(`'${location}' does not appear to have a file named ${path}. What it holds: list the folder`, {
      code: 'ERR_HUB_ENTRY_NOT_FOUND',
    });
  }
  const problem = repoIdProblem(location);
  if (problem !== null)
    throw new OSError(
      `incorrect path_or_model_id: '${location}'. It is neither a folder nor the id of a repository: ${problem}`,
      { code: 'ERR_HUB_REPO_ID' },
    );
  if (commit && !options.force_download) {
    const cache = new RepoCache(location, options.cache_dir);
    checkFileName(path);
    if (await cache.isKnownAbsent(commit, path)) {
      if (mayBeMissing) return null;
      throw explained(
        Object.assign(new Error('known to be absent'), { code: 'ERR_HUB_ENTRY_NOT_FOUND' }),
        location,
        path,
        options,
      );
    }
  }
  try {
    return await hubDownload(location, path, options);
  } catch (error) {
    const code = codeOf(error);
    if (isEntryNotFound(error) && mayBeMissing) return null;
    if (code === 'ERR_HUB_GATED' && options._raise_exceptions_for_gated_repo === false) return null;
    if (isUnreachable(error) && options._raise_exceptions_for_connection_errors === false) return null;
    throw explained(error, location, path, options);
  }
}

function isUnreachable(error: unknown): boolean {
  return (
    ['ERR_HUB_LOCAL_ENTRY_NOT_FOUND', 'ERR_HUB_HTTP', 'ERR_HUB_BAD_REQUEST'].includes(codeOf(error)) ||
    isConnectionError(error)
  );
}

/** What an error of the Hub means to somebody who loads a model. Other errors stay as they are. */
export function explained(error: unknown, repo: string, file: string, options: HubOptions): unknown {
  const revision = options.revision ?? options._commit_hash ?? 'main';
  const page = `${endpoint()}/${repo}`;
  const code = codeOf(error);
  const as = (message: string) => new OSError(message, { code, cause: error });
  const said = (error as Error).message;
  if (code === 'ERR_HUB_GATED')
    return as(
      `You are trying to access a gated repo. Ask for access at ${page}, and give a token that has it ` +
        `(\`token\`, HF_TOKEN). ${said}`,
    );
  if (code === 'ERR_HUB_REPOSITORY_NOT_FOUND')
    return as(
      `${repo} is not a local folder and is not a valid model identifier listed on '${endpoint()}'. A private repository ` +
        `needs a token that may read it (\`token\`, HF_TOKEN). ${said}`,
    );
  if (code === 'ERR_HUB_REVISION_NOT_FOUND')
    return as(
      `${revision} is not a valid git identifier (branch name, tag name or commit id) that exists for this model name. ` +
        `Check the model page at '${page}' for available revisions.`,
    );
  if (code === 'ERR_HUB_ENTRY_NOT_FOUND')
    return as(
      `${repo} does not appear to have a file named ${file}. Check '${page}/tree/${revision}' for available files.`,
    );
  if (code === 'ERR_HUB_LOCAL_ENTRY_NOT_FOUND' || isConnectionError(error))
    return as(
      `We couldn't connect to '${endpoint()}' to load the file '${file}' of ${repo}, and it is not in the cached files. ` +
        `Check the connection; for work without one see https://huggingface.co/docs/transformers/installation#offline-mode. ${said}`,
    );
  if (code === 'ERR_HUB_HTTP' || code === 'ERR_HUB_BAD_REQUEST')
    return as(`There was a specific connection error when trying to load '${file}' of ${repo}: ${said}`);
  return error;
}

/**
 * Whether a repository or a folder has a file, without fetching it. Without a network the cache answers.
 * @throws OSError when the repository or the revision cannot be read
 */
export async function hasFile(location: string, file: string, options: HubOptions = {}): Promise<boolean> {
  if ((await stat(location).catch(() => null))?.isDirectory())
    return (await stat(join(location, file)).catch(() => null))?.isFile() ?? false;
  checkRepoId(location);
  checkFileName(file);
  const revision = options._commit_hash ?? options.revision ?? 'main';
  const cache = new RepoCache(location, options.cache_dir);
  const inCache = async () => {
    const commit = await cache.commitOf(revision);
    return commit !== null && (await cache.find(commit, file)) !== null;
  };
  if (options.local_files_only || isOffline()) return inCache();
  try {
    await fileInfo(location, file, revision, await tokenFor(tokenOption(options)), options);
    return true;
  } catch (error) {
    if (isEntryNotFound(error)) return false;
    if (isConnectionError(error) && error.passing) return inCache();
    throw explained(error, location, file, options);
  }
}
