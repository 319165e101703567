import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bytesOf, useScratchHub } from './scratch-hub';

/** Several processes at one cache, and processes that die. They run the compiled command. */

const hub = useScratchHub();
const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');
const files = {
  'config.json': '{}',
  'model-00001-of-00002.safetensors': bytesOf(1_000_000),
  'model-00002-of-00002.safetensors': bytesOf(300_000, 2),
};
const repo = () => join(hub.cache, 'models--org--name');

beforeEach(() => hub.server.commit('org/name', files));

function start(): { child: ChildProcess; ended: Promise<{ code: number | null; output: string }> } {
  const env = { ...process.env, HF_HUB_OFFLINE: '' };
  const child = spawn(process.execPath, [main, 'download', 'org/name'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  return { child, ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, output }))) };
}

/** Names of complete contents, after summing each. */
function wholeBlobs(): string[] {
  const folder = join(repo(), 'blobs');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith('.incomplete')) : [];
  for (const name of names) {
    const data = readFileSync(join(folder, name));
    const sum =
      name.length === 64
        ? createHash('sha256').update(data)
        : createHash('sha1').update(`blob ${data.length}\0`).update(data);
    expect(sum.digest('hex')).toBe(name);
  }
  return names;
}

it('eight processes that fetch one repository transfer each file once, and all succeed', async () => {
  hub.server.faults.push({ on: 'GET /lfs/', slow: 1 });
  const all = await Promise.all(Array.from({ length: 8 }, () => start().ended));
  expect(all.map(({ code, output }) => (code === 0 ? '' : output))).toEqual(Array(8).fill(''));
  const bytes = hub.server.requests().filter((line) => /^GET (storage|\/org)/.test(line));
  expect(bytes.length).toBe(3);
  expect(new Set(bytes).size).toBe(3);
  expect(wholeBlobs()).toHaveLength(3);
});

it('a process killed at any moment leaves nothing that is wrong, and the next goes on and completes', async () => {
  let resumed = 0;
  for (let round = 0; round < 6; round++) {
    rmSync(repo(), { recursive: true, force: true });
    hub.server.forget();
    hub.server.faults.push({ on: 'GET /lfs/', slow: 1 });
    const { child, ended } = start();
    // Until some bytes of a large file are there, and then a little longer.
    while (child.exitCode === null && !partial().some((name) => name.length > 64)) await pause(5);
    await pause(round * 40);
    child.kill('SIGKILL');
    await ended;
    wholeBlobs();
    hub.server.forget();
    const next = await start().ended;
    expect(next).toMatchObject({ code: 0 });
    expect(wholeBlobs()).toHaveLength(3);
    expect(partial()).toEqual([]);
    const snapshot = next.output.trim().split('\n').at(-1) as string;
    for (const [name, data] of Object.entries(files))
      expect(readFileSync(join(snapshot, name)).equals(Buffer.from(data))).toBe(true);
    resumed += hub.server.log.filter(({ headers }) => headers.range !== undefined).length;
  }
  expect(resumed).toBeGreaterThan(0);
});

it('a lock of Python keeps this side waiting', async () => {
  const sum = createHash('sha256').update(files['model-00002-of-00002.safetensors']).digest('hex');
  const lock = join(hub.cache, '.locks', 'models--org--name', `${sum}.lock`);
  spawnSync('mkdir', ['-p', join(lock, '..')]);
  writeFileSync(lock, '');
  const holder = spawn('flock', ['--exclusive', lock, 'sleep', '600'], { stdio: 'ignore', detached: true });
  while (spawnSync('flock', ['--nonblock', lock, 'true']).status === 0) await pause(10);
  const { ended } = start();
  const first = await Promise.race([ended.then(() => 'done'), pause(1500).then(() => 'waiting')]);
  expect(first).toBe('waiting');
  expect(wholeBlobs().includes(sum)).toBe(false);
  process.kill(-(holder.pid as number));
  expect(await ended).toMatchObject({ code: 0 });
  expect(wholeBlobs().includes(sum)).toBe(true);
  expect(basename(lock)).toBe(readdirSync(join(lock, '..')).find((name) => name.startsWith(sum)));
});

function partial(): string[] {
  const folder = join(repo(), 'blobs');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.incomplete')) : [];
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
