import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { env } from '../env';
import { OSError } from '../errors';
import { warnOnce } from '../logging';
import { hubHeaders } from './file-info';
import type { HubOptions } from './options';
import { transfer } from './transfer';

/** A file that was fetched from an address of its own, outside of any repository. */
export interface FetchedFile {
  path: string;
  remove(): Promise<void>;
}

/** Whether a model's name is an address on the web. */
export function isUrl(name: string): boolean {
  return /^https?:\/\//i.test(name);
}

/** The name of the file that an address is of; '' for that of a folder. */
export function fileNameOf(url: string): string {
  if (!URL.canParse(url)) throw new OSError(`'${url}' is no address: it cannot be parsed`, { code: 'ERR_URL' });
  return new URL(url).pathname.split('/').at(-1) as string;
}

/**
 * Fetches one file into a folder of its own, which whoever asks removes. No cache keeps it, and no token is sent: the
 * address may be anybody's.
 * @throws OSError `ERR_HUB_OFFLINE` where the network may not be asked; HfHubHTTPError, HubConnectionError; AbortError
 */
export async function fetchUrl(url: string, options: HubOptions = {}): Promise<FetchedFile> {
  const file = fileNameOf(url);
  if (options.local_files_only || !env.allowRemoteModels)
    throw new OSError(
      `'${url}' cannot be fetched: ${options.local_files_only ? 'local_files_only is set' : 'env.allowRemoteModels is false'}`,
      { code: 'ERR_HUB_OFFLINE' },
    );
  warnOnce(
    `FutureWarning: a URL of a file in place of a model's name (here ${url}) is deprecated: the file is fetched at every ` +
      'load and kept in no cache. Give the id of a repository, or the path of a folder',
  );
  const folder = await mkdtemp(join(tmpdir(), 'native-transformers-url-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, basename(file));
    await receive(url, file, path, options);
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function receive(url: string, file: string, path: string, options: HubOptions): Promise<void> {
  const location = new URL(url);
  let loaded = 0;
  const tell = (status: 'start' | 'progress' | 'done') =>
    options.onTransfer?.({ file, status, loaded, total: status === 'done' ? loaded : null });
  tell('start');
  await transfer(
    {
      file,
      location,
      headers: hubHeaders(null, options),
      home: location.origin,
      etag: '',
      size: null,
      proxies: options.proxies ?? null,
    },
    path,
    (bytes) => {
      loaded = bytes;
      tell('progress');
    },
    options.signal,
  );
  tell('done');
}
