import { TypeError, ValueError } from '../errors';
import { describeValue } from './elements';
import type { Tensor } from './tensor';

/**
 * `dim` as an index from the front; -1 is the last. A scalar has one dimension to name, as in PyTorch.
 * @param room - 1 where a dimension may stand behind the last
 * @throws TypeError, ValueError `ERR_INDEX_OUT_OF_RANGE`
 */
export function dimension(op: string, x: Tensor, dim: unknown, room: 0 | 1 = 0): number {
  const rank = Math.max(x.dims.length + room, 1);
  if (typeof dim !== 'number' || !Number.isInteger(dim))
    throw new TypeError(
      `${op}: a dimension is a whole number, not ${typeof dim === 'number' ? dim : describeValue(dim)}`,
    );
  if (dim < -rank || dim >= rank)
    throw new ValueError(`${op}: dimension ${dim} is out of range for ${x}: it must be from ${-rank} to ${rank - 1}`, {
      code: 'ERR_INDEX_OUT_OF_RANGE',
    });
  return dim < 0 ? dim + rank : dim;
}

/** Numbers that were given one by one or as one array. @throws TypeError for anything else */
export function numbersOf(op: string, given: readonly unknown[]): number[] {
  const numbers = given.length === 1 && Array.isArray(given[0]) ? (given[0] as unknown[]) : given;
  for (const number of numbers)
    if (typeof number !== 'number' || !Number.isInteger(number))
      throw new TypeError(
        `${op} takes whole numbers, not ${typeof number === 'number' ? number : describeValue(number)}`,
      );
  return numbers as number[];
}

/** A shape of its own, that nobody writes to. @throws ValueError */
export function checkDims(dims: readonly number[]): readonly number[] {
  const checked = Object.freeze([...dims]);
  for (const dim of checked)
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw new ValueError(`Tensor dims must be non-negative integers, got [${checked}]`, { code: 'ERR_SHAPE' });
  return checked;
}
