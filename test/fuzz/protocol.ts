/** What the process that watches and those that read say to each other, and what an input may cost. */

export const kSlowestMs = 1000;
/** How long the event loop may stand still for one input. */
export const kBlockedMs = 300;
/** What reading one input may add to the process's peak, and what thousands may leave behind. */
export const kGrowthBytes = 256e6;
export const kLeakBytes = 100e6;
/** A process beyond this is killed. */
export const kMostBytes = 2e9;
/** Inputs that are read at the same time. */
export const kLanes = 4;
/** A process that says nothing for so long hangs. */
export const kSilenceMs = 10_000;

export interface Order {
  target: string;
  first: number;
  count: number;
  /** How long to read, from when the process is ready. */
  ms: number;
  folder: string;
  diary: string;
  alone: boolean;
}

export type Report =
  | { kind: 'progress'; tally: Record<string, number> }
  | { kind: 'suspect'; seed: number }
  | { kind: 'finding'; seeds: number[]; what: string }
  | { kind: 'done'; next: number }
  | {
      kind: 'alone';
      seed: number;
      outcome: string | null;
      what: string;
      ms: number;
      blocked: number;
      growth: number;
    };
