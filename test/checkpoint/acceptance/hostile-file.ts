/** What the cases of this folder share: a file of given bytes, and what opening and reading it ends in. */
import childProcess from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/open';
import { errorOf } from '../scratch';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'acceptance-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A new empty folder, gone after the tests of the file. */
export const newFolder = () => mkdtempSync(join(root, 'case-'));

/** Writes `bytes` to a new file called `name`; its path. */
export function put(name: string, bytes: Uint8Array | string): string {
  const path = join(newFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

export const open = (path: string) => openCheckpoint(path, { from_tf: path.endsWith('.index') });

/** What opening the file and reading all of it ends in; fails when that takes much of the processor's time, or much memory. */
export async function refusal(path: string, most: { ms?: number; bytes?: number } = {}) {
  const before = process.memoryUsage().rss;
  const start = process.cpuUsage();
  const error = await errorOf(async () => {
    await using source = await open(path);
    for (const name of source.names()) await source.read(name);
  });
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1000).toBeLessThan(most.ms ?? 5000);
  expect(process.memoryUsage().rss - before).toBeLessThan(most.bytes ?? 64e6);
  expect(error.name).toBe('CheckpointError');
  return error;
}

export const codeOf = async (name: string, bytes: Uint8Array | string) => (await refusal(put(name, bytes))).code;

/** Runs `action`; every file that it opened, and whether it began a process or a connection. */
export async function watched(action: () => Promise<unknown>): Promise<{ files: string[]; others: number }> {
  const files = jest.spyOn(promises, 'open');
  const begun = (['spawn', 'exec', 'execFile', 'fork', 'spawnSync', 'execSync', 'execFileSync'] as const).map((name) =>
    jest.spyOn(childProcess, name),
  );
  const connected = jest.spyOn(Socket.prototype, 'connect');
  try {
    await action();
    const others = [...begun, connected].reduce((sum, { mock }) => sum + mock.calls.length, 0);
    return { files: [...new Set(files.mock.calls.map(([path]) => String(path)))], others };
  } finally {
    for (const spy of [files, ...begun, connected]) spy.mockRestore();
  }
}
