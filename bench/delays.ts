import type { IntervalHistogram } from 'node:perf_hooks';

/** How far a process's event loop stood still. */
export interface Delays {
  /** Share of the time that delays over 5 ms add up to. */
  share: number;
  /** The longest, in ms. */
  max: number;
  /** How many were over 5 ms. */
  count: number;
}

const LONG_NS = 5e6;

/** @param elapsed - ms that the histogram watched */
export function delaysOf(histogram: IntervalHistogram, elapsed: number): Delays {
  let sum = 0;
  let count = 0;
  // From the longest down: the percentile at rank k is the k-th shortest delay.
  for (let rank = histogram.count; rank > 0; rank--) {
    const delay = histogram.percentile(Math.max((100 * rank) / histogram.count, 1e-9));
    if (delay <= LONG_NS) break;
    sum += delay;
    count++;
  }
  return { share: sum / 1e6 / elapsed, max: histogram.max / 1e6, count };
}
