import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import { ValueError } from '../errors';
import { HubConnectionError } from './hub-errors';

/**
 * The proxy for `url`: of the option `proxies` the entry for scheme and host, for the scheme, or 'all'; without the
 * option what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say.
 * @throws ValueError when the proxy's address is not one
 */
export function proxyFor(url: URL, proxies?: Readonly<Record<string, string>> | null): URL | null {
  const scheme = url.protocol.slice(0, -1);
  const given = proxies && Object.keys(proxies).length > 0 ? proxies : null;
  const address = given
    ? (given[`${scheme}://${url.hostname}`] ?? given[scheme] ?? given[`all://${url.hostname}`] ?? given['all'])
    : proxyInEnvironment(scheme, url);
  if (address === undefined || address === '') return null;
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`;
  if (URL.canParse(full) && /^https?:$/.test(new URL(full).protocol)) return new URL(full);
  throw new ValueError(`the proxy for ${url.origin} must be an http(s) address, not '${redact(address)}'`, {
    code: 'ERR_HUB_PROXY',
  });
}

function proxyInEnvironment(scheme: string, url: URL): string | undefined {
  const variable = (name: string) => process.env[name.toLowerCase()] || process.env[name.toUpperCase()];
  if (isExcepted(url, variable('no_proxy') ?? '')) return undefined;
  return variable(`${scheme}_proxy`) ?? variable('all_proxy');
}

/** NO_PROXY: hosts, ends of hosts, either with a port, or `*`. */
function isExcepted(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    const [, name = '', at] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (name === '' || (at !== undefined && at !== port)) return false;
    return host === name || host.endsWith(`.${name}`);
  });
}

/** What has to change in a request for it to go through `proxy`. */
export async function throughProxy(
  url: URL,
  proxy: URL,
  headers: Record<string, string>,
  timeout: number,
  signal: AbortSignal | null | undefined,
): Promise<https.RequestOptions> {
  const authorization = authorizationOf(proxy);
  if (url.protocol === 'http:')
    return {
      ...address(proxy),
      path: url.href,
      headers: { ...headers, Host: url.host, ...authorization },
    };
  const socket = await tunnel(url, proxy, authorization, timeout, signal);
  return {
    agent: false,
    createConnection: () => tls.connect({ socket, servername: url.hostname, ALPNProtocols: ['http/1.1'] }),
  };
}

function authorizationOf(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const text = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(text).toString('base64')}` };
}

function address(proxy: URL): https.RequestOptions {
  return { protocol: proxy.protocol, hostname: proxy.hostname, port: proxy.port, agent: false };
}

/** A connection to the host of `url` that `proxy` passes on untouched. */
function tunnel(
  url: URL,
  proxy: URL,
  headers: Record<string, string>,
  timeout: number,
  signal: AbortSignal | null | undefined,
): Promise<Socket> {
  const target = `${url.hostname}:${url.port || 443}`;
  const { request } = proxy.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(
        new HubConnectionError(`the proxy ${proxy.host} opens no way to ${target}: ${why}`, {
          passing: false,
          code: 'ERR_HUB_PROXY',
          cause,
        }),
      );
    const asked = request({
      ...address(proxy),
      method: 'CONNECT',
      path: target,
      headers: { Host: target, ...headers },
      ...(signal && { signal }),
    });
    asked.setTimeout(timeout * 1000, () => asked.destroy(new Error(`no answer for ${timeout} s`)));
    asked.on('connect', (response, socket) => {
      socket.setTimeout(0);
      if (response.statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        fail(`status ${response.statusCode}`);
      }
    });
    asked.on('response', (response) => {
      response.destroy();
      fail(`status ${response.statusCode}`);
    });
    asked.on('error', (error) => fail(error.message, error));
    asked.end();
  });
}

function redact(text: string): string {
  return text.replace(/\/\/[^@/]*@/, '//***@');
}
