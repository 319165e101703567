import { throwIfAborted } from '../../errors';

/** Items of one call that are under way at a time: one is prepared while the other is tokenized. */
const kLanes = 2;

/**
 * Runs `run` over the items, a few at a time; results are in order. The first failure stops the rest, an abort before
 * the next item.
 */
export async function inLanes<T, R>(
  items: readonly T[],
  run: (item: T) => Promise<R>,
  signal: AbortSignal | undefined,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      throwIfAborted(signal);
      const i = next++;
      try {
        results[i] = await run(items[i] as T);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(kLanes, items.length) }, lane));
  return results;
}

/** Ranges of at most `size` over `length` items. */
export function rangesOf(length: number, size: number): [start: number, stop: number][] {
  const ranges: [number, number][] = [];
  for (let start = 0; start < length; start += size) ranges.push([start, Math.min(start + size, length)]);
  return ranges;
}
