import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { TypeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { warnOnce } from '../logging';
import { checkOptionKinds, givenOptions } from '../options';
import { type CommitInfo, commitFiles, type FileToCommit } from './commit-files';
import { createBranch, createRepo } from './create-repo';
import { prepareModelCard } from './model-card';
import type { HubOptions } from './options';
import { DownloadProgress, type DownloadProgressInfo } from './progress';
import { endpoint } from './settings';
import { tokenForWriting } from './token';

/** Options of `push_to_hub`, under Transformers' names. */
export interface PushOptions {
  /** Saves into a folder that is removed afterwards; default: unless the working folder has one of the model's name. */
  use_temp_dir?: boolean | null;
  /** Default: 'Upload model', 'Upload tokenizer' …, after the class's name. */
  commit_message?: string | null;
  commit_description?: string | null;
  /** Whether a repository that is made is private; default as the owner's settings say. */
  private?: boolean | null;
  token?: string | boolean | null;
  max_shard_size?: number | string | null;
  safe_serialization?: boolean | null;
  /** Opens a pull request in place of committing. */
  create_pr?: boolean | null;
  /** The branch; made when it is not there. */
  revision?: string | null;
  /** Tags of the model card. */
  tags?: string | readonly string[] | null;
  proxies?: Readonly<Record<string, string>> | null;
  progress_callback?: ((info: DownloadProgressInfo) => void) | null;
  signal?: AbortSignal | null;
  /** Old names. */
  repo_path_or_name?: string | null;
  repo_url?: string | null;
  organization?: string | null;
  use_auth_token?: string | boolean | null;
}

const kNames: readonly (keyof PushOptions)[] = [
  'use_temp_dir',
  'commit_message',
  'commit_description',
  'private',
  'token',
  'max_shard_size',
  'safe_serialization',
  'create_pr',
  'revision',
  'tags',
  'proxies',
  'progress_callback',
  'signal',
  'repo_path_or_name',
  'repo_url',
  'organization',
  'use_auth_token',
];

/** In JS nearly every value can pass for another: `create_pr: 'false'` would open one. */
const kinds = {
  use_temp_dir: 'boolean',
  commit_message: 'string',
  commit_description: 'string',
  private: 'boolean',
  safe_serialization: 'boolean',
  create_pr: 'boolean',
  revision: 'string',
  proxies: 'object',
  progress_callback: 'function',
  organization: 'string',
} as const;

/** What is pushed: something that can save itself. */
export interface Pushable {
  className: string;
  save(
    folder: string,
    options: { max_shard_size?: number | string; safe_serialization?: boolean; signal?: AbortSignal },
  ): Promise<unknown>;
}

/**
 * Saves `subject` and commits what is new of the folder to a repository, which is made when it is not there.
 * Source: transformers 4.35.2 and 4.57.6, `PushToHubMixin`
 * @throws LocalTokenNotFoundError, HfHubHTTPError and its kinds, ValueError, TypeError, AbortError; what saving throws
 */
export async function pushToHub(
  subject: Pushable,
  repo_id: string | null,
  options?: PushOptions | null,
): Promise<CommitInfo> {
  const given = givenOptions(options, `${subject.className}.push_to_hub`);
  checkNames(given);
  throwIfAborted(given.signal);
  const { id, folder } = await destination(repo_id, given);
  return saveAndCommit(subject, id, folder, given);
}

/**
 * Saves `subject` into a folder that stays, and commits what is new of it: `save_pretrained(folder, { push_to_hub: true })`.
 * @param given - options of `push_to_hub`, and `repo_id`; default the last part of the folder's path
 * @throws as `pushToHub`
 */
export async function saveAndPush(
  subject: Pushable,
  folder: string,
  { repo_id, ...given }: PushOptions & { repo_id?: string | null },
): Promise<CommitInfo> {
  checkNames(given);
  if (given.use_temp_dir)
    throw new ValueError('use_temp_dir is of push_to_hub(): save_pretrained saves into the folder that it is given');
  throwIfAborted(given.signal);
  const { id } = await destination(repo_id ?? basename(resolve(folder)), given);
  await mkdir(folder, { recursive: true });
  return saveAndCommit(subject, id, folder, { ...given, use_temp_dir: false });
}

/** Names of the options of `push_to_hub`. */
export const pushOptionNames: readonly string[] = kNames;

function checkNames(given: object): void {
  for (const name of Object.keys(given))
    if (!pushOptionNames.includes(name)) throw unknownName('option', name, 'push_to_hub', kNames);
  checkPushKinds('push_to_hub', given);
}

/** @throws TypeError for an option of another kind than it has */
export function checkPushKinds(where: string, given: object): void {
  checkOptionKinds(where, given, kinds);
}

async function saveAndCommit(
  subject: Pushable,
  id: string,
  named: string | null,
  given: PushOptions,
): Promise<CommitInfo> {
  const token = await tokenForWriting(tokenIn(given));
  const { revision, signal } = given;
  const hub: HubOptions = {
    ...(given.proxies && { proxies: given.proxies }),
    ...(signal && { signal }),
    ...(given.progress_callback && { onTransfer: new DownloadProgress(id, given.progress_callback).listen }),
  };
  const repo = await createRepo(id, token, { ...hub, private: given.private ?? null });
  const { folder, isTemporary } = await workingFolder(named ?? basename(repo), given.use_temp_dir ?? null);
  try {
    const before = await timesOf(folder);
    await subject.save(folder, {
      ...(given.max_shard_size != null && { max_shard_size: given.max_shard_size }),
      ...(given.safe_serialization != null && { safe_serialization: given.safe_serialization }),
      ...(signal && { signal }),
    });
    await prepareModelCard(folder, repo, tagsIn(given), token, { ...hub, ...(revision && { revision }) }).catch(
      (error) => onMissingBranch(error, folder, repo, given, token, hub),
    );
    const create_pr = given.create_pr ?? false;
    if (revision) await createBranch(repo, revision, token, { ...hub, create_pr });
    return await commitFiles(repo, await changedFiles(folder, before), token, {
      ...hub,
      commit_message: given.commit_message ?? defaultMessage(subject.className),
      commit_description: given.commit_description ?? null,
      revision: revision ?? null,
      create_pr,
    });
  } finally {
    if (isTemporary) await rm(folder, { recursive: true, force: true });
  }
}

/** A branch that is only about to be made has the card of the main one. */
async function onMissingBranch(
  error: unknown,
  folder: string,
  repo: string,
  given: PushOptions,
  token: string,
  hub: HubOptions,
): Promise<boolean> {
  if ((error as { code?: string }).code !== 'ERR_HUB_REVISION_NOT_FOUND' || !given.revision) throw error;
  return prepareModelCard(folder, repo, tagsIn(given), token, hub);
}

/** Where to push, from the names of now and of before. @throws ValueError when both are given */
async function destination(repo_id: string | null, given: PushOptions): Promise<{ id: string; folder: string | null }> {
  const old = (name: 'repo_path_or_name' | 'repo_url', value: string): string => {
    warnOnce(`FutureWarning: the option \`${name}\` of push_to_hub is deprecated: give \`repo_id\` instead`);
    if (repo_id != null)
      throw new ValueError(`\`repo_id\` and \`${name}\` are both specified. Please set only the argument \`repo_id\`.`);
    return value;
  };
  const path = given.repo_path_or_name ? old('repo_path_or_name', given.repo_path_or_name) : null;
  const url = given.repo_url ? old('repo_url', given.repo_url).replace(`${endpoint()}/`, '') : null;
  const asked = repo_id ?? path ?? url;
  if (typeof asked !== 'string' || asked === '')
    throw new ValueError("push_to_hub needs `repo_id`: where to push, such as 'name' or 'namespace/name'");
  const isFolder = path !== null && ((await stat(path).catch(() => null))?.isDirectory() ?? false);
  const name = isFolder ? basename(path) : asked;
  if (!given.organization) return { id: name, folder: isFolder ? path : null };
  warnOnce(
    'FutureWarning: the option `organization` of push_to_hub is deprecated: put it before the name in `repo_id`',
  );
  const { organization } = given;
  const id = name.startsWith(`${organization}/`) ? name : `${organization}/${name.split('/').at(-1)}`;
  return { id, folder: isFolder ? path : null };
}

export function tokenIn({ token, use_auth_token }: PushOptions): unknown {
  if (use_auth_token == null) return token ?? null;
  warnOnce('FutureWarning: the option `use_auth_token` is deprecated: use `token` instead');
  if (token != null)
    throw new ValueError('`token` and `use_auth_token` are both specified. Please set only the argument `token`.');
  return use_auth_token;
}

/** @throws TypeError when tags are not text */
export function tagsIn({ tags }: PushOptions): string[] {
  const list = typeof tags === 'string' ? [tags] : [...(tags ?? [])];
  if (list.every((tag) => typeof tag === 'string' && !/[\p{Cc}]/u.test(tag))) return list;
  throw new TypeError('tags must be strings of one line each');
}

async function workingFolder(name: string, useTemp: boolean | null): Promise<{ folder: string; isTemporary: boolean }> {
  const exists = (await stat(name).catch(() => null))?.isDirectory() ?? false;
  if (useTemp ?? !exists) return { folder: await mkdtemp(join(tmpdir(), 'push-')), isTemporary: true };
  await mkdir(name, { recursive: true });
  return { folder: name, isTemporary: false };
}

/** When each entry of the folder was last written. */
async function timesOf(folder: string): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const name of await readdir(folder)) times.set(name, (await stat(join(folder, name))).mtimeMs);
  return times;
}

/** Entries that are new or written since; of sub-folders among them the files that lie directly inside. */
async function changedFiles(folder: string, before: ReadonlyMap<string, number>): Promise<FileToCommit[]> {
  const files: FileToCommit[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const found = await stat(join(folder, name));
    if (before.has(name) && found.mtimeMs <= (before.get(name) as number)) continue;
    if (found.isFile()) files.push({ path: name, file: join(folder, name) });
    if (!found.isDirectory()) continue;
    for (const entry of await readdir(join(folder, name), { withFileTypes: true }))
      if (!entry.isDirectory()) files.push({ path: `${name}/${entry.name}`, file: join(folder, name, entry.name) });
  }
  return files;
}

/** What the commit says when nothing else is asked for. */
export function defaultMessage(className: string): string {
  for (const [part, what] of [
    ['Model', 'model'],
    ['Config', 'config'],
    ['Tokenizer', 'tokenizer'],
    ['FeatureExtractor', 'feature extractor'],
    ['Processor', 'processor'],
  ] as const)
    if (className.includes(part)) return `Upload ${what}`;
  return `Upload ${className}`;
}
