import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A server on the loopback that speaks the Hub's protocol as far as clients use it, with large files on a second server
 * as the Hub keeps them, a log of every request, and faults on demand.
 */

export interface LogEntry {
  server: 'hub' | 'storage';
  method: string;
  /** Path and query, as sent. */
  url: string;
  headers: IncomingMessage['headers'];
  status?: number;
  body?: Buffer;
}

/** What goes wrong with a request. */
export interface Fault {
  /** Which requests; a method, a part of the address, or both: 'GET model.safetensors'. */
  on: string | RegExp | ((entry: LogEntry) => boolean);
  /** How many of them; default all. */
  times?: number;
  /** Answers this status, with these headers and body. */
  status?: number;
  body?: string;
  /** Headers in place of the proper ones, or of the answer with `status`; null takes one away. */
  headers?: Record<string, string | null>;
  /** Breaks the connection after so many bytes of the body. */
  cut?: number;
  /** Flips a bit of the byte at this place of the body. */
  corrupt?: number;
  /** Milliseconds before each kilobyte. */
  slow?: number;
  /** Says nothing at all. */
  silent?: boolean;
  /** Leaves Range aside. */
  noRange?: boolean;
}

export interface FakeRepo {
  /** Branches and tags to commits. */
  refs: Map<string, string>;
  /** Files of each commit. */
  commits: Map<string, Map<string, Buffer>>;
  private: boolean;
  gated: boolean;
}

/** A handler of further addresses: true when it has answered. */
export type Extension = (server: HubServer, entry: LogEntry, url: URL, answer: ServerResponse) => boolean;

export const goodToken = 'hf_good';

export class HubServer {
  readonly log: LogEntry[] = [];
  readonly faults: Fault[] = [];
  readonly repos = new Map<string, FakeRepo>();
  /** Contents of large files by sha256. */
  readonly storage = new Map<string, Buffer>();
  readonly extensions: Extension[] = [];
  private hub!: Server;
  private store!: Server;

  static async start(ports: { hub?: number; storage?: number } = {}): Promise<HubServer> {
    const server = new HubServer();
    const handler = (name: 'hub' | 'storage') => (request: IncomingMessage, answer: ServerResponse) => {
      server.receive(name, request, answer).catch((error: Error) => {
        if (!answer.headersSent) answer.writeHead(501, { 'Content-Type': 'text/plain' });
        answer.end(String(error.stack));
      });
    };
    server.hub = createServer(handler('hub'));
    server.store = createServer(handler('storage'));
    await Promise.all([listen(server.hub, ports.hub ?? 0), listen(server.store, ports.storage ?? 0)]);
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}`;
  }

  get storageEndpoint(): string {
    return `http://127.0.0.1:${(this.store.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const server of [this.hub, this.store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /** Puts a commit with `files` at the head of a branch. @returns the commit */
  commit(repo: string, files: Record<string, Buffer | string>, branch = 'main'): string {
    const known = this.repos.get(repo) ?? this.create(repo);
    const content = new Map(Object.entries(files).map(([name, data]) => [name, Buffer.from(data)]));
    const hash = createHash('sha1').update(`${repo} ${known.commits.size}`);
    for (const [name, data] of content) hash.update(name).update(data);
    const commit = hash.digest('hex');
    known.commits.set(commit, content);
    known.refs.set(branch, commit);
    return commit;
  }

  create(repo: string): FakeRepo {
    const made: FakeRepo = { refs: new Map(), commits: new Map(), private: false, gated: false };
    this.repos.set(repo, made);
    return made;
  }

  /** 'METHOD path' of each request so far, without the query; storage paths start with 'storage'. */
  requests(): string[] {
    return this.log.map(({ server, method, url }) => {
      const path = url.split('?')[0] as string;
      return `${method} ${server === 'storage' ? 'storage' : ''}${path}`;
    });
  }

  forget(): void {
    this.log.length = 0;
    this.faults.length = 0;
  }

