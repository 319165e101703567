import { homedir } from 'node:os';
import { join } from 'node:path';
import { ValueError } from '../errors';
import { info } from '../logging';

/**
 * The environment variables of the Hub's clients. Each is read when it is needed, so that a program may set them at any
 * time. Source: huggingface_hub 0.36.2, `constants.py`; transformers 4.35.2, `utils/hub.py`.
 */

const truthy = new Set(['1', 'ON', 'YES', 'TRUE']);

function flag(...names: string[]): boolean {
  return names.some((name) => truthy.has((process.env[name] ?? '').toUpperCase()));
}

function text(...names: string[]): string | null {
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined && value !== '') return value;
  }
  return null;
}

/** `~` at the start of a path is the home folder. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(process.env['HOME'] || homedir(), path.slice(1)) : path;
}

/** A variable's path: `~` at its start, and `$NAME` and `${NAME}` of variables that are set, as Python expands them. */
function pathOf(text: string): string {
  return expandHome(text).replace(
    /\$(?:(\w+)|\{([^}]*)\})/g,
    (all, bare?: string, braced?: string) => process.env[bare ?? braced ?? ''] ?? all,
  );
}

/** HF_HOME: the folder of everything that clients of the Hub keep. */
export function hubHome(): string {
  const base = text('XDG_CACHE_HOME') ?? join('~', '.cache');
  return pathOf(text('HF_HOME') ?? join(base, 'huggingface'));
}

/** The root of the cache of repositories; names of older libraries go before newer ones, as in Transformers. */
export function cacheRoot(): string {
  const named = text(
    'TRANSFORMERS_CACHE',
    'PYTORCH_TRANSFORMERS_CACHE',
    'PYTORCH_PRETRAINED_BERT_CACHE',
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
  );
  return named === null ? join(hubHome(), 'hub') : pathOf(named);
}

/**
 * HF_ENDPOINT without a slash at its end, else the public Hub.
 * @throws ValueError `ERR_HUB_ENDPOINT` when it is no http(s) address
 */
export function endpoint(): string {
  const address = (text('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, '');
  if (/^https?:\/\/[^/\s]+/.test(address) && URL.canParse(address)) return address;
  throw new ValueError(`HF_ENDPOINT is '${address}'; it must be an http(s) address such as https://huggingface.co`, {
    code: 'ERR_HUB_ENDPOINT',
  });
}

/** HF_TOKEN and its older name; line breaks and spaces around it do not count. */
export function tokenInEnvironment(): string | null {
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const token = (process.env[name] ?? '').replace(/[\r\n]/g, '').trim();
    if (token !== '') return token;
  }
  return null;
}

/** HF_TOKEN_PATH: the file that `hf auth login` writes. */
export function tokenPath(): string {
  const named = text('HF_TOKEN_PATH');
  return named === null ? join(hubHome(), 'token') : pathOf(named);
}

/** HF_HUB_DISABLE_IMPLICIT_TOKEN: a token is sent only where one is asked for. */
export function implicitTokenDisabled(): boolean {
  return flag('HF_HUB_DISABLE_IMPLICIT_TOKEN');
}

/** HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: nothing is asked of the network. */
export function isOffline(): boolean {
  return flag('HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE');
}

/** HF_HUB_DISABLE_TELEMETRY and its relatives: the user agent says so. */
export function telemetryDisabled(): boolean {
  return flag('HF_HUB_DISABLE_TELEMETRY', 'DISABLE_TELEMETRY', 'DO_NOT_TRACK');
}

/** HF_HUB_DISABLE_PROGRESS_BARS: commands draw none. */
export function progressBarsDisabled(): boolean {
  return flag('HF_HUB_DISABLE_PROGRESS_BARS');
}

/** HF_HUB_DISABLE_XET: large files go up by LFS, also where the Hub offers Xet. */
export function xetDisabled(): boolean {
  return flag('HF_HUB_DISABLE_XET');
}

/** HF_HUB_DISABLE_SYMLINKS_WARNING: nothing is said of a file system without links. */
export function symlinksWarningDisabled(): boolean {
  return flag('HF_HUB_DISABLE_SYMLINKS_WARNING');
}

/** HF_HUB_ETAG_TIMEOUT: seconds that a question about a file may take. @throws ValueError for what is no number */
export function etagTimeout(): number {
  return seconds('HF_HUB_ETAG_TIMEOUT');
}

/** HF_HUB_DOWNLOAD_TIMEOUT: seconds between two pieces of a file. @throws ValueError for what is no number */
export function downloadTimeout(): number {
  return seconds('HF_HUB_DOWNLOAD_TIMEOUT');
}

function seconds(name: string): number {
  const value = Number(text(name) ?? 10);
  if (Number.isFinite(value) && value > 0) return value;
  throw new ValueError(`${name} is '${process.env[name]}'; it must be a number of seconds above 0`);
}

let toldOfAccelerators = false;

/** Says once that settings of Python's faster transports do nothing here. */
export function tellOfAccelerators(): void {
  if (toldOfAccelerators) return;
  const names = Object.keys(process.env).filter((n) => n === 'HF_HUB_ENABLE_HF_TRANSFER' || n.startsWith('HF_XET_'));
  if (names.length === 0) return;
  toldOfAccelerators = true;
  info(`${names.join(', ')}: without effect here, files are fetched over plain HTTP`);
}
