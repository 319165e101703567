import { rm } from 'node:fs/promises';
import { AbortError, ValueError } from '../errors';
import { type DoneBlock, emptyResult } from './block-work';
import type { JobModel } from './engine';
import { finishRun, type Manifest } from './finish';
import { readBlocks } from './input/blocks';
import { InputCursor } from './input/cursor';
import { identify } from './input/identity';
import { type Input, listInputs } from './input/inputs';
import { runChanged } from './job-error';
import { addedKeys, checkHeeded, givenJobOptions, type JobOptions, type JobSpec, jobSpec } from './options';
import { runPipeline } from './pipeline';
import { Meter } from './progress';
import { writeDurable } from './run/durable';
import { RunFolder } from './run/folder';
import { Lock } from './run/lock';
import { parseManifest } from './run/manifest';
import { changes, checkRunFile, type InputIdentity, parseRunFile, type RunFile, runFile } from './run/run-file';
import { ShardWriter } from './shard-writer';

/** How a job ended. */
export interface JobResult {
  /** True when `drain` stopped it: the same call goes on where it ended. */
  drained: boolean;
  /** Path of `manifest.json`; null when drained. */
  manifest: string | null;
  /** Rows written, those of earlier calls included. */
  rows: number;
  /** Rows in `errors/`. */
  failed: number;
  /** Why not one row of a finished run could be used: the first row's error. Null when one could, or there was none. */
  fault: { code: string; message: string } | null;
}

interface Job {
  options: JobOptions;
  spec: JobSpec;
  inputs: Input[];
  model: JobModel;
  run: RunFile;
  adds: readonly string[];
  folder: RunFolder;
  meter: Meter;
}

/**
 * A block holds at most this many rows, and vectors of at most this many bytes. Longer blocks would sort no better, and
 * what lives longer makes the pauses of the garbage collector longer.
 */
const BLOCK_ROWS = 1024;
const BLOCK_VECTOR_BYTES = 16 * 1024 * 1024;
const BLOCK_TEXT_BYTES = 4 * 1024 * 1024;

/**
 * Runs `model` over every row of `inputs` and writes `output`: `parts/`, `errors/`, `manifest.json`, `report.html`. A call
 * that was killed is taken up by the same call: finished parts stay, each row is written exactly once, order is kept.
 * @throws an error with `code`: `NO_INPUT`, `INPUT_CORRUPT`, `NO_SUCH_COLUMN`, `RUN_LOCKED`, `RUN_CHANGED`, `DISK_FULL` …,
 *   or what the model threw when it failed on many rows in a row
 */
export async function runJob(given: JobOptions): Promise<JobResult> {
  const options = givenJobOptions(given);
  const spec = jobSpec(options);
  const loading = Promise.resolve(options.model);
  loading.catch(() => {});
  const inputs = await listInputs(options.inputs, options.inputFormat ?? null, options.delimiter ?? null);
  checkHeeded(options, inputs);
  const folder = new RunFolder(options.output);
  const [model, identities] = await Promise.all([loading, identifyAll(inputs, folder)]);
  if (spec.format === 'jsonl' && options.formatRows === undefined) {
    throw new ValueError("format 'jsonl' needs formatRows", { code: 'ERR_OPTION_VALUE' });
  }
  const run = runFile(model.task, spec, model.fingerprint, identities);
  const meter = new Meter(totalBytes(inputs));
  const job: Job = { options, spec, inputs, model, run, adds: addedKeys(model, spec), folder, meter };
  if (options.signal?.aborted) throw new AbortError(options.signal.reason);
  await folder.create();
  const lock = await Lock.take(folder.file('run.lock'));
  try {
    return await runLocked(job);
  } finally {
    await lock.release();
  }
}

async function runLocked(job: Job): Promise<JobResult> {
  const { folder } = job;
  const was = await earlierRun(job);
  const committed = await folder.sweep();
  await openRun(job, was, committed);
  const before = await manifestOf(folder, committed);
  const shardsBefore = committed.size;
  const done = await compute(job, committed, before?.parts.length ?? null);
  if (!done) return { drained: true, manifest: null, ...(await countRows(folder, committed)), fault: null };
  const manifest = before !== null && committed.size === shardsBefore ? before : await finish(job, committed.size);
  const { rows, failed } = manifest;
  const fault = rows === 0 && failed > 0 ? await folder.firstError() : null;
  return { drained: false, manifest: folder.file('manifest.json'), rows, failed, fault };
}

/**
 * The run that the folder holds; null when it holds none, or none any more. Nothing is removed before it is known to be
 * a run's.
 */
async function earlierRun({ folder, options }: Job): Promise<RunFile | null> {
  const path = folder.file('run.json');
  const text = await folder.read('run.json');
  if (text === null) await folder.checkFresh();
  if (text === null || !options.overwrite) return text === null ? null : parseRunFile(path, text);
  checkRunFile(path, text);
  await folder.clear();
  return null;
}

