import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/** What native reductions take for "all dimensions". */
const kAll = -1000;

function reduction(op: string, x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  return run1(op, [x], [dim ?? kAll, keepdim ? 1 : 0]);
}

/** Sum along `dim`, or of all elements. Whole numbers give int64. */
export const sum = (x: Tensor, dim: number | null = null, keepdim = false): Tensor => reduction('sum', x, dim, keepdim);
export const prod = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('prod', x, dim, keepdim);
/** Mean along `dim`, or of all elements; NaN of nothing. @param x - floating */
export const mean = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('mean', x, dim, keepdim);
/** Largest element; NaN wins. */
export const amax = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('amax', x, dim, keepdim);
export const amin = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('amin', x, dim, keepdim);
/** Index of the largest element, the first of equal ones. @returns int64 */
export const argmax = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('argmax', x, dim, keepdim);
export const argmin = (x: Tensor, dim: number | null = null, keepdim = false): Tensor =>
  reduction('argmin', x, dim, keepdim);

/** The p-norm along `dim`, or of all elements. @param x - floating */
export function norm(x: Tensor, p = 2, dim: number | null = null, keepdim = false): Tensor {
  return run1('norm', [x], [p, dim ?? kAll, keepdim ? 1 : 0]);
}

/** Variance along `dim`, or of all elements, as torch.var: the sum of squares over n - correction. @param x - floating */
export function variance(x: Tensor, dim: number | null = null, keepdim = false, correction = 1): Tensor {
  return run1('var', [x], [dim ?? kAll, keepdim ? 1 : 0, correction]);
}

/** Root of `variance`. @param x - floating */
export function std(x: Tensor, dim: number | null = null, keepdim = false, correction = 1): Tensor {
  return run1('std', [x], [dim ?? kAll, keepdim ? 1 : 0, correction]);
}
