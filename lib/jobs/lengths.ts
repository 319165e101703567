/**
 * The token count that stands for `length` in a histogram: itself up to 128, then rounded down so that 64 steps make an
 * octave. Keeps histograms short whatever the longest text is.
 */
export function lengthBucket(length: number): number {
  if (length < 128) return length;
  const step = 2 ** (Math.floor(Math.log2(length)) - 6);
  return Math.floor(length / step) * step;
}
