/**
 * Position ids as RoBERTa and MPNet number them: tokens count from padding + 1, padding tokens are `padding`. Without
 * ids every position counts.
 * @returns a function that gives [B, T] ids
 */
export function positionsAfterPadding(padding: number) {
  return (ids: Int32Array | null, batch: number, length: number): Int32Array => {
    const positions = new Int32Array(batch * length);
    for (let b = 0; b < batch; b++) {
      let seen = 0;
      for (let t = b * length; t < (b + 1) * length; t++)
        positions[t] = ids && ids[t] === padding ? padding : padding + ++seen;
    }
    return positions;
  };
}

/** The table of sines and cosines of Vaswani et al. (arXiv:1706.03762), sines in even columns. @returns [P, C] */
export function sinusoidalTable(positions: number, width: number): Float32Array {
  const table = new Float32Array(positions * width);
  for (let p = 0; p < positions; p++)
    for (let c = 0; c < width; c++) {
      const angle = p / 10000 ** ((2 * Math.floor(c / 2)) / width);
      table[p * width + c] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  return table;
}
