import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { CommitOutput } from '@huggingface/hub';
import { OSError, throwIfAborted, ValueError } from '../errors';
import { info, warn } from '../logging';
import { checkFileName, checkRevision } from './cache';
import { hubHeaders } from './file-info';
import { httpError } from './http-error';
import { isConnectionError, statusOf } from './hub-errors';
import { hubLibrary } from './library';
import type { HubOptions } from './options';
import { repoInfo } from './repo-info';
import { pause, send, textOf } from './request';
import { mayPass, retryAfterIn, waitBefore, withRetries } from './retry';
import { downloadTimeout, endpoint, xetDisabled } from './settings';
import { isCommitCall, uploadFetch } from './upload-fetch';

/** A file to commit. */
export interface FileToCommit {
  /** Its path in the repository, with '/'. */
  path: string;
  /** Where it lies on this machine. */
  file: string;
}

/** What to say of a commit. */
export interface CommitOptions extends HubOptions {
  commit_message: string;
  commit_description?: string | null;
  /** The branch; default 'main'. */
  revision?: string | null;
  /** Opens a pull request in place of committing to the branch. */
  create_pr?: boolean;
}

/** A commit on the Hub. */
export interface CommitInfo {
  repo_id: string;
  commit_url: string;
  oid: string;
  commit_message: string;
  commit_description: string;
  pr_url: string | null;
  pr_num: number | null;
  pr_revision: string | null;
}

/**
 * Commits files to a repository, once: the commit names its parent, and when its answer is lost the branch is looked at
 * before it is sent again.
 * @throws HfHubHTTPError and its kinds, HubConnectionError; ValueError when a file changes meanwhile; AbortError
 */
export async function commitFiles(
  repo: string,
  files: readonly FileToCommit[],
  token: string,
  options: CommitOptions,
): Promise<CommitInfo> {
  const { signal } = options;
  throwIfAborted(signal);
  const branch = options.revision ?? 'main';
  checkRevision(branch);
  for (const { path } of files) checkFileName(path);
  const parent = await headOf(repo, branch, token, options);
  if (files.length === 0) {
    warn(`nothing has changed since the last commit of '${repo}': no commit is made`);
    return commitInfo(repo, parent, `${endpoint()}/${repo}/commit/${parent}`, options, null);
  }
  const before = await Promise.all(files.map(stateOf));
  for (let attempt = 1; ; attempt++) {
    const sent = { commit: false };
    try {
      return await commitOnce(repo, files, before, parent, token, options, sent);
    } catch (error) {
      throwIfAborted(signal);
      if (!sent.commit) throw error; // what comes before has been tried often enough
      const mayBeDone = isConnectionError(error) || (statusOf(error) ?? 0) >= 500 || statusOf(error) === 412;
      if (mayBeDone && !options.create_pr) {
        const head = await headOf(repo, branch, token, options);
        if (head !== parent) {
          if (await holds(repo, head, files, token, options)) {
            info(`the commit ${head} of '${repo}' was made although its answer was lost`);
            return commitInfo(repo, head, `${endpoint()}/${repo}/commit/${head}`, options, null);
          }
          throw new OSError(
            `'${repo}' has moved from ${parent} to ${head} meanwhile, by somebody else: nothing of ours is in it. Push again`,
            { code: 'ERR_HUB_MOVED', cause: error },
          );
        }
      }
      // A second pull request would be opened unless the first was certainly refused.
      const may = options.create_pr ? statusOf(error) === 429 : mayPass(error);
      const wait = may ? waitBefore(attempt, retryAfterIn(error)) : null;
      if (wait === null) throw error;
      info(`the commit to '${repo}': ${(error as Error).message}; trying again in ${wait.toFixed(1)} s`);
      await pause(wait, signal);
    }
  }
}

interface FileState {
  size: number;
  mtimeMs: number;
}

async function stateOf({ file }: FileToCommit): Promise<FileState> {
  const { size, mtimeMs } = await stat(file);
  return { size, mtimeMs };
}

