/** What a run of kills found. */
export interface KilledConversions {
  kills: number;
  /** Times there was no file. */
  absent: number;
  /** Times the file was neither of the two conversions' complete one. */
  torn: number;
  /** Kills that came in the middle of a write. */
  interrupted: number;
  /** Temporary files at most that a kill left: those of kills before are cleared away. */
  mostLeft: number;
  states: Record<string, number>;
  /** Whether a further conversion gave the bytes that it should. */
  completes: boolean;
  /** What that one left beside its file. */
  litter: string[];
}

export function killConversions(kills: number, longestMs?: number): Promise<KilledConversions>;
