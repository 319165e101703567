import type { ReportSums } from './sums';

/** `report.json`: a finished run in numbers. */
export interface Report {
  task: string;
  rows: number;
  failed: number;
  tokens: number;
  parts: number;
  bytes: number;
  /** From the first row read to the last receipt, without the time between two processes. */
  seconds: number;
  rows_per_second: number;
  tokens_per_second: number;
  /** Rows and tokens in stretches of `seconds` each. */
  throughput: { seconds: number; rows: number[]; tokens: number[] };
  /** Token counts: each bin is [from, to), its rows in `counts`. */
  lengths: { from: number[]; to: number[]; counts: number[] };
  /** Failed rows by code, most first. */
  errors: [string, number][];
  /** Rows by label, most first. */
  labels: [string, number][];
}

const LENGTH_BINS = 48;

export function jobReport(task: string, sums: ReportSums): Report {
  const { rows, failed, tokens, parts, bytes, seconds } = sums;
  const { width, bins } = sums.timeline;
  return {
    task,
    rows,
    failed,
    tokens,
    parts,
    bytes,
    seconds,
    rows_per_second: seconds > 0 ? (rows + failed) / seconds : 0,
    tokens_per_second: seconds > 0 ? tokens / seconds : 0,
    throughput: { seconds: width, rows: bins.map((bin) => bin.rows), tokens: bins.map((bin) => bin.tokens) },
    lengths: lengthBins(sums.lengths),
    errors: byCount(sums.codes),
    labels: byCount(sums.labels),
  };
}

function lengthBins(lengths: ReadonlyMap<number, number>): Report['lengths'] {
  const longest = Math.max(0, ...lengths.keys());
  const width = Math.max(1, Math.ceil((longest + 1) / LENGTH_BINS));
  const count = lengths.size === 0 ? 0 : Math.floor(longest / width) + 1;
  const counts = new Array<number>(count).fill(0);
  for (const [length, rows] of lengths) counts[Math.floor(length / width)]! += rows;
  const from = counts.map((_, bin) => bin * width);
  return { from, to: from.map((start) => start + width), counts };
}

function byCount(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a, rows], [b, others]) => others - rows || (a < b ? -1 : 1));
}