async function commitOnce(
  repo: string,
  files: readonly FileToCommit[],
  before: readonly FileState[],
  parent: string,
  token: string,
  options: CommitOptions,
  sent: { commit: boolean },
): Promise<CommitInfo> {
  const send = uploadFetch(token, options);
  const iterator = hubLibrary().commitIter({
    repo: { type: 'model', name: repo },
    title: options.commit_message,
    ...(options.commit_description && { description: options.commit_description }),
    branch: options.revision ?? 'main',
    parentCommit: parent,
    isPullRequest: options.create_pr ?? false,
    operations: await Promise.all(
      files.map(async ({ path, file }) => ({
        operation: 'addOrUpdate' as const,
        path,
        content: pathToFileURL(await realpath(file)),
      })),
    ),
    hubUrl: endpoint(),
    useXet: !xetDisabled(),
    ...(options.signal && { abortSignal: options.signal }),
    fetch: async (input, init) => {
      if (isCommitCall(String(input))) {
        await checkUnchanged(files, before);
        sent.commit = true;
      }
      return send(input, init);
    },
  });
  const sizes = new Map(files.map(({ path }, i) => [path, (before[i] as FileState).size]));
  const told = new Set<string>();
  for (;;) {
    const next = await iterator.next();
    if (next.done) {
      const { commit, pullRequestUrl } = next.value as CommitOutput;
      return commitInfo(repo, commit.oid, commit.url, options, pullRequestUrl ?? null);
    }
    const event = next.value;
    if (event.event !== 'fileProgress' || event.state !== 'uploading') continue;
    const total = sizes.get(event.path) ?? 0;
    if (!told.has(event.path)) options.onTransfer?.({ file: event.path, status: 'start', loaded: 0, total });
    told.add(event.path);
    const loaded = Math.round(total * event.progress);
    options.onTransfer?.({ file: event.path, status: event.progress === 1 ? 'done' : 'progress', loaded, total });
  }
}

/** @throws ValueError when a file is no longer what was hashed */
async function checkUnchanged(files: readonly FileToCommit[], before: readonly FileState[]): Promise<void> {
  for (const [i, file] of files.entries()) {
    const [now, then] = [await stateOf(file), before[i] as FileState];
    if (now.size === then.size && now.mtimeMs === then.mtimeMs) continue;
    throw new ValueError(`'${file.file}' has changed while it was being uploaded; nothing is committed. Push again`, {
      code: 'ERR_HUB_FILE_CHANGED',
    });
  }
}

async function headOf(repo: string, branch: string, token: string, options: HubOptions): Promise<string> {
  return (await repoInfo(repo, branch, token, options)).commit;
}

/** Whether a commit holds exactly these files. */
async function holds(
  repo: string,
  commit: string,
  files: readonly FileToCommit[],
  token: string,
  options: HubOptions,
): Promise<boolean> {
  const url = new URL(`${endpoint()}/api/models/${repo}/paths-info/${commit}`);
  const ask = async () => {
    const answer = await send({
      method: 'POST',
      url,
      headers: { ...hubHeaders(token, options), 'Content-Type': 'application/json' },
      body: JSON.stringify({ paths: files.map(({ path }) => path) }),
      timeout: downloadTimeout(),
      proxies: options.proxies ?? null,
      signal: options.signal ?? null,
    });
    if (answer.status >= 300) throw await httpError(answer);
    return textOf(answer, 64 * 1024 * 1024, options.signal);
  };
  const found = JSON.parse(await withRetries(`the files of ${commit}`, ask, options.signal)) as {
    path: string;
    oid: string;
    lfs?: { oid: string };
  }[];
  for (const { path, file } of files) {
    const entry = found.find((candidate) => candidate.path === path);
    if (!entry || (await sumOf(file, entry.lfs !== undefined)) !== (entry.lfs?.oid ?? entry.oid)) return false;
  }
  return true;
}

async function sumOf(file: string, large: boolean): Promise<string> {
  const hash = createHash(large ? 'sha256' : 'sha1');
  if (!large) hash.update(`blob ${(await stat(file)).size}\0`);
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function commitInfo(
  repo: string,
  oid: string,
  url: string,
  { commit_message, commit_description }: CommitOptions,
  pr: string | null,
): CommitInfo {
  const number = /\/discussions\/(\d+)$/.exec(pr ?? '')?.[1];
  return {
    repo_id: repo,
    commit_url: url,
    oid,
    commit_message,
    commit_description: commit_description ?? '',
    pr_url: pr,
    pr_num: number ? Number(number) : null,
    pr_revision: number ? `refs/pr/${number}` : null,
  };
}
