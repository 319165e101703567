import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isGgufName, locateGguf } from '../checkpoint/gguf/locate-gguf';
import { writeWhole } from '../checkpoint/staged-file';
import { clearAbandoned } from '../checkpoint/temporary-file';
import { env } from '../env';
import { AssertionError, OSError, throwIfAborted } from '../errors';
import { fetchUrl, fileNameOf, isUrl } from '../hub/fetch-url';
import { locateModel } from '../hub/model-repo';
import type { HubOptions } from '../hub/options';
import { repoIdProblem } from '../hub/repo-id';
import { info } from '../logging';
import { transformersVersion } from './config-fields';
import { isContainer, parseJson } from './config-json';
import { readGgufConfig } from './gguf/gguf-config';
import { completeSaveIn } from './interrupted-save';

/** Finding, reading and writing `config.json`. */

export const CONFIG_NAME = 'config.json';
/** Larger than any config can be; a file beyond it is something else. */
const kMaxBytes = 64 * 1024 * 1024;

/** Where a config lies. */
export interface ConfigLocation {
  subfolder?: string;
  /** Name of the file in place of `config.json`. */
  _configuration_file?: string;
  /** A GGUF file in the folder or repository, from whose metadata the config is made. */
  gguf_file?: string | null;
  signal?: AbortSignal;
  /** How it is fetched when it lies on the Hub. */
  hub?: HubOptions;
}

/**
 * The dictionary in a config file, or what the metadata of a GGUF file says: `given` itself, or `config.json` in the folder or of the model id `given`, or the
 * file that this lists under `configuration_files` for our version. `_commit_hash` says of which commit it is.
 * @throws OSError `ERR_NO_FOLDER`, `ERR_NO_CONFIG`, `ERR_CONFIG_JSON`, `ERR_CONFIG_FILE`, `SAVE_INTERRUPTED`, and those
 *   of `cachedFile`; AbortError
 */
export async function readConfig(given: string, location: ConfigLocation = {}): Promise<Record<string, unknown>> {
  const { subfolder = '', _configuration_file: name = CONFIG_NAME, signal, hub } = location;
  if (isUrl(given)) return readConfigAt(given, { ...hub, ...(signal && { signal }) });
  const found = await locateModel(given, { ...hub, ...(signal && { signal }) });
  const gguf = location.gguf_file ?? null;
  if (gguf !== null || (typeof found === 'string' && isGgufName(found))) {
    if (typeof found === 'string') await checkGgufPlace(given, found, gguf);
    const path = await locateGguf(found, gguf, subfolder);
    return { ...(await readGgufConfig(path, signal)), _commit_hash: commitOf(path) };
  }
  const find = async (file: string): Promise<string> =>
    typeof found === 'string' ? inFolder(join(found, subfolder), file) : found.require(join(subfolder, file));
  if (typeof found === 'string') {
    if ((await kindOf(found)) === 'file') return readConfigFile(found, signal);
    await checkFolder(given, found);
    await completeSaveIn(join(found, subfolder));
  }
  let path = await find(name);
  let config = await readConfigFile(path, signal);
  const versioned = versionedFile(config['configuration_files']);
  if (versioned !== null) {
    path = await find(versioned);
    config = await readConfigFile(path, signal);
  }
  config['_commit_hash'] = commitOf(path);
  return config;
}

/** @throws OSError when there is no such folder, or a file is named in what is a file itself */
async function checkGgufPlace(given: string, path: string, gguf_file: string | null): Promise<void> {
  if (gguf_file === null) return;
  if ((await kindOf(path)) !== 'file') return checkFolder(given, path);
  throw new OSError(`gguf_file names '${gguf_file}' in a folder, and '${path}' is a file: give one of the two`, {
    code: 'ERR_NO_FOLDER',
  });
}

/** The dictionary in a config file that has an address of its own. */
async function readConfigAt(url: string, options: HubOptions): Promise<Record<string, unknown>> {
  if (!fileNameOf(url).endsWith('.json'))
    throw new OSError(
      `'${url}' is not the address of a config file (*.json); a repository on the Hub is given by its id, 'namespace/name'`,
      { code: 'ERR_URL' },
    );
  const { path, remove } = await fetchUrl(url, options);
  try {
    return { ...(await readConfigFile(path, options.signal ?? undefined)), _commit_hash: null };
  } finally {
    await remove();
  }
}

async function checkFolder(given: string, path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind !== 'folder')
    throw new OSError(
      `there is no folder or file '${path}'${whyNotRemote(given)}; give the path of a folder, or the id of a model on the Hub`,
      { code: 'ERR_NO_FOLDER' },
    );
}