/** Makes this the folder's run, or refuses to where another one has left something. */
async function openRun({ folder, run }: Job, was: RunFile | null, committed: Set<number>): Promise<void> {
  const path = folder.file('run.json');
  const isEmpty = committed.size === 0 && (await folder.read('manifest.json')) === null;
  const changed = was === null || isEmpty ? [] : changes(was, run);
  if (changed.length > 0) throw runChanged(folder.path, changed);
  if (isEmpty) await writeDurable(path, `${JSON.stringify(run, null, 2)}\n`);
}

/** The manifest of a finished run; null, and the file gone, when parts of it are missing. */
async function manifestOf(folder: RunFolder, committed: Set<number>): Promise<Manifest | null> {
  const text = await folder.read('manifest.json');
  if (text === null) return null;
  const manifest = parseManifest(folder.file('manifest.json'), text);
  if (manifest.parts.length === committed.size) return manifest;
  await rm(folder.file('manifest.json'), { force: true });
  return null;
}

async function compute(job: Job, committed: Set<number>, total: number | null): Promise<boolean> {
  const { options, model, folder, meter } = job;
  const emit = options.onEvent ?? (() => {});
  const cursor = openCursor(job);
  const inputs = job.inputs.map(({ path }) => path);
  emit({
    type: 'start',
    output: folder.path,
    inputs,
    committedShards: committed.size,
    progress: () => meter.progress(),
  });
  let writer: ShardWriter | null = null;
  const parts = {
    folder,
    format: job.spec.format,
    columns: emptyResult(model, 0),
    formatRows: options.formatRows,
    meter,
  };
  const write = async (done: DoneBlock) => {
    const { shard, span } = done.block;
    writer ??= new ShardWriter(shard, parts);
    await writer.write(done);
    if (span === null) return;
    const receipt = await writer.commit(span);
    writer = null;
    committed.add(shard);
    meter.committed(span.records);
    emit({ type: 'committed', receipt });
  };
  const earlier = {
    total,
    span: async (shard: number) => (committed.has(shard) ? ((await folder.receipt(shard))?.input ?? null) : null),
    onSkip: ({ records }: { records: number }) => meter.skipped(records, cursor.bytesPassed),
  };
  try {
    return await runPipeline({
      blocks: readBlocks(cursor, blockLimits(job), earlier, folder.path),
      closeInput: () => cursor.close(),
      model,
      batchTokens: options.batchTokens ?? model.batchTokens,
      write,
      meter,
      signal: options.signal,
      drain: options.drain,
    });
  } finally {
    await (writer as ShardWriter | null)?.abandon().catch(() => {});
  }
}

async function finish({ options, folder, model }: Job, shards: number): Promise<Manifest> {
  const { manifest, withoutId } = await finishRun(folder, shards, model.task);
  if (options.idField !== undefined && manifest.rows > 0 && withoutId === manifest.rows) {
    options.onEvent?.({ type: 'note', message: `no row has the id field '${options.idField}': every id is null` });
  }
  return manifest;
}

function openCursor({ options, spec, inputs, adds }: Job): InputCursor {
  const format = {
    textField: spec.text_field,
    idField: spec.id_field,
    idRequired: options.idField !== undefined,
    header: spec.csv_header,
    maxRowBytes: spec.max_row_bytes,
    adds: spec.format === 'jsonl' ? adds : null,
  };
  return new InputCursor(inputs, format, options.stdin ?? process.stdin, ({ path }, sniffed) => {
    const name = path === '-' ? 'standard input' : path;
    options.onEvent?.({ type: 'note', message: `${name} is read as ${sniffed}; --input-format says otherwise` });
  });
}

function blockLimits({ spec, model }: Job): { shardRows: number; blockRows: number; blockBytes: number } {
  const vectorBytes = model.task === 'embed' ? 4 * model.dim : 8;
  const blockRows = Math.max(64, Math.min(BLOCK_ROWS, Math.floor(BLOCK_VECTOR_BYTES / vectorBytes)));
  return { shardRows: spec.shard_rows, blockRows, blockBytes: BLOCK_TEXT_BYTES };
}

/** The inputs by content; those that `run.json` knows and that have not been touched are not read again. */
async function identifyAll(inputs: readonly Input[], folder: RunFolder): Promise<InputIdentity[]> {
  const text = await folder.read('run.json').catch(() => null);
  const known = text === null ? [] : knownInputs(text);
  const identities: InputIdentity[] = [];
  for (const [at, { path, bytes }] of inputs.entries()) {
    const before = known[at]?.path === path ? known[at].content : null;
    identities.push({ path, content: bytes === null ? null : await identify(path, before) });
  }
  return identities;
}

function knownInputs(text: string): InputIdentity[] {
  try {
    return parseRunFile('run.json', text).inputs;
  } catch {
    return [];
  }
}

async function countRows(folder: RunFolder, committed: Set<number>): Promise<{ rows: number; failed: number }> {
  const sum = { rows: 0, failed: 0 };
  for (const shard of committed) {
    const receipt = await folder.receipt(shard);
    sum.rows += receipt?.rows ?? 0;
    sum.failed += receipt?.failed ?? 0;
  }
  return sum;
}

function totalBytes(inputs: readonly Input[]): number | null {
  let total = 0;
  for (const { bytes } of inputs) {
    if (bytes === null) return null;
    total += bytes;
  }
  return total;
}
