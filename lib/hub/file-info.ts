import { OSError } from '../errors';
import { httpError } from './http-error';
import { FileMetadataError, HubConnectionError } from './hub-errors';
import type { HubOptions } from './options';
import { drop, type HubResponse, send, userAgent } from './request';
import { noteRetryAfter } from './retry';
import { endpoint, etagTimeout } from './settings';

/** What the Hub says of a file before it is fetched. */
export interface FileInfo {
  commit: string;
  /** sha256 of a large file, git's sha1 of a small one; of other servers whatever they tell. */
  etag: string;
  /** Bytes; null when the server does not say. */
  size: number | null;
  /** Where its bytes are. */
  location: URL;
  /** Whether the token may be sent there. */
  trusted: boolean;
}

const kMostRedirects = 5;

/** The address of a file: `ENDPOINT/REPO/resolve/REVISION/PATH`. */
export function fileUrl(repo: string, file: string, revision: string): URL {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return new URL(`${endpoint()}/${repo}/resolve/${encodeURIComponent(revision)}/${path}`);
}

/** Headers of a request about a repository. */
export function hubHeaders(token: string | null, options: HubOptions = {}): Record<string, string> {
  return {
    'User-Agent': userAgent({ file_type: 'model', ...options.user_agent }),
    ...(token !== null && { Authorization: `Bearer ${token}` }),
  };
}

/**
 * Asks for the facts of a file by HEAD. Redirects within the same server are followed; one to another server is where the
 * bytes are.
 * @throws EntryNotFoundError (its `commit` says of which commit), RepositoryNotFoundError, GatedRepoError,
 *   RevisionNotFoundError, HfHubHTTPError, FileMetadataError, HubConnectionError
 */
export async function fileInfo(
  repo: string,
  file: string,
  revision: string,
  token: string | null,
  options: HubOptions,
): Promise<FileInfo> {
  let url = fileUrl(repo, file, revision);
  for (let hops = 0; hops <= kMostRedirects; hops++) {
    const answer = await send({
      method: 'HEAD',
      url,
      headers: { ...hubHeaders(token, options), 'Accept-Encoding': 'identity' },
      timeout: etagTimeout(),
      proxies: options.proxies ?? null,
      signal: options.signal ?? null,
    });
    drop(answer);
    if (answer.status >= 400) throw await refusal(answer);
    const next = redirectOf(answer);
    if (next === null || next.origin !== url.origin || isAbsolute(answer)) return describe(answer, next ?? url);
    url = next;
  }
  throw new HubConnectionError(`${url.origin} redirects more than ${kMostRedirects} times for '${file}'`, {
    passing: false,
  });
}

async function refusal(answer: HubResponse): Promise<OSError> {
  const error = noteRetryAfter(await httpError(answer), answer.headers['retry-after']);
  const commit = answer.headers['x-repo-commit'];
  return Object.assign(error, typeof commit === 'string' && isCommit(commit) ? { commit } : {});
}

/** Where an answer sends on to, or null. @throws HubConnectionError when that is no http(s) address */
export function redirectOf({ status, headers, url }: HubResponse): URL | null {
  if (![301, 302, 303, 307, 308].includes(status)) return null;
  const { location = '' } = headers;
  const next = URL.canParse(location, url.href) ? new URL(location, url) : null;
  if (next && /^https?:$/.test(next.protocol)) return next;
  throw new HubConnectionError(`${url.host} redirects to '${location.slice(0, 200)}', which is no address`, {
    passing: false,
  });
}

function isAbsolute({ headers }: HubResponse): boolean {
  return /^([a-z][a-z0-9+.-]*:|[\\/]{2})/i.test(headers.location ?? '');
}

function describe({ headers, url }: HubResponse, location: URL): FileInfo {
  const commit = one(headers['x-repo-commit']);
  const etag = (one(headers['x-linked-etag']) ?? headers.etag ?? '').replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
  const size = one(headers['x-linked-size']) ?? headers['content-length'] ?? null;
  if (commit === null || etag === '')
    throw new FileMetadataError(
      `'${url.origin}${url.pathname}' is answered without ${commit === null ? 'X-Repo-Commit' : 'an ETag'}, so it does ` +
        'not come from a Hub; check HF_ENDPOINT and the proxy',
    );
  if (!isCommit(commit)) throw refuse('commit', commit, 'is not 40 hexadecimal digits');
  // It becomes the name of a file.
  if (!/^[\w-][\w.-]{0,127}$/.test(etag) || /\.(incomplete|lock)$/.test(etag))
    throw refuse('etag', etag, 'cannot be the name of a file');
  if (size !== null && !/^\d{1,15}$/.test(size)) throw refuse('size', size, 'is not a number of bytes');
  return {
    commit,
    etag,
    size: size === null ? null : Number(size),
    location,
    trusted: location.origin === url.origin,
  };
}

function one(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

/** Whether a revision is the full id of a commit. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

function refuse(what: string, value: string, why: string): OSError {
  return new OSError(`the server gives the ${what} ${JSON.stringify(value.slice(0, 200))}, which ${why}; refused`, {
    code: 'ERR_HUB_HOSTILE',
  });
}
