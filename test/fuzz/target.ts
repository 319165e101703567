/** What is fuzzed: one format, or one kind of file. Each target is a file in targets/, and a line in targets/index.ts. */
export interface Target {
  readonly name: string;
  /** What is mutated and what reads it, in a line. */
  readonly about: string;
  /** Milliseconds that one input may take; default 1000. */
  readonly slowestMs?: number;
  /** Makes what inputs are made from. Called once a process, with an empty folder that stays. */
  prepare?(folder: string): Promise<void>;
  /** The files of input number `seed`, by their names below the folder. Only the seed decides. */
  make(seed: number): ReadonlyMap<string, Uint8Array>;
  /**
   * Reads the files in `folder`, which are `files`, through the public API and checks what came out; ends with nothing open and nothing held.
   * What it throws must be a refusal of ours, or is a finding.
   */
  open(folder: string, seed: number, files: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /**
   * Reads them by what finds names and bytes alone, without native code: where a target has it, all inputs but one in
   * `kOpenedEvery` are read so, from memory.
   */
  quick?(folder: string, seed: number, files: ReadonlyMap<string, Uint8Array>): Promise<void>;
}

/** How many inputs of a target with `quick` come to one that is opened as users do; odd, as targets go by even numbers. */
export const kOpenedEvery = 127;

export function isQuick(target: Target, seed: number): boolean {
  return target.quick !== undefined && seed % kOpenedEvery !== 0;
}

/** Fails as a finding, whatever the reader did. */
export class BrokenClaim extends Error {
  override name = 'BrokenClaim';
}

export function claim(holds: boolean, what: string): void {
  if (!holds) throw new BrokenClaim(what);
}
