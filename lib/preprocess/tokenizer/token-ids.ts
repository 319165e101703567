import { TypeError, ValueError } from '../../errors';

/** Ids as people hold them: numbers or bigints, nested or not, or a Tensor of them. */
export type TokenIds = ArrayLike<number | bigint> | TensorLike;

/** What is read of a Tensor. */
interface TensorLike {
  readonly dims: readonly number[];
  readonly data: ArrayLike<unknown>;
}

/** Lists of ids, and whether they came as one list. */
export interface IdLists {
  lists: Int32Array[];
  flat: boolean;
}

/**
 * Takes ids apart into lists: a Tensor [B, T] or nested arrays into one a row.
 * @throws TypeError for other shapes, ValueError for numbers that cannot be ids
 */
export function toIdLists(ids: unknown): IdLists {
  if (isTensor(ids)) {
    const [rows, columns] = ids.dims.length === 1 ? [1, ids.dims[0] as number] : (ids.dims as [number, number]);
    if (ids.dims.length < 1 || ids.dims.length > 2) throw new TypeError(`ids must be [T] or [B, T], got [${ids.dims}]`);
    const all = toIds(ids.data);
    const lists = Array.from({ length: rows }, (_, i) => all.subarray(i * columns, (i + 1) * columns));
    return { lists, flat: ids.dims.length === 1 };
  }
  if (!isList(ids))
    throw new TypeError(`ids must be a list of integers or a Tensor, got ${ids === null ? 'null' : typeof ids}`);
  const items = Array.from(ids);
  if (items.length === 0 || !items.every(isListOrTensor)) return { lists: [toIds(ids)], flat: true };
  return { lists: items.map((item) => oneList(item)), flat: false };
}

function oneList(item: unknown): Int32Array {
  const { lists } = toIdLists(item);
  if (lists.length !== 1) throw new TypeError('ids are nested too deeply');
  return lists[0] as Int32Array;
}

function toIds(values: ArrayLike<unknown>): Int32Array {
  return Int32Array.from(values, (value) => {
    const id = typeof value === 'bigint' ? Number(value) : value;
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 31) return id;
    throw new ValueError(`${String(value)} cannot be a token id: ids are integers from 0`, { code: 'ERR_TOKEN_ID' });
  });
}

function isTensor(value: unknown): value is TensorLike {
  return value !== null && typeof value === 'object' && Array.isArray((value as TensorLike).dims);
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}

function isListOrTensor(value: unknown): boolean {
  return isList(value) || isTensor(value);
}
