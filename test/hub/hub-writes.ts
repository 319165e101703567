import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describeFile, goodToken, type HubServer, type LogEntry, refuse } from './hub-server';
import { placeInXet, storeInXet } from './xet-storage';

/** The half of the Hub's protocol that writes: repositories, branches, large files, commits. */
export interface Writes {
  /** Breaks the connection after the next so many commits have been made. */
  loseAnswers: number;
  /** Sends large files of at least so many bytes in parts of this size. */
  partSize: number | null;
  /** Large files go to Xet's storage where it is offered and the client knows it. */
  xet: boolean;
  /** Commits that were made, latest last. */
  commits: { repo: string; branch: string; header: Record<string, unknown>; paths: string[]; pr: boolean }[];
}

interface CommitLine {
  key: string;
  value: { path: string; content: string; oid: string; size: number; summary: string; parentCommit?: string };
}

export function allowWrites(server: HubServer): Writes {
  const writes: Writes = { loseAnswers: 0, partSize: null, xet: false, commits: [] };
  server.extensions.push((_, entry, url, answer) => handle(server, writes, entry, url, answer));
  return writes;
}

function handle(server: HubServer, writes: Writes, entry: LogEntry, url: URL, answer: ServerResponse): boolean {
  const { pathname } = url;
  const body = (entry.body ?? Buffer.alloc(0)).toString();
  const reply = (value: unknown, status = 200) => {
    answer.writeHead(status, { 'Content-Type': 'application/json' });
    answer.end(JSON.stringify(value));
    return true;
  };
  if (entry.server === 'storage' && pathname.startsWith('/v1/')) return storeInXet(server, entry, url, answer);
  if (entry.server === 'storage') return entry.method === 'GET' ? false : store(server, entry, url, answer);
  const isWrite = entry.method === 'POST' || pathname === '/api/whoami-v2';
  if (!isWrite) return false;
  const allowed = [`Bearer ${goodToken}`, `Basic ${Buffer.from(`USER:${goodToken}`).toString('base64')}`];
  if (!allowed.includes(entry.headers.authorization ?? '')) {
    refuse(answer, 403, null, 'this token may only read');
    return true;
  }
  if (pathname === '/api/whoami-v2') return reply({ type: 'user', name: 'someone', auth: { type: 'access_token' } });
  if (pathname === '/api/validate-yaml') {
    if (!body.includes('bad-tag')) return reply({});
    return reply({ errors: [{ message: '"tags" is wrong' }] }, 400);
  }
  if (pathname === '/api/repos/create') {
    const { name, organization, visibility } = JSON.parse(body);
    const id = `${organization}/${name}`;
    if (server.repos.has(id)) return reply({ error: 'You already created this model repo' }, 409);
    server.create(id).private = visibility === 'private';
    server.commit(id, { '.gitattributes': '*.safetensors filter=lfs' });
    return reply({ url: `${server.endpoint}/${id}`, id });
  }
  const branch = /^\/api\/models\/([^/]+\/[^/]+)\/branch\/([^/]+)$/.exec(pathname);
  if (branch) return makeBranch(server, branch[1] as string, decodeURIComponent(branch[2] as string), reply);
  const preupload = /^\/api\/models\/([^/]+\/[^/]+)\/preupload\/([^/]+)$/.exec(pathname);
  if (preupload)
    return reply({
      files: JSON.parse(body).files.map(({ path, size }: { path: string; size: number }) => ({
        path,
        uploadMode: size > 0 && /\.(safetensors|bin)$/.test(path) ? 'lfs' : 'regular',
        shouldIgnore: false,
      })),
    });
  if (pathname.endsWith('/info/lfs/objects/batch') && writes.xet && JSON.parse(body).transfers.includes('xet'))
    return reply({ transfer: 'xet', objects: JSON.parse(body).objects.map((o: never) => placeInXet(server, o)) });
  if (pathname.endsWith('/info/lfs/objects/batch'))
    return reply({ transfer: 'basic', objects: JSON.parse(body).objects.map((o: never) => place(server, writes, o)) });
  if (pathname.endsWith('/info/lfs/objects/verify'))
    return reply({}, server.storage.has(JSON.parse(body).oid) ? 200 : 404);
  const paths = /^\/api\/models\/([^/]+\/[^/]+)\/paths-info\/([^/]+)$/.exec(pathname);
  if (paths) {
    const files = server.repos.get(paths[1] as string)!.commits.get(paths[2] as string)!;
    const wanted = JSON.parse(body).paths as string[];
    return reply(wanted.filter((p) => files.has(p)).map((p) => describeFile(p, files.get(p) as Buffer)));
  }
  const commit = /^\/api\/models\/([^/]+\/[^/]+)\/commit\/([^/]+)$/.exec(pathname);
  if (!commit) return false;
  return makeCommit(
    server,
    writes,
    commit[1] as string,
    decodeURIComponent(commit[2] as string),
    url,
    body,
    answer,
    reply,
  );
}

