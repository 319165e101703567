import { OSError, ValueError } from '../errors';

/**
 * What can go wrong between a program and the Hub. Names and relations are those of huggingface_hub 0.36.2, `errors.py`;
 * each class has one `code`.
 */

/** The code of an error; '' when it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** The HTTP status behind an error; null when no server has answered. */
export function statusOf(error: unknown): number | null {
  const status = (error as { status?: unknown } | null)?.status;
  return codeOf(error).startsWith('ERR_HUB_') && typeof status === 'number' ? status : null;
}

/** Whether the error is a connection that failed, or was not tried. */
export function isConnectionError(error: unknown): error is HubConnectionError {
  return codeOf(error).startsWith('ERR_HUB_') && typeof (error as { passing?: unknown }).passing === 'boolean';
}

/** Whether the error is an answer that the revision has no such file. */
export function isEntryNotFound(error: unknown): error is EntryNotFoundError {
  return codeOf(error) === 'ERR_HUB_ENTRY_NOT_FOUND';
}

/** What a server said besides the status. */
export interface HubErrorDetails {
  status?: number;
  url?: string;
  requestId?: string | null;
  serverMessage?: string | null;
  cause?: unknown;
}

/** An answer of the Hub that is a refusal. */
export class HfHubHTTPError extends OSError {
  override name = 'HfHubHTTPError';
  /** HTTP status; absent when the answer came out of the cache. */
  readonly status?: number;
  readonly url?: string;
  readonly requestId: string | null;
  readonly serverMessage: string | null;
  constructor(message: string, details: HubErrorDetails = {}, code = 'ERR_HUB_HTTP') {
    super(message, { code, cause: details.cause });
    if (details.status !== undefined) this.status = details.status;
    if (details.url !== undefined) this.url = details.url;
    this.requestId = details.requestId ?? null;
    this.serverMessage = details.serverMessage ?? null;
  }
}

/** There is no such repository, or it is not shown to this token. */
export class RepositoryNotFoundError extends HfHubHTTPError {
  override name = 'RepositoryNotFoundError';
  constructor(message: string, details: HubErrorDetails = {}, code = 'ERR_HUB_REPOSITORY_NOT_FOUND') {
    super(message, details, code);
  }
}

/** The repository is there, but its owner decides who may read it. */
export class GatedRepoError extends RepositoryNotFoundError {
  override name = 'GatedRepoError';
  constructor(message: string, details: HubErrorDetails = {}) {
    super(message, details, 'ERR_HUB_GATED');
  }
}

/** The repository has no such branch, tag or commit. */
export class RevisionNotFoundError extends HfHubHTTPError {
  override name = 'RevisionNotFoundError';
  constructor(message: string, details: HubErrorDetails = {}) {
    super(message, details, 'ERR_HUB_REVISION_NOT_FOUND');
  }
}

/** The revision has no such file. */
export class EntryNotFoundError extends HfHubHTTPError {
  override name = 'EntryNotFoundError';
  constructor(message: string, details: HubErrorDetails = {}, code = 'ERR_HUB_ENTRY_NOT_FOUND') {
    super(message, details, code);
  }
}

/** The file is not in the cache, and the network may not or cannot be asked. */
export class LocalEntryNotFoundError extends EntryNotFoundError {
  override name = 'LocalEntryNotFoundError';
  constructor(message: string, details: HubErrorDetails = {}) {
    super(message, details, 'ERR_HUB_LOCAL_ENTRY_NOT_FOUND');
  }
}

/** The Hub did not understand the request. */
export class BadRequestError extends HfHubHTTPError {
  override name = 'BadRequestError';
  constructor(message: string, details: HubErrorDetails = {}) {
    super(message, details, 'ERR_HUB_BAD_REQUEST');
  }
}

/** An answer without what describes a file: its commit, its etag. */
export class FileMetadataError extends OSError {
  override name = 'FileMetadataError';
  constructor(message: string) {
    super(message, { code: 'ERR_HUB_METADATA' });
  }
}

/** No answer at all: no connection, a broken one, or silence for too long. */
export class HubConnectionError extends OSError {
  override name = 'HubConnectionError';
  /** Whether another attempt or the cache may help: not so for certificates and proxies. */
  readonly passing: boolean;
  constructor(message: string, details: { cause?: unknown; passing?: boolean; code?: string } = {}) {
    super(message, { code: details.code ?? 'ERR_HUB_CONNECTION', cause: details.cause });
    this.passing = details.passing ?? true;
  }
}

/** A request while HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set. */
export class OfflineModeIsEnabled extends HubConnectionError {
  override name = 'OfflineModeIsEnabled';
  constructor(message: string) {
    super(message, { passing: false, code: 'ERR_HUB_OFFLINE' });
  }
}

/** Bytes that are not those that the Hub has announced. */
export class HubIntegrityError extends OSError {
  override name = 'HubIntegrityError';
  constructor(message: string) {
    super(message, { code: 'ERR_HUB_INTEGRITY' });
  }
}

/** What cannot be the id of a repository. */
export class HFValidationError extends ValueError {
  override name = 'HFValidationError';
  constructor(message: string) {
    super(message, { code: 'ERR_HUB_REPO_ID' });
  }
}

/** A token is needed, and none is stored. */
export class LocalTokenNotFoundError extends ValueError {
  override name = 'LocalTokenNotFoundError';
  constructor(message: string) {
    super(message, { code: 'ERR_HUB_NO_TOKEN' });
  }
}
