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

/** @throws ValueError `NOT_A_RUN_FOLDER` on a text that is no run file, or one of another version */
export function parseRunFile(path: string, text: string): RunFile {
  const run = checkRunFile(path, text);
  if (isOfThisVersion(run)) return run;
  throw notARunFolder(`${path} is not of this version of the package: give another --output, or --overwrite`);
}

/**
 * What a run file of any version is known by.
 * @throws ValueError `NOT_A_RUN_FOLDER` on a text that no version of this package has written
 */
export function checkRunFile(path: string, text: string): object {
  const foreign = (cause?: unknown) =>
    notARunFolder(`${path} is no file of a run, so the folder may be somebody else's: give another --output`, cause);
  let run: unknown = null;
  try {
    run = JSON.parse(text);
  } catch (error) {
    throw foreign(error);
  }
  const { version, task, fingerprint } = (run ?? {}) as Record<string, unknown>;
  if (Number.isInteger(version) && typeof task === 'string' && typeof fingerprint === 'string') return run as object;
  throw foreign();
}

function isOfThisVersion(run: object): run is RunFile {
  const { version, options, model, inputs } = run as Record<string, unknown>;
  return version === 1 && isObject(options) && isObject(model) && Array.isArray(inputs) && inputs.every(isInput);
}

function isInput(input: unknown): boolean {
  if (!isObject(input) || typeof input['path'] !== 'string') return false;
  const { content } = input;
  return content === null || (isObject(content) && typeof content['sha256'] === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