type Reply = (value: unknown, status?: number) => boolean;

function makeBranch(server: HubServer, repo: string, branch: string, reply: Reply): boolean {
  const known = server.repos.get(repo)!;
  if (known.refs.has(branch)) return reply({ error: 'Reference already exists' }, 409);
  known.refs.set(branch, known.refs.get('main') as string);
  return reply({});
}

/** Where a large file goes: nowhere when it is there, in one piece, or in parts. */
function place(server: HubServer, writes: Writes, { oid, size }: { oid: string; size: number }): unknown {
  if (server.storage.has(oid)) return { oid, size };
  const base = `${server.storageEndpoint}/put/${oid}`;
  const verify = { href: `${server.endpoint}/org/name.git/info/lfs/objects/verify` };
  if (writes.partSize === null || size < writes.partSize)
    return { oid, size, actions: { upload: { href: `${base}?signature=1` }, verify } };
  const count = Math.ceil(size / writes.partSize);
  const parts = Array.from({ length: count }, (_, i) => [String(i + 1).padStart(5, '0'), `${base}?part=${i + 1}`]);
  const header = { chunk_size: String(writes.partSize), ...Object.fromEntries(parts) };
  return { oid, size, actions: { upload: { href: `${base}/complete`, header }, verify } };
}

const partsOf = new Map<string, Map<number, Buffer>>();

function store(server: HubServer, entry: LogEntry, url: URL, answer: ServerResponse): boolean {
  if (entry.headers.authorization !== undefined) {
    refuse(answer, 400, null, 'a token came to the storage');
    return true;
  }
  const oid = url.pathname.split('/')[2] as string;
  const part = url.searchParams.get('part');
  if (part !== null) {
    const parts = partsOf.get(oid) ?? new Map<number, Buffer>();
    partsOf.set(oid, parts.set(Number(part), entry.body as Buffer));
    answer.writeHead(200, { ETag: `"part-${part}"` }).end();
    return true;
  }
  let data = entry.body as Buffer;
  if (url.pathname.endsWith('/complete')) {
    const named = JSON.parse(data.toString()).parts as { partNumber: number; etag: string }[];
    if (named.some(({ partNumber, etag }) => etag !== `"part-${partNumber}"`)) {
      refuse(answer, 400, null, 'a wrong etag');
      return true;
    }
    data = Buffer.concat(named.map(({ partNumber }) => partsOf.get(oid)!.get(partNumber) as Buffer));
  }
  if (createHash('sha256').update(data).digest('hex') !== oid) {
    refuse(answer, 400, null, 'the bytes are not those of the name');
    return true;
  }
  server.storage.set(oid, data);
  answer.writeHead(200).end();
  return true;
}

function makeCommit(
  server: HubServer,
  writes: Writes,
  repo: string,
  branch: string,
  url: URL,
  body: string,
  answer: ServerResponse,
  reply: Reply,
): boolean {
  const known = server.repos.get(repo)!;
  const head = known.refs.get(branch);
  if (head === undefined) {
    refuse(answer, 404, 'RevisionNotFound', `Invalid rev id: ${branch}`);
    return true;
  }
  const lines = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as CommitLine);
  const header = lines[0]!.value;
  if (header.parentCommit !== undefined && header.parentCommit !== head)
    return reply({ error: 'The parent commit is not the head of the branch' }, 412);
  const files = Object.fromEntries(known.commits.get(head) as Map<string, Buffer>);
  for (const { key, value } of lines.slice(1)) {
    if (key === 'file') files[value.path] = Buffer.from(value.content, 'base64');
    if (key === 'lfsFile') files[value.path] = server.storage.get(value.oid) as Buffer;
  }
  const pr = url.searchParams.get('create_pr') === '1';
  const number = writes.commits.filter((commit) => commit.pr).length + 1;
  const oid = server.commit(repo, files, pr ? `refs/pr/${number}` : branch);
  const paths = lines.slice(1).map(({ value }) => value.path);
  writes.commits.push({ repo, branch, header: header as never, paths, pr });
  if (writes.loseAnswers > 0) {
    writes.loseAnswers--;
    answer.destroy();
    return true;
  }
  return reply({
    success: true,
    commitOid: oid,
    commitUrl: `${server.endpoint}/${repo}/commit/${oid}`,
    ...(pr && { pullRequestUrl: `${server.endpoint}/${repo}/discussions/${number}` }),
  });
}
