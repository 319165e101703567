import { OSError, throwIfAborted } from '../errors';
import { hubHeaders, isCommit } from './file-info';
import { httpError } from './http-error';
import type { HubOptions } from './options';
import { send, textOf } from './request';
import { noteRetryAfter, withRetries } from './retry';
import { downloadTimeout, endpoint } from './settings';

/** One file of a repository. */
export interface RepoFile {
  path: string;
  /** Bytes; null when the server does not say. */
  size: number | null;
}

/** What a repository holds at a revision. */
export interface RepoInfo {
  id: string;
  commit: string;
  files: RepoFile[];
}

const kMostListBytes = 64 * 1024 * 1024;

/**
 * Asks what a repository holds.
 * @throws RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError, HfHubHTTPError, HubConnectionError; OSError
 *   `ERR_HUB_HOSTILE` for an answer that cannot be one; AbortError
 */
export async function repoInfo(
  repo: string,
  revision: string,
  token: string | null,
  options: HubOptions = {},
): Promise<RepoInfo> {
  const url = new URL(`${endpoint()}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`);
  const ask = async () => {
    const answer = await send({
      method: 'GET',
      url,
      headers: hubHeaders(token, options),
      timeout: downloadTimeout(),
      proxies: options.proxies ?? null,
      signal: options.signal ?? null,
    });
    if (answer.status >= 300) throw noteRetryAfter(await httpError(answer), answer.headers['retry-after']);
    return textOf(answer, kMostListBytes, options.signal);
  };
  const text = await withRetries(`the list of '${repo}'`, ask, options.signal);
  throwIfAborted(options.signal);
  return parse(text, repo, url);
}

function parse(text: string, repo: string, url: URL): RepoInfo {
  let found: { id?: unknown; sha?: unknown; siblings?: unknown };
  try {
    found = JSON.parse(text) as typeof found;
  } catch (error) {
    throw hostile(url, 'is not JSON', error);
  }
  if (typeof found?.sha !== 'string' || !isCommit(found.sha)) throw hostile(url, 'names no commit');
  if (!Array.isArray(found.siblings)) throw hostile(url, 'has no list of files');
  const files = found.siblings.map((sibling: { rfilename?: unknown; size?: unknown } | null) => {
    if (typeof sibling?.rfilename !== 'string') throw hostile(url, 'lists something that is no file');
    const { size } = sibling;
    return {
      path: sibling.rfilename,
      size: Number.isSafeInteger(size) && (size as number) >= 0 ? (size as number) : null,
    };
  });
  return { id: typeof found.id === 'string' ? found.id : repo, commit: found.sha, files };
}

function hostile(url: URL, what: string, cause?: unknown): OSError {
  return new OSError(`the answer of ${url.origin}${url.pathname} ${what}; check HF_ENDPOINT`, {
    code: 'ERR_HUB_HOSTILE',
    cause,
  });
}