/** Why a name that is no path was not looked for on the Hub. */
function whyNotRemote(given: string): string {
  const problem = repoIdProblem(given);
  if (problem !== null) return ` (incorrect path_or_model_id: as an id it will not do either, ${problem})`;
  return env.allowRemoteModels ? '' : ', and env.allowRemoteModels is false';
}

async function inFolder(folder: string, name: string): Promise<string> {
  const file = join(folder, name);
  const kind = await kindOf(file);
  if (kind === 'folder')
    throw new OSError(`'${file}' is a folder, where the config's file has its name: put the file in its place`, {
      code: 'ERR_NO_CONFIG',
    });
  if (kind !== 'file')
    throw new OSError(
      `'${folder}' does not appear to have a file named ${name}; a model's folder has one beside its weights`,
      { code: 'ERR_NO_CONFIG' },
    );
  return file;
}

/** The dictionary in the file `file`. @throws OSError `ERR_CONFIG_JSON`, `ERR_CONFIG_FILE`; AbortError */
export async function readConfigFile(file: string, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const bytes = await readBytes(file, signal);
  info(`loading configuration file ${file}`);
  const config = parse(file, bytes);
  if (isContainer(config) && !Array.isArray(config)) return config;
  throw new OSError(
    `the config file at '${file}' holds ${Array.isArray(config) ? 'a list' : String(config)}, not an object`,
    {
      code: 'ERR_CONFIG_JSON',
    },
  );
}

function parse(file: string, bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    const what = (error as { code?: string }).code === 'ERR_JSON' ? (error as Error).message : 'it is not UTF-8';
    throw new OSError(`It looks like the config file at '${file}' is not a valid JSON file: ${what}`, {
      code: 'ERR_CONFIG_JSON',
      cause: error,
    });
  }
}

async function readBytes(file: string, signal?: AbortSignal): Promise<Uint8Array> {
  throwIfAborted(signal);
  try {
    const { size } = await stat(file);
    if (size <= kMaxBytes) return await readFile(file, { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw new OSError(`the config file '${file}' cannot be read: ${(error as Error).message}`, {
      code: 'ERR_CONFIG_FILE',
      cause: error,
    });
  }
  throw new OSError(`the config file '${file}' is larger than ${kMaxBytes} bytes, which no config is`, {
    code: 'ERR_CONFIG_FILE',
  });
}

async function kindOf(path: string): Promise<'file' | 'folder' | null> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) return 'file';
  return found?.isDirectory() ? 'folder' : null;
}

/** The name with the highest version that is not above ours; null when none is listed. */
function versionedFile(names: unknown): string | null {
  if (!Array.isArray(names)) return null;
  const own = parseVersion(transformersVersion);
  let best: { name: string; version: number[] } | null = null;
  for (const name of names) {
    const version = /^config\.(\d[\w.]*)\.json$/.exec(String(name))?.[1];
    if (version === undefined) continue;
    const candidate = { name: String(name), version: parseVersion(version) };
    if (compare(candidate.version, own) > 0) continue;
    if (best === null || compare(candidate.version, best.version) > 0) best = candidate;
  }
  return best?.name ?? null;
}

function parseVersion(text: string): number[] {
  return text.split('.').map((part) => Number.parseInt(part, 10) || 0);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The commit of a path inside the Hub's cache; null elsewhere. */
export function commitOf(path: string): string | null {
  return /[\\/]snapshots[\\/]([0-9a-f]{40})(?:[\\/]|$)/.exec(path)?.[1] ?? null;
}

/** Puts `text` into the file `file` in one step: readers see the old file or the complete new one. */
export async function writeConfigFile(file: string, text: string, signal?: AbortSignal): Promise<void> {
  await clearAbandoned(dirname(file));
  await writeWhole(file, Buffer.from(text), signal);
  info(`Configuration saved in ${file}`);
}

/** Makes the folder `folder`. @throws AssertionError when there is a file in its place; OSError */
export async function makeFolder(folder: string): Promise<void> {
  if ((await kindOf(folder)) === 'file')
    throw new AssertionError(`Provided path (${folder}) should be a directory, not a file`);
  await mkdir(folder, { recursive: true }).catch((error: Error) => {
    throw new OSError(`the folder '${folder}' cannot be made in '${dirname(folder)}': ${error.message}`, {
      code: 'ERR_CONFIG_FILE',
      cause: error,
    });
  });
}
