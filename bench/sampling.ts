/** Times of one thing, in milliseconds. */
export interface Sample {
  median: number;
  /** The quartiles: how far the times lie apart. */
  low: number;
  high: number;
  min: number;
  count: number;
  /** For how much of the time the threads waited for a core, added up over threads: 0 on a machine with nothing else to do. */
  waited: number;
}

/** One repetition: how long it took, and for how long its threads waited for a core. */
export interface Timing {
  ms: number;
  waited: number;
}

/** A repetition counts as undisturbed when its threads waited for less than this share of it. */
const UNDISTURBED = 0.03;
/** With fewer undisturbed repetitions than this, all count. */
const ENOUGH = 5;

/** The undisturbed repetitions of things that are compared where each has enough of them, else all. */
export function samplesOf(timings: Readonly<Record<string, readonly Timing[]>>): Record<string, Sample> {
  const entries = Object.entries(timings);
  const settled = entries.every(([, each]) => isSettled(each));
  return Object.fromEntries(entries.map(([name, each]) => [name, sampleOf(each, settled)]));
}

/** @throws when there are no timings */
export function sampleOf(timings: readonly Timing[], onlyUndisturbed = isSettled(timings)): Sample {
  if (timings.length === 0) throw new Error('no times');
  const used = onlyUndisturbed ? timings.filter(isUndisturbed) : timings;
  const sorted = used.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
    return below + (above - below) * (place - Math.floor(place));
  };
  const sum = (field: keyof Timing) => used.reduce((total, timing) => total + timing[field], 0);
  const waited = sum('waited') / sum('ms');
  return { median: at(0.5), low: at(0.25), high: at(0.75), min: at(0), count: sorted.length, waited };
}

function isSettled(timings: readonly Timing[]): boolean {
  return timings.filter(isUndisturbed).length >= ENOUGH;
}

function isUndisturbed({ ms, waited }: Timing): boolean {
  return waited < UNDISTURBED * ms;
}

/** What can be timed so many times in a row. */
export interface Timed {
  run(repeats: number): Promise<Timing[]>;
}

export interface RoundOptions {
  /** A turn of one of them lasts about this long. */
  turnMs: number;
  rounds: number;
  /** Goes on for so long, at most, until everything has been timed undisturbed often enough. */
  patienceMs: number;
}

/** Between turns, so that threads of the last one stop waiting for work. */
const PAUSE_MS = 60;

/**
 * Times several things turn by turn, A B C A B C …, so that what the machine does meanwhile hits all of them alike.
 * Each first gets one turn that does not count.
 */
export async function interleave(
  things: Readonly<Record<string, Timed>>,
  { turnMs, rounds, patienceMs }: RoundOptions,
): Promise<Record<string, Sample>> {
  const entries = Object.entries(things).map(([name, thing]) => ({ name, thing, repeats: 1, timings: [] as Timing[] }));
  for (const entry of entries) {
    const warm = (await entry.thing.run(2)).map(({ ms }) => ms);
    entry.repeats = Math.max(1, Math.min(200, Math.round(turnMs / Math.min(...warm))));
  }
  const begin = performance.now();
  const settled = () => entries.every(({ timings }) => isSettled(timings));
  for (let round = 0; round < rounds || (!settled() && performance.now() - begin < patienceMs); round++) {
    for (const { thing, repeats, timings } of entries) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      timings.push(...(await thing.run(repeats)));
    }
  }
  return samplesOf(Object.fromEntries(entries.map(({ name, timings }) => [name, timings])));
}
