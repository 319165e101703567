/** What programs use of the Hub's files: the room's verbs, with options that must be known. */

import { TypeError, unknownName } from '../errors';
import * as cachedFiles from './cached-file';
import type { CommitInfo } from './commit-files';
import * as downloads from './download';
import { type HubOptions, hubOptionNames } from './options';
import { pushOptionNames } from './push-to-hub';
import * as snapshots from './snapshot';
import * as uploads from './upload-folder';

export type { CachedFileOptions } from './cached-file';
export type { CommitInfo } from './commit-files';
export {
  BadRequestError,
  EntryNotFoundError,
  FileMetadataError,
  GatedRepoError,
  HFValidationError,
  HfHubHTTPError,
  HubConnectionError,
  HubIntegrityError,
  LocalEntryNotFoundError,
  LocalTokenNotFoundError,
  OfflineModeIsEnabled,
  RepositoryNotFoundError,
  RevisionNotFoundError,
} from './hub-errors';
export type { HubOptions } from './options';
export type { TransferEvent, TransferListener } from './progress';
export type { PushOptions } from './push-to-hub';
export type { SnapshotOptions } from './snapshot';
export type { UploadOptions } from './upload-folder';

const fetching = [...hubOptionNames, 'user_agent', 'onTransfer', 'signal'];

/** What of `push_to_hub` says how to save, or where to, and not what to commit. */
const ofSaving = [
  'use_temp_dir',
  'max_shard_size',
  'safe_serialization',
  'repo_path_or_name',
  'repo_url',
  'organization',
];

function check(where: string, options: object, known: readonly string[]): void {
  if (options === null || typeof options !== 'object') throw new TypeError(`the options of ${where} must be an object`);
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownName('option', name, where, known);
}

/** The path of a file of a repository in the cache; see `hubDownload` in lib/hub/download. @throws as it; TypeError */
export async function hubDownload(repo: string, file: string, options: HubOptions = {}): Promise<string> {
  check('hubDownload', options, fetching);
  return downloads.hubDownload(repo, file, options);
}

/** What the cache knows of a file: its path, false when it is not there, null when nothing is known. @throws TypeError */
export async function tryToLoadFromCache(
  repo: string,
  file: string,
  options: Pick<HubOptions, 'cache_dir' | 'revision' | 'signal'> = {},
): Promise<string | false | null> {
  check('tryToLoadFromCache', options, ['cache_dir', 'revision', 'signal']);
  return downloads.tryToLoadFromCache(repo, file, options);
}

/** The folder of a repository's files at one commit; see `snapshotDownload` in lib/hub/snapshot. @throws as it; TypeError */
export async function snapshotDownload(repo: string, options: snapshots.SnapshotOptions = {}): Promise<string> {
  check('snapshotDownload', options, [...fetching, 'include', 'exclude', 'choose', 'max_workers', 'dry_run', 'onPlan']);
  return snapshots.snapshotDownload(repo, options);
}

/** Transformers' way to ask for a model's file; see `cachedFile` in lib/hub/cached-file. @throws as it; TypeError */
export async function cached_file(
  location: string,
  file: string,
  options: cachedFiles.CachedFileOptions = {},
): Promise<string | null> {
  const flags = ['missing_entries', 'gated_repo', 'connection_errors'].map((name) => `_raise_exceptions_for_${name}`);
  check('cached_file', options, [...fetching, 'subfolder', ...flags]);
  return cachedFiles.cachedFile(location, file, options);
}

/** Whether a repository or a folder has a file; see `hasFile` in lib/hub/cached-file. @throws as it; TypeError */
export async function has_file(location: string, file: string, options: HubOptions = {}): Promise<boolean> {
  check('has_file', options, fetching);
  return cachedFiles.hasFile(location, file, options);
}

/** Commits the files of a folder; see `uploadFolder` in lib/hub/upload-folder. @throws as it; TypeError */
export async function uploadFolder(
  folder: string,
  repo: string,
  options: uploads.UploadOptions = {},
): Promise<CommitInfo> {
  check('uploadFolder', options, [...pushOptionNames.filter((name) => !ofSaving.includes(name)), 'choose']);
  return uploads.uploadFolder(folder, repo, options);
}
