import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheCommand } from '../../lib/cli/cache';
import { downloadCommand } from '../../lib/cli/download';
import { pushCommand } from '../../lib/cli/push';
import { runCli } from '../../lib/cli/run-cli';
import * as scan from '../../lib/hub/cache-scan';
import { copyToFolder } from '../../lib/hub/local-copy';
import { chosenBy } from '../../lib/hub/pattern';
import { snapshotDownload } from '../../lib/hub/snapshot';
import { filesToUpload, uploadFolder } from '../../lib/hub/upload-folder';
import { goodToken } from '../hub/hub-server';
import { allowWrites } from '../hub/hub-writes';
import { useScratchHub } from '../hub/scratch-hub';

/** The commands `download` and `cache`. */

const hub = useScratchHub();
const commands = [
  downloadCommand(async () => ({ snapshotDownload, copyToFolder })),
  cacheCommand(async () => scan),
  pushCommand(async () => ({ uploadFolder, filesToUpload, chosenBy })),
];
const files = { 'config.json': '{}', 'model.safetensors': 'x'.repeat(3000), 'onnx/model.onnx': 'y' };

async function run(args: string[], isTTY = false) {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => {
    const through = Object.assign(new PassThrough(), { isTTY, columns: 80 });
    through.on('data', (chunk) => {
      said[name] += chunk;
    });
    return through;
  };
  const terminal = { stdin: new PassThrough(), stdout: stream('stdout'), stderr: stream('stderr'), env: {} };
  const code = await runCli(commands, args, terminal, '0.0.0');
  return { code, ...said };
}

describe('download', () => {
  it('prints the folder, and on stderr what it does', async () => {
    const commit = hub.server.commit('org/name', files);
    const { code, stdout, stderr } = await run(['download', 'org/name', '--exclude', 'onnx/,*.md']);
    expect([code, stdout]).toEqual([0, `${join(hub.cache, 'models--org--name', 'snapshots', commit)}\n`]);
    expect(stderr).toContain('2 files, 0 in the cache; 3.0 kB to fetch');
    expect(stderr).toContain('fetched model.safetensors (3.0 kB)');
    expect(readdirSync(stdout.trim()).sort()).toEqual(['config.json', 'model.safetensors']);
    expect((await run(['download', 'org/name', '-q'])).stderr).toBe('');
  });

  it("takes files by name, a revision, a cache and a folder of one's own", async () => {
    hub.server.commit('org/name', files, 'v1');
    const [own, cache] = [join(hub.home, 'own'), join(hub.home, 'cache')];
    const options = ['--revision', 'v1', '--cache-dir', cache, '--local-dir', own, '--token', 'hf_x'];
    const { code, stdout } = await run(['download', 'org/name', 'config.json', ...options]);
    expect([code, stdout]).toEqual([0, `${own}\n`]);
    expect(readdirSync(own)).toEqual(['config.json']);
    expect(readdirSync(cache)).toContain('models--org--name');
    expect(hub.server.log[0]!.headers.authorization).toBe('Bearer hf_x');
    process.env['HF_HUB_OFFLINE'] = '1';
    const other = join(hub.home, 'other');
    await run(['download', 'org/name', 'config.json', '--revision', 'v1', '--cache-dir', cache, '--local-dir', other]);
    expect(readdirSync(other)).toEqual(['config.json']);
  });

  it('prints what a dry run would fetch, and fetches nothing', async () => {
    hub.server.commit('org/name', files);
    const { code, stdout, stderr } = await run(['download', 'org/name', '--dry-run', '--exclude', 'onnx/']);
    expect([code, stdout]).toEqual([0, 'config.json  2 B\nmodel.safetensors  3.0 kB\n']);
    expect(stderr).toContain('2 files, 0 in the cache; 3.0 kB to fetch');
    expect(hub.server.log.filter(({ method, url }) => method === 'GET' && url.includes('/resolve/'))).toEqual([]);
    expect((await run(['cache'])).stdout).toBe('The cache is empty.\n');
  });

  it('refuses a file that is not there, and files that are named twice', async () => {
    hub.server.commit('org/name', files);
    const absent = await run(['download', 'org/name', 'config.jsn']);
    expect([absent.code, absent.stdout]).toEqual([65, '']);
    expect(absent.stderr).toMatch(/'org\/name' has no file 'config.jsn'.*ERR_HUB_ENTRY_NOT_FOUND/);
    const twice = await run(['download', 'org/name', 'config.json', '--include', '*.json']);
    expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('--include')]);
  });

  it('that is stopped says what that leaves, and goes on the next time', async () => {
    hub.server.commit('org/name', files);
    hub.server.faults.push({ on: 'GET /lfs/', slow: 200 });
    const running = run(['download', 'org/name']);
    while (!hub.server.requests().some((request) => request.startsWith('GET storage'))) await sleep(5);
    process.emit('SIGINT', 'SIGINT');
    const stopped = await running;
    expect([stopped.code, stopped.stdout]).toEqual([130, '']);
    expect(stopped.stderr).toMatch(/stopped: what has come is kept, and the same command goes on from there\n$/);
    hub.server.forget();
    expect(await run(['download', 'org/name'])).toMatchObject({ code: 0 });
  });

  it('draws one line on a terminal, and takes it away', async () => {
    hub.server.commit('org/name', files);
    const { stderr } = await run(['download', 'org/name'], true);
    expect(stderr).toContain('\r\x1b[K');
    expect(stderr.endsWith('\x1b[K') || stderr.endsWith('\n')).toBe(true);
    expect(stderr).not.toContain('fetched');
    process.env['HF_HUB_DISABLE_PROGRESS_BARS'] = '1';
    const plain = await run(['download', 'org/name', '--force-download'], true);
    delete process.env['HF_HUB_DISABLE_PROGRESS_BARS'];
    expect(plain.stderr).not.toContain('\x1b');
  });

  it.each([
    [['download', 'org/none'], 65, 'Repository Not Found'],
    [['download', 'no id'], 65, 'Repo id must be'],
    [['download'], 2, 'ID is missing'],
    [['download', 'org/name', '--revison', 'v1'], 2, 'did you mean --revision?'],
  ])('%j ends with %d', async (args, code, words) => {
    const ended = await run(args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(words);
  });

  it('without a server may go well the next time', async () => {
    await hub.server.close();
    expect((await run(['download', 'org/name'])).code).toBe(1);
  });
});

