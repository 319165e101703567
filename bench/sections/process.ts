import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Sample, sampleOf, type Timing } from '../sampling';
import { type EncoderShape, layerActivationBytes, parameterCount } from '../shapes';

const execute = promisify(execFile);

async function runScript(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const script = join(__dirname, '..', 'engines', `${name}.js`);
  return (await execute(process.execPath, [script, ...args], { env: { ...process.env, ...env } })).stdout;
}

/** Milliseconds of whole processes that import the package, load a model and embed one text. The first does not count. */
export async function benchFirstVector(folder: string, count: number, env: NodeJS.ProcessEnv): Promise<Sample> {
  const timings: Timing[] = [];
  for (let i = 0; i <= count; i++) {
    const begin = performance.now();
    const waited = Number(await runScript('first-vector', [folder], env));
    if (i > 0) timings.push({ ms: performance.now() - begin, waited });
  }
  return sampleOf(timings);
}

/** Peak memory of a load and one forward. */
export interface MemoryResult {
  model: string;
  batch: number;
  length: number;
  /** Bytes above a process that only imported the package. */
  peak: number;
  /** 1.2 × weight bytes + 2 × QKV and feed-forward activations of one layer + 64 MB. */
  bound: number;
}

export async function benchMemory(
  shape: EncoderShape,
  folder: string,
  [batch, length]: readonly [number, number],
  env: NodeJS.ProcessEnv,
): Promise<MemoryResult> {
  const imported = Number(await runScript('memory', [], env));
  const loaded = Number(await runScript('memory', [folder, String(batch), String(length)], env));
  return {
    model: shape.name,
    batch,
    length,
    peak: loaded - imported,
    bound: 1.2 * 4 * parameterCount(shape) + 2 * layerActivationBytes(shape, batch * length) + 64 * 2 ** 20,
  };
}
