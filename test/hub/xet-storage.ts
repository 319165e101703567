import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type HubServer, type LogEntry, refuse } from './hub-server';

/** Xet's storage, as far as an upload needs it: chunks in xorbs, and shards that say which chunks make a file. */

export const xetToken = 'xet-token';

/** Where a large file goes: one answer of the batch call. */
export function placeInXet(server: HubServer, { oid, size }: { oid: string; size: number }): unknown {
  if (server.storage.has(oid)) return { oid, size };
  const header = {
    'X-Xet-Cas-Url': server.storageEndpoint,
    'X-Xet-Access-Token': xetToken,
    'X-Xet-Token-Expiration': String(Math.floor(Date.now() / 1000) + 3600),
    'X-Xet-Session-Id': 'session',
  };
  return {
    oid,
    size,
    actions: { upload: { href: `${server.endpoint}/api/models/org/name/xet-write-token/main`, header } },
  };
}

/** Chunks by the hash of their xorb. */
const xorbs = new Map<string, Buffer[]>();

export function storeInXet(
  server: HubServer,
  { method, headers, body }: LogEntry,
  url: URL,
  answer: ServerResponse,
): boolean {
  if (headers.authorization !== `Bearer ${xetToken}`) refuse(answer, 401, null, 'not the token of this storage');
  else if (method === 'GET') refuse(answer, 404, null, 'no such chunk is known');
  else {
    const bytes = body as Buffer;
    if (url.pathname.startsWith('/v1/xorbs/')) xorbs.set(url.pathname.split('/')[4] as string, chunksOf(bytes));
    else for (const [sha256, data] of filesOf(bytes)) server.storage.set(sha256, data);
    answer.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  }
  return true;
}

/** A chunk: a head of version, length here, scheme, length; then its bytes, which are not compressed where that gains nothing. */
function chunksOf(xorb: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < xorb.length; ) {
    const [length, scheme] = [xorb.readUIntLE(at + 1, 3), xorb.readUInt8(at + 4)];
    if (scheme !== 0) throw new Error(`a chunk is compressed by scheme ${scheme}`);
    chunks.push(xorb.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return chunks;
}

/** Files that a shard describes, by sha256. */
function* filesOf(shard: Buffer): Iterable<[string, Buffer]> {
  const [headBytes, entryBytes, hashBytes] = [48, 48, 32];
  for (let at = headBytes; !shard.subarray(at, at + hashBytes).every((byte) => byte === 255); ) {
    const count = shard.readUInt32LE(at + hashBytes + 4);
    const parts: Buffer[] = [];
    for (let i = 1; i <= count; i++) {
      const part = at + i * entryBytes;
      const chunks = xorbs.get(hashIn(shard, part)) ?? [];
      parts.push(...chunks.slice(shard.readUInt32LE(part + hashBytes + 8), shard.readUInt32LE(part + hashBytes + 12)));
    }
    at += (1 + 2 * count) * entryBytes; // behind each part's checksum
    const [data, sha256] = [Buffer.concat(parts), hashIn(shard, at)];
    if (createHash('sha256').update(data).digest('hex') !== sha256)
      throw new Error('the chunks are not those of the file');
    yield [sha256, data];
    at += entryBytes;
  }
}

/** A hash as text: each eight bytes back to front. */
function hashIn(bytes: Buffer, at: number): string {
  return [0, 8, 16, 24]
    .map((i) =>
      Buffer.from(bytes.subarray(at + i, at + i + 8))
        .reverse()
        .toString('hex'),
    )
    .join('');
}
