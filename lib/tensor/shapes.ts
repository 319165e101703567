import { TypeError, ValueError } from '../errors';
import { dimension } from './dimension';
import { reshape } from './dispatch';
import { arrayOf, type DType, type TypedArray } from './dtype';
import { describeValue, part } from './elements';
import * as ops from './ops/layout';
import { scope } from './scope';
import { Tensor } from './tensor';

/** How tensors of other shapes come from one: views, which share its elements, and copies. */

const product = (dims: readonly number[]) => dims.reduce((n, d) => n * d, 1);

/**
 * `dims` with -1 replaced by what is left.
 * @throws ValueError `ERR_SHAPE` when the number of elements would change
 */
export function inferDims(op: string, x: Tensor, dims: readonly number[]): number[] {
  const known = product(dims.filter((d) => d !== -1));
  const inferred = dims.map((d) => (d === -1 ? (known === 0 ? 0 : x.size / known) : d));
  const fits = product(inferred) === x.size && inferred.every((d) => Number.isInteger(d) && d >= 0);
  if (!fits || dims.filter((d) => d === -1).length > 1)
    throw new ValueError(`${op}: shape [${dims}] is invalid for ${x} of ${x.size} elements`, { code: 'ERR_SHAPE' });
  return inferred;
}

/** The elements of `x` in another shape, not copied. */
export function view(x: Tensor, dims: readonly number[]): Tensor {
  return window(x, 0, dims);
}

/** The elements of `x` from `offset` on, in the shape `dims`, not copied. */
export function window(x: Tensor, offset: number, dims: readonly number[]): Tensor {
  x.assertAlive();
  const size = product(dims);
  if (x.isHost) return new Tensor(x.type, part(x.data, offset, size), dims);
  if (size === x.size) return x.lend(reshape(x, dims), 0);
  return x.lend(
    scope(() => reshape(ops.slice(reshape(x, [x.size]), 0, offset, offset + size), dims)),
    offset,
  );
}

/** A tensor with elements of its own. */
export function clone(x: Tensor): Tensor {
  x.assertAlive();
  return x.isHost ? new Tensor(x.type, x.data.slice(), x.dims) : reshape(x, x.dims);
}

export function squeezed(x: Tensor, dim: number | readonly number[] | null): number[] {
  if (dim === null) return x.dims.filter((d) => d !== 1);
  const named = (Array.isArray(dim) ? dim : [dim]).map((d) => dimension('squeeze', x, d));
  return x.dims.filter((d, i) => d !== 1 || !named.includes(i));
}

export function unsqueezed(x: Tensor, dim: number): number[] {
  const dims = [...x.dims];
  dims.splice(dimension('unsqueeze', x, dim, 1), 0, 1);
  return dims;
}

export function flattened(x: Tensor, start_dim: number, end_dim: number): number[] {
  const [start, end] = [dimension('flatten', x, start_dim), dimension('flatten', x, end_dim)];
  if (start > end)
    throw new ValueError(`flatten: start_dim ${start_dim} comes after end_dim ${end_dim} in ${x}`, {
      code: 'ERR_INDEX_OUT_OF_RANGE',
    });
  return [...x.dims.slice(0, start), product(x.dims.slice(start, end + 1)), ...x.dims.slice(end + 1)];
}

/** One element of a dimension, a range [start, end] of it, or null for all of it. */
export type SliceIndex = number | readonly [start: number | null, end: number | null] | null | undefined;

interface Range {
  start: number;
  stop: number;
  keep: boolean;
}

/** What each index selects. Ends of ranges are cut at the dimension's. */
function rangesOf(x: Tensor, indices: readonly SliceIndex[]): Range[] {
  if (indices.length > x.dims.length)
    throw new ValueError(`slice: ${indices.length} indices are too many for ${x}`, { code: 'ERR_INDEX_OUT_OF_RANGE' });
  return x.dims.map((size, d) => {
    const index = indices[d] ?? [null, null];
    if (typeof index === 'number') {
      const start = element(x, index, d);
      return { start, stop: start + 1, keep: false };
    }
    if (!Array.isArray(index) || index.length !== 2 || index.some((i) => i !== null && !Number.isInteger(i)))
      throw new TypeError(
        `slice: an index is a whole number, [start, end] or null, not ` +
          (Array.isArray(index) ? `[${index}]` : describeValue(index)),
      );
    const [from, to] = index as [number | null, number | null];
    const bound = (i: number) => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
    const [start, stop] = [bound(from ?? 0), bound(to ?? size)];
    if (start > stop)
      throw new ValueError(`slice: [${index}] begins behind its end in dimension ${d} of ${x}`, {
        code: 'ERR_INDEX_OUT_OF_RANGE',
      });
    return { start, stop, keep: true };
  });
}

