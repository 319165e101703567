import { run, run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/**
 * A table with another number of rows: those of `x`, cut, or with rows of `extra` behind them.
 * @param x - [V] or [V, C] float32, float16 or bfloat16
 * @param extra - [rows - V, …] float32, rounded to the type of x; zeros when null
 * @returns [rows, …] in the type of x
 */
export function resize_rows(x: Tensor, rows: number, extra: Tensor | null = null): Tensor {
  return run1('resize_rows', [x, extra], [rows]);
}

/**
 * Of the columns of a table, in float32.
 * @param x - [V, C] float32, float16 or bfloat16
 * @returns mean [C]; covariance [C, C], divided by V
 */
export function mean_covariance(x: Tensor): { mean: Tensor; covariance: Tensor } {
  const [mean, covariance] = run('mean_covariance', [x]) as [Tensor, Tensor];
  return { mean, covariance };
}

/**
 * The lower triangular L with L · Lᵀ = scale · a, or zeros where scale · a is not positive definite.
 * @param a - [N, N] float32, symmetric
 * @returns [N, N] float32
 */
export function cholesky(a: Tensor, scale = 1): Tensor {
  return run1('cholesky', [a], [scale]);
}
