import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { hubDownload, tryToLoadFromCache } from '../../lib/hub/download';
import { setLogHook } from '../../lib/logging';
import { goodToken } from './hub-server';
import { bytesOf, useScratchHub } from './scratch-hub';

const hub = useScratchHub();
const weights = bytesOf(200_000);
const sha256 = createHash('sha256').update(weights).digest('hex');
const files = { 'config.json': '{"model_type": "bert"}', 'model.safetensors': weights, 'sub/vocab.txt': 'a\nb\n' };
const repoFolder = () => join(hub.cache, 'models--org--name');

describe('a file of a repository', () => {
  it('lies in the cache as Python lays it out', async () => {
    const commit = hub.server.commit('org/name', files);
    const path = await hubDownload('org/name', 'model.safetensors');
    expect(path).toBe(join(repoFolder(), 'snapshots', commit, 'model.safetensors'));
    expect(readFileSync(path).equals(weights)).toBe(true);
    expect(readlinkSync(path)).toBe(`../../blobs/${sha256}`);
    expect(readFileSync(join(repoFolder(), 'refs', 'main'), 'utf8')).toBe(commit);
    const nested = await hubDownload('org/name', 'sub/vocab.txt');
    expect(readlinkSync(nested)).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
    const lock = join(hub.cache, '.locks', 'models--org--name', `${sha256}.lock`);
    expect(lstatSync(lock).mode & 0o777).toBe(0o664);
    expect(readdirSync(join(repoFolder(), 'blobs')).filter((name) => name.includes('incomplete'))).toEqual([]);
    expect(existsSync(join(hub.cache, 'CACHEDIR.TAG'))).toBe(true);
  });

  it('costs one question of a branch the second time, and no bytes', async () => {
    const commit = hub.server.commit('org/name', files);
    await hubDownload('org/name', 'model.safetensors');
    hub.server.forget();
    await hubDownload('org/name', 'model.safetensors');
    expect(hub.server.requests()).toEqual(['HEAD /org/name/resolve/main/model.safetensors']);
    hub.server.forget();
    await hubDownload('org/name', 'model.safetensors', { revision: commit });
    expect(hub.server.requests()).toEqual([]);
    await hubDownload('org/name', 'model.safetensors', { revision: commit, force_download: true });
    expect(hub.server.requests().map((request) => request.split(' ')[0])).toEqual(['HEAD', 'GET']);
  });

  it('of a branch that has moved is the new one; the same contents are only linked', async () => {
    hub.server.commit('org/name', files);
    await hubDownload('org/name', 'model.safetensors');
    await hubDownload('org/name', 'config.json');
    const commit = hub.server.commit('org/name', { ...files, 'config.json': '{"model_type": "gpt2"}' });
    hub.server.forget();
    expect(readFileSync(await hubDownload('org/name', 'config.json'), 'utf8')).toContain('gpt2');
    const path = await hubDownload('org/name', 'model.safetensors');
    expect(path).toContain(commit);
    expect(hub.server.requests().filter((line) => line.startsWith('GET'))).toEqual([
      'GET /org/name/resolve/main/config.json',
    ]);
    expect(readFileSync(join(repoFolder(), 'refs', 'main'), 'utf8')).toBe(commit);
  });

  it('of a branch with slashes has its address escaped and its ref in folders', async () => {
    const commit = hub.server.commit('org/name', files, 'refs/pr/1');
    await hubDownload('org/name', 'config.json', { revision: 'refs/pr/1' });
    expect(hub.server.log[0]!.url).toBe('/org/name/resolve/refs%2Fpr%2F1/config.json');
    expect(readFileSync(join(repoFolder(), 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(commit);
  });

  it('that is not there is remembered for its commit', async () => {
    const commit = hub.server.commit('org/name', files);
    await expect(hubDownload('org/name', 'nothing.bin')).rejects.toMatchObject({
      name: 'EntryNotFoundError',
      code: 'ERR_HUB_ENTRY_NOT_FOUND',
    });
    expect(existsSync(join(repoFolder(), '.no_exist', commit, 'nothing.bin'))).toBe(true);
    expect(await tryToLoadFromCache('org/name', 'nothing.bin')).toBe(false);
    expect(await tryToLoadFromCache('org/name', 'unknown.bin')).toBeNull();
  });

  it('is fetched again when that is asked for', async () => {
    hub.server.commit('org/name', files);
    await hubDownload('org/name', 'model.safetensors');
    hub.server.forget();
    await hubDownload('org/name', 'model.safetensors', { force_download: true });
    expect(hub.server.requests()).toHaveLength(2);
  });

  it('can be empty', async () => {
    hub.server.commit('org/name', { 'empty.txt': '' });
    expect(readFileSync(await hubDownload('org/name', 'empty.txt'))).toHaveLength(0);
  });

  it('is fetched once by many calls at the same time', async () => {
    hub.server.commit('org/name', files);
    const paths = await Promise.all(Array.from({ length: 20 }, () => hubDownload('org/name', 'model.safetensors')));
    expect(new Set(paths).size).toBe(1);
    expect(hub.server.requests().filter((line) => line.startsWith('GET'))).toHaveLength(1);
  });

  it('reports its bytes', async () => {
    hub.server.commit('org/name', files);
    const events: string[] = [];
    const onTransfer = ({ status, loaded, total }: { status: string; loaded: number; total: number | null }) =>
      events.push(`${status} ${loaded}/${total}`);
    await hubDownload('org/name', 'model.safetensors', { onTransfer });
    expect(events[0]).toBe('start 0/200000');
    expect(events.at(-1)).toBe('done 200000/200000');
    expect(events.length).toBeGreaterThan(3);
  });

  it('stops for a signal, and goes on from there', async () => {
    hub.server.commit('org/name', files);
    hub.server.faults.push({ on: 'GET /lfs/', slow: 2, times: 1 });
    const controller = new AbortController();
    const onTransfer = ({ loaded }: { loaded: number }) => loaded > 20_000 && controller.abort('enough');
    const call = hubDownload('org/name', 'model.safetensors', { onTransfer, signal: controller.signal });
    await expect(call).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' });
    hub.server.forget();
    const path = await hubDownload('org/name', 'model.safetensors');
    expect(readFileSync(path).equals(weights)).toBe(true);
    expect(hub.server.log.at(-1)!.headers.range).toMatch(/^bytes=2\d{4}-$/);
  });
});

describe('the token', () => {
  it('goes to the Hub, and never to another host', async () => {
    hub.server.commit('org/name', files);
    await hubDownload('org/name', 'model.safetensors', { token: goodToken });
    const [head, get] = hub.server.log;
    expect(head!.headers.authorization).toBe(`Bearer ${goodToken}`);
    expect([get!.server, get!.headers.authorization]).toEqual(['storage', undefined]);
  });

  it('goes with the bytes that the Hub itself holds', async () => {
    hub.server.commit('org/name', files);
    await hubDownload('org/name', 'config.json', { token: goodToken });
    expect(hub.server.log.map(({ headers }) => headers.authorization)).toEqual(Array(2).fill(`Bearer ${goodToken}`));
  });

  it('is not sent on by a redirect to another host, not even back again', async () => {
    hub.server.commit('org/name', files);
    hub.server.repos.get('org/name')!.private = true;
    const back = `${hub.server.endpoint}/org/name/resolve/main/config.json`;
    hub.server.faults.push(
      {
        on: 'GET /org/name/resolve/main/config.json',
        times: 1,
        status: 302,
        headers: { Location: `${hub.server.storageEndpoint}/away` },
      },
      { on: 'GET /away', times: 1, status: 302, headers: { Location: back } },
    );
    await expect(hubDownload('org/name', 'config.json', { token: goodToken })).rejects.toMatchObject({ status: 401 });
    expect(hub.server.log.slice(2).map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  it('stays when the repository has a new name on the same server', async () => {
    hub.server.commit('org/new', files);
    hub.server.faults.push({
      on: '/org/old/',
      times: 1,
      status: 307,
      headers: { Location: '/org/new/resolve/main/config.json' },
    });
    await hubDownload('org/old', 'config.json', { token: goodToken });
    expect(hub.server.requests()).toEqual([
      'HEAD /org/old/resolve/main/config.json',
      'HEAD /org/new/resolve/main/config.json',
      'GET /org/new/resolve/main/config.json',
    ]);
    expect(hub.server.log[1]!.headers.authorization).toBe(`Bearer ${goodToken}`);
  });
});

describe('a hostile server', () => {
  const evil = (headers: Record<string, string>) => {
    hub.server.commit('org/name', files);
    hub.server.faults.push({ on: 'HEAD', headers });
    return hubDownload('org/name', 'model.safetensors');
  };

  it.each([
    ['X-Repo-Commit', '../../../../evil'],
    ['X-Repo-Commit', 'main'],
    ['X-Linked-Etag', '../../evil'],
    ['X-Linked-Etag', '"/etc/passwd"'],
    ['X-Linked-Etag', 'x.incomplete'],
    ['X-Linked-Size', '-1'],
    ['X-Linked-Size', '1e9'],
  ])('cannot name files by %s: %s', async (name, value) => {
    await expect(evil({ [name]: value })).rejects.toMatchObject({ code: 'ERR_HUB_HOSTILE' });
    expect(existsSync(hub.cache)).toBe(false);
  });

  it('cannot send elsewhere than to http', async () => {
    await expect(evil({ Location: 'file:///etc/passwd' })).rejects.toMatchObject({ code: 'ERR_HUB_CONNECTION' });
  });

  it('cannot redirect for ever', async () => {
    hub.server.commit('org/name', files);
    hub.server.faults.push({ on: 'HEAD', status: 302, headers: { Location: '/org/name/resolve/main/config.json' } });
    await expect(hubDownload('org/name', 'config.json')).rejects.toThrow('redirects more than 5 times');
  });
});

describe('names', () => {
  it.each(['../evil', '/etc/passwd', 'a/../../b', 'a\0b', 'a\\b', '%2e%2e/evil', ''])(
    'refuses the file %j',
    async (name) => {
      await expect(hubDownload('org/name', name)).rejects.toMatchObject({
        name: 'ValueError',
        code: 'ERR_HUB_HOSTILE',
      });
      expect(hub.server.log).toEqual([]);
    },
  );

  it.each(['../evil', '/x', 'a\nb'])('refuses the revision %j', async (revision) => {
    await expect(hubDownload('org/name', 'config.json', { revision })).rejects.toMatchObject({
      code: 'ERR_HUB_HOSTILE',
    });
  });

  it.each(['a/b/c', '-a', 'a.', 'a--b', 'a..b', 'a/b.git', 'a b', `a/${'x'.repeat(97)}`, '', 'a/', '../a'])(
    'refuses the repository %j',
    async (id) => {
      await expect(hubDownload(id, 'config.json')).rejects.toMatchObject({
        name: 'HFValidationError',
        code: 'ERR_HUB_REPO_ID',
      });
    },
  );

  it('writes through no link that leads out of the cache', async () => {
    const commit = hub.server.commit('org/name', files);
    const outside = join(hub.home, 'outside');
    mkdirSync(outside);
    mkdirSync(join(repoFolder(), 'snapshots', commit), { recursive: true });
    symlinkSync(outside, join(repoFolder(), 'snapshots', commit, 'sub'));
    await expect(hubDownload('org/name', 'sub/vocab.txt')).rejects.toMatchObject({ code: 'ERR_HUB_HOSTILE' });
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('a file system without symbolic links (N-17)', () => {
  it('has the file itself in the snapshot, and one warning', async () => {
    const said: string[] = [];
    setLogHook((_, message) => said.push(message));
    const symlink = jest
      .spyOn(promises, 'symlink')
      .mockRejectedValue(Object.assign(new Error('no'), { code: 'EPERM' }));
    try {
      hub.server.commit('org/name', files);
      const path = await hubDownload('org/name', 'model.safetensors');
      await hubDownload('org/name', 'config.json');
      expect(lstatSync(path).isFile()).toBe(true);
      expect(readFileSync(path).equals(weights)).toBe(true);
      expect(said.filter((message) => message.includes('no symbolic links'))).toHaveLength(1);
      hub.server.forget();
      expect(await hubDownload('org/name', 'model.safetensors')).toBe(path);
      expect(hub.server.log).toHaveLength(1);
    } finally {
      symlink.mockRestore();
      setLogHook(null);
    }
  });

  it('has no warning where HF_HUB_DISABLE_SYMLINKS_WARNING is set (N-09)', async () => {
    const said: string[] = [];
    setLogHook((_, message) => said.push(message));
    process.env['HF_HUB_DISABLE_SYMLINKS_WARNING'] = '1';
    const symlink = jest
      .spyOn(promises, 'symlink')
      .mockRejectedValue(Object.assign(new Error('no'), { code: 'EPERM' }));
    try {
      hub.server.commit('org/name', files);
      // Another folder than that of the test before: a warning is given once for each.
      await hubDownload('org/name', 'config.json', { cache_dir: join(hub.home, 'unlinked') });
      expect(said).toEqual([]);
    } finally {
      symlink.mockRestore();
      setLogHook(null);
      delete process.env['HF_HUB_DISABLE_SYMLINKS_WARNING'];
    }
  });
});

it('warns beforehand when the disk looks too small (N-25)', async () => {
  const said: string[] = [];
  setLogHook((_, message) => said.push(message));
  const statfs = jest.spyOn(promises, 'statfs').mockResolvedValue({ bavail: 1, bsize: 4096 } as never);
  hub.server.commit('org/name', files);
  await hubDownload('org/name', 'model.safetensors');
  statfs.mockRestore();
  setLogHook(null);
  expect(said.join()).toContain('Not enough free disk space');
});

describe('a cache that Python has written', () => {
  it('is read without a request', async () => {
    const commit = 'c'.repeat(40);
    mkdirSync(join(repoFolder(), 'snapshots', commit), { recursive: true });
    mkdirSync(join(repoFolder(), 'blobs'));
    mkdirSync(join(repoFolder(), 'refs'));
    writeFileSync(join(repoFolder(), 'blobs', 'e'.repeat(40)), 'content');
    writeFileSync(join(repoFolder(), 'refs', 'main'), commit);
    symlinkSync(`../../blobs/${'e'.repeat(40)}`, join(repoFolder(), 'snapshots', commit, 'file.txt'));
    const path = await hubDownload('org/name', 'file.txt', { local_files_only: true });
    expect(readFileSync(path, 'utf8')).toBe('content');
    expect(hub.server.log).toEqual([]);
  });
});
