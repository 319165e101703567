import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, type Dirent } from 'node:fs';
import { readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { OSError, throwIfAborted, ValueError } from '../errors';
import { inCache } from './cache';
import { isCommit } from './file-info';
import { lockFile } from './file-lock';
import { checkRepoId, repoFolderName } from './repo-id';
import { cacheRoot, expandHome } from './settings';

/** One commit of a repository in the cache. */
export interface CachedRevision {
  commit: string;
  /** Branches and tags that were at this commit when they were last asked for. */
  refs: string[];
  files: number;
  /** Bytes of its files; revisions share contents. */
  bytes: number;
}

/** One repository in the cache. */
export interface CachedRepo {
  /** 'model', 'dataset' or 'space': Python keeps all of them here. */
  type: string;
  id: string;
  folder: string;
  /** Bytes on the disk. */
  bytes: number;
  revisions: CachedRevision[];
  /** When a file of it was last written. */
  modified: Date;
}

interface ScanOptions {
  cache_dir?: string | null;
  signal?: AbortSignal | null;
}

/** What lies in the cache, by id. A cache that is not there yet is empty. */
export async function scanCache({ cache_dir, signal }: ScanOptions = {}): Promise<CachedRepo[]> {
  const root = cache_dir ? expandHome(cache_dir) : cacheRoot();
  const repos: CachedRepo[] = [];
  for (const { name } of await entriesOf(root)) {
    const [, type, rest] = /^(model|dataset|space)s--(.+)$/.exec(name) ?? [];
    if (!type || !rest) continue;
    throwIfAborted(signal);
    repos.push(await scanRepo(type, rest.split('--').join('/'), join(root, name)));
  }
  return repos.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function scanRepo(type: string, id: string, folder: string): Promise<CachedRepo> {
  let bytes = 0;
  let modified = new Date(0);
  for (const { name } of await entriesOf(join(folder, 'blobs'))) {
    const found = await stat(join(folder, 'blobs', name)).catch(() => null);
    if (!found) continue;
    bytes += found.size;
    if (found.mtime > modified) modified = found.mtime;
  }
  const refs = await refsOf(folder);
  const revisions: CachedRevision[] = [];
  for (const { name } of await entriesOf(join(folder, 'snapshots'))) {
    const files = await filesBelow(join(folder, 'snapshots', name));
    const sizes = await Promise.all(files.map((file) => stat(file).catch(() => null)));
    revisions.push({
      commit: name,
      refs: [...refs].filter(([, commit]) => commit === name).map(([ref]) => ref),
      files: files.length,
      bytes: sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0),
    });
  }
  return { type, id, folder, bytes, revisions, modified };
}

async function refsOf(folder: string): Promise<Map<string, string>> {
  const base = join(folder, 'refs');
  const refs = new Map<string, string>();
  for (const file of await filesBelow(base))
    refs.set(relative(base, file).split('\\').join('/'), (await readFile(file, 'utf8').catch(() => '')).trim());
  return refs;
}

/** What is wrong with a file of the cache. */
export interface CacheProblem {
  path: string;
  what: string;
}

/**
 * Sums the contents of every file again: bytes that are not those of their name, and links that lead to nothing, are
 * problems. Nothing is changed.
 */
export async function verifyCache(
  repos: readonly CachedRepo[],
  options: ScanOptions & { onBytes?: (bytes: number) => void } = {},
): Promise<{ files: number; problems: CacheProblem[] }> {
  const problems: CacheProblem[] = [];
  let files = 0;
  for (const { folder } of repos) {
    for (const { name } of await entriesOf(join(folder, 'blobs'))) {
      const path = join(folder, 'blobs', name);
      if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name)) continue;
      files++;
      const sum = await sumOf(path, name.length === 64 ? 'sha256' : 'sha1', options);
      if (sum !== name) problems.push({ path, what: `its contents have the sum ${sum}` });
    }
    for (const file of await filesBelow(join(folder, 'snapshots')))
      if ((await stat(file).catch(() => null)) === null)
        problems.push({ path: file, what: 'it is a link to contents that are gone' });
  }
  return { files, problems };
}

async function sumOf(
  path: string,
  kind: 'sha256' | 'sha1',
  { signal, onBytes }: ScanOptions & { onBytes?: (bytes: number) => void },
): Promise<string> {
  const { size } = await stat(path);
  const hash = createHash(kind);
  if (kind === 'sha1') hash.update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    throwIfAborted(signal);
    hash.update(chunk);
    onBytes?.(chunk.byteLength);
  }
  return hash.digest('hex');
}

/** What a removal takes away, or would. */
export interface Removal {
  paths: string[];
  bytes: number;
}

/**
 * Removes a model from the cache: all of it, or one revision with the contents that no other uses.
 * @param target - an id, or `id@revision`
 * @throws ValueError `ERR_HUB_NOT_CACHED` when it is not in the cache; HFValidationError
 */