  private async receive(name: 'hub' | 'storage', request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const entry: LogEntry = {
      server: name,
      method: request.method as string,
      url: request.url as string,
      headers: request.headers,
    };
    this.log.push(entry);
    request.on('error', () => {});
    answer.on('error', () => {});
    answer.on('finish', () => {
      entry.status = answer.statusCode;
    });
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    entry.body = Buffer.concat(parts);
    const fault = this.faultFor(entry);
    if (fault?.silent) return;
    if (fault?.status !== undefined) {
      answer.writeHead(fault.status, withoutNulls({ 'Content-Type': 'text/plain', ...fault.headers }));
      answer.end(request.method === 'HEAD' ? undefined : (fault.body ?? ''));
      return;
    }
    const url = new URL(entry.url, 'http://hub');
    if (this.extensions.some((extension) => extension(this, entry, url, answer))) return;
    if (name === 'storage') this.serveStorage(entry, url, answer, fault);
    else this.serveHub(entry, url, answer, fault);
  }

  private faultFor(entry: LogEntry): Fault | null {
    const line = `${entry.method} ${entry.url}`;
    const index = this.faults.findIndex(({ on }) =>
      typeof on === 'function'
        ? on(entry)
        : typeof on === 'string'
          ? on.split(' ').every((p) => line.includes(p))
          : on.test(line),
    );
    const fault = this.faults[index];
    if (!fault) return null;
    if (fault.times !== undefined && --fault.times === 0) this.faults.splice(index, 1);
    return fault;
  }

  private serveStorage(entry: LogEntry, url: URL, answer: ServerResponse, fault: Fault | null) {
    const data = this.storage.get(url.pathname.split('/').at(-1) as string);
    if (!data || !url.searchParams.has('signature')) return refuse(answer, 403, null, 'no signature');
    if (entry.headers.authorization !== undefined) return refuse(answer, 400, null, 'a token came to the storage');
    sendBytes(entry, answer, data, {}, fault);
  }

