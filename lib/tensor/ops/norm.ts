import { ValueError } from '../../errors';
import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/**
 * Layer normalisation over the last axes (arXiv:1607.06450).
 * @param x - [..., ...normalized_shape] float32
 * @param normalized_shape - the axes that are normalised together
 * @param options.weight - of normalized_shape, or left out
 * @param options.residual - of the shape of x, added before
 */
export function layer_norm(
  x: Tensor,
  normalized_shape: readonly number[],
  options: { weight?: Tensor | null; bias?: Tensor | null; eps?: number; residual?: Tensor | null } = {},
): Tensor {
  const tail = x.dims.slice(x.dims.length - normalized_shape.length);
  if (normalized_shape.length === 0 || tail.some((d, i) => d !== normalized_shape[i]))
    throw new ValueError(`layer_norm: ${x} does not end in the normalized shape [${normalized_shape}]`, {
      code: 'ERR_SHAPE',
    });
  const size = normalized_shape.reduce((n, d) => n * d, 1);
  const { weight = null, bias = null, residual = null, eps = 1e-5 } = options;
  return run1('layer_norm', [x, weight, bias, residual], [eps, size]);
}

/** Root mean square normalisation over the last axis (arXiv:1910.07467). @param x - [..., C] float32 */
export function rms_norm(x: Tensor, weight: Tensor | null, eps: number): Tensor {
  return run1('rms_norm', [x, weight], [eps]);
}

/** Each slice along `dim` divided by its p-norm, as torch.nn.functional.normalize. @param x - float32 */
export function normalize(x: Tensor, options: { p?: number; dim?: number; eps?: number } = {}): Tensor {
  return run1('normalize', [x], [options.p ?? 2, options.dim ?? -1, options.eps ?? 1e-12]);
}
