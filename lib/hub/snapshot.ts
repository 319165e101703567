import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { AbortError, throwIfAborted } from '../errors';
import { warn } from '../logging';
import { checkOptionKinds } from '../options';
import { checkFileName, checkRevision, RepoCache } from './cache';
import { hubDownload } from './download';
import { isConnectionError, LocalEntryNotFoundError } from './hub-errors';
import { checkHubOptions, type HubOptions, tokenOption } from './options';
import { chosenBy } from './pattern';
import { checkRepoId } from './repo-id';
import { type RepoFile, repoInfo } from './repo-info';
import { mayPass } from './retry';
import { isOffline } from './settings';
import { tokenFor } from './token';

/** Options of `snapshotDownload`. */
export interface SnapshotOptions extends HubOptions {
  /** Patterns of the files to fetch; default all. */
  include?: readonly string[] | null;
  /** Patterns of the files to leave out. */
  exclude?: readonly string[] | null;
  /** Chooses among the names in place of patterns, or after them. */
  choose?: (names: string[]) => string[];
  /** Files fetched at the same time; default 8. */
  max_workers?: number;
  /** Fetches nothing: `onPlan` says what would be. */
  dry_run?: boolean;
  /** Hears of the files before the first is fetched. */
  onPlan?: (files: readonly RepoFile[], cached: ReadonlySet<string>) => void;
}

/**
 * Fetches the files of a repository at one commit, several at a time, and gives the folder where they lie. Files that are
 * in the cache cost nothing.
 * @throws as `hubDownload`; the first failure stops the others
 */
export async function snapshotDownload(repo: string, options: SnapshotOptions = {}): Promise<string> {
  const { signal } = options;
  throwIfAborted(signal);
  checkRepoId(repo);
  checkHubOptions(options);
  checkOptionKinds('snapshotDownload', options, { include: 'list', exclude: 'list', max_workers: 'number' });
  const revision = options._commit_hash ?? options.revision ?? 'main';
  checkRevision(revision);
  const cache = new RepoCache(repo, options.cache_dir);
  const asItWas = async (cause: unknown) => planOf(await folderInCache(cache, revision, cause), options);
  if (options.local_files_only || isOffline()) return asItWas(null);
  const token = await tokenFor(tokenOption(options));
  const found = await repoInfo(repo, revision, token, options).catch((error) => {
    if (!mayPass(error) && !isConnectionError(error)) throw error;
    return asItWas(error);
  });
  if (typeof found === 'string') return found;
  const files = wanted(found.files, options);
  for (const { path } of files) checkFileName(path);
  const cached = new Set<string>();
  for (const { path } of files) if ((await cache.find(found.commit, path)) !== null) cached.add(path);
  options.onPlan?.(files, cached);
  if (options.dry_run) return cache.snapshot(found.commit);
  await fetchAll(
    repo,
    files.map(({ path }) => path).filter((path) => options.force_download || !cached.has(path)),
    { ...options, _commit_hash: found.commit },
  );
  await cache.prepare();
  await cache.writeRef(revision, found.commit);
  return cache.snapshot(found.commit);
}

function wanted(files: readonly RepoFile[], options: SnapshotOptions): RepoFile[] {
  const names = chosenBy(
    files.map(({ path }) => path),
    options.include,
    options.exclude,
  );
  const chosen = new Set(options.choose?.(names) ?? names);
  return files.filter(({ path }) => chosen.has(path));
}

/** Tells of the files that lie in a snapshot: all that is known without the Hub. */
async function planOf(folder: string, options: SnapshotOptions): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split('\\').join('/'))
    .map((path) => ({ path, size: null }));
  const found = wanted(files, options);
  options.onPlan?.(found, new Set(found.map(({ path }) => path)));
  return folder;
}

/** What was fetched of the revision before; whether that is all of it is not known. */
async function folderInCache(cache: RepoCache, revision: string, cause: unknown): Promise<string> {
  const commit = await cache.commitOf(revision);
  const folder = commit === null ? null : cache.snapshot(commit);
  const found = folder === null ? null : await stat(folder).catch(() => null);
  if (folder !== null && found?.isDirectory()) {
    if (cause) warn(`'${cache.repo}' is taken from the cache as it was: ${(cause as Error).message}`);
    return folder;
  }
  throw new LocalEntryNotFoundError(
    `'${cache.repo}' at '${revision}' is not in the cache '${cache.root}', and the Hub ` +
      (cause ? `cannot be asked: ${(cause as Error).message}` : 'may not be asked (offline mode or local_files_only)'),
    { cause },
  );
}

/**
 * Fetches files of a repository at one revision, several at a time.
 * @param explain - what is thrown in place of an error of one file
 * @throws the first failure, which stops the others
 */
export async function fetchAll(
  repo: string,
  files: readonly string[],
  options: HubOptions & { max_workers?: number },
  explain: (error: unknown, file: string) => unknown = (error) => error,
): Promise<string[]> {
  const stop = new AbortController();
  const outer = options.signal;
  const onAbort = () => stop.abort(outer?.reason);
  outer?.addEventListener('abort', onAbort, { once: true });
  const paths: string[] = new Array(files.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < files.length && !stop.signal.aborted) {
      const index = next++;
      const file = files[index] as string;
      paths[index] = await hubDownload(repo, file, { ...options, signal: stop.signal }).catch((error) => {
        throw explain(error, file);
      });
    }
  };
  const failures: unknown[] = [];
  const workers = Array.from({ length: Math.max(1, Math.min(options.max_workers ?? 8, files.length)) }, () =>
    work().catch((error) => {
      failures.push(error);
      stop.abort(new AbortError(error, 'another file of the repository could not be fetched'));
    }),
  );
  await Promise.all(workers);
  outer?.removeEventListener('abort', onAbort);
  throwIfAborted(outer);
  if (failures.length > 0) throw failures[0];
  return paths;
}
