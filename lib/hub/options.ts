import { TypeError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import { checkOptionKinds } from '../options';
import type { TransferListener } from './progress';

/** How files of a repository are fetched; the names are those of `from_pretrained`. */
export interface HubOptions {
  /** A branch, a tag or a commit; default 'main'. */
  revision?: string | null;
  /** A token; true: the stored one; false: none; null: the stored one if there is one. */
  token?: string | boolean | null;
  /** Old name of `token`. */
  use_auth_token?: string | boolean | null;
  /** Root of the cache; default as the environment says. */
  cache_dir?: string | null;
  /** Fetches again what is in the cache. */
  force_download?: boolean | null;
  /** Accepted: what an interrupted transfer has left is always gone on with. */
  resume_download?: boolean | null;
  /** Proxies by scheme ('https') or scheme and host ('https://host'). */
  proxies?: Readonly<Record<string, string>> | null;
  /** Asks nothing of the network. */
  local_files_only?: boolean | null;
  /** Accepted with a warning: HF_ENDPOINT names another server. */
  mirror?: string | null;
  /** The commit that files are wanted of, where it is known already. */
  _commit_hash?: string | null;
  /** Facts for the user agent. */
  user_agent?: Readonly<Record<string, string>>;
  /** Hears of bytes that come over the network. */
  onTransfer?: TransferListener | null;
  signal?: AbortSignal | null;
}

/** Names of `HubOptions` that callers of `from_pretrained` may give. */
export const hubOptionNames = [
  'revision',
  'token',
  'use_auth_token',
  'cache_dir',
  'force_download',
  'resume_download',
  'proxies',
  'local_files_only',
  'mirror',
  '_commit_hash',
] as const;

/**
 * The options of the Hub among others, checked; what is absent stays absent.
 * @throws ValueError when both names of the token are given; TypeError for a value of the wrong type
 */
export function hubOptionsOf(options: Readonly<Record<string, unknown>>): Omit<HubOptions, 'signal'> {
  const found: Record<string, unknown> = {};
  for (const name of hubOptionNames) if (options[name] !== undefined) found[name] = options[name];
  checkHubOptions(found as HubOptions);
  return found as HubOptions;
}

/** A text passes for true where nobody looks: `local_files_only: 'false'`. */
const switches = { force_download: 'boolean', resume_download: 'boolean', local_files_only: 'boolean' } as const;

/** @throws ValueError, TypeError naming the option */
export function checkHubOptions(options: HubOptions): void {
  const { token, use_auth_token, mirror, revision, proxies, cache_dir } = options;
  if (use_auth_token !== undefined && use_auth_token !== null) {
    if (token !== undefined && token !== null)
      throw new ValueError('`token` and `use_auth_token` are both specified. Please set only the argument `token`.');
    warnOnce('FutureWarning: the option `use_auth_token` is deprecated: use `token` instead');
  }
  checkOptionKinds('a fetch from the Hub', options, switches);
  if (mirror) warnOnce('the option `mirror` does nothing: set HF_ENDPOINT to the address of another server');
  for (const name of ['revision', 'cache_dir'] as const)
    if (typeof (options[name] ?? '') !== 'string')
      throw new TypeError(`${name} must be a string, not a ${typeof options[name]}`);
  for (const name of ['force_download', 'resume_download', 'local_files_only'] as const)
    if (typeof (options[name] ?? false) !== 'boolean')
      throw new TypeError(`${name} must be true or false, not a ${typeof options[name]} (${String(options[name])})`);
  for (const name of ['token', 'use_auth_token'] as const)
    if (!['string', 'boolean'].includes(typeof (options[name] ?? '')))
      throw new TypeError(`${name} must be a token, true, false or null, not a ${typeof options[name]}`);
  if (typeof (options._commit_hash ?? '') !== 'string')
    throw new TypeError(`_commit_hash must be a string, not a ${typeof options._commit_hash}`);
  if (revision === '') throw new ValueError("revision must be a branch, a tag or a commit, not ''");
  if (cache_dir === '') throw new ValueError("cache_dir must be the path of a folder, not ''");
  if (
    proxies !== undefined &&
    proxies !== null &&
    (typeof proxies !== 'object' ||
      Array.isArray(proxies) ||
      Object.values(proxies).some((url) => typeof url !== 'string'))
  )
    throw new TypeError("proxies must map 'http', 'https' or 'https://host' to addresses of proxies");
}

/** What the token option says, under whichever name. */
export function tokenOption(options: HubOptions): unknown {
  return options.token ?? options.use_auth_token ?? null;
}
