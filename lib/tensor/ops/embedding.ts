import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/**
 * Rows of a table.
 * @param ids - [...] int64 or int32
 * @param weight - [V, C] float32, float16 or bfloat16
 * @param add - [..., C] float32, added to the rows
 * @returns [..., C] float32
 * @throws ValueError `ERR_INDEX_OUT_OF_RANGE` when read, for an id that is no row
 */
export function embedding(ids: Tensor, weight: Tensor, add: Tensor | null = null): Tensor {
  return run1('embedding', [ids, weight, add]);
}

/**
 * The slices of `x` along `dim` that `index` names. Unlike PyTorch's, an index of -1 gives zeros.
 * @param index - [K] int64 or int32
 * @returns the shape of x with dim replaced by K
 * @throws ValueError `ERR_INDEX_OUT_OF_RANGE` when read
 */
export function index_select(x: Tensor, dim: number, index: Tensor): Tensor {
  return run1('index_select', [x, index], [dim]);
}
