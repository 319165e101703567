import { AssertionError, TypeError, ValueError } from '../errors';
import { reshape } from '../tensor/dispatch';
import type { DType } from '../tensor/dtype';
import { cast } from '../tensor/ops/cast';
import { mul, sub } from '../tensor/ops/elementwise';
import { expand } from '../tensor/ops/layout';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';

/** The masks that Transformers' `ModuleUtilsMixin` makes: of positions for the scores of attention, and of heads. */

/** The most negative finite number of a floating dtype. */
const lowest: Partial<Record<DType, number>> = {
  float32: -3.4028234663852886e38,
  float16: -65504,
  bfloat16: -3.3895313892515355e38,
};

/** 0 where the mask is 1, the lowest number of `dtype` where it is 0. @param mask - any shape */
function asScores(mask: Tensor, dtype: DType): Tensor {
  const low = lowest[dtype];
  if (low === undefined)
    throw new ValueError(`masks are added to scores, which cannot be ${dtype}; use float32, float16 or bfloat16`);
  // Each step is rounded to `dtype`, as if computed in it.
  const rounded = (x: Tensor) => cast(cast(x, dtype), 'float32');
  return cast(mul(rounded(sub(1, rounded(mask))), low), dtype);
}

/** [B, 1, Q, K] of [B, Q, K]; [B, 1, 1, K] of [B, K]; null of another rank. */
function withHeads(mask: Tensor): Tensor | null {
  const [B, ...rest] = mask.dims as [number, ...number[]];
  if (mask.dims.length === 3) return reshape(mask, [B, 1, ...rest]);
  return mask.dims.length === 2 ? reshape(mask, [B, 1, 1, ...rest]) : null;
}

/** See `ModuleUtilsMixin.invert_attention_mask`. */
export function invertAttentionMask(mask: Tensor, dtype: DType): Tensor {
  return scope(() => {
    const wide = withHeads(mask);
    if (!wide)
      throw new ValueError(`Wrong shape for encoder_attention_mask (shape [${mask.dims}]); it has 2 or 3 axes`);
    return asScores(wide, dtype);
  });
}

/** See `ModuleUtilsMixin.get_extended_attention_mask`. */
export function extendedAttentionMask(
  mask: Tensor,
  input_shape: readonly number[],
  isDecoder: boolean,
  dtype: DType,
): Tensor {
  return scope(() => {
    const isFlat = mask.dims.length === 2;
    const wide = isDecoder && isFlat ? extendedMaskForDecoder(input_shape, mask) : withHeads(mask);
    if (!wide)
      throw new ValueError(
        `Wrong shape for input_ids (shape [${input_shape}]) or attention_mask (shape [${mask.dims}])`,
        { code: 'ERR_SHAPE' },
      );
    return asScores(wide, dtype);
  });
}

/** See `ModuleUtilsMixin.create_extended_attention_mask_for_decoder`. */
export function extendedMaskForDecoder(input_shape: readonly number[], mask: Tensor): Tensor {
  if (mask.dims.length !== 2)
    throw new ValueError(`Wrong shape for attention_mask (shape [${mask.dims}]); it has 2 axes, [batch, length]`, {
      code: 'ERR_SHAPE',
    });
  const [B, T, S] = [...pairOf(input_shape), mask.dims[1] as number];
  if (S < T)
    throw new ValueError(`attention_mask has ${S} positions, but the input has ${T}: give one for each of them`, {
      code: 'ERR_SHAPE',
    });
  const prefix = S - T; // positions of a cache: seen by all
  const allowed = new Int32Array(T * (prefix + T));
  for (let query = 0; query < T; query++)
    for (let key = 0; key <= prefix + query; key++) allowed[query * (prefix + T) + key] = 1;
  return scope(() => {
    const causal = cast(
      new Tensor('int32', allowed, [1, 1, T, prefix + T]),
      mask.type === 'bool' ? 'int32' : mask.type,
    );
    const kept = cast(reshape(mask, [B, 1, 1, S]), causal.type);
    return cast(multiplied(causal, kept), mask.type);
  });
}

/** Products are computed in float32 for the 16-bit types. */
function multiplied(a: Tensor, b: Tensor): Tensor {
  const isHalf = a.type === 'float16' || a.type === 'bfloat16';
  return isHalf ? cast(mul(cast(a, 'float32'), cast(b, 'float32')), a.type) : mul(a, b);
}

/** See `ModuleUtilsMixin.get_head_mask`. */
export function headMask(mask: Tensor, layers: number, dtype: DType, isChunked: boolean): Tensor {
  return scope(() => {
    const five = cast(fiveAxes(mask, layers), dtype);
    return isChunked ? reshape(five, [...five.dims, 1]) : five;
  });
}

function fiveAxes(mask: Tensor, layers: number): Tensor {
  const { dims } = mask;
  if (dims.length !== 1 && dims[0] !== layers && [2, 5].includes(dims.length))
    throw new ValueError(
      `head_mask has the shape [${dims}], for ${dims[0]} layers, but the model has ${layers}: give one row for each`,
      { code: 'ERR_SHAPE' },
    );
  if (dims.length === 1) return expand(reshape(mask, [1, 1, -1, 1, 1]), [layers, 1, dims[0] as number, 1, 1]);
  if (dims.length === 2) return reshape(mask, [dims[0] as number, 1, dims[1] as number, 1, 1]);
  if (dims.length !== 5) throw new AssertionError(`head_mask.dim != 5, instead ${dims.length}`);
  return mask;
}

/** @throws ValueError unless it is [batch, length] */
function pairOf(input_shape: readonly number[]): [B: number, T: number] {
  if (Array.isArray(input_shape) && input_shape.length === 2 && input_shape.every(Number.isSafeInteger))
    return input_shape as unknown as [number, number];
  throw new ValueError(
    `Wrong shape for input_ids: input_shape is [batch, length], not ${JSON.stringify(input_shape)}`,
    {
      code: 'ERR_SHAPE',
    },
  );
}

/** A mask as a Tensor: itself, or nested arrays of numbers as float32. @throws ValueError for ragged arrays */
export function maskTensor(name: string, mask: Tensor | readonly unknown[]): Tensor {
  if (mask instanceof Tensor) return mask;
  if (!Array.isArray(mask))
    throw new TypeError(`${name} must be a Tensor or nested arrays of numbers, not ${String(mask)}`);
  const dims: number[] = [];
  for (let level: unknown = mask; Array.isArray(level); level = level[0]) dims.push(level.length);
  const values = (mask as unknown[]).flat(dims.length - 1).map(Number);
  if (values.length !== dims.reduce((n, d) => n * d, 1) || values.some(Number.isNaN))
    throw new ValueError(`${name} must be a Tensor or nested arrays of numbers with rows of one length`);
  return new Tensor('float32', values, dims);
}
