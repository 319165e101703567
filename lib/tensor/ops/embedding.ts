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

/**
 * Replaces rows of `x` in place: x[index[i]] = rows[i], as torch.Tensor.index_copy_ along dimension 0.
 * @param x - [R, ...] float32, native only; from now on its replaced rows may be read through the result alone
 * @param index - [K] int64 or int32
 * @param rows - [K, ...] float32
 * @returns the value after this write, which shares its memory with x
 * @throws ValueError `ERR_INDEX_OUT_OF_RANGE` when read
 */
export function index_copy_(x: Tensor, index: Tensor, rows: Tensor): Tensor {
  return run1('index_copy_', [x, index, rows]);
}
