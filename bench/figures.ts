import type { Delays } from './delays';
import { type BenchResult, ORT, OURS, ST, TJS } from './result';
import { roofOf } from './roofline';
import type { Sample } from './sampling';

/** A promise about speed or memory, and what this run says of it. */
export interface Figure {
  what: string;
  goal: string;
  measured: string;
  held: boolean;
  /** Other programs took part of the cores meanwhile, so that `held` says little. */
  disturbed: boolean;
}

/** Above this share of waiting for cores a time is not the engine's own. */
export const DISTURBED = 0.1;

function isDisturbed(...samples: Sample[]): boolean {
  return samples.some(({ waited }) => waited > DISTURBED);
}

/** The project's goals that this run has measured. */
export function figuresOf(result: BenchResult): Figure[] {
  const wide = result.isa === 'avx512';
  return [
    ...modelFigures(result, 'BERT-base', 8, 128, wide ? 1.15 : 1.08, wide ? 0.7 : 0.8),
    ...modelFigures(result, 'MiniLM-L6', 8, 128, wide ? 1.2 : 1.12),
    ...modelFigures(result, 'BERT-base', 1, 16, 1),
    ...jobFigures(result, wide),
    ...processFigures(result),
  ];
}

function modelFigures(
  { models, limits, isa, threads }: BenchResult,
  model: string,
  batch: number,
  length: number,
  ratio: number,
  fraction?: number,
): Figure[] {
  const found = models.find((m) => m.model === model && m.batch === batch && m.length === length);
  if (!found) return [];
  const figures: Figure[] = [];
  const what = `${model} ${batch}×${length}`;
  const ours = found.samples[OURS]!;
  const theirs = found.samples[ORT];
  if (theirs) {
    const value = theirs.median / ours.median;
    figures.push(atLeast(`${what}, speed against ${ORT}`, ratio, value, '×', isDisturbed(ours, theirs)));
  }
  if (fraction !== undefined && limits) {
    const { gflops } = roofOf(limits, isa, threads);
    const value = found.flops / 1e6 / ours.median / gflops;
    figures.push(atLeast(`${what}, fraction of the multiply-add peak`, fraction, value, '', isDisturbed(ours)));
  }
  return figures;
}

function jobFigures({ jobs }: BenchResult, wide: boolean): Figure[] {
  return jobs.flatMap(({ rows, samples, delays, bigBatch }) => {
    const what = `embed job over ${rows} texts`;
    const ours = samples[OURS]!;
    const figures: Figure[] = [];
    for (const [peer, goal] of [
      [ST, wide ? 2.2 : 1.8],
      [TJS, wide ? 1.9 : 1.6],
    ] as const) {
      const theirs = samples[peer];
      if (!theirs) continue;
      const value = theirs.median / ours.median;
      figures.push(atLeast(`${what}, speed against ${peer}`, goal, value, '×', isDisturbed(ours, theirs)));
    }
    figures.push(...loopFigures(what, delays[OURS]!, isDisturbed(ours)));
    if (bigBatch) figures.push(...loopFigures('forward of 256×128', bigBatch, isDisturbed(ours)));
    return figures;
  });
}

function loopFigures(what: string, { share, max }: Delays, disturbed: boolean): Figure[] {
  return [
    atMost(`${what}, event loop: delays over 5 ms`, 1, 100 * share, ' % of the time', disturbed),
    atMost(`${what}, event loop: longest delay`, 50, max, ' ms', disturbed),
  ];
}

function processFigures({ firstVector, memory }: BenchResult): Figure[] {
  const figures = memory.map(({ model, batch, length, peak, bound }) =>
    atMost(`${model} ${batch}×${length}, peak memory above the import`, bound / 2 ** 20, peak / 2 ** 20, ' MiB'),
  );
  if (firstVector) {
    const disturbed = isDisturbed(firstVector);
    figures.push(atMost('import to first vector, whole process', 500, firstVector.median, ' ms', disturbed));
  }
  return figures;
}

function atLeast(what: string, goal: number, value: number, unit: string, disturbed: boolean): Figure {
  return { what, goal: `≥ ${goal}${unit}`, measured: `${short(value)}${unit}`, held: value >= goal, disturbed };
}

function atMost(what: string, goal: number, value: number, unit: string, disturbed = false): Figure {
  return { what, goal: `≤ ${short(goal)}${unit}`, measured: `${short(value)}${unit}`, held: value <= goal, disturbed };
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
