import type { Span } from '../input/blocks';

/** A file that a receipt vouches for. */
export interface CommittedFile {
  /** Relative to the run's folder, with forward slashes. */
  file: string;
  bytes: number;
  sha256: string;
}

/** `parts/NNNNN.json`: its being there makes the part count. */
export interface Receipt {
  shard: number;
  attempt: string;
  /** Rows written. */
  rows: number;
  /** Rows in `errors`. */
  failed: number;
  /** The data first, then what lies beside it. */
  files: CommittedFile[];
  errors: CommittedFile | null;
  input: Span;
  tokens: number;
  /** Since the receipt before it, or since the first row was read. */
  seconds: number;
  /** Failed rows by code. */
  codes: Record<string, number>;
  /** Rows by label. */
  labels: Record<string, number>;
  /** Rows without the id field. */
  without_id: number;
  /** Pairs of token count (see `lengthBucket`) and rows. */
  lengths: [number, number][];
  /** What was computed since the receipt before, in short stretches: its start in seconds since 1970, rows, tokens. */
  timeline: [number, number, number][];
}

/** Reads a receipt's text; null when it is none. */
export function parseReceipt(text: string): Receipt | null {
  try {
    const receipt = JSON.parse(text) as Receipt;
    const whole = Number.isInteger(receipt.shard) && Number.isInteger(receipt.rows) && Array.isArray(receipt.files);
    return whole && typeof receipt.input.sha256 === 'string' ? receipt : null;
  } catch {
    return null;
  }
}

/** `00012`, the name of shard 12 in every file name. */
export function shardName(shard: number): string {
  return String(shard).padStart(5, '0');
}