  private serveHub(entry: LogEntry, url: URL, answer: ServerResponse, fault: Fault | null) {
    const file = /^\/((?:[^/]+\/)?[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    if (file) {
      const [, repo, revision, path] = file.map(decodeURIComponent) as [string, string, string, string];
      return this.serveFile(entry, repo, revision, path, answer, fault);
    }
    const api = /^\/api\/models\/((?:[^/]+\/)?[^/]+?)(?:\/(revision|tree)\/([^/]+))?$/.exec(url.pathname);
    if (!api) return refuse(answer, 404, null, `no such address: ${url.pathname}`);
    const [, repo, kind, revision = 'main'] = api;
    const found = this.find(entry, repo as string, decodeURIComponent(revision), answer);
    if (!found) return;
    const list = [...found.files].map(([path, data]) => describeFile(path, data));
    const body =
      kind === 'tree'
        ? list.map(({ path, size, oid, lfs }) => ({ type: 'file', path, size, oid, ...(lfs && { lfs }) }))
        : {
            id: repo,
            modelId: repo,
            sha: found.commit,
            private: false,
            siblings: list.map(({ path, size }) => ({ rfilename: path, size })),
          };
    answer.writeHead(200, withoutNulls({ 'Content-Type': 'application/json', ...fault?.headers }));
    answer.end(fault?.body ?? JSON.stringify(body));
  }

  private find(
    entry: LogEntry,
    repo: string,
    revision: string,
    answer: ServerResponse,
  ): { commit: string; files: Map<string, Buffer> } | null {
    const known = this.repos.get(repo);
    const isGood = entry.headers.authorization === `Bearer ${goodToken}`;
    if (!known || (known.private && !isGood)) {
      refuse(answer, 401, 'RepoNotFound', 'Repository not found');
      return null;
    }
    if (known.gated && !isGood) {
      refuse(answer, 403, 'GatedRepo', `Access to model ${repo} is restricted`);
      return null;
    }
    const commit = known.commits.has(revision) ? revision : known.refs.get(revision);
    if (commit === undefined) {
      refuse(answer, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
      return null;
    }
    return { commit, files: known.commits.get(commit) as Map<string, Buffer> };
  }

  private serveFile(
    entry: LogEntry,
    repo: string,
    revision: string,
    path: string,
    answer: ServerResponse,
    fault: Fault | null,
  ) {
    const found = this.find(entry, repo, revision, answer);
    if (!found) return;
    answer.setHeader('X-Repo-Commit', found.commit);
    const data = found.files.get(path);
    if (!data) return refuse(answer, 404, 'EntryNotFound', 'Entry not found');
    const { lfs, oid, size } = describeFile(path, data);
    if (!lfs) return sendBytes(entry, answer, data, { ETag: `"${oid}"`, 'X-Repo-Commit': found.commit }, fault);
    this.storage.set(lfs.oid, data);
    const headers = {
      'X-Repo-Commit': found.commit,
      'X-Linked-Etag': `"${lfs.oid}"`,
      'X-Linked-Size': String(size),
      ETag: `"pointer-${oid}"`,
      Location: `${this.storageEndpoint}/lfs/${lfs.oid}?signature=${found.commit.slice(0, 8)}`,
    };
    answer.writeHead(302, withoutNulls({ ...headers, ...fault?.headers }));
    answer.end(entry.method === 'HEAD' ? undefined : 'Found');
  }
}

export function refuse(answer: ServerResponse, status: number, code: string | null, message: string): void {
  answer.writeHead(status, {
    'Content-Type': 'application/json',
    'X-Request-Id': 'request-1',
    'X-Error-Message': message,
    ...(code && { 'X-Error-Code': code }),
  });
  answer.end(JSON.stringify({ error: message }));
}

/** Files of weights are large files, whatever their size. */
export function describeFile(
  path: string,
  data: Buffer,
): { path: string; size: number; oid: string; lfs?: { oid: string; size: number; pointerSize: number } } {
  const oid = createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');
  const isLarge = /\.(safetensors|bin|h5|msgpack|onnx)$/.test(path);
  const sha256 = createHash('sha256').update(data).digest('hex');
  return {
    path,
    size: data.length,
    oid,
    ...(isLarge && { lfs: { oid: sha256, size: data.length, pointerSize: 130 } }),
  };
}

function sendBytes(
  entry: LogEntry,
  answer: ServerResponse,
  whole: Buffer,
  headers: Record<string, string>,
  fault: Fault | null,
): void {
  const range = fault?.noRange ? undefined : /^bytes=(\d+)-$/.exec(entry.headers.range ?? '')?.[1];
  const start = Number(range ?? 0);
  if (range !== undefined && start >= whole.length) {
    answer.writeHead(416, { 'Content-Range': `bytes */${whole.length}` });
    answer.end();
    return;
  }
  let data = whole.subarray(start);
  if (fault?.corrupt !== undefined && fault.corrupt >= start && fault.corrupt < whole.length) {
    data = Buffer.from(data);
    (data as Buffer)[fault.corrupt - start]! ^= 1;
  }
  answer.writeHead(
    range === undefined ? 200 : 206,
    withoutNulls({
      'Content-Length': String(data.length),
      'Accept-Ranges': 'bytes',
      ...(range !== undefined && { 'Content-Range': `bytes ${start}-${whole.length - 1}/${whole.length}` }),
      ...headers,
      ...fault?.headers,
    }),
  );
  if (entry.method === 'HEAD') answer.end();
  else if (fault?.cut !== undefined)
    answer.write(data.subarray(0, fault.cut), () => setTimeout(() => answer.destroy(), 20));
  else if (fault?.slow !== undefined) void drip(answer, data, fault.slow);
  else answer.end(data);
}

async function drip(answer: ServerResponse, data: Buffer, milliseconds: number): Promise<void> {
  for (let at = 0; at < data.length && !answer.destroyed; at += 1024) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    answer.write(data.subarray(at, at + 1024));
  }
  answer.end();
}

function withoutNulls(headers: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== null)) as Record<string, string>;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}
