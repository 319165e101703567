import {
  BadRequestError,
  EntryNotFoundError,
  GatedRepoError,
  HfHubHTTPError,
  type HubErrorDetails,
  RepositoryNotFoundError,
  RevisionNotFoundError,
} from './hub-errors';
import { type HubResponse, textOf } from './request';

/** Addresses that are about a repository, where 401 means "not there, or not for you". */
const kAboutRepository = /^\/(?:api\/(?:models|datasets|spaces)\/.+|[^/]+(?:\/[^/]+)?\/resolve\/.+)/;

/**
 * The error that an answer of status 400 or more stands for. Reads the body.
 * Source: huggingface_hub 0.36.2, `hf_raise_for_status`
 */
export async function httpError(response: HubResponse): Promise<HfHubHTTPError> {
  const { status, headers, url } = response;
  const code = header(headers['x-error-code']);
  const requestId = header(headers['x-request-id']) ?? header(headers['x-amzn-trace-id']);
  const serverMessage = header(headers['x-error-message']) ?? messageIn(await textOf(response).catch(() => ''));
  const address = withoutSecrets(url);
  const details: HubErrorDetails = { status, url: address, requestId, serverMessage };
  const tail =
    (serverMessage ? `: ${serverMessage}` : '') + (requestId ? ` (request ${requestId})` : '') + ` [${address}]`;
  if (code === 'RevisionNotFound') return new RevisionNotFoundError(`Revision Not Found${tail}`, details);
  if (code === 'EntryNotFound') return new EntryNotFoundError(`Entry Not Found${tail}`, details);
  if (code === 'GatedRepo')
    return new GatedRepoError(`Access to this repository must be asked for on its page${tail}`, details);
  if (code === 'RepoNotFound' || (status === 401 && isAboutRepository(url, serverMessage)))
    return new RepositoryNotFoundError(
      `Repository Not Found${tail}. Check the id; a private or gated repository needs a token that may read it`,
      details,
    );
  if (status === 400) return new BadRequestError(`Bad request${tail}`, details);
  if (status === 403) return new HfHubHTTPError(`403 Forbidden${tail}. Check what the token may do`, details);
  return new HfHubHTTPError(`the server answers ${status}${tail}`, details);
}

function isAboutRepository(url: URL, message: string | null): boolean {
  return kAboutRepository.test(url.pathname) && message !== 'Invalid credentials in Authorization header';
}

function header(value: string | string[] | undefined): string | null {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text === '' ? null : readable(text);
}

/** What a JSON body says under `error`, `errors` or `message`; else the start of a plain one. */
function messageIn(body: string): string | null {
  try {
    const { error, errors, message } = JSON.parse(body) as Record<string, unknown>;
    const all = [error, message, ...(Array.isArray(errors) ? errors : [])];
    const texts = all.map((e) => (typeof e === 'object' && e ? (e as { message?: unknown }).message : e));
    const said = texts.filter((text) => typeof text === 'string' && text !== '');
    return said.length > 0 ? readable(said.join('; ')) : null;
  } catch {
    return body === '' || body.trimStart().startsWith('<') ? null : readable(body);
  }
}

/** What a server says is shown on one line, and not for ever. */
function readable(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Surrogate}]+/gu, ' ').trim();
  return line.length > 500 ? `${line.slice(0, 500)}…` : line;
}

/** Addresses of storage carry signatures: what follows '?' is not shown. */
export function withoutSecrets(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
