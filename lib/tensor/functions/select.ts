import { TypeError, ValueError } from '../../errors';
import { refuseSurplus } from '../../options';
import { dimension } from '../dimension';
import { as, assertTensor } from '../expression';
import { index_select } from '../ops/embedding';
import * as layout from '../ops/layout';
import * as sort from '../ops/sort';
import { computeType } from '../promote';
import { readTensors } from '../read';
import { scope } from '../scope';
import { signalOf, type WaitOptions } from '../stream';
import { Tensor } from '../tensor';

/** The axes in another order, as `tensor.permute(...axes)`. */
export function permute(tensor: Tensor, axes: readonly number[], ...surplus: never[]): Tensor {
  refuseSurplus('permute', surplus);
  assertTensor('permute', tensor);
  return tensor.permute(axes);
}

/**
 * The k largest elements along the last dimension, largest first; of equal ones the one in front comes first.
 * @param x - [..., n]
 * @param k - all n when left out or larger
 * @returns values [..., k] and their indices, int64; both with their elements in JS
 */
export async function topk(
  x: Tensor,
  k?: number | null,
  options?: WaitOptions | null,
  ...surplus: never[]
): Promise<[values: Tensor, indices: Tensor]> {
  refuseSurplus('topk', surplus);
  const signal = signalOf(options, 'topk');
  assertTensor('topk', x);
  if (x.dims.length === 0) throw new ValueError(`topk: ${x} has no dimension`, { code: 'ERR_SHAPE' });
  const n = x.dims[x.dims.length - 1] as number;
  if (k !== undefined && k !== null && (!Number.isInteger(k) || k < 0))
    throw new ValueError(`topk: k is a whole number from 0, not ${k}`);
  const best = scope(() => {
    const { values, indices } = sort.topk(as(x, computeType('topk', x.type)), Math.min(k ?? n, n));
    return [as(values, x.type), indices] as [Tensor, Tensor];
  });
  await readTensors(best, signal);
  return best;
}

const whole = (value: number | bigint): number => {
  const number = Number(value);
  if (!Number.isInteger(number)) throw new TypeError(`slice takes whole numbers, not ${String(value)}`);
  return number;
};

/**
 * A copy of part of a tensor, as ONNX's Slice: elements start, start + step, … before end along each of the axes.
 * Negative starts and ends count from the end, and both are cut at the tensor's edges.
 * @param starts - one for each axis; ends and steps too
 * @param axes - 0, 1, … when left out
 * @param steps - 1 when left out; negative ones go backwards
 * @returns the part, its elements in JS
 */
export async function slice(
  data: Tensor,
  starts: readonly (number | bigint)[],
  ends: readonly (number | bigint)[],
  axes: readonly (number | bigint)[] = starts.map((_, i) => i),
  steps: readonly (number | bigint)[] = axes.map(() => 1),
  options?: WaitOptions | null,
): Promise<Tensor> {
  const signal = signalOf(options, 'slice');
  assertTensor('slice', data);
  const dims = axes.map((axis) => dimension('slice', data, whole(axis)));
  if (new Set(dims).size !== dims.length) throw new ValueError(`slice: the axes [${axes}] name one twice`);
  if (starts.length !== dims.length || ends.length !== dims.length || steps.length !== dims.length)
    throw new ValueError(
      `slice: ${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps; ` +
        'there must be as many of each',
    );
  data.assertAlive();
  const part = scope(() => {
    let result = data;
    for (const [i, dim] of dims.entries())
      result = along(result, dim, whole(starts[i] as number), whole(ends[i] as number), whole(steps[i] as number));
    return result === data ? data.clone() : result;
  });
  await readTensors([part], signal);
  return part;
}

function along(x: Tensor, dim: number, start: number, end: number, step: number): Tensor {
  if (step === 0) throw new ValueError('slice: a step is not 0');
  const size = x.dims[dim] as number;
  const cut = (i: number, low: number, high: number) => Math.min(Math.max(i < 0 ? i + size : i, low), high);
  if (step > 0) return layout.slice(x, dim, cut(start, 0, size), cut(end, 0, size), step);
  const [first, last] = [cut(start, 0, size - 1), cut(end, -1, size - 1)];
  const index = Array.from({ length: Math.max(Math.ceil((first - last) / -step), 0) }, (_, i) => first + i * step);
  return index_select(x, dim, new Tensor('int32', index));
}
