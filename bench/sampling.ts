/** Times of one thing, in milliseconds. */
export interface Sample {
  median: number;
  /** The quartiles: how far the times lie apart. */
  low: number;
  high: number;
  min: number;
  count: number;
}

/** @throws when there are no times */
export function sampleOf(times: readonly number[]): Sample {
  if (times.length === 0) throw new Error('no times');
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75), min: at(0), count: sorted.length };
}

/** What can be timed so many times in a row. */
export interface Timed {
  /** @returns milliseconds of each repetition */
  run(repeats: number): Promise<number[]>;
}

export interface RoundOptions {
  /** A turn of one of them lasts about this long. */
  turnMs: number;
  rounds: number;
  /** Between turns, so that threads of the last one stop waiting for work. */
  pauseMs?: number;
}

/**
 * Times several things turn by turn, A B C A B C …, so that what the machine does meanwhile hits all of them alike.
 * Each first gets one turn that does not count.
 */
export async function interleave<Name extends string>(
  things: Readonly<Record<Name, Timed>>,
  { turnMs, rounds, pauseMs = 60 }: RoundOptions,
): Promise<Record<Name, number[]>> {
  const entries = Object.entries(things) as [Name, Timed][];
  const times = {} as Record<Name, number[]>;
  const repeats = {} as Record<Name, number>;
  for (const [name, thing] of entries) {
    const warm = await thing.run(2);
    repeats[name] = Math.max(1, Math.min(200, Math.round(turnMs / Math.min(...warm))));
    times[name] = [];
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, thing] of entries) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      times[name].push(...(await thing.run(repeats[name])));
    }
  }
  return times;
}
