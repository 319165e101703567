import * as http from 'node:http';
import * as https from 'node:https';
import { Readable } from 'node:stream';
import { throwIfAborted } from '../errors';
import { version } from '../package';
import { HubConnectionError, isConnectionError, OfflineModeIsEnabled } from './hub-errors';
import { proxyFor, throughProxy } from './proxy';
import { isOffline, telemetryDisabled } from './settings';

/** One question to a server. Redirects are answers here: whoever asks decides where to go, and with which headers. */
export interface HubRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  url: URL;
  headers?: Record<string, string>;
  body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  /** Seconds without a byte after which the connection is given up. */
  timeout: number;
  proxies?: Readonly<Record<string, string>> | null;
  signal?: AbortSignal | null;
}

/** An answer. `body` must be read or dropped. */
export interface HubResponse {
  method: HubRequest['method'];
  status: number;
  headers: http.IncomingHttpHeaders;
  url: URL;
  body: http.IncomingMessage;
}

const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

/**
 * Sends one request and waits for the head of the answer.
 * @throws HubConnectionError (`passing` when trying again may help), OfflineModeIsEnabled, AbortError
 */
export async function send(request: HubRequest): Promise<HubResponse> {
  const { signal, url } = request;
  throwIfAborted(signal);
  if (isOffline())
    throw new OfflineModeIsEnabled(
      `Cannot reach ${url.origin}: offline mode is enabled. Unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to ask the network`,
    );
  try {
    return await attempt(request);
  } catch (error) {
    throwIfAborted(signal);
    // A kept connection may have been closed by the server while the request was on its way.
    const stale = (error as { reused?: boolean }).reused === true && typeof request.body !== 'object';
    if (!stale) throw proxyError(error, request) ?? connectionError(error, url, request.timeout);
  }
  return attempt(request).catch((error) => {
    throwIfAborted(signal);
    throw connectionError(error, url, request.timeout);
  });
}

async function attempt(request: HubRequest): Promise<HubResponse> {
  const { method, url, timeout, proxies, signal, body } = request;
  const headers = { 'User-Agent': userAgent(), ...request.headers };
  const proxy = proxyFor(url, proxies);
  const options: https.RequestOptions = {
    method,
    headers,
    agent: agents[url.protocol as 'http:' | 'https:'],
    ...(signal && { signal }),
    ...(proxy && (await throughProxy(url, proxy, headers, timeout, signal))),
  };
  const module = (proxy && url.protocol === 'http:' ? proxy : url).protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const asked = module.request(url, options);
    asked.setTimeout(timeout * 1000, () => asked.destroy(new SilenceError()));
    asked.on('response', (answer) => {
      answer.on('error', () => {}); // heard where the body is read
      resolve({ method, status: answer.statusCode as number, headers: answer.headers, url, body: answer });
    });
    asked.on('error', (error) => reject(Object.assign(error, { reused: asked.reusedSocket })));
    if (body === undefined || typeof body === 'string' || ArrayBuffer.isView(body)) asked.end(body);
    else
      Readable.from(body, { objectMode: false })
        .on('error', (error) => asked.destroy(error))
        .pipe(asked);
  });
}

/** A proxy that cannot be reached is a fault of the settings, not of the Hub: it is neither tried again nor passed over. */
function proxyError(error: unknown, { url, proxies }: HubRequest): HubConnectionError | null {
  const { code = '', message } = error as { code?: string; message: string };
  const proxy = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'].includes(code)
    ? proxyFor(url, proxies)
    : null;
  if (proxy === null) return null;
  const what = `the proxy ${proxy.host} for ${url.host} cannot be reached: ${message}`;
  return new HubConnectionError(what, { passing: false, code: 'ERR_HUB_PROXY', cause: error });
}

/** No byte for as long as was allowed. */
class SilenceError extends Error {
  code = 'ETIMEDOUT';
  silent = true;
}

/** What a failed connection means to a caller. */
export function connectionError(error: unknown, url: URL, timeout: number): Error {
  if (isConnectionError(error)) return error;
  const { code = '', message } = error as { code?: string; message: string };
  if (code === 'ETIMEDOUT' && (error as SilenceError).silent)
    return new HubConnectionError(`${url.host} said nothing for ${timeout} s; the server or the connection is slow`, {
      code: 'ERR_HUB_TIMEOUT',
      cause: error,
    });
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO|EPROTO|ALTNAME/.test(code))
    return new HubConnectionError(`the connection to ${url.host} is not trusted: ${message}`, {
      passing: false,
      code: 'ERR_HUB_TLS',
      cause: error,
    });
  if ((error as { name?: string }).name === 'ValueError') return error as Error;
  return new HubConnectionError(`no connection to ${url.host}: ${message}${code ? ` (${code})` : ''}`, {
    cause: error,
  });
}

const kMostText = 1024 * 1024;

/** The body as text, of at most `most` bytes. @throws HubConnectionError when it is longer or breaks off */
export async function textOf(response: HubResponse, most = kMostText, signal?: AbortSignal | null): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of response.body as AsyncIterable<Buffer>) {
      bytes += part.byteLength;
      if (bytes > most) throw new HubConnectionError(`${response.url.host} answers with more than ${most} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throwIfAborted(signal);
    throw connectionError(error, response.url, 0);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Lets go of a body that nobody reads. A short one is read to its end, so that the connection can be kept. */
export function drop(response: HubResponse): void {
  const length = Number(response.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (response.method === 'HEAD' || length < 65536) response.body.resume();
  else response.body.destroy();
}

/** Who asks: `native-transformers/VERSION; node/VERSION; key/value…`. */
export function userAgent(facts: Readonly<Record<string, string>> = {}): string {
  const clean = (text: string) => text.replace(/[^\x21-\x3a\x3c-\x7e]/g, '_');
  const told = telemetryDisabled()
    ? ['telemetry/off']
    : Object.entries(facts).map(([name, value]) => `${clean(name)}/${clean(value)}`);
  return [`native-transformers/${version}`, `node/${process.versions.node}`, ...told].join('; ');
}

/** Waits; gives up at once when `signal` is aborted. @throws AbortError */
export function pause(seconds: number, signal?: AbortSignal | null): Promise<void> {
  throwIfAborted(signal);
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      try {
        throwIfAborted(signal);
      } catch (error) {
        reject(error);
      }
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
