import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openShards } from '../../lib/checkpoint/sharded';
import { setLogHook } from '../../lib/logging';
import { errorOf, scratchFolder, writeVectors } from './scratch';

const root = scratchFolder();
let count = 0;

interface Sharded {
  shards: Record<string, Record<string, number[]>>;
  /** Default: every tensor of every shard. */
  map?: Record<string, string>;
  metadata?: Record<string, unknown>;
}

/** Writes shards and an index into a folder of their own; returns the path of the index. */
function write({ shards, map, metadata = {} }: Sharded, folder = join(root, String(count++))): string {
  mkdirSync(folder, { recursive: true });
  const weight_map = map ?? {};
  for (const [file, vectors] of Object.entries(shards)) {
    writeVectors(join(folder, file), vectors, { format: 'pt', file });
    if (!map) for (const name of Object.keys(vectors)) weight_map[name] = file;
  }
  const path = join(folder, 'model.safetensors.index.json');
  writeFileSync(path, JSON.stringify({ metadata, weight_map }));
  return path;
}

/** Runs `action` and returns what it warned. */
async function warnings(action: () => Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  const previous = setLogHook((_, message) => messages.push(message));
  try {
    await action();
  } finally {
    setLogHook(previous);
  }
  return messages;
}

describe('a sharded checkpoint', () => {
  it('reads as one: names shard by shard, metadata that all agree on', async () => {
    const path = write({
      shards: { '2.st': { c: [3] }, '1.st': { b: [2], a: [1] } },
      metadata: { total_size: 12, dtype: 'bfloat16' },
    });
    const messages = await warnings(async () => {
      await using source = await openShards(path);
      expect(source.names()).toEqual(['b', 'a', 'c']);
      expect([...source.metadata]).toEqual([['format', 'pt']]);
      expect(source.indexMetadata.get('total_size')).toBe(12);
      expect(source.files.map((file) => file.slice(-4))).toEqual(['1.st', '2.st']);
      expect(source.info('c').file).toBe(source.files[1]);
      expect(new Float32Array((await source.read('c')).buffer)[0]).toBe(3);
      expect(source.descriptor('c')).not.toBe(source.descriptor('a'));
      expect(source.has('d')).toBe(false);
      expect((await errorOf(() => source.info('d'))).name).toBe('KeyError');
      expect(source.indexMetadata.get('dtype')).toBe('bfloat16');
      await source.verify();
    });
    expect(messages).toEqual([]);
  });

  it('finds its shards through links into the Hub cache', async () => {
    const repository = join(root, String(count++), 'models--a--b');
    const snapshot = join(repository, 'snapshots', 'c0ffee');
    mkdirSync(join(repository, 'blobs'), { recursive: true });
    const path = write({ shards: {}, map: { a: 'm.st' } }, snapshot);
    writeVectors(join(repository, 'blobs', 'f00d'), { a: [1] });
    symlinkSync(join('..', '..', 'blobs', 'f00d'), join(snapshot, 'm.st'));
    await using source = await openShards(path);
    expect(source.info('a').file).toBe(join(snapshot, 'm.st'));
    symlinkSync(snapshot, join(root, 'linked'));
    await using same = await openShards(join(root, 'linked', 'model.safetensors.index.json'));
    expect(same.names()).toEqual(['a']);
  });

  it("finds its shards through links into the user's Hub cache", async () => {
    const cache = join(root, 'cache');
    const blobs = join(cache, 'models--a--b', 'blobs');
    mkdirSync(blobs, { recursive: true });
    writeVectors(join(blobs, 'f00d'), { a: [1] });
    writeVectors(join(cache, 'beside.st'), { a: [1] });
    const linkTo = (target: string) => {
      const path = write({ shards: {}, map: { a: 'm.st' } });
      symlinkSync(target, join(path, '..', 'm.st'));
      return path;
    };
    const before = process.env['HF_HUB_CACHE'];
    process.env['HF_HUB_CACHE'] = cache;
    try {
      await using source = await openShards(linkTo(join(blobs, 'f00d')));
      expect(source.names()).toEqual(['a']);
      expect((await errorOf(() => openShards(linkTo(join(cache, 'beside.st'))))).code).toBe('UNSAFE_SHARD_NAME');
    } finally {
      if (before === undefined) delete process.env['HF_HUB_CACHE'];
      else process.env['HF_HUB_CACHE'] = before;
    }
  });

  it('refuses a link out of its folder', async () => {
    writeVectors(join(root, 'outside.st'), { a: [1] });
    const path = write({ shards: {}, map: { a: 'm.st' } });
    symlinkSync(join(root, 'outside.st'), join(path, '..', 'm.st'));
    const error = await errorOf(() => openShards(path));
    expect(error.code).toBe('UNSAFE_SHARD_NAME');
    expect(error.message).toContain('outside.st');
  });

  it('names missing shards and the index, five at most', async () => {
    const map = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`t${i}`, `gone-${i}.st`]));
    const error = await errorOf(() => openShards(write({ shards: {}, map })));
    expect(error.code).toBe('SHARD_MISSING');
    expect(error.message).toMatch(/index\.json.*8 files.*'gone-4\.st' and 3 more/);
    const one = await errorOf(() =>
      openShards(write({ shards: { 'x.st': { a: [1] } }, map: { a: 'x.st', b: 'y.st' } })),
    );
    expect(one.message).toMatch(/'y\.st'/);
  });

  it('names tensors that their shard does not hold', async () => {
    const path = write({
      shards: { 'x.st': { a: [1] }, 'y.st': { b: [1] } },
      map: { a: 'x.st', b: 'y.st', c: 'y.st' },
    });
    const error = await errorOf(() => openShards(path));
    expect([error.code, error.tensor]).toEqual(['NAME_NOT_IN_SHARD', 'c']);
    expect(error.message).toMatch(/'c' should be in 'y\.st'/);
  });

  it('refuses a tensor that two shards hold', async () => {
    const path = write({ shards: { 'x.st': { a: [1] }, 'y.st': { a: [2], b: [1] } }, map: { a: 'x.st', b: 'y.st' } });
    const error = await errorOf(() => openShards(path));
    expect([error.code, error.tensor]).toEqual(['DUPLICATE_NAME', 'a']);
    expect(error.message).toMatch(/x\.st.*y\.st/);
  });

  it('uses tensors that the index does not list, and says so', async () => {
    const path = write({ shards: { 'x.st': { a: [1], extra: [2] } }, map: { a: 'x.st' } });
    const messages = await warnings(async () => {
      await using source = await openShards(path);
      expect(source.names()).toEqual(['a', 'extra']);
    });
    expect(messages).toEqual([expect.stringMatching(/does not list 1 tensors.*'extra'/)]);
  });

  it('says when total_size is another than what the shards hold', async () => {
    const path = write({ shards: { 'x.st': { a: [1] } }, metadata: { total_size: 5 } });
    const messages = await warnings(async () => (await openShards(path)).close());
    expect(messages).toEqual([expect.stringMatching(/total_size of 5 bytes, its shards hold 4/)]);
  });

  it('fails as its damaged shard fails, naming that one', async () => {
    const path = write({ shards: { 'x.st': { a: [1] }, 'y.st': { b: [1] } } });
    truncateSync(join(path, '..', 'y.st'), 60);
    const error = await errorOf(() => openShards(path));
    expect(error.code).toBe('HEADER_TRUNCATED');
    expect(error.file).toMatch(/y\.st$/);
  });

  it('stops for a signal', async () => {
    const path = write({ shards: { 'x.st': { a: [1] } } });
    expect((await errorOf(() => openShards(path, { signal: AbortSignal.abort() }))).code).toBe('ABORT_ERR');
  });

  it('opens hundreds of shards', async () => {
    const shards = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`s${i}.st`, { [`t${i}`]: [i] }]));
    await using source = await openShards(write({ shards }));
    expect(source.names()).toHaveLength(300);
    expect(new Float32Array((await source.read('t299')).buffer)[0]).toBe(299);
    rmSync(source.files[0] as string);
    await source.verify();
  });
});
