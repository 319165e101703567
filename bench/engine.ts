import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Timing } from './sampling';

/**
 * A library under measurement, in a process of its own: requests and replies are lines of JSON, replies marked by '@'.
 * Every engine answers `load`, and `forward` or `embed`; times are taken inside the engine's process.
 */
export class Engine {
  private readonly child: ChildProcess;
  private readonly waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  private errors = '';
  private static outputs = 0;

  private constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.child.stderr!.on('data', (data) => (this.errors = (this.errors + data).slice(-2000)));
    this.child.on('error', (error) => this.end(error.message));
    this.child.on('exit', (code, signal) => this.end(`it ended with ${signal ?? code}`));
    this.child.stdin!.on('error', () => {}); // its end is reported above
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      if (!line.startsWith('@')) return;
      const reply = JSON.parse(line.slice(1)) as Reply;
      const asked = this.waiting.shift();
      if (reply.error === undefined) asked?.resolve(reply);
      else asked?.reject(new Error(`${this.name}: ${reply.error}`));
    });
  }

  /** Starts an engine. @throws when it does not come up, with what it wrote to stderr */
  static async start(
    name: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Engine & { version: string }> {
    const engine = new Engine(name, command, args, env);
    const { version } = await engine.ask({ op: 'version' });
    return Object.assign(engine, { version: String(version) });
  }

  ask(request: Record<string, unknown>): Promise<Reply> {
    if (this.child.exitCode !== null) return Promise.reject(new Error(`${this.name} has ended`));
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Asks `repeats` times over. */
  async time(request: Record<string, unknown>, repeats: number): Promise<Timing[]> {
    return timingsOf(await this.ask({ ...request, repeats }));
  }

  /** The output of one request. */
  async output(request: Record<string, unknown>): Promise<Float32Array> {
    const path = join(tmpdir(), `native-transformers-bench-${process.pid}-${Engine.outputs++}.f32`);
    try {
      await this.ask({ ...request, repeats: 1, output: path });
      const bytes = await readFile(path);
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    } finally {
      await rm(path, { force: true });
    }
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin!.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }

  private end(why: string): void {
    for (const { reject } of this.waiting.splice(0)) reject(new Error(`${this.name}: ${why}\n${this.errors}`));
  }
}

export interface Reply {
  error?: string;
  [field: string]: unknown;
}

/** What a reply says of its repetitions. */
export function timingsOf(reply: Reply): Timing[] {
  const waits = reply['waits'] as number[];
  return (reply['times'] as number[]).map((ms, i) => ({ ms, waited: waits[i] as number }));
}

/** Largest difference between two outputs. @throws when their lengths differ */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`outputs of ${a.length} and ${b.length} numbers`);
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= worst)) worst = difference; // NaN is the worst of all
  }
  return worst;
}
