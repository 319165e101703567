/** What programs use of the Hub's files. */

export { RepoCache } from './cache';
export { type CachedFileOptions, cachedFile as cached_file, hasFile as has_file } from './cached-file';
export type { CommitInfo } from './commit-files';
export { hubDownload, tryToLoadFromCache } from './download';
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
export { type SnapshotOptions, snapshotDownload } from './snapshot';
export { type UploadOptions, uploadFolder } from './upload-folder';
