import { statusOf } from './hub-errors';
import { hubLibrary } from './library';
import type { HubOptions } from './options';
import { checkRepoId } from './repo-id';
import { repoInfo } from './repo-info';
import { endpoint } from './settings';
import { uploadFetch } from './upload-fetch';

/** The token is put on by our own `fetch`; to the library there is none. */
const noToken = {} as { accessToken: string };

/**
 * Makes a repository; one that is there already is as good. An id without a namespace is of the token's owner.
 * @returns the full id
 * @throws HFValidationError, HfHubHTTPError, HubConnectionError
 */
export async function createRepo(
  id: string,
  token: string,
  options: HubOptions & { private?: boolean | null },
): Promise<string> {
  checkRepoId(id);
  const fetch = uploadFetch(token, options);
  const hubUrl = endpoint();
  const full = id.includes('/') ? id : `${await userName(fetch)}/${id}`;
  checkRepoId(full);
  try {
    const { repoUrl } = await hubLibrary().createRepo({
      ...noToken,
      repo: { type: 'model', name: full },
      ...(typeof options.private === 'boolean' && { private: options.private }),
      hubUrl,
      fetch,
    });
    return idIn(repoUrl, hubUrl) ?? full;
  } catch (error) {
    if (statusOf(error) === 409) return full;
    // A token may be allowed to write to a repository and not to make one.
    if (statusOf(error) === 403 && (await isThere(full, token, options))) return full;
    throw error;
  }
}

async function userName(fetch: typeof globalThis.fetch): Promise<string> {
  return (await hubLibrary().whoAmI({ ...noToken, hubUrl: endpoint(), fetch })).name;
}

async function isThere(id: string, token: string, options: HubOptions): Promise<boolean> {
  return repoInfo(id, 'main', token, options).then(
    () => true,
    () => false,
  );
}

function idIn(url: unknown, hubUrl: string): string | null {
  if (typeof url !== 'string' || !url.startsWith(`${hubUrl}/`)) return null;
  const id = url.slice(hubUrl.length + 1);
  return /^[^/]+\/[^/]+$/.test(id) ? id : null;
}

/**
 * Makes a branch; one that is there already is as good. What is no branch (`refs/pr/1`) is left alone.
 * @throws HfHubHTTPError, HubConnectionError
 */
export async function createBranch(
  id: string,
  branch: string,
  token: string,
  options: HubOptions & { create_pr?: boolean },
): Promise<void> {
  if (branch.startsWith('refs/pr/')) return;
  try {
    await hubLibrary().createBranch({
      repo: { type: 'model', name: id },
      branch,
      hubUrl: endpoint(),
      fetch: uploadFetch(token, options),
    });
  } catch (error) {
    if (statusOf(error) === 409) return;
    if (statusOf(error) === 403 && options.create_pr) return;
    throw error;
  }
}
