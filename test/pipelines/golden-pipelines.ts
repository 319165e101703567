import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What Transformers' own pipelines answer: see test/goldens/make_pipelines.py. */
export const kGoldens = join(process.env['NATIVE_TRANSFORMERS_GOLDENS'] ?? join(__dirname, '../goldens'), 'pipelines');

export interface GoldenCase {
  reference: string;
  task: string;
  checkpoint: string;
  args: unknown[];
  options: Record<string, unknown>;
  load?: Record<string, unknown>;
  answer?: unknown;
  error?: string;
}

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(join(kGoldens, name), 'utf8')) as T;
}

/** Largest difference of a score. */
const kTolerance = 1e-5;

/** Expects the same value; numbers that are not whole may differ by the tolerance. */
export function expectClose(actual: unknown, expected: unknown, path = 'answer'): void {
  if (typeof expected === 'number' && !Number.isInteger(expected)) {
    const difference = Math.abs((actual as number) - expected);
    if (!(difference <= kTolerance)) throw new Error(`${path} is ${String(actual)}, and should be ${expected}`);
    return;
  }
  if (expected === null || typeof expected !== 'object') {
    if (!Object.is(actual, expected))
      throw new Error(`${path} is ${JSON.stringify(actual)}, and should be ${JSON.stringify(expected)}`);
    return;
  }
  const keys = (value: unknown) => Object.keys((value ?? {}) as object);
  if (Array.isArray(actual) !== Array.isArray(expected) || keys(actual).join() !== keys(expected).join())
    throw new Error(`${path} is ${JSON.stringify(actual)}, and should be ${JSON.stringify(expected)}`);
  for (const key of keys(expected))
    expectClose(
      (actual as never)[key],
      (expected as never)[key],
      Array.isArray(expected) ? `${path}[${key}]` : `${path}.${key}`,
    );
}