/** `index` of an element along `dim`, counted from the front. @throws ValueError `ERR_INDEX_OUT_OF_RANGE` */
export function element(x: Tensor, index: number, dim: number): number {
  const size = x.dims[dim];
  if (size === undefined || !Number.isInteger(index) || index < -size || index >= size)
    throw new ValueError(
      size === undefined
        ? `index ${index}: ${x} has no dimensions; its element is item()`
        : `index ${index} is out of range for dimension ${dim} of ${x}, which has ${size} elements`,
      { code: 'ERR_INDEX_OUT_OF_RANGE' },
    );
  return index < 0 ? index + size : index;
}

/** A copy of what the indices select. */
export function slice(x: Tensor, indices: readonly SliceIndex[]): Tensor {
  x.assertAlive();
  const ranges = rangesOf(x, indices);
  const dims = ranges.filter(({ keep }) => keep).map(({ start, stop }) => stop - start);
  if (x.isHost) return new Tensor(x.type, copyRanges(x.type, x.data, x.dims, ranges), dims);
  return scope(() => {
    let selected = x;
    for (const [d, { start, stop }] of ranges.entries())
      if (stop - start < (x.dims[d] as number)) selected = ops.slice(selected, d, start, stop);
    return reshape(selected, dims);
  });
}

/** The selected elements, copied run by run. */
function copyRanges(type: DType, data: TypedArray, dims: readonly number[], ranges: readonly Range[]): TypedArray {
  const isCut = ({ start, stop }: Range, d: number) => stop - start < (dims[d] as number);
  const cut = ranges.slice(0, ranges.findLastIndex(isCut) + 1);
  const tail = product(dims.slice(cut.length)); // what is taken whole is one run with the dimension before
  const result = new (arrayOf(type))(tail * product(cut.map(({ start, stop }) => stop - start)));
  let at = 0;
  const copy = (dim: number, offset: number): void => {
    if (dim >= cut.length - 1) {
      const { start, stop } = cut[dim] ?? { start: 0, stop: 1 };
      const run = data.subarray((offset + start) * tail, (offset + stop) * tail);
      result.set(run as never, at);
      at += run.length;
      return;
    }
    const { start, stop } = cut[dim] as Range;
    for (let i = start; i < stop; i++) copy(dim + 1, (offset + i) * (dims[dim + 1] as number));
  };
  if (result.length > 0) copy(0, 0);
  return result;
}

/** Copies of `x` side by side: `repeats[d]` of them along each dimension, missing ones in front being 1. */
export function repeat(op: string, x: Tensor, repeats: readonly number[]): Tensor {
  if (repeats.length < x.dims.length)
    throw new ValueError(`${op}: ${repeats.length} repeats are too few for ${x}`, { code: 'ERR_SHAPE' });
  for (const times of repeats)
    if (times < 0) throw new ValueError(`${op}: a number of repeats is not negative, got [${repeats}]`);
  const dims = [...Array<number>(repeats.length - x.dims.length).fill(1), ...x.dims];
  return scope(() => {
    let result = reshape(x, dims);
    for (const [d, times] of repeats.entries()) {
      if (times === 1) continue;
      const [outer, inner] = [product(result.dims.slice(0, d)), product(result.dims.slice(d))];
      const wider = result.dims.map((size, i) => (i === d ? size * times : size));
      result = reshape(ops.expand(reshape(result, [outer, 1, inner]), [outer, times, inner]), wider);
    }
    return result;
  });
}

/** `dims` of `x.expand`, -1 being the dimension that is there. */
export function expandedDims(x: Tensor, dims: readonly number[]): number[] {
  return dims.map((d, i) => (d === -1 ? (x.dims[i - dims.length + x.dims.length] ?? -1) : d));
}
