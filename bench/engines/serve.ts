import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

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

/** Times `run` as often as the request says, and writes the last output where it says. */
export async function timed(request: Request, run: () => Promise<Float32Array>): Promise<{ times: number[] }> {
  const times: number[] = [];
  let output: Float32Array | null = null;
  for (let i = 0; i < Number(request['repeats'] ?? 1); i++) {
    const begin = performance.now();
    output = await run();
    times.push(performance.now() - begin);
  }
  if (typeof request['output'] === 'string' && output)
    await writeFile(request['output'], new Uint8Array(output.buffer, output.byteOffset, output.byteLength));
  return { times };
}
