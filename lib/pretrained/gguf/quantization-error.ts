/** How far numbers moved when they were quantised. */
export interface QuantizationError {
  /** The greatest |x - y|, y being what the blocks give back. */
  max: number;
  /** The mean of |x - y|. */
  mean: number;
  /** The cosine of the angle between x and y; 1 where all are zero. */
  cosine: number;
}

/** Adds up what `quantize` says of each run of numbers. */
export class ErrorSums {
  private elements = 0;
  private max = 0;
  private sum = 0;
  private xy = 0;
  private xx = 0;
  private yy = 0;

  /** @param runs - [runs, 5], as `quantize` gives them */
  add(runs: Float64Array, elements: number): void {
    this.elements += elements;
    for (let at = 0; at < runs.length; at += 5) {
      const [max, sum, xy, xx, yy] = runs.subarray(at, at + 5) as unknown as [number, number, number, number, number];
      this.max = Math.max(this.max, max);
      this.sum += sum;
      this.xy += xy;
      this.xx += xx;
      this.yy += yy;
    }
  }

  /** Null where nothing was added. */
  result(): QuantizationError | null {
    if (this.elements === 0) return null;
    const norm = Math.sqrt(this.xx) * Math.sqrt(this.yy);
    return { max: this.max, mean: this.sum / this.elements, cosine: norm === 0 ? 1 : this.xy / norm };
  }
}
