import { TypeError, ValueError } from '../errors';
import { type NestedArray, Tensor } from '../tensor/tensor';

/** Integers of an input in JS, row-major, with their shape. */
export interface Ids {
  data: Int32Array;
  dims: readonly number[];
}

/** What an integer input may be given as: a Tensor whose elements are in JS, or nested arrays. */
export type IdInput = Tensor | NestedArray;

/**
 * The integers of input `name`.
 * @throws ValueError for ragged arrays and fractions; TypeError for anything that is not integers
 */
export function toIds(name: string, input: IdInput): Ids {
  if (input instanceof Tensor) return { data: toInt32(name, input.data), dims: input.dims };
  if (!Array.isArray(input))
    throw new TypeError(`${name} must be a Tensor or nested arrays of integers, not ${kind(input)}`);
  const dims: number[] = [];
  for (let level: unknown = input; isRow(level); level = level[0]) dims.push(level.length);
  const values: (number | bigint)[] = [];
  flatten(name, input, dims, 0, values);
  return { data: toInt32(name, values), dims };
}

function flatten(name: string, value: NestedArray, dims: number[], axis: number, into: (number | bigint)[]): void {
  if (axis === dims.length) {
    if (typeof value === 'boolean') into.push(value ? 1 : 0);
    else if (typeof value === 'number' || typeof value === 'bigint') into.push(value);
    else if (isRow(value)) throw ragged(name);
    else throw new TypeError(`${name} must hold integers; element ${into.length} is ${kind(value)}`);
    return;
  }
  if (!isRow(value)) {
    if (typeof value === 'number' || typeof value === 'bigint') throw ragged(name);
    throw new TypeError(`${name} must hold integers; element ${into.length} is ${kind(value)}`);
  }
  if (value.length !== dims[axis]) throw ragged(name);
  for (const item of value as NestedArray[]) flatten(name, item, dims, axis + 1, into);
}

/** An array, or a typed array of integers. */
function isRow(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}

function ragged(name: string): ValueError {
  return new ValueError(
    `${name} has rows of different lengths; tokenize with { padding: true } so that all rows are equally long`,
    { code: 'ERR_RAGGED' },
  );
}

function kind(value: unknown): string {
  return value === null || value === undefined
    ? String(value)
    : typeof value === 'object'
      ? `a ${value.constructor.name}`
      : `a ${typeof value}`;
}

function toInt32(name: string, values: ArrayLike<number | bigint>): Int32Array {
  if (values.constructor.name === 'Int32Array') return values as unknown as Int32Array;
  const out = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    out[i] = value;
    if (out[i] !== value) throw new ValueError(`${name} must hold integers; element ${i} is ${value}`);
  }
  return out;
}

/** @throws ValueError `ERR_INDEX_OUT_OF_RANGE` when an id is not a row of a table of `rows` */
export function checkRange(name: string, ids: Int32Array, rows: number, table: string): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (id >= 0 && id < rows) continue;
    throw new ValueError(`${name} holds ${id} at element ${i}, but ${table} is ${rows}: ids go from 0 to ${rows - 1}`, {
      code: 'ERR_INDEX_OUT_OF_RANGE',
    });
  }
}
