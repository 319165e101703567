import type { Report } from './protocol';
import { read } from './reader';
import { targetNamed } from './targets';

/** Something wrong, and how to see it again. */
export interface Finding {
  target: string;
  seeds: number[];
  what: string;
}

export interface Hunt {
  target: string;
  ran: number;
  seconds: number;
  tally: Map<string, number>;
  findings: Finding[];
  /** What looked wrong once and not again. */
  notes: string[];
}

export interface HuntOptions {
  target: string;
  first: number;
  /** Inputs, at most. */
  runs: number;
  seconds: number;
  processes: number;
  /** A folder in memory. */
  folder: string;
  /** How long a process may say nothing. */
  silenceMs?: number;
}

/** Inputs of one process: what it leaks shows, and what it loses when it dies is little. */
const kBlock = 20_000;
/** The same where inputs are read from memory, many times as fast. */
const kQuickBlock = 400_000;
/** Suspects that are read again, and findings that are worth having of one target. */
const kMostSuspects = 40;
const kMostFindings = 12;

/** Reads inputs of one target in processes until time or inputs are used up. */
export async function hunt(options: HuntOptions): Promise<Hunt> {
  const { target, folder, silenceMs } = options;
  const start = Date.now();
  const deadline = start + options.seconds * 1000;
  const found: Hunt = { target, ran: 0, seconds: 0, tally: new Map(), findings: [], notes: [] };
  const suspects = new Set<number>();
  const { first } = options;
  const block = targetNamed(target).quick === undefined ? kBlock : kQuickBlock;
  const end = first + options.runs;
  let next = first;
  const hear = (report: Report) => {
    if (report.kind === 'suspect' && suspects.size < kMostSuspects) suspects.add(report.seed);
    if (report.kind === 'finding') found.findings.push({ target, seeds: report.seeds, what: report.what });
    if (report.kind !== 'progress') return;
    for (const [outcome, count] of Object.entries(report.tally)) {
      found.tally.set(outcome, (found.tally.get(outcome) ?? 0) + count);
      found.ran += count;
    }
  };
  const work = async () => {
    while (next < end && Date.now() < deadline && found.findings.length < kMostFindings) {
      const from = next;
      const count = Math.min(block, end - from);
      next += count;
      const order = { target, first: from, count, ms: deadline - Date.now(), alone: false };
      const { death, seeds: noted, stderr } = await read(folder, order, hear, silenceMs);
      if (death === '') continue;
      const seeds = noted.length > 0 ? noted : [from, from + count - 1];
      const before = found.findings.length;
      for (const seed of noted) if (found.findings.length === before) await confirm(found, seed, folder, silenceMs);
      if (found.findings.length > before) continue;
      const what = `${death}, and none of its inputs does so alone\n${stderr}`;
      // Silence may be the machine's; death is ours.
      if (death.startsWith('it hangs')) found.notes.push(`seeds ${seeds}: ${what}`);
      else found.findings.push({ target, seeds, what });
    }
  };
  await Promise.all(Array.from({ length: options.processes }, work));
  found.seconds = (Date.now() - start) / 1000;
  const doubt = doubtOf(found);
  if (doubt) found.findings.push({ target, seeds: [first, next - 1], what: doubt });
  for (const seed of suspects) if (found.findings.length < kMostFindings) await confirm(found, seed, folder, silenceMs);
  return found;
}

/** Errors that one input in a thousand may have among others and not alone: a watchdog's, or a full machine's. */
const kMostOddShare = 1 / 1000;
const kFewOdd = 10;

/** What to say when many inputs come to errors that have no code, which hides what the inputs come to. */
export function doubtOf({ tally, ran }: Pick<Hunt, 'tally' | 'ran'>): string {
  const odd = tally.get('FINDING') ?? 0;
  if (odd <= Math.max(kFewOdd, ran * kMostOddShare)) return '';
  return `${odd} of ${ran} inputs come to errors without a code; where they do not so alone, the reading in memory is broken`;
}

/** Reads one input in a process of its own. */
async function confirm(found: Hunt, seed: number, folder: string, silenceMs?: number): Promise<void> {
  const { target } = found;
  if (found.findings.some(({ seeds }) => seeds.length === 1 && seeds[0] === seed)) return;
  const { what } = await readAlone(target, seed, folder, silenceMs);
  if (what) found.findings.push({ target, seeds: [seed], what });
}

/** What one input comes to, alone. */
export async function readAlone(
  target: string,
  seed: number,
  folder: string,
  silenceMs?: number,
): Promise<{ what: string; report: Extract<Report, { kind: 'alone' }> | null }> {
  let report: Extract<Report, { kind: 'alone' }> | null = null;
  const hear = (said: Report) => {
    if (said.kind === 'alone') report = said;
  };
  const order = { target, first: seed, count: 1, ms: Number.MAX_SAFE_INTEGER, alone: true };
  const { death, stderr } = await read(folder, order, hear, silenceMs);
  const said = report as Extract<Report, { kind: 'alone' }> | null;
  return { what: said?.what ?? (death ? `${death}\n${stderr}` : 'it ends without a word'), report: said };
}
