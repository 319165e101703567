import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** How a child process ended. `signal` is set when it crashed or was killed for taking too long. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
  stdout: string;
  stderr: string;
}

interface Options {
  /** Arguments of the program. */
  args?: string[];
  /** Arguments of Node itself. */
  nodeArgs?: string[];
  env?: Record<string, string>;
  timeoutMs?: number;
}

const kTimeoutMs = 60_000;

/** Runs programs/<name>.cjs, which uses the compiled package, in a process of its own. */
export function runProgram(name: string, options: Options = {}): Promise<Ended> {
  if (!existsSync(join(__dirname, '..', '..', 'dist', 'tensor', 'tensor.js')))
    throw new Error('these tests run the compiled package: npm run build first');
  const script = join(__dirname, 'programs', `${name}.cjs`);
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), script, ...(options.args ?? [])], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    const ended: Ended = { code: null, signal: null, timedOut: false, stdout: '', stderr: '' };
    const timer = setTimeout(() => {
      ended.timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? kTimeoutMs);
    child.stdout.on('data', (text) => (ended.stdout += text));
    child.stderr.on('data', (text) => (ended.stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ ...ended, code, signal });
    });
  });
}

/** Runs a program that must end by itself with code 0, and gives the JSON of its last line. */
export async function resultOf<T>(name: string, options: Options = {}): Promise<T> {
  const ended = await runProgram(name, options);
  if (ended.code !== 0)
    throw new Error(
      `${name}: ${ended.timedOut ? 'timed out' : `code ${ended.code}, ${ended.signal}`}\n${ended.stderr}`,
    );
  return JSON.parse(ended.stdout.trim().split('\n').at(-1) as string) as T;
}