export async function removeFromCache(
  target: string,
  options: ScanOptions & { dryRun?: boolean } = {},
): Promise<Removal> {
  const [id, revision] = target.split('@', 2) as [string, string | undefined];
  checkRepoId(id);
  const found = (await scanCache(options)).find((repo) => basename(repo.folder) === repoFolderName(id));
  if (!found) throw notCached(id, options);
  if (revision === undefined) {
    if (!options.dryRun) await removeFolder(found.folder);
    return { paths: [found.folder], bytes: found.bytes };
  }
  const commit = found.revisions.find((r) => r.commit === revision || r.refs.includes(revision))?.commit;
  if (!commit) throw notCached(target, options);
  return removeRevisions(found, [commit], options.dryRun ?? false);
}

function notCached(target: string, { cache_dir }: ScanOptions): ValueError {
  const root = cache_dir ?? cacheRoot();
  return new ValueError(`'${target}' is not in the cache '${root}'; see native-transformers cache list`, {
    code: 'ERR_HUB_NOT_CACHED',
  });
}

/**
 * Removes what nothing needs: revisions that no branch or tag is at, contents that no revision links to, and what
 * transfers have left behind that nobody is working on.
 */
export async function pruneCache(options: ScanOptions & { dryRun?: boolean } = {}): Promise<Removal> {
  const all: Removal = { paths: [], bytes: 0 };
  for (const repo of await scanCache(options)) {
    throwIfAborted(options.signal);
    const detached = repo.revisions.filter(({ refs }) => refs.length === 0).map(({ commit }) => commit);
    for (const removal of [
      await removeRevisions(repo, detached, options.dryRun ?? false),
      await removeLeftovers(repo, options.dryRun ?? false),
    ]) {
      all.paths.push(...removal.paths);
      all.bytes += removal.bytes;
    }
  }
  return all;
}

/** Snapshots go first and their contents last: at no moment does a link lead to nothing. */
async function removeRevisions(
  { folder, revisions }: CachedRepo,
  commits: string[],
  dryRun: boolean,
): Promise<Removal> {
  const used = new Set<string>();
  for (const { commit } of revisions) {
    if (commits.includes(commit)) continue;
    for (const file of await filesBelow(join(folder, 'snapshots', commit)))
      used.add(basename(await realpath(file).catch(() => file)));
  }
  const removal: Removal = { paths: [], bytes: 0 };
  if (commits.length === 0) return removal;
  for (const [ref, commit] of await refsOf(folder))
    if (commits.includes(commit)) removal.paths.push(join(folder, 'refs', ref));
  for (const commit of commits)
    removal.paths.push(join(folder, 'snapshots', commit), join(folder, '.no_exist', commit));
  for (const { name } of await entriesOf(join(folder, 'blobs'))) {
    if (used.has(name) || name.endsWith('.incomplete')) continue;
    removal.paths.push(join(folder, 'blobs', name));
    removal.bytes += (await stat(join(folder, 'blobs', name)).catch(() => ({ size: 0 }))).size;
  }
  if (!dryRun)
    for (const path of removal.paths) {
      if (isCommit(basename(path)) && path !== join(folder, 'blobs', basename(path))) await removeFolder(path);
      else await inCache(path, () => rm(path, { force: true }));
    }
  return removal;
}

/** Unfinished transfers and temporary links. One that somebody holds the lock of is being worked on. */
async function removeLeftovers({ folder }: CachedRepo, dryRun: boolean): Promise<Removal> {
  const removal: Removal = { paths: [], bytes: 0 };
  const locks = join(folder, '..', '.locks', basename(folder));
  for (const { name } of await entriesOf(join(folder, 'blobs'))) {
    if (!name.endsWith('.incomplete')) continue;
    const lock = await lockFile(join(locks, `${name.split('.')[0]}.lock`), async () => true);
    if (lock === null) continue;
    const path = join(folder, 'blobs', name);
    removal.paths.push(path);
    removal.bytes += (await stat(path).catch(() => ({ size: 0 }))).size;
    if (!dryRun) await inCache(path, () => rm(path, { force: true }));
    await lock.release();
  }
  for (const { name } of await entriesOf(folder)) {
    if (!/^\.[0-9a-f]{16}\.tmp$/.test(name)) continue;
    removal.paths.push(join(folder, name));
    if (!dryRun) await rm(join(folder, name), { recursive: true, force: true });
  }
  return removal;
}

/** Takes a folder away in one step, then empties it: nobody sees a part of it. */
async function removeFolder(folder: string): Promise<void> {
  const gone = join(folder, '..', `.${randomBytes(8).toString('hex')}.tmp`);
  await inCache(folder, async () => {
    const moved = await rename(folder, gone).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
    if (moved) await rm(gone, { recursive: true, force: true });
  });
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new OSError(`the cache cannot be read at '${folder}': ${message}`, { code: 'ERR_HUB_CACHE', cause: error });
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else files.push(path);
  }
  return files;
}
