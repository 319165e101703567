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
    const receipt: unknown = JSON.parse(text);
    return isReceipt(receipt) ? receipt : null;
  } catch {
    return null;
  }
}

function isReceipt(value: unknown): value is Receipt {
  const receipt = value as Receipt;
  const counts = [receipt.shard, receipt.rows, receipt.failed, receipt.tokens, receipt.without_id];
  const { files, errors, input } = receipt;
  return (
    counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
    Number.isFinite(receipt.seconds) &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every(isFile) &&
    (errors === null || isFile(errors)) &&
    typeof input.sha256 === 'string' &&
    [receipt.codes, receipt.labels].every((sums) => typeof sums === 'object' && sums !== null) &&
    [receipt.lengths, receipt.timeline].every((list) => Array.isArray(list) && list.every(Array.isArray))
  );
}

function isFile({ file, bytes, sha256 }: CommittedFile): boolean {
  return typeof file === 'string' && Number.isSafeInteger(bytes) && typeof sha256 === 'string';
}

/** `00012`, the name of shard 12 in every file name. */
export function shardName(shard: number): string {
  return String(shard).padStart(5, '0');
}
