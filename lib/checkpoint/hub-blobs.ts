import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * The folder where a Hub cache keeps the contents behind the links in `folder` (`…/models--a--b/blobs` for a folder in
 * `…/models--a--b/snapshots/<commit>`), or null when `folder` does not lie in such a cache.
 */
export async function hubBlobs(folder: string): Promise<string | null> {
  const real = await realpath(folder).catch(() => resolve(folder));
  for (let here = real; here !== dirname(here); here = dirname(here)) {
    if (basename(dirname(here)) !== 'snapshots') continue;
    return realpath(join(dirname(dirname(here)), 'blobs')).catch(() => null);
  }
  return null;
}

/** True when the real path `file` is content of the Hub cache that `folder` lies in. */
export async function isHubBlob(file: string, folder: string): Promise<boolean> {
  return dirname(file) === (await hubBlobs(folder));
}

/** Those of `files` that are content of a Hub cache, as they are or behind a link: nobody writes to them. */
export async function hubBlobsAmong(files: readonly string[]): Promise<string[]> {
  const blobs = new Map<string, Promise<string | null>>();
  const found: string[] = [];
  for (const file of files) {
    const folder = dirname(file);
    if (!blobs.has(folder)) blobs.set(folder, hubBlobs(folder));
    if (dirname(await realpath(file)) === (await blobs.get(folder))) found.push(file);
  }
  return found;
}
