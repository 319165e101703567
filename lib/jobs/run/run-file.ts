import { createHash } from 'node:crypto';
import type { FileIdentity } from '../input/identity';
import { notARunFolder } from '../job-error';
import type { JobSpec } from '../options';

/** One input as `run.json` keeps it; null for what can be read once only. */
export interface InputIdentity {
  path: string;
  content: FileIdentity | null;
}

/** `run.json`: what the folder is the result of. */
export interface RunFile {
  /** Of the files' layout. */
  version: 1;
  task: string;
  /** SHA-256 over all that follows. */
  fingerprint: string;
  options: JobSpec;
  model: Record<string, unknown>;
  inputs: InputIdentity[];
}

/** The run file of a job. */
export function runFile(
  task: string,
  options: JobSpec,
  model: Record<string, unknown>,
  inputs: InputIdentity[],
): RunFile {
  // through JSON once, so that a file read back compares equal
  const plain = JSON.parse(JSON.stringify({ options, model, inputs })) as Pick<RunFile, 'options' | 'model' | 'inputs'>;
  const fingerprint = createHash('sha256')
    .update(JSON.stringify(compared({ task, ...plain })))
    .digest('hex');
  return { version: 1, task, fingerprint, ...plain };
}

/** @throws ValueError `NOT_A_RUN_FOLDER` on a text that is no run file */
export function parseRunFile(path: string, text: string): RunFile {
  try {
    const run = JSON.parse(text) as RunFile;
    if (run.version === 1 && typeof run.task === 'string' && Array.isArray(run.inputs)) return run;
  } catch (error) {
    throw notARunFolder(`${path} is not JSON: give another --output, or --overwrite`, error);
  }
  throw notARunFolder(`${path} is not of this version of the package: give another --output, or --overwrite`);
}

/** What differs between two runs, a phrase each: `options.format was "jsonl", is "npy"`. */
export function changes(was: RunFile, is: RunFile): string[] {
  const [before, after] = [flatten(compared(was)), flatten(compared(is))];
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys]
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => `${key} was ${before.get(key) ?? 'absent'}, is ${after.get(key) ?? 'absent'}`);
}

/** What makes two runs the same: the content of the inputs and their order, not where they lie. */
function compared({ task, options, model, inputs }: Omit<RunFile, 'version' | 'fingerprint'>): Record<string, unknown> {
  const contents = inputs.map(({ content }) =>
    content === null ? 'a stream' : { bytes: content.bytes, sha256: content.sha256 },
  );
  return { task, options, model, input: contents };
}

function flatten(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, path === '' ? key : `${path}.${key}`, into);
  } else into.set(path, JSON.stringify(value));
  return into;
}
