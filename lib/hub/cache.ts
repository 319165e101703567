import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, readlink, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { OSError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import { isCommit } from './file-info';
import { repoFolderName } from './repo-id';
import { cacheRoot, expandHome, symlinksWarningDisabled } from './settings';
import { unsafeNameReason } from './unsafe-name';

/**
 * The cache of one repository, laid out as by huggingface_hub: `blobs/ETAG` holds contents, `snapshots/COMMIT/PATH` links
 * to them, `refs/REVISION` says which commit a branch or tag was, `.no_exist/COMMIT/PATH` that a file is not there.
 */
export class RepoCache {
  readonly root: string;
  /** `ROOT/models--NAMESPACE--NAME`. */
  readonly folder: string;

  constructor(
    readonly repo: string,
    cacheDir?: string | null,
  ) {
    this.root = cacheDir ? expandHome(cacheDir) : cacheRoot();
    this.folder = join(this.root, repoFolderName(repo));
  }

  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  lock(etag: string): string {
    return join(this.root, '.locks', repoFolderName(this.repo), `${etag}.lock`);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Where `file` of `commit` is, when it is there. */
  pointer(commit: string, file: string): string {
    checkFileName(file);
    return join(this.snapshot(commit), file);
  }

  private marker(commit: string, file: string): string {
    checkFileName(file);
    return join(this.folder, '.no_exist', commit, file);
  }

  private ref(revision: string): string {
    checkRevision(revision);
    return join(this.folder, 'refs', revision);
  }

  /** The commit that `revision` is, or was when it was last asked for; null when that is not known. */
  async commitOf(revision: string): Promise<string | null> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.ref(revision), 'utf8').catch(() => '');
    return isCommit(text.trim()) ? text.trim() : null;
  }

  /** Notes which commit `revision` is. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = this.ref(revision);
    if ((await readFile(path, 'utf8').catch(() => null)) === commit) return;
    await inCache(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      const temporary = this.temporary();
      await writeFile(temporary, commit, { flag: 'wx' });
      await rename(temporary, path);
    });
  }

  /** The path of `file` in the snapshot of `commit`, or null when it is not there or its contents are gone. */
  async find(commit: string, file: string): Promise<string | null> {
    const path = this.pointer(commit, file);
    const found = await stat(path).catch(() => null);
    return found?.isFile() ? path : null;
  }

  /** Whether it is known that `commit` has no `file`. */
  async isKnownAbsent(commit: string, file: string): Promise<boolean> {
    return (await stat(this.marker(commit, file)).catch(() => null)) !== null;
  }

  /** Remembers that `commit` has no `file`. A cache that cannot be written to forgets it. */
  async markAbsent(commit: string, file: string): Promise<void> {
    const path = this.marker(commit, file);
    await mkdir(dirname(path), { recursive: true }).catch(() => {});
    await writeFile(path, '', { flag: 'a' }).catch(() => {});
  }

  /** Makes the folders of a new file, and tells backup programs that this is a cache. @throws OSError `ERR_HUB_CACHE` */
  async prepare(): Promise<void> {
    await inCache(this.folder, async () => {
      await mkdir(join(this.folder, 'blobs'), { recursive: true });
      await mkdir(join(this.folder, 'snapshots'), { recursive: true });
      await mkdir(join(this.folder, 'refs'), { recursive: true });
    });
    const tag = 'Signature: 8a477f597d28d172789f06886806bc55\n# A cache of files of the Hugging Face Hub.\n';
    await writeFile(join(this.root, 'CACHEDIR.TAG'), tag, { flag: 'wx' }).catch(() => {});
  }

  /**
   * Makes `file` of `commit` the contents `etag`, in one step. Without symbolic links the blob is moved there, or copied
   * when others may be using it.
   * @throws OSError `ERR_HUB_CACHE`; ValueError when a link leads out of the cache
   */
  async link(commit: string, file: string, etag: string, newBlob: boolean): Promise<string> {
    const path = this.pointer(commit, file);
    await inCache(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      await this.checkInside(dirname(path));
      const target = relative(dirname(path), this.blob(etag));
      if ((await readlink(path).catch(() => null)) === target) return;
      const temporary = this.temporary();
      try {
        await symlink(target, temporary);
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes(codeOf(error))) throw error;
        await this.placeWithoutLink(path, etag, newBlob);
      }
    });
    return path;
  }

  private async placeWithoutLink(path: string, etag: string, newBlob: boolean): Promise<void> {
    if (!symlinksWarningDisabled())
      warnOnce(`'${this.root}' takes no symbolic links: files that several revisions share are kept several times`);
    if (newBlob) return rename(this.blob(etag), path);
    const temporary = this.temporary();
    await copyFile(this.blob(etag), temporary);
    await rename(temporary, path);
  }

  /** A folder in a snapshot that is itself a link to elsewhere is refused: nothing is written through it. */
  private async checkInside(folder: string): Promise<void> {
    const [home, real] = await Promise.all([realpath(this.folder), realpath(folder)]);
    if (real === home || real.startsWith(home + sep)) return;
    throw new ValueError(`'${folder}' leads out of the cache, to '${real}'; refused`, { code: 'ERR_HUB_HOSTILE' });
  }

  /** A new name where neither side looks for files, refs or contents: what a killed process leaves there harms nobody. */
  private temporary(): string {
    return join(this.folder, `.${randomBytes(8).toString('hex')}.tmp`);
  }
}

/** @throws ValueError `ERR_HUB_HOSTILE` for a name that could lead out of the folder it is joined to */
export function checkFileName(file: string): void {
  const reason = typeof file === 'string' ? unsafeNameReason(file) : `it is a ${typeof file}`;
  if (reason === null) return;
  throw new ValueError(`the file name ${JSON.stringify(file)?.slice(0, 300)} is refused: ${reason}`, {
    code: 'ERR_HUB_HOSTILE',
  });
}

/** @throws ValueError `ERR_HUB_HOSTILE` for a revision that could lead out of the folder of refs */
export function checkRevision(revision: string): void {
  const reason = unsafeNameReason(revision);
  if (reason === null) return;
  throw new ValueError(`the revision ${JSON.stringify(revision).slice(0, 300)} is refused: ${reason}`, {
    code: 'ERR_HUB_HOSTILE',
  });
}

/** Runs a change of the cache; a system error says which path, and what to do. */
export async function inCache<T>(path: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const code = codeOf(error);
    if (!code.startsWith('E') || code.startsWith('ERR_')) throw error;
    const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
    throw new OSError(
      `the cache cannot be written to at '${path}': ${(error as Error).message}; ` +
        (full ? 'free some room' : 'check its permissions, or set HF_HOME or cache_dir to another folder'),
      { code: full ? 'DISK_FULL' : 'ERR_HUB_CACHE', cause: error },
    );
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? '';
}
