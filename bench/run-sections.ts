import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeRandomCheckpoint } from './checkpoint';
import { Engine } from './engine';
import { writeBertOnnx } from './onnx/bert';
import type { BenchOptions } from './options';
import { type BenchResult, ORT, OURS, ST, TJS, TORCH } from './result';
import { benchJob } from './sections/jobs';
import { benchModel } from './sections/models';
import { benchOps } from './sections/ops';
import { benchFirstVector, benchMemory } from './sections/process';
import { bertBase, type EncoderShape, miniLm, shapeOf, xlmRobertaLarge } from './shapes';

/** Runs the sections that were asked for; one that fails is noted, and the next one runs. */
export async function runSections(result: BenchResult, options: BenchOptions, work: string): Promise<void> {
  const run: Record<string, () => Promise<void>> = {
    ops: () => ops(result, options),
    models: () => models(result, options, work),
    jobs: () => jobs(result, options, work),
    process: () => firstVector(result, options),
    memory: () => memory(result, options, work),
  };
  for (const section of options.only) {
    const begin = performance.now();
    say(`${section} …`);
    try {
      await (run[section] as () => Promise<void>)();
    } catch (error) {
      result.failures[section] = String((error as Error).stack ?? error);
      say(`${section}: ${result.failures[section]}`);
    }
    say(`${section}: ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  }
}

async function ops(result: BenchResult, { threads, quick }: BenchOptions): Promise<void> {
  result.ops = await benchOps(threads, quick ? 1 : 7, ({ op, shape, threads, sample }) =>
    say(`  ${op} ${shape}, ${threads} threads: ${sample.median.toFixed(3)} ms`),
  );
}

async function models(result: BenchResult, options: BenchOptions, work: string): Promise<void> {
  const peers = await startPeers(result, options, [ORT, TORCH]);
  const ours = await startOurs(result, options);
  const { quick, patienceMs } = options;
  const rounds = { rounds: quick ? 1 : options.rounds, turnMs: quick ? 10 : options.turnMs, patienceMs };
  try {
    for (const [shape, batches] of [
      [
        bertBase,
        [
          [8, 128],
          [1, 16],
          [1, 128],
        ],
      ],
      [miniLm, [[8, 128]]],
    ] as const) {
      const folder = await randomCheckpoint(work, shape);
      const onnx = peers[ORT] ? await onnxOf(folder, shape, join(folder, 'model.onnx')) : null;
      const list = Object.values(peers);
      const found = await benchModel({ shape, folder, onnx, batches }, ours, list, rounds);
      for (const { model, batch, length, samples } of found)
        for (const [engine, sample] of Object.entries(samples))
          say(`  ${model} ${batch}×${length}, ${engine}: ${sample.median.toFixed(2)} ms`);
      result.models.push(...found);
    }
  } finally {
    await Promise.all([ours, ...Object.values(peers)].map((engine) => engine.close()));
  }
}

async function jobs(result: BenchResult, options: BenchOptions, work: string): Promise<void> {
  requireModel(options);
  const peers = await startPeers(result, options, [TJS, ST]);
  const ours = await startOurs(result, options);
  const rows = options.quick ? 64 : options.rows;
  const rounds = options.quick ? 1 : options.rounds;
  try {
    const onnxFolder = peers[TJS] ? await hubFolderWithOnnx(options.model, work) : null;
    const engines = { sentenceTransformers: peers[ST] ?? null, transformersJs: peers[TJS] ?? null };
    const job = await benchJob(ours, engines, { folder: options.model, onnxFolder, rows, rounds, work });
    for (const [engine, { median }] of Object.entries(job.samples)) say(`  ${engine}: ${median.toFixed(0)} ms`);
    result.jobs.push(job);
  } finally {
    await Promise.all([ours, ...Object.values(peers)].map((engine) => engine.close()));
  }
}

async function firstVector(result: BenchResult, options: BenchOptions): Promise<void> {
  requireModel(options);
  result.firstVector = await benchFirstVector(options.model, options.quick ? 1 : 7, environment(options));
}

async function memory(result: BenchResult, options: BenchOptions, work: string): Promise<void> {
  const cases = [[bertBase, [8, 128]], ...(options.quick ? [] : [[xlmRobertaLarge, [32, 512]] as const])] as const;
  for (const [shape, batch] of cases) {
    const folder = await randomCheckpoint(work, shape);
    const found = await benchMemory(shape, folder, batch, environment(options));
    say(`  ${shape.name}: ${(found.peak / 2 ** 20).toFixed(0)} of ${(found.bound / 2 ** 20).toFixed(0)} MiB`);
    result.memory.push(found);
  }
}

async function startOurs(result: BenchResult, options: BenchOptions): Promise<Engine> {
  const script = join(__dirname, 'engines', 'ours.js');
  const engine = await Engine.start(OURS, process.execPath, [script], environment(options));
  result.versions = { [OURS]: engine.version, ...result.versions };
  return engine;
}

/** Starts those of the peers that are installed. */
async function startPeers(
  result: BenchResult,
  { peers, python, threads }: BenchOptions,
  names: readonly string[],
): Promise<Record<string, Engine>> {
  const node = (script: string) => [process.execPath, join(__dirname, 'engines', script), peers as string] as const;
  const worker = join(__dirname, '..', '..', 'bench', 'engines', 'worker.py');
  const commands: Record<string, readonly string[] | null> = {
    [ORT]: peers === null ? null : node('onnxruntime.js'),
    [TJS]: peers === null ? null : node('transformers-js.js'),
    [TORCH]: python === null ? null : [python, worker, 'torch'],
    [ST]: python === null ? null : [python, worker, 'sentence-transformers'],
  };
  const started: Record<string, Engine> = {};
  for (const name of names) {
    const [command, ...args] = commands[name] ?? [];
    if (command === undefined) continue;
    try {
      const engine = await Engine.start(name, command, [...args, String(threads)]);
      started[name] = engine;
      result.versions[name] = engine.version;
    } catch (error) {
      result.failures[name] = (error as Error).message;
    }
  }
  return started;
}

function requireModel({ model }: BenchOptions): void {
  if (!existsSync(join(model, 'tokenizer.json')))
    throw new Error(`${model} has no tokenizer.json; --model names the folder of a sentence-transformers checkpoint`);
}

function environment({ threads }: BenchOptions): NodeJS.ProcessEnv {
  return { NATIVE_TRANSFORMERS_THREADS: String(threads) };
}

async function randomCheckpoint(work: string, shape: EncoderShape): Promise<string> {
  const folder = join(work, shape.name);
  return existsSync(join(folder, 'model.safetensors')) ? folder : writeRandomCheckpoint(work, shape);
}

async function onnxOf(folder: string, shape: EncoderShape, path: string): Promise<string> {
  if (!existsSync(path)) await writeBertOnnx(folder, shape, path);
  return path;
}

/** A folder as transformers.js wants it: the checkpoint's tokenizer and config, and the model as ONNX. */
async function hubFolderWithOnnx(folder: string, work: string): Promise<string> {
  const target = join(work, 'onnx', basename(folder));
  await mkdir(join(target, 'onnx'), { recursive: true });
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(folder, name), join(target, name));
  await onnxOf(folder, await shapeOf(folder), join(target, 'onnx', 'model.onnx'));
  return target;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
