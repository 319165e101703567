import { Readable } from 'node:stream';
import { ValueError } from '../errors';
import { redirectOf } from './file-info';
import { httpError } from './http-error';
import { HubConnectionError } from './hub-errors';
import type { HubOptions } from './options';
import { drop, type HubRequest, type HubResponse, send, textOf, userAgent } from './request';
import { noteRetryAfter, withRetries } from './retry';
import { downloadTimeout, endpoint } from './settings';

/** A part of a large file's way, as the batch call describes it. */
interface LfsAction {
  href: string;
  header?: Record<string, string>;
}

interface LfsObject {
  oid: string;
  size: number;
  actions?: { upload?: LfsAction; verify?: LfsAction };
}

const kMostRedirects = 5;

/**
 * A `fetch` for `@huggingface/hub`, through this package's own requests: the token goes to the Hub and to no other host;
 * what may be repeated is, with patience; a large file is verified after it has been put; a refusal is one of our errors.
 * The commit itself is sent once: who calls decides whether it may be sent again.
 */
export function uploadFetch(token: string, options: HubOptions): typeof fetch {
  const home = new URL(endpoint()).origin;
  const verifications = new Map<string, LfsObject>();
  return async (input, init = {}) => {
    const url = new URL(String(input));
    const request = requestOf(url, init, url.origin === home ? token : null, options);
    const isQuestion = isXetQuestion(url, home);
    const ask = () => (isQuestion ? send(request) : follow(request, home));
    const answer = isCommitCall(url.href)
      ? await ask()
      : await withRetries(`${request.method} ${url.pathname}`, ask, options.signal);
    if (isQuestion) return new Response(Readable.toWeb(answer.body) as never, { status: answer.status });
    const text = await textOf(answer, 64 * 1024 * 1024, options.signal);
    if (url.pathname.endsWith('/info/lfs/objects/batch')) remember(text, verifications);
    const done = verifications.get(url.href);
    if (done) {
      verifications.delete(url.href);
      await verify(done, home, token, options);
    }
    (init as { progressHint?: { progressCallback?(share: number): void } }).progressHint?.progressCallback?.(1);
    return new Response(answer.status === 204 || text === '' ? null : text, {
      status: answer.status,
      headers: plain(answer.headers),
    });
  };
}

/** Whether an address is that of the commit itself. */
export function isCommitCall(url: string): boolean {
  return /\/commit\/[^/?]+(\?|$)/.test(url);
}

/** Whether Xet's storage is asked for chunks like one of ours: it mostly has none, which is no failure. */
function isXetQuestion({ pathname, origin }: URL, home: string): boolean {
  return origin !== home && pathname.includes('/v1/chunks/');
}

function requestOf(url: URL, init: RequestInit, token: string | null, options: HubOptions): HubRequest {
  const headers: Record<string, string> = {};
  new Headers(init.headers ?? {}).forEach((value, name) => {
    if (name !== 'authorization' || token === null) headers[name] = value;
  });
  // Storage has its own permission in the address; what else is there as authorization is the storage's own.
  if (headers['authorization'] === 'Bearer undefined') delete headers['authorization'];
  if (token !== null) headers['authorization'] = `Bearer ${token}`;
  headers['user-agent'] = userAgent(options.user_agent);
  const { body } = init;
  const isBlob = typeof body === 'object' && body !== null && 'stream' in body;
  if (isBlob) headers['content-length'] = String((body as Blob).size);
  const isBytes = ArrayBuffer.isView(body);
  if (body && !isBlob && !isBytes && typeof body !== 'string')
    throw new ValueError(`a request to ${url.host} has a body of a kind that cannot be sent`);
  return {
    method: (init.method ?? 'GET') as HubRequest['method'],
    url,
    headers,
    ...(isBlob && { body: streamOf(body as Blob) }),
    ...((typeof body === 'string' || isBytes) && { body: body as string | Uint8Array }),
    timeout: Math.max(60, downloadTimeout()),
    proxies: options.proxies ?? null,
    signal: init.signal ?? options.signal ?? null,
  };
}

/** The blob's bytes, from the beginning each time that they are asked for. */
function streamOf(blob: Blob): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => Readable.fromWeb(blob.stream() as never)[Symbol.asyncIterator]() };
}

/** Sends; a redirect within the Hub, as of a renamed repository, is followed with the same method and body. */
async function follow(request: HubRequest, home: string): Promise<HubResponse> {
  let { url } = request;
  for (let hops = 0; hops <= kMostRedirects; hops++) {
    const answer = await send({ ...request, url });
    if (answer.status >= 400) throw noteRetryAfter(await httpError(answer), answer.headers['retry-after']);
    const next = redirectOf(answer);
    if (next === null) return answer;
    drop(answer);
    if (next.origin !== url.origin && url.origin === home)
      throw new HubConnectionError(`${url.host} sends a request that writes on to ${next.host}; refused`, {
        passing: false,
      });
    url = next;
  }
  throw new HubConnectionError(`${request.url.host} redirects more than ${kMostRedirects} times`, { passing: false });
}

/** Notes what is to be verified once it has been put: by the address that finishes it. */
function remember(text: string, verifications: Map<string, LfsObject>): void {
  const { objects = [] } = JSON.parse(text) as { objects?: LfsObject[] };
  for (const object of objects) {
    const { upload, verify } = object.actions ?? {};
    if (upload && verify && URL.canParse(upload.href)) verifications.set(new URL(upload.href).href, object);
  }
}

async function verify(
  { oid, size, actions }: LfsObject,
  home: string,
  token: string,
  options: HubOptions,
): Promise<void> {
  const { href, header = {} } = (actions as { verify: LfsAction }).verify;
  const url = new URL(href);
  const headers: Record<string, string> = { ...header, 'Content-Type': 'application/vnd.git-lfs+json' };
  for (const name of Object.keys(headers)) if (name.toLowerCase() === 'authorization') delete headers[name];
  if (url.origin === home) headers['Authorization'] = `Basic ${Buffer.from(`USER:${token}`).toString('base64')}`;
  const request: HubRequest = {
    method: 'POST',
    url,
    headers: { ...headers, 'User-Agent': userAgent(options.user_agent) },
    body: JSON.stringify({ oid, size }),
    timeout: Math.max(60, downloadTimeout()),
    proxies: options.proxies ?? null,
    signal: options.signal ?? null,
  };
  drop(await withRetries(`verify ${oid}`, () => follow(request, home), options.signal));
}

function plain(headers: HubResponse['headers']): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || /^(content-encoding|content-length|transfer-encoding|set-cookie)$/.test(name)
      ? []
      : [[name, Array.isArray(value) ? value.join(', ') : value] as [string, string]],
  );
}
