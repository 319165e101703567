import { TypeError, unknownName, ValueError } from '../../errors';
import { givenOptions } from '../../options';
import { arrayOf, type DType, parseDtype } from '../dtype';
import { describeValue, isBits, toElement } from '../elements';
import { as, assertTensor } from '../expression';
import type { Scalar } from '../promote';
import { fillNormal, uniform } from '../random';
import { scope } from '../scope';
import { Tensor } from '../tensor';

/** Options of what makes new tensors. */
export interface CreateOptions {
  /** Element type, in place of the usual one. */
  dtype?: DType | string | null;
}

function dtypeOption(op: string, given: CreateOptions | null | undefined, usual: DType): DType {
  const options = givenOptions(given, op);
  for (const name of Object.keys(options)) if (name !== 'dtype') throw unknownName('option', name, op, ['dtype']);
  return options.dtype === undefined || options.dtype === null ? usual : parseDtype(options.dtype);
}

function count(op: string, size: readonly number[]): number {
  if (!Array.isArray(size))
    throw new TypeError(
      `${op} takes a shape such as [2, 3], not ${typeof size === 'number' ? size : describeValue(size)}`,
    );
  let n = 1;
  for (const dim of size) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw new ValueError(`${op}: a shape has non-negative whole numbers, got [${size}]`, { code: 'ERR_SHAPE' });
    n *= dim;
  }
  return n;
}

function filled(op: string, size: readonly number[], value: Scalar, type: DType): Tensor {
  if (isBits(type)) return scope(() => as(filled(op, size, value, 'float32'), type));
  const array = new (arrayOf(type))(count(op, size));
  return new Tensor(type, array.fill(toElement(type, value, 0) as never), size);
}

function typeOfFill(value: unknown): DType {
  if (typeof value === 'number') return 'float32';
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'boolean') return 'bool';
  throw new TypeError(`full takes a number, a bigint or a boolean, not ${describeValue(value)}`);
}

/** Every element `fill_value`: a number gives float32, a bigint int64, a boolean bool. */
export function full(size: readonly number[], fill_value: Scalar, options?: CreateOptions | null): Tensor {
  return filled('full', size, fill_value, dtypeOption('full', options, typeOfFill(fill_value)));
}

/** Of the shape and type of `tensor`, every element `fill_value`. */
export function full_like(tensor: Tensor, fill_value: Scalar, options?: CreateOptions | null): Tensor {
  assertTensor('full_like', tensor);
  typeOfFill(fill_value);
  return filled('full_like', tensor.dims, fill_value, dtypeOption('full_like', options, tensor.type));
}

/** Every element 1; float32 unless `dtype` says otherwise. */
export function ones(size: readonly number[], options?: CreateOptions | null): Tensor {
  return filled('ones', size, 1, dtypeOption('ones', options, 'float32'));
}

/** Of the shape and type of `tensor`, every element 1. */
export function ones_like(tensor: Tensor, options?: CreateOptions | null): Tensor {
  assertTensor('ones_like', tensor);
  return filled('ones_like', tensor.dims, 1, dtypeOption('ones_like', options, tensor.type));
}

/** Every element 0; float32 unless `dtype` says otherwise. */
export function zeros(size: readonly number[], options?: CreateOptions | null): Tensor {
  return filled('zeros', size, 0, dtypeOption('zeros', options, 'float32'));
}

/** Of the shape and type of `tensor`, every element 0. */
export function zeros_like(tensor: Tensor, options?: CreateOptions | null): Tensor {
  assertTensor('zeros_like', tensor);
  return filled('zeros_like', tensor.dims, 0, dtypeOption('zeros_like', options, tensor.type));
}

/** Evenly distributed in [0, 1), float32; `set_seed` makes them repeat. */
export function rand(size: readonly number[]): Tensor {
  const values = new Float32Array(count('rand', size));
  const step = 2 ** 24; // what a float32 can tell apart below 1
  for (let i = 0; i < values.length; i++) values[i] = Math.floor(uniform() * step) / step;
  return new Tensor('float32', values, size);
}

/** Normally distributed with mean 0 and variance 1, float32; `set_seed` makes them repeat. */
export function randn(size: readonly number[]): Tensor {
  const values = new Float32Array(count('randn', size));
  fillNormal(values, 1);
  return new Tensor('float32', values, size);
}
