import { randomBytes } from 'node:crypto';
import { rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { throwIfAborted, ValueError } from '../errors';
import { info, warn } from '../logging';
import { checkFileName, checkRevision, inCache, RepoCache } from './cache';
import { type FileInfo, fileInfo, hubHeaders, isCommit } from './file-info';
import { lockFile } from './file-lock';
import {
  codeOf,
  type EntryNotFoundError,
  isConnectionError,
  isEntryNotFound,
  LocalEntryNotFoundError,
  statusOf,
} from './hub-errors';
import { checkHubOptions, type HubOptions, tokenOption } from './options';
import { checkRepoId } from './repo-id';
import { mayPass, retryPolicy, withRetries } from './retry';
import { endpoint, isOffline, tellOfAccelerators } from './settings';
import { tokenFor } from './token';
import { transfer } from './transfer';

/**
 * The path of `file` of a repository in the cache; what is not there is fetched. A full commit whose file is there costs no
 * request, a branch one question; the file appears complete and checked, or not at all.
 *
 * @param repo - 'name' or 'namespace/name'
 * @param file - path inside the repository, with '/'
 * @throws HFValidationError, EntryNotFoundError, RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError,
 *   LocalEntryNotFoundError, HfHubHTTPError, HubIntegrityError, HubConnectionError; ValueError for an unsafe name or for
 *   `force_download` without a network; OSError `ERR_HUB_CACHE`, `DISK_FULL`; AbortError
 */
export async function hubDownload(repo: string, file: string, options: HubOptions = {}): Promise<string> {
  const { signal, force_download } = options;
  throwIfAborted(signal);
  checkRepoId(repo);
  checkFileName(file);
  checkHubOptions(options);
  const revision = options._commit_hash ?? options.revision ?? 'main';
  checkRevision(revision);
  tellOfAccelerators();
  const cache = new RepoCache(repo, options.cache_dir);
  if (isCommit(revision) && !force_download) {
    const found = await cache.find(revision, file);
    if (found !== null) return found;
  }
  if (options.local_files_only || isOffline()) return fromCacheAlone(cache, revision, file, options);
  const token = await tokenFor(tokenOption(options));
  const ask = () => fileInfo(repo, file, revision, token, options);
  const facts = await ask().catch((error) => onRefusal(error, ask, cache, revision, file, options));
  if (typeof facts === 'string') return facts;
  return fetchInto(cache, revision, file, facts, token, options);
}

/** Without the network: the file of the commit that the revision was when it was last asked for. */
async function fromCacheAlone(cache: RepoCache, revision: string, file: string, options: HubOptions): Promise<string> {
  if (options.force_download)
    throw new ValueError(
      "Cannot pass 'force_download' when the network may not be used: 'local_files_only' or offline mode is set",
      { code: 'ERR_HUB_OFFLINE' },
    );
  const found = await inCacheBy(cache, revision, file);
  if (found !== null) return found;
  const why = options.local_files_only ? "'local_files_only' is set" : 'offline mode is enabled (HF_HUB_OFFLINE)';
  throw new LocalEntryNotFoundError(
    `Cannot find '${file}' of '${cache.repo}' at '${revision}' in the cache '${cache.root}', and ${why}`,
  );
}

async function inCacheBy(cache: RepoCache, revision: string, file: string): Promise<string | null> {
  const commit = await cache.commitOf(revision);
  return commit === null ? null : cache.find(commit, file);
}

/** What to do when the Hub gives no facts: the file in the cache, facts of another attempt, or the error. */
async function onRefusal(
  error: unknown,
  ask: () => Promise<FileInfo>,
  cache: RepoCache,
  revision: string,
  file: string,
  options: HubOptions,
): Promise<FileInfo | string> {
  if (isEntryNotFound(error)) await rememberAbsent(error, cache, revision, file);
  if (isFinal(error)) throw error;
  const found = await inCacheBy(cache, revision, file);
  if (found !== null && !options.force_download) {
    warn(`'${file}' of '${cache.repo}' is taken from the cache as it was: ${(error as Error).message}`);
    return found;
  }
  if (mayPass(error)) {
    try {
      // Without any connection waiting long would help nobody who has mistyped the name of a folder.
      const most = isConnectionError(error) ? 1 : retryPolicy.most;
      return await withRetries(`'${file}' of '${cache.repo}'`, ask, options.signal, { failure: error, most });
    } catch (later) {
      if (isEntryNotFound(later)) await rememberAbsent(later, cache, revision, file);
      return giveUp(later, file, options);
    }
  }
  return giveUp(error, file, options);
}

function giveUp(error: unknown, file: string, options: HubOptions): never {
  throwIfAborted(options.signal);
  if (isFinal(error)) throw error;
  if (options.force_download)
    throw new ValueError(`Force download failed: the Hub does not answer for '${file}': ${(error as Error).message}`, {
      code: 'ERR_HUB_OFFLINE',
      cause: error,
    });
  throw new LocalEntryNotFoundError(
    `The Hub cannot be asked for '${file}', and it is not in the cache: ${(error as Error).message}`,
    { cause: error, ...(statusOf(error) !== null && { status: statusOf(error) as number }) },
  );
}

/** Errors that say how it is: the cache does not stand in for them. */
function isFinal(error: unknown): boolean {
  if (codeOf(error) === 'ERR_HUB_OFFLINE') return false;
  if (isConnectionError(error)) return !error.passing;
  return codeOf(error) !== 'ERR_HUB_HTTP' || (!mayPass(error) && statusOf(error) !== 403);
}

/** "Not there" is kept like a file, for the commit that it was said of. */
async function rememberAbsent(
  error: EntryNotFoundError,
  cache: RepoCache,
  revision: string,
  file: string,
): Promise<void> {
  const { commit } = error as { commit?: string };
  if (commit === undefined) return;
  await cache.markAbsent(commit, file);
  await cache.writeRef(revision, commit).catch(() => {});
}

async function fetchInto(
  cache: RepoCache,
  revision: string,
  file: string,
  facts: FileInfo,
  token: string | null,
  options: HubOptions,
): Promise<string> {
  const { commit, etag } = facts;
  if (!options.force_download) {
    const found = await cache.find(commit, file);
    if (found !== null) {
      await cache.writeRef(revision, commit).catch(() => {}); // the cache may be one that only others write to
      return found;
    }
  }
  await cache.prepare();
  await cache.writeRef(revision, commit);
  const isThere = async () => !options.force_download && (await isFile(cache.blob(etag)));
  const lock = (await isThere()) ? null : await lockFile(cache.lock(etag), isThere, options.signal);
  try {
    const fresh = lock !== null && !(await isThere());
    if (fresh) await fetchBlob(cache, file, facts, token, options, lock.exclusive, revision);
    return await cache.link(commit, file, etag, fresh);
  } finally {
    await lock?.release();
  }
}

/** Fetches contents to where an interrupted transfer of them may have left a part, then gives them their name. */
async function fetchBlob(
  cache: RepoCache,
  file: string,
  facts: FileInfo,
  token: string | null,
  options: HubOptions,
  exclusive: boolean,
  revision: string,
): Promise<void> {
  const { etag, size, location } = facts;
  const blob = cache.blob(etag);
  // Python 0.36 goes on with `ETAG.incomplete` and checks nothing: only what holds the lock may write it.
  const shared = exclusive && !options.force_download;
  const partial = shared ? `${blob}.incomplete` : `${blob}.${randomBytes(4).toString('hex')}.incomplete`;
  await warnOfRoom(dirname(blob), size);
  const tell = (status: 'start' | 'progress' | 'done', loaded: number) =>
    options.onTransfer?.({ file, status, loaded, total: size });
  let started = false;
  const source = {
    file,
    location,
    headers: hubHeaders(token, options),
    home: new URL(endpoint()).origin,
    etag,
    size,
    proxies: options.proxies ?? null,
    renew: async () => (await fileInfo(cache.repo, file, revision, token, options)).location,
  };
  const receive = () =>
    transfer(
      source,
      partial,
      (loaded) => {
        tell(started ? 'progress' : 'start', loaded);
        started = true;
      },
      options.signal,
    );
  try {
    await inCache(partial, async () => {
      await receive().catch(async (error) => {
        if (codeOf(error) !== 'ERR_HUB_INTEGRITY') throw error;
        info(`${error.message}; it is fetched once more from the beginning`);
        await rm(partial, { force: true });
        await receive();
      });
      await rename(partial, blob);
    });
  } catch (error) {
    const keep = shared && codeOf(error) !== 'ERR_HUB_INTEGRITY';
    if (!keep) await rm(partial, { force: true }).catch(() => {});
    throw error;
  }
  tell('done', size ?? (await stat(blob)).size);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Says beforehand when the disk looks too small. */
async function warnOfRoom(folder: string, size: number | null): Promise<void> {
  const found = size === null ? null : await statfs(folder).catch(() => null);
  if (found === null || size === null || found.bavail * found.bsize >= size) return;
  warn(
    `Not enough free disk space to download the file. The expected file size is ${size} bytes, and the cache ` +
      `'${folder}' has ${found.bavail * found.bsize} free`,
  );
}

/** A file of a repository as the cache knows it: its path, false when it is known not to be there, null when nothing is. */
export async function tryToLoadFromCache(
  repo: string,
  file: string,
  options: Pick<HubOptions, 'cache_dir' | 'revision' | 'signal'> = {},
): Promise<string | false | null> {
  throwIfAborted(options.signal);
  checkRepoId(repo);
  checkFileName(file);
  const cache = new RepoCache(repo, options.cache_dir);
  const commit = await cache.commitOf(options.revision ?? 'main');
  if (commit === null) return null;
  const found = await cache.find(commit, file);
  if (found !== null) return found;
  return (await cache.isKnownAbsent(commit, file)) ? false : null;
}
