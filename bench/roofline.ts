import { type Limits, peakOf, readRateOf } from './machine';

/** Work against what the machine could have done in the time. */
export interface Rate {
  value: number;
  unit: 'GFLOP/s' | 'GB/s';
  /** Of the limit that binds: the multiply-add peak or the read rate, whichever would take longer. */
  fraction: number;
}

/** The rate of work that took `ms`, in the unit of the limit that binds it. */
export function rateOf(work: { flops: number; bytes: number }, ms: number, roof: Roof): Rate {
  const seconds = ms / 1000;
  const computing = work.flops / 1e9 / roof.gflops;
  const reading = work.bytes / 1e9 / roof.gbps;
  return computing >= reading
    ? { value: work.flops / 1e9 / seconds, unit: 'GFLOP/s', fraction: computing / seconds }
    : { value: work.bytes / 1e9 / seconds, unit: 'GB/s', fraction: reading / seconds };
}

export interface Roof {
  gflops: number;
  gbps: number;
}

/** @param isa - the instruction set that is in use */
export function roofOf(limits: Limits, isa: string, threads: number): Roof {
  return { gflops: peakOf(limits, isa, threads), gbps: readRateOf(limits, threads) };
}
