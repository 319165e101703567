/**
 * Cuts rows into batches of at most `budget` tokens, longest rows first, so that the last batches to run are the short
 * ones. A row longer than the budget is a batch by itself.
 * @param lengths tokens of each row; a negative one leaves the row out
 * @returns indices into `lengths`; rows of one length keep their order
 */
export function cutBatches(lengths: Int32Array, budget: number): number[][] {
  const batches: number[][] = [];
  let batch: number[] = [];
  let tokens = 0;
  for (const row of byLength(lengths)) {
    const length = Math.max(1, lengths[row]!);
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

/** Row numbers by falling length. One number holds length and row, so that the native sort needs no comparison function. */
function* byLength(lengths: Int32Array): Generator<number> {
  const count = lengths.length;
  const keys = new Float64Array(count);
  for (let row = 0; row < count; row++) keys[row] = lengths[row]! * count + (count - 1 - row);
  keys.sort();
  for (let at = count - 1; at >= 0 && keys[at]! >= 0; at--) yield count - 1 - (keys[at]! % count);
}
