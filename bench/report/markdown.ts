import { figuresOf } from '../figures';
import { type BenchResult, OURS } from '../result';
import { type Rate, type Roof, rateOf, roofOf } from '../roofline';
import type { Sample } from '../sampling';
import type { JobResult } from '../sections/jobs';
import type { ModelResult } from '../sections/models';
import type { OpResult } from '../sections/ops';

/** A run as markdown tables. */
export function markdown(result: BenchResult): string {
  const roof = (threads: number): Roof =>
    result.limits ? roofOf(result.limits, result.isa, threads) : { gflops: Number.NaN, gbps: Number.NaN };
  const parts = [
    header(result),
    limits(result),
    ops(result.ops, roof),
    models(result.models, roof(result.threads)),
    result.jobs.map((job) => jobTable(job, roof(result.threads))).join('\n'),
    figures(result),
    failures(result),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}`;
}

function header({ machine, loadAfter, isa, threads, versions }: BenchResult): string {
  const engines = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${machine.cpu}, ${machine.cores} cores, ${(machine.memory / 2 ** 30).toFixed(0)} GiB; ${isa}, ${threads} threads; ` +
    `Node ${machine.node}; ${machine.date.slice(0, 16).replace('T', ' ')} UTC; ` +
    `load ${machine.load.join(' ')} before, ${loadAfter.join(' ')} after\n\n${engines.join(', ')}\n`
  );
}

function limits({ limits }: BenchResult): string {
  if (!limits) return '';
  const rows = limits.peak.map((p) => [`multiply-add, ${p.isa}`, p.threads, `${p.gflops.toFixed(0)} GFLOP/s`]);
  const reads = limits.read.map((r) => ['read from memory', r.threads, `${r.gbps.toFixed(1)} GB/s`]);
  return table(['limit', 'threads', 'measured'], [...rows, ...reads]);
}

function ops(results: readonly OpResult[], roof: (threads: number) => Roof): string {
  if (results.length === 0) return '';
  const rows = results.map((r) => [
    r.op,
    r.shape,
    r.threads,
    `${milliseconds(r.sample.median)}`,
    ...rateCells(rateOf(r, r.sample.median, roof(r.threads))),
  ]);
  return table(['op', 'shape', 'threads', 'time', 'rate', 'of the limit'], rows);
}

function models(results: readonly ModelResult[], roof: Roof): string {
  if (results.length === 0) return '';
  const rows = results.flatMap((result) =>
    Object.entries(result.samples).map(([engine, sample]) => [
      `${result.model} ${result.batch}×${result.length}`,
      engine,
      spread(sample),
      ((result.batch * result.length * 1000) / sample.median).toFixed(0),
      ...rateCells(rateOf(result, sample.median, roof)),
      ratio(result.samples[OURS]!, sample),
      percent(sample.waited),
      result.differences[engine]?.toExponential(1) ?? '',
    ]),
  );
  const names = ['model', 'engine', 'time (quartiles)', 'tokens/s', 'rate', 'of the limit', 'ours is', 'waited'];
  return table([...names, 'difference'], rows);
}

function jobTable(job: JobResult, roof: Roof): string {
  const rows = Object.entries(job.samples).map(([engine, sample]) => {
    const delays = job.delays[engine];
    return [
      engine + (job.batches[engine] ? ` (batches of ${job.batches[engine]})` : ''),
      spread(sample),
      ((job.rows * 1000) / sample.median).toFixed(0),
      ((job.tokens * 1000) / sample.median).toFixed(0),
      rateCells(rateOf(job, sample.median, roof))[1] as string,
      ratio(job.samples[OURS]!, sample),
      percent(sample.waited),
      delays ? `${(100 * delays.share).toFixed(2)} %, ${delays.max.toFixed(0)} ms` : '',
      job.differences[engine]?.toExponential(1) ?? '',
    ];
  });
  const title = `${job.rows} texts, ${job.tokens} tokens, ${job.model}`;
  const names = ['time (quartiles)', 'texts/s', 'tokens/s', 'of the limit', 'ours is', 'waited'];
  return table([title, ...names, 'loop: over 5 ms, longest', 'difference'], rows);
}

function figures(result: BenchResult): string {
  const rows = figuresOf(result).map((f) => [
    f.what,
    f.goal,
    f.measured,
    (f.held ? 'yes' : '**no**') + (f.disturbed ? ', disturbed' : ''),
  ]);
  return rows.length === 0 ? '' : table(['figure', 'goal', 'measured', 'held'], rows);
}

function failures({ failures, models, jobs }: BenchResult): string {
  const all = { ...failures };
  for (const { model, failures } of models)
    for (const [name, why] of Object.entries(failures)) all[`${name}, ${model}`] = why;
  for (const { failures } of jobs) Object.assign(all, failures);
  return Object.entries(all)
    .map(([name, why]) => `Not measured: ${name}: ${why.split('\n')[0]}\n`)
    .join('');
}

function rateCells({ value, unit, fraction }: Rate): [string, string] {
  return [`${value.toFixed(value < 10 ? 1 : 0)} ${unit}`, Number.isNaN(fraction) ? '' : fraction.toFixed(2)];
}

function spread({ median, low, high }: Sample): string {
  return `${milliseconds(median)} (${milliseconds(low)} to ${milliseconds(high)})`;
}

function milliseconds(ms: number): string {
  return ms < 1 ? `${(1000 * ms).toFixed(1)} µs` : ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function ratio(ours: Sample, theirs: Sample): string {
  return ours === theirs ? '' : `${(theirs.median / ours.median).toFixed(2)}×`;
}

function table(names: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |\n`;
  return line(names) + line(names.map(() => '---')) + rows.map(line).join('');
}
