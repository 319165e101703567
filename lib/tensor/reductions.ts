import { TypeError } from '../errors';
import { dimension } from './dimension';
import { describeValue } from './elements';
import { as } from './expression';
import { clamp, div } from './ops/elementwise';
import * as norms from './ops/norm';
import * as ops from './ops/reduce';
import { computeFloating, computeType } from './promote';
import { scope } from './scope';
import type { Tensor } from './tensor';

/** Reductions with PyTorch's type rules; `dim` null is all dimensions. */

const nativelyReduced = new Set(['float32', 'float64', 'int64', 'int32', 'uint8', 'bool']);

function checkDim(op: string, x: Tensor, dim: number | null): number | null {
  return dim === null ? null : dimension(op, x, dim);
}

/** `x` in a type that whole and floating reductions know. */
function reducible(op: string, x: Tensor): Tensor {
  return nativelyReduced.has(x.type) ? x : as(x, computeType(op, x.type));
}

export function sum(x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  const along = checkDim('sum', x, dim);
  return scope(() => {
    const total = ops.sum(reducible('sum', x), along, keepdim);
    return as(total, total.type === 'int64' ? 'int64' : x.type);
  });
}

export function mean(x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  const along = checkDim('mean', x, dim);
  return scope(() => as(ops.mean(as(x, computeFloating('mean', x.type)), along, keepdim), x.type));
}

export function max(x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  const along = checkDim('max', x, dim);
  return scope(() => as(ops.amax(reducible('max', x), along, keepdim), x.type));
}

export function min(x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  const along = checkDim('min', x, dim);
  return scope(() => as(ops.amin(reducible('min', x), along, keepdim), x.type));
}

export function argmax(x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  const along = checkDim('argmax', x, dim);
  return scope(() => ops.argmax(reducible('argmax', x), along, keepdim));
}

export function argmin(x: Tensor, dim: number | null, keepdim: boolean): Tensor {
  const along = checkDim('argmin', x, dim);
  return scope(() => ops.argmin(reducible('argmin', x), along, keepdim));
}

export function norm(x: Tensor, p: number | 'fro', dim: number | null, keepdim: boolean): Tensor {
  const power = p === 'fro' ? 2 : p;
  if (typeof power !== 'number' || Number.isNaN(power))
    throw new TypeError(`norm: p is a number or 'fro', not ${typeof p === 'string' ? `'${p}'` : describeValue(p)}`);
  const along = checkDim('norm', x, dim);
  return scope(() => as(ops.norm(as(x, computeFloating('norm', x.type)), power, along, keepdim), x.type));
}

export function normalize(x: Tensor, p: number, dim: number): Tensor {
  const along = dimension('normalize', x, dim);
  const eps = 1e-12;
  return scope(() => {
    const computed = computeFloating('normalize', x.type);
    const values = as(x, computed);
    if (computed === 'float32' && p > 0) return as(norms.normalize(values, { p, dim: along, eps }), x.type);
    return as(div(values, clamp(ops.norm(values, p, along, true), eps)), x.type);
  });
}

/** Standard deviation and mean, as torch.std_mean. */
export function std_mean(
  x: Tensor,
  dim: number | null,
  correction: number,
  keepdim: boolean,
): [std: Tensor, mean: Tensor] {
  const along = checkDim('std_mean', x, dim);
  return scope(() => {
    const values = as(x, computeFloating('std_mean', x.type));
    return [as(ops.std(values, along, keepdim, correction), x.type), as(ops.mean(values, along, keepdim), x.type)] as [
      Tensor,
      Tensor,
    ];
  });
}
