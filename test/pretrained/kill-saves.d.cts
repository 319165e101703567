/** What a run of kills found. */
export interface Kills {
  mode: string;
  kills: number;
  /** Times the folder was gone. */
  lost: number;
  /** Times weights and config were of different states, or could not be read. */
  torn: number;
  /** Files of others that were gone or changed. */
  foreignLost: number;
  /** Kills that came in the middle of a save. */
  interrupted: number;
  states: Record<string, number>;
  /** Hidden names that a further save left. */
  litter: string[];
}

export const modes: readonly string[];
export function killSaves(mode: string, kills: number, longestMs?: number): Promise<Kills>;
