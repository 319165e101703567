import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { delaysOf } from '../delays';

export type Handler = (request: Request) => Promise<Record<string, unknown>> | Record<string, unknown>;

/** A request: `op` and what it needs. */
export type Request = Record<string, unknown> & { op: string };

/** Answers requests from standard input, one line each, until it ends. */
export async function serve(handlers: Record<string, Handler>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    try {
      const handler = handlers[request.op];
      if (!handler) throw new Error(`no operation '${request.op}'`);
      reply(await handler(request));
    } catch (error) {
      reply({ error: String((error as Error).stack ?? error) });
    }
  }
}

function reply(fields: Record<string, unknown>): void {
  process.stdout.write(`@${JSON.stringify(fields)}\n`);
}

/** Times of repetitions in ms, and how long this process's threads waited meanwhile for a core to run on. */
export interface Times {
  times: number[];
  waits: number[];
}

/** Times `run` as often as the request says, and writes the last output where it says. */
export async function timed(
  request: Request,
  run: () => Promise<Float32Array>,
): Promise<Times & { [field: string]: unknown }> {
  const [times, waits]: [number[], number[]] = [[], []];
  let output: Float32Array | null = null;
  for (let i = 0; i < Number(request['repeats'] ?? 1); i++) {
    const waitedBefore = waited();
    const begin = performance.now();
    output = await run();
    times.push(performance.now() - begin);
    waits.push(Math.max(0, waited() - waitedBefore));
  }
  if (typeof request['output'] === 'string' && output)
    await writeFile(request['output'], new Uint8Array(output.buffer, output.byteOffset, output.byteLength));
  return { times, waits };
}

/** Milliseconds for which threads of this process could have run and had no core; 0 where the kernel does not say. */
export function waited(): number {
  let nanoseconds = 0;
  try {
    for (const task of readdirSync('/proc/self/task'))
      nanoseconds += Number(readFileSync(`/proc/self/task/${task}/schedstat`, 'utf8').split(' ')[1]);
  } catch {
    return 0;
  }
  return nanoseconds / 1e6;
}

/** Watches the event loop while `work` runs, where the request asks for it: the watch itself takes a core's time. */
export async function watched<T extends object>(request: Request, work: () => Promise<T>): Promise<T> {
  if (!request['watch']) return work();
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  const begin = performance.now();
  monitor.enable();
  try {
    const result = await work();
    return { ...result, delays: delaysOf(monitor, performance.now() - begin) };
  } finally {
    monitor.disable();
  }
}
