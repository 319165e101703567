import { TypeError, unknownName, ValueError } from '../../errors';
import { givenOptions, refuseSurplus } from '../../options';
import { reshape } from '../dispatch';
import { as, assertTensor } from '../expression';
import { add, div, mul, sub, unary } from '../ops/elementwise';
import * as norms from '../ops/norm';
import * as reduce from '../ops/reduce';
import { computeFloating } from '../promote';
import * as reductions from '../reductions';
import { scope } from '../scope';
import type { Tensor } from '../tensor';

/** As `input.mean(dim, keepdim)`. */
export function mean(input: Tensor, dim: number | null = null, keepdim = false, ...surplus: never[]): Tensor {
  refuseSurplus('mean', surplus);
  assertTensor('mean', input);
  return reductions.mean(input, dim, keepdim);
}

/**
 * Standard deviation and mean along `dim`, or of all elements, as torch.std_mean.
 * @param correction - how much less than the number of elements the squares are divided by
 */
export function std_mean(
  input: Tensor,
  dim: number | null = null,
  correction = 1,
  keepdim = false,
  ...surplus: never[]
): [std: Tensor, mean: Tensor] {
  refuseSurplus('std_mean', surplus);
  assertTensor('std_mean', input);
  return reductions.std_mean(input, dim, correction, keepdim);
}

/** Options of `layer_norm`. */
export interface LayerNormOptions {
  /** Added to the variance; 1e-5 when left out. */
  eps?: number | null;
  /** Of normalized_shape, multiplied with. */
  weight?: Tensor | null;
  /** Of normalized_shape, added. */
  bias?: Tensor | null;
}

/**
 * Layer normalisation over the last dimensions (arXiv:1607.06450): (x - mean) / √(variance + eps) · weight + bias.
 * @param input - [..., ...normalized_shape] floating
 * @throws ValueError `ERR_SHAPE`; TypeError for whole numbers and unknown options
 */
export function layer_norm(
  input: Tensor,
  normalized_shape: readonly number[],
  given?: LayerNormOptions | null,
  ...surplus: never[]
): Tensor {
  refuseSurplus('layer_norm', surplus);
  const options = givenOptions(given, 'layer_norm');
  assertTensor('layer_norm', input);
  if (!Array.isArray(normalized_shape)) throw new TypeError('layer_norm: normalized_shape is an array of numbers');
  for (const name of Object.keys(options))
    if (!['eps', 'weight', 'bias'].includes(name))
      throw unknownName('option', name, 'layer_norm', ['eps', 'weight', 'bias']);
  const tail = input.dims.slice(Math.max(input.dims.length - normalized_shape.length, 0));
  if (tail.length !== normalized_shape.length || tail.length === 0 || tail.some((d, i) => d !== normalized_shape[i]))
    throw new ValueError(`layer_norm: ${input} does not end in the normalized shape [${normalized_shape}]`, {
      code: 'ERR_SHAPE',
    });
  const { weight = null, bias = null } = options;
  const eps = options.eps ?? 1e-5;
  return scope(() => {
    const computed = computeFloating('layer_norm', input.type);
    const n = normalized_shape.reduce((product, d) => product * d, 1);
    const vector = (tensor: Tensor | null) =>
      tensor && reshape(as(checkShape(tensor, normalized_shape), computed), [n]);
    const [x, w, b] = [as(input, computed), vector(weight), vector(bias)];
    if (computed === 'float64') return layerNorm64(x, n, eps, w, b);
    return as(norms.layer_norm(x, normalized_shape, { eps, weight: w, bias: b }), input.type);
  });
}

function checkShape(vector: Tensor, normalized_shape: readonly number[]): Tensor {
  assertTensor('layer_norm', vector);
  if (vector.dims.length === normalized_shape.length && vector.dims.every((d, i) => d === normalized_shape[i]))
    return vector;
  throw new ValueError(`layer_norm: weight and bias have the normalized shape [${normalized_shape}], not ${vector}`, {
    code: 'ERR_SHAPE',
  });
}

/** The kernel is for float32: in float64 it is composed. */
function layerNorm64(input: Tensor, n: number, eps: number, weight: Tensor | null, bias: Tensor | null): Tensor {
  const x = reshape(input, [n === 0 ? 0 : input.size / n, n]);
  const deviation = unary('sqrt', add(reduce.variance(x, -1, true, 0), eps));
  let result = div(sub(x, reduce.mean(x, -1, true)), deviation);
  if (weight) result = mul(result, weight);
  if (bias) result = add(result, bias);
  return reshape(result, input.dims);
}
