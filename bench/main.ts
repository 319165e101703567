import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeInfo } from '../lib';
import { bestLimits, type Limits, measureLimits, thisMachine } from './machine';
import { type BenchOptions, parseOptions, usage } from './options';
import { markdown } from './report/markdown';
import { speedSvg } from './report/svg';
import type { BenchResult } from './result';
import { runSections } from './run-sections';

const root = join(__dirname, '..', '..');

/** Measures, prints a table, and writes JSON and, when asked, the picture. */
export async function main(args: readonly string[]): Promise<void> {
  let options: BenchOptions | null;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (options === null) {
    process.stdout.write(usage);
    return;
  }
  process.env['NATIVE_TRANSFORMERS_THREADS'] = String(options.threads);
  const result = await measure(options);
  process.stdout.write(`\n${markdown(result)}`);
  writeResult(result, options);
}

async function measure(options: BenchOptions): Promise<BenchResult> {
  const result: BenchResult = {
    machine: thisMachine(),
    loadAfter: [],
    limits: null,
    isa: nativeInfo().isa,
    threads: options.threads,
    versions: {},
    ops: [],
    models: [],
    jobs: [],
    firstVector: null,
    memory: [],
    failures: {},
  };
  if ((result.machine.load[0] as number) > 1)
    process.stderr.write(`the machine is busy (load ${result.machine.load[0]}): these figures will be worth little\n`);
  const limits = () => tryLimits(options.threads, result);
  const before = limits();
  const work = options.work ?? (await mkdtemp(join(tmpdir(), 'native-transformers-bench-')));
  try {
    await runSections(result, options, work);
  } finally {
    if (options.work === null) await rm(work, { recursive: true, force: true });
  }
  const after = before && limits();
  result.limits = before && after && bestLimits(before, after);
  result.loadAfter = loadavg().map((x) => Number(x.toFixed(2)));
  return result;
}

function tryLimits(threads: number, result: BenchResult): Limits | null {
  try {
    return measureLimits(threads);
  } catch (error) {
    result.failures['limits'] = `${(error as Error).message} (a C++ compiler is needed; CXX names it)`;
    return null;
  }
}

function writeResult(result: BenchResult, { svg, quick }: BenchOptions): void {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${result.machine.date.slice(0, 19).replaceAll(':', '')}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`\n${file}\n`);
  if (!svg) return;
  if (quick) {
    process.stderr.write('no picture is drawn of a --quick run\n');
    return;
  }
  const picture = join(root, 'docs', 'speed.svg');
  writeFileSync(picture, speedSvg(result));
  process.stdout.write(`${picture}\n`);
}
