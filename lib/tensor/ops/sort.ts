import { run, run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/**
 * The k largest or smallest elements along the last axis, best first; NaN is the largest of all, and of equal elements
 * the one in front comes first.
 * @param x - [..., n] float32, float64, int64 or int32
 * @returns values [..., k]; indices [..., k] int64
 */
export function topk(x: Tensor, k: number, largest = true): { values: Tensor; indices: Tensor } {
  const [values, indices] = run('topk', [x], [k, largest ? 1 : 0]);
  return { values: values as Tensor, indices: indices as Tensor };
}

/** The order of the elements along the last axis; equal ones keep theirs. @returns int64 */
export function argsort(x: Tensor, descending = false): Tensor {
  return run1('argsort', [x], [descending ? 1 : 0]);
}
