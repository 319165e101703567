import { run1 } from '../dispatch';
import { scope } from '../scope';
import type { Tensor } from '../tensor';

/** Elements start, start + step, … below stop along `dim`. */
export function slice(x: Tensor, dim: number, start: number, stop: number, step = 1): Tensor {
  return run1('slice', [x], [dim, start, stop, step]);
}

/** The same elements with axes in another order, as torch.permute. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  return run1('permute', [x], dims);
}

/** As many operands as one op takes. */
const kMaxOperands = 16;

/** Tensors one behind the other along `dim`; shapes equal but for it. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  if (tensors.length <= kMaxOperands) return run1('cat', tensors, [dim]);
  return scope(() => {
    const joined: Tensor[] = [];
    for (let i = 0; i < tensors.length; i += kMaxOperands) joined.push(cat(tensors.slice(i, i + kMaxOperands), dim));
    return cat(joined, dim);
  });
}

/** Axes of length 1 repeated, and new ones in front, to get the shape `dims`; as torch.Tensor.expand. */
export function expand(x: Tensor, dims: readonly number[]): Tensor {
  return run1('expand', [x], dims);
}
