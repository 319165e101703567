import { TypeError, ValueError } from '../../errors';
import { refuseSurplus } from '../../options';
import { dimension } from '../dimension';
import { as, assertTensor } from '../expression';
import * as ops from '../ops/layout';
import { promoteTypes } from '../promote';
import { scope } from '../scope';
import type { Tensor } from '../tensor';

/** An op takes so many operands. */
const kOperands = 16;

function checkTensors(op: string, tensors: readonly Tensor[]): void {
  if (!Array.isArray(tensors)) throw new TypeError(`${op} takes an array of Tensors`);
  if (tensors.length === 0) throw new ValueError(`${op} takes at least one Tensor`);
  for (const tensor of tensors) assertTensor(op, tensor);
}

function joined(tensors: readonly Tensor[], dim: number): Tensor {
  if (tensors.length <= kOperands) return ops.cat(tensors, dim);
  const groups: Tensor[] = [];
  for (let i = 0; i < tensors.length; i += kOperands) groups.push(ops.cat(tensors.slice(i, i + kOperands), dim));
  return joined(groups, dim);
}

/**
 * Tensors one behind the other along `dim`, in their common type.
 * @throws ValueError `ERR_SHAPE` when they differ in another dimension
 */
export function cat(tensors: readonly Tensor[], dim = 0, ...surplus: never[]): Tensor {
  refuseSurplus('cat', surplus);
  checkTensors('cat', tensors);
  const first = tensors[0] as Tensor;
  if (first.dims.length === 0)
    throw new ValueError('cat: tensors without dimensions cannot be joined; stack makes a new one', {
      code: 'ERR_SHAPE',
    });
  const along = dimension('cat', first, dim);
  for (const tensor of tensors)
    if (tensor.dims.length !== first.dims.length || tensor.dims.some((d, i) => i !== along && d !== first.dims[i]))
      throw new ValueError(`cat: ${tensor} does not continue ${first} along dimension ${along}`, { code: 'ERR_SHAPE' });
  return scope(() => {
    const type = tensors.map((tensor) => tensor.type).reduce((a, b) => promoteTypes('cat', a, b));
    return joined(
      tensors.map((tensor) => as(tensor, type)),
      along,
    );
  });
}

/**
 * Tensors of one shape side by side in a new dimension `dim`, in their common type.
 * @throws ValueError `ERR_SHAPE` when shapes differ
 */
export function stack(tensors: readonly Tensor[], dim = 0, ...surplus: never[]): Tensor {
  refuseSurplus('stack', surplus);
  checkTensors('stack', tensors);
  const first = tensors[0] as Tensor;
  const along = dimension('stack', first, dim, 1);
  for (const tensor of tensors)
    if (tensor.dims.length !== first.dims.length || tensor.dims.some((d, i) => d !== first.dims[i]))
      throw new ValueError(`stack: ${tensor} and ${first} have different shapes`, { code: 'ERR_SHAPE' });
  return scope(() =>
    cat(
      tensors.map((tensor) => tensor.unsqueeze(along)),
      along,
    ),
  );
}
