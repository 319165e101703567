import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { env, resolveModelFolder } from '../env';
import { RepoCache } from './cache';
import { cachedFile, explained, hasFile } from './cached-file';
import { codeOf, isConnectionError } from './hub-errors';
import { checkHubOptions, type HubOptions } from './options';
import { checkRepoId, repoIdProblem } from './repo-id';
import { isOffline } from './settings';
import { fetchAll } from './snapshot';

/** A model on the Hub, at one commit: the first file that is asked for decides it, and every later file is of that commit. */
export class ModelRepo {
  private pinned: string | null;

  constructor(
    readonly id: string,
    private readonly options: HubOptions,
  ) {
    checkRepoId(id);
    this.pinned = options._commit_hash ?? null;
  }

  /** The commit, once a file has been asked for. */
  get commit(): string | null {
    return this.pinned;
  }

  /** The folder in the cache that the files of the commit lie in. */
  get folder(): string {
    return new RepoCache(this.id, this.options.cache_dir).snapshot(this.pinned ?? '');
  }

  /** Whether the network may not be asked: what the cache does not have then counts as not there. */
  get isOffline(): boolean {
    return this.options.local_files_only === true || isOffline();
  }

  /**
   * The file's path in the cache; null when the repository has no such file.
   * @param isOptional - null also when the Hub cannot be asked and the cache does not know
   * @throws OSError
   */
  async fetch(file: string, isOptional = false): Promise<string | null> {
    const path = await cachedFile(this.id, file, {
      ...this.current(),
      _raise_exceptions_for_missing_entries: false,
      _raise_exceptions_for_connection_errors: !(isOptional || this.isOffline),
    });
    if (path === null && this.pinned === null) await this.pinByRef();
    if (path !== null) this.pinned ??= commitIn(path);
    return path;
  }

  /** The file's path in the cache. @throws OSError also when the repository has no such file */
  async require(file: string): Promise<string> {
    const path = (await cachedFile(this.id, file, this.current())) as string;
    this.pinned ??= commitIn(path);
    return path;
  }

  /** Fetches several files at once. @throws OSError */
  async requireAll(files: readonly string[]): Promise<void> {
    await fetchAll(this.id, files, this.current(), (error, file) => explained(error, this.id, file, this.options));
  }

  /** Whether the repository has a file, without fetching it. */
  async has(file: string): Promise<boolean> {
    return hasFile(this.id, file, this.current()).catch((error) => {
      if (isConnectionError(error) || codeOf(error) === 'ERR_HUB_HTTP') return false;
      throw error;
    });
  }

  private current(): HubOptions {
    return this.pinned === null ? this.options : { ...this.options, _commit_hash: this.pinned };
  }

  /** "Not there" was said of a commit, which the ref has been set to. */
  private async pinByRef(): Promise<void> {
    const cache = new RepoCache(this.id, this.options.cache_dir);
    this.pinned = await cache.commitOf(this.options.revision ?? 'main');
  }
}

function commitIn(path: string): string | null {
  for (let here = path; here !== dirname(here); here = dirname(here)) {
    const [, commit] = /[\\/]snapshots[\\/]([0-9a-f]{40})$/.exec(here) ?? [];
    if (commit) return commit;
  }
  return null;
}

/**
 * Where a model is: a path, when there is such a folder or file (also below `env.localModelPath`) or the name cannot be an
 * id; else the repository of that id. `env.allowLocalModels` and `env.allowRemoteModels` rule one of them out.
 * @throws OSError `ERR_LOCAL_MODELS_OFF` when both are ruled out; ValueError, TypeError for an option
 */
export async function locateModel(name: string, options: HubOptions = {}): Promise<string | ModelRepo> {
  checkHubOptions(options);
  const mayBeRemote = env.allowRemoteModels && repoIdProblem(name) === null;
  if (env.allowLocalModels || !mayBeRemote) {
    const path = await resolveModelFolder(name);
    if (!mayBeRemote || (await exists(path))) return path;
  }
  return new ModelRepo(name, options);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    // the prefix of a TensorFlow 1 checkpoint
    () =>
      stat(`${path}.index`).then(
        () => true,
        () => false,
      ),
  );
}

/** The folder of a location, with a subfolder. */
export function folderOf(location: string | ModelRepo, subfolder = ''): string {
  return join(typeof location === 'string' ? location : location.folder, subfolder);
}