describe('push', () => {
  it('commits a folder, and prints where', async () => {
    const writes = allowWrites(hub.server);
    const folder = join(hub.home, 'my-model');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), '{}');
    writeFileSync(join(folder, 'notes.txt'), '');
    const options = ['--token', goodToken, '-m', 'Mine', '--tags', 'a, b', '--exclude', '*.txt', '--private'];
    const { code, stdout, stderr } = await run(['push', folder, 'org/name', ...options]);
    expect(stderr).toContain('sent config.json\n');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\/org\/name\/commit\/[0-9a-f]{40}\n$/)]);
    expect(writes.commits).toMatchObject([{ header: { summary: 'Mine' }, paths: ['config.json', 'README.md'] }]);
    expect(hub.server.repos.get('org/name')!.private).toBe(true);
    const named = await run(['push', `${folder}/`, '--token', goodToken, '--create-pr', '--json']);
    expect(JSON.parse(named.stdout)).toMatchObject({ repo_id: 'someone/my-model', pr_num: 1 });
  });

  it.each([
    [['push'], 2, 'FOLDER is missing'],
    [['push', 'a', 'b', 'c'], 2, "got 'c' too"],
    [['push', '.', 'org/name'], 65, 'Token is required'],
  ])('%j ends with %d', async (args, code, words) => {
    const ended = await run(args);
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(words)]);
  });
});

describe('push --dry-run', () => {
  it('prints what would be sent, and asks the Hub nothing', async () => {
    const folder = join(hub.home, 'to-push');
    mkdirSync(join(folder, 'onnx'), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const { code, stdout } = await run(['push', folder, 'org/name', '--dry-run', '--exclude', 'onnx/']);
    expect([code, stdout]).toEqual([0, 'config.json\nmodel.safetensors\n']);
    const { stdout: json } = await run(['push', folder, 'org/name', '--dry-run', '--json']);
    expect(JSON.parse(json)).toEqual({ id: 'org/name', files: Object.keys(files) });
    expect(hub.server.log).toEqual([]);
    for (const more of [['--dry-run'], []]) {
      const absent = await run(['push', join(hub.home, 'nowhere'), 'org/name', ...more]); // a token is missing too
      expect([absent.code, absent.stderr]).toEqual([65, expect.stringContaining('there is no folder')]);
    }
  });
});

describe('cache', () => {
  it('refuses a dry run of what changes nothing', async () => {
    for (const action of ['list', 'verify'])
      expect(await run(['cache', action, '--dry-run'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--dry-run'),
      });
  });

  it('lists, verifies and removes', async () => {
    expect((await run(['cache'])).stdout).toBe('The cache is empty.\n');
    hub.server.commit('org/name', files);
    await run(['download', 'org/name']);
    expect((await run(['cache', 'list'])).stdout).toMatch(/org\/name +3\.0 kB +[0-9a-f]{12} +main +3 +3\.0 kB/);
    expect(JSON.parse((await run(['cache', 'list', '--json'])).stdout)).toMatchObject([{ id: 'org/name' }]);
    expect((await run(['cache', 'verify', 'org/name'])).stdout).toBe('3 files, 0 problems\n');
    const blobs = join(hub.cache, 'models--org--name', 'blobs');
    const [config] = readdirSync(blobs).filter((name) => readFileSync(join(blobs, name), 'utf8') === '{}');
    writeFileSync(join(blobs, config!), '[]');
    expect(await run(['cache', 'verify'])).toMatchObject({ code: 65, stdout: expect.stringContaining('1 problems') });
    expect((await run(['cache', 'prune'])).stdout).toBe('0 paths, 0 B removed\n');
    expect((await run(['cache', 'rm', 'org/name', '--dry-run'])).stdout).toContain('would be removed');
    expect(readdirSync(hub.cache)).toContain('models--org--name');
    expect((await run(['cache', 'rm', 'org/name'])).code).toBe(0);
    expect(readdirSync(hub.cache)).not.toContain('models--org--name');
  });

  it.each([
    [['cache', 'remove'], 2, "'remove' is not one of"],
    [['cache', 'rm'], 2, 'rm needs the id'],
    [['cache', 'rm', 'org/none'], 65, 'is not in the cache'],
    [['cache', 'verify', 'org/none'], 2, 'is not in the cache'],
    [['cache', 'list', 'org/none'], 2, 'list takes no ids'],
  ])('%j ends with %d', async (args, code, words) => {
    const ended = await run(args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(words);
  });

  it('says how it is used', async () => {
    for (const name of ['download', 'cache', 'push']) {
      const { stdout } = await run([name, '--help']);
      expect(stdout).toContain(`Usage: native-transformers ${name}`);
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    }
  });
});
