import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/** What native reductions take for "all dimensions". */
const kAll = -1000;

function reduction(op: string, x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  return run1(op, [x], [dim ?? kAll, keepdim ? 1 : 0]);
}

/** Sum along `dim`, or of all elements. Whole numbers give int64. */
export const sum = (x: Tensor, dim: number | null = null, keepdim = false): Tensor => reduction('sum', x, dim, keepdim);
export const prod = (x: Tensor, dim: number | null = null, keepdim = false): Tensor => reduction('prod', x, dim, keepdim);
/** Mean along `dim`, or of all elements; NaN of nothing. @param x - floating */
export const mean = (x: Tensor, dim: number | null = null, keepdim = false): Tensor => reduction('mean', x, dim, keepdim);
/** Largest element; NaN wins. */
export const amax = (x: Tensor, dim: number | null = null, keepdim = false): Tensor => reduction('amax', x, dim, keepdim);
export const amin = (x: Tensor, dim: number | null = null, keepdim = false): Tensor => reduction('amin', x, dim, keepdim);
/** Index of the largest element, the first of equal ones. @returns int64 */
export const argmax = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('argmax', x, dim, keepdim);
export const argmin = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('argmin', x, dim, keepdim);
