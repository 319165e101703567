import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';
import { activationNumber } from './activation';

/**
 * x · weightᵀ + bias through an activation, plus a residual; all in one pass over the result.
 * @param x - [..., K] float32
 * @param weight - [N, K] float32, float16 or bfloat16; with `transposed` [K, N]
 * @param bias - [N] or null
 * @param options.residual - [..., N] float32, added last
 * @returns [..., N] float32
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: { activation?: string; residual?: Tensor; transposed?: boolean } = {},
): Tensor {
  const activation = options.activation ? activationNumber(options.activation) : 0;
  return run1('linear', [x, weight, bias, options.residual ?? null], [activation, options.transposed ? 1 : 0]);
}

/**
 * The matrix product as torch.matmul defines it: batch dimensions broadcast, vectors are rows or columns.
 * @param a - [..., M, K]
 * @param b - [..., K, N]
 */
export function matmul(a: Tensor, b: Tensor, options: { transpose_a?: boolean; transpose_b?: boolean } = {}): Tensor {
  return run1('matmul', [a, b], [options.transpose_a ? 1 : 0, options.transpose_b ? 1 : 0]);
}
