/** Tokens that one core takes at once: enough for a GEMM, few enough for its caches. */
export const kBatchTokens = 512;

/**
 * Cuts rows into batches of about one length, each under a budget of tokens; a row longer than that stands alone.
 * @param lengths - tokens of each row
 * @returns indices of rows, longest rows first
 */
export function batchesOf(lengths: readonly number[], budget = kBatchTokens): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  let tokens = 0;
  for (const row of order) {
    const length = lengths[row] as number;
    if (batch.length > 0 && tokens + length > budget) {
      batches.push(batch);
      batch = [];
      tokens = 0;
    }
    batch.push(row);
    tokens += length;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
