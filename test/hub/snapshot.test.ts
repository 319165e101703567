import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import * as exported from '../../lib/hub';
import { pruneCache, removeFromCache, scanCache, verifyCache } from '../../lib/hub/cache-scan';
import { cachedFile, hasFile } from '../../lib/hub/cached-file';
import { hubDownload } from '../../lib/hub/download';
import { copyToFolder } from '../../lib/hub/local-copy';
import { chosenBy } from '../../lib/hub/pattern';
import { snapshotDownload } from '../../lib/hub/snapshot';
import { setLogHook } from '../../lib/logging';
import { bytesOf, useScratchHub } from './scratch-hub';

/** Whole repositories, the cache as a whole, and Transformers' way to ask for a file. */

const hub = useScratchHub();
const files = {
  'config.json': '{}',
  'model.safetensors': bytesOf(50_000),
  'onnx/model.onnx': bytesOf(1000),
  'sub/vocab.txt': 'a',
};
const repo = () => join(hub.cache, 'models--org--name');
const below = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();

beforeEach(() => setLogHook(() => {}));
afterEach(() => setLogHook(null));

describe('a snapshot', () => {
  it('is every file of one commit', async () => {
    const commit = hub.server.commit('org/name', files);
    const folder = await snapshotDownload('org/name');
    expect(folder).toBe(join(repo(), 'snapshots', commit));
    expect(below(folder)).toEqual(Object.keys(files).sort());
    hub.server.forget();
    await snapshotDownload('org/name');
    expect(hub.server.requests()).toEqual(['GET /api/models/org/name/revision/main']);
  });

  it('is fetched several files at a time, and the first failure stops the others', async () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}.txt`, `${i}`]));
    hub.server.commit('org/name', many);
    hub.server.faults.push({ on: 'HEAD /3.txt', status: 404, headers: { 'X-Error-Code': 'EntryNotFound' } });
    await expect(snapshotDownload('org/name', { max_workers: 2 })).rejects.toMatchObject({
      name: 'EntryNotFoundError',
    });
    expect(hub.server.log.filter(({ method }) => method === 'HEAD').length).toBeLessThan(8);
  });

  it('takes patterns', async () => {
    hub.server.commit('org/name', files);
    const folder = await snapshotDownload('org/name', { include: ['*.json', 'onnx/', 'sub/*'], exclude: ['*.onnx'] });
    expect(below(folder)).toEqual(['config.json', 'sub/vocab.txt']);
  });

  it('without a connection is what the cache has', async () => {
    hub.server.commit('org/name', files);
    const folder = await snapshotDownload('org/name');
    await hub.server.close();
    expect(await snapshotDownload('org/name')).toBe(folder);
    expect(await snapshotDownload('org/name', { local_files_only: true })).toBe(folder);
    await expect(snapshotDownload('org/other')).rejects.toMatchObject({ code: 'ERR_HUB_LOCAL_ENTRY_NOT_FOUND' });
  });

  it.each(['../evil.txt', '/etc/evil', 'a/../../evil', 'a\\..\\b', 'evil\0.txt'])(
    'with a file named %j is refused',
    async (name) => {
      hub.server.commit('org/name', { ...files, [name]: 'x' });
      await expect(snapshotDownload('org/name')).rejects.toMatchObject({ code: 'ERR_HUB_HOSTILE' });
      expect(existsSync(hub.cache)).toBe(false);
    },
  );

  it.each([
    ['{"sha": "../../evil", "siblings": []}', 'names no commit'],
    ['{"sha": "0000000000000000000000000000000000000000"}', 'no list of files'],
    ['{"sha": "0000000000000000000000000000000000000000", "siblings": [7]}', 'no file'],
    ['<html>', 'is not JSON'],
  ])('of a list such as %s is refused', async (body, what) => {
    hub.server.commit('org/name', files);
    hub.server.faults.push({ on: 'GET /api/', body });
    await expect(snapshotDownload('org/name')).rejects.toThrow(what);
  });

  it('stops for a signal', async () => {
    hub.server.commit('org/name', files);
    hub.server.faults.push({ on: 'GET /lfs/', silent: true });
    const controller = new AbortController();
    setTimeout(() => controller.abort('enough'), 100);
    await expect(snapshotDownload('org/name', { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
      cause: 'enough',
    });
  });

  it("can be copied into a folder of one's own", async () => {
    hub.server.commit('org/name', files);
    const folder = await snapshotDownload('org/name');
    const own = join(hub.home, 'own');
    await copyToFolder(folder, [join(folder, 'sub', 'vocab.txt'), join(folder, 'model.safetensors')], own);
    expect(below(own)).toEqual(['model.safetensors', 'sub/vocab.txt']);
    expect(readFileSync(join(own, 'model.safetensors')).equals(files['model.safetensors'])).toBe(true);
  });
});

describe('patterns', () => {
  const names = ['a.json', 'b/c.json', 'b/d.txt', 'x[1].txt', 'é.txt'];
  it.each([
    [['*.json'], ['a.json', 'b/c.json']],
    [['b/'], ['b/c.json', 'b/d.txt']],
    [['?.json'], ['a.json']],
    [['[!a]*'], ['b/c.json', 'b/d.txt', 'x[1].txt', 'é.txt']],
    [['x[[]1].txt'], ['x[1].txt']],
    [['?.txt'], ['é.txt']],
    [['[a-c]*'], ['a.json', 'b/c.json', 'b/d.txt']],
    [['(a'], []],
  ])('%j', (include, chosen) => {
    expect(chosenBy(names, include, null)).toEqual(chosen);
  });

  it('that could take for ever do not', () => {
    const started = Date.now();
    chosenBy(['a'.repeat(200)], ['*a**a***a*b'], null);
    expect(Date.now() - started).toBeLessThan(1000);
  });
});

describe('the cache as a whole', () => {
  beforeEach(async () => {
    hub.server.commit('org/name', files);
    await snapshotDownload('org/name');
  });

  it('is listed', async () => {
    const [found, ...others] = await scanCache();
    expect(others).toEqual([]);
    expect(found).toMatchObject({ id: 'org/name', type: 'model', bytes: 51_003 });
    expect(found!.revisions).toMatchObject([{ refs: ['main'], files: 4, bytes: 51_003 }]);
  });

  it('is verified: a changed byte and a lost file are found', async () => {
    expect(await verifyCache(await scanCache())).toEqual({ files: 4, problems: [] });
    const blobs = join(repo(), 'blobs');
    const [large] = readdirSync(blobs).filter((name) => readFileSync(join(blobs, name)).length === 50_000);
    writeFileSync(join(blobs, large!), bytesOf(50_000, 9));
    const [small] = readdirSync(blobs).filter((name) => readFileSync(join(blobs, name)).length === 1);
    rmSync(join(blobs, small!));
    const { problems } = await verifyCache(await scanCache());
    expect(problems.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).sort()).toEqual(
      [large, 'vocab.txt'].sort(),
    );
  });

  it('loses old revisions and left-overs by pruning, and nothing that is used', async () => {
    const kept = hub.server.commit('org/name', { ...files, 'model.safetensors': bytesOf(50_000, 2) });
    await snapshotDownload('org/name');
    writeFileSync(join(repo(), 'blobs', `${'f'.repeat(64)}.incomplete`), 'part');
    const before = below(hub.cache);
    const planned = await pruneCache({ dryRun: true });
    expect(below(hub.cache).filter((name) => !name.startsWith('.locks'))).toEqual(
      before.filter((name) => !name.startsWith('.locks')),
    );
    expect(await pruneCache()).toEqual(planned);
    expect(planned.bytes).toBe(50_004);
    expect(readdirSync(join(repo(), 'snapshots'))).toEqual([kept]);
    expect(await verifyCache(await scanCache())).toEqual({ files: 4, problems: [] });
    hub.server.forget();
    await snapshotDownload('org/name');
    expect(hub.server.log).toHaveLength(1);
  });

  it('loses what is removed by name', async () => {
    hub.server.commit('org/name', { 'config.json': '{"v": 2}' }, 'v2');
    await snapshotDownload('org/name', { revision: 'v2' });
    expect((await removeFromCache('org/name@v2')).bytes).toBe(8);
    expect((await scanCache())[0]!.revisions.map(({ refs }) => refs)).toEqual([['main']]);
    await removeFromCache('org/name');
    expect(await scanCache()).toEqual([]);
    await expect(removeFromCache('org/name')).rejects.toMatchObject({ code: 'ERR_HUB_NOT_CACHED' });
  });
});

describe('cached_file', () => {
  it('finds a file in a folder, without a request', async () => {
    writeFileSync(join(hub.home, 'x.txt'), '');
    expect(await cachedFile(hub.home, 'x.txt')).toBe(join(hub.home, 'x.txt'));
    await expect(cachedFile(hub.home, 'y.txt')).rejects.toThrow('does not appear to have a file named y.txt');
    expect(await cachedFile(hub.home, 'y.txt', { _raise_exceptions_for_missing_entries: false })).toBeNull();
    expect(hub.server.log).toEqual([]);
  });

  it('gives null in place of the errors that are ruled out', async () => {
    const commit = hub.server.commit('org/name', files);
    const quiet = { _raise_exceptions_for_missing_entries: false };
    expect(await cachedFile('org/name', 'y.txt', quiet)).toBeNull();
    hub.server.forget();
    expect(await cachedFile('org/name', 'y.txt', { ...quiet, _commit_hash: commit })).toBeNull();
    await expect(cachedFile('org/name', 'y.txt', { _commit_hash: commit })).rejects.toThrow('does not appear to have');
    expect(hub.server.log).toEqual([]);
    hub.server.repos.get('org/name')!.gated = true;
    await expect(cachedFile('org/name', 'z.txt')).rejects.toThrow('gated repo');
    expect(await cachedFile('org/name', 'z.txt', { _raise_exceptions_for_gated_repo: false })).toBeNull();
    await hub.server.close();
    await expect(cachedFile('org/name', 'z.txt')).rejects.toThrow("couldn't connect");
    expect(await cachedFile('org/name', 'z.txt', { _raise_exceptions_for_connection_errors: false })).toBeNull();
  });

  it('has a sibling that only asks whether there is such a file', async () => {
    hub.server.commit('org/name', files);
    expect(await hasFile('org/name', 'config.json')).toBe(true);
    expect(await hasFile('org/name', 'y.txt')).toBe(false);
    await expect(hasFile('org/none', 'y.txt')).rejects.toThrow('is not a valid model identifier');
    await expect(hasFile('org/name', 'y.txt', { revision: 'v9' })).rejects.toThrow('is not a valid git identifier');
    await hubDownload('org/name', 'config.json');
    hub.server.forget();
    process.env['HF_HUB_OFFLINE'] = '1';
    expect(await hasFile('org/name', 'config.json')).toBe(true);
    expect(await hasFile('org/name', 'model.safetensors')).toBe(false);
    expect(hub.server.log).toEqual([]);
  });
});

describe('what the package exports of the Hub', () => {
  it('has the same verbs, and refuses options that it does not know', async () => {
    hub.server.commit('org/name', files);
    const folder = await exported.snapshotDownload('org/name', { include: ['*.json'] });
    const path = join(folder, 'config.json');
    expect(await exported.hubDownload('org/name', 'config.json')).toBe(path);
    expect(await exported.tryToLoadFromCache('org/name', 'config.json')).toBe(path);
    expect(await exported.cached_file('org/name', 'config.json')).toBe(path);
    expect(await exported.has_file('org/name', 'config.json')).toBe(true);
    const wrong = { revison: 'v1' } as object;
    for (const call of [
      exported.snapshotDownload('org/name', wrong),
      exported.hubDownload('org/name', 'config.json', wrong),
      exported.tryToLoadFromCache('org/name', 'config.json', wrong),
      exported.cached_file('org/name', 'config.json', wrong),
      exported.has_file('org/name', 'config.json', wrong),
      exported.uploadFolder('.', 'org/name', wrong),
    ])
      await expect(call).rejects.toThrow("did you mean 'revision'?");
  });
});
