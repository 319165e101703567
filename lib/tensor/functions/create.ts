import { TypeError, unknownName, ValueError } from '../../errors';
import { givenOptions, refuseSurplus } from '../../options';
import { allocate } from '../allocate';
import { type DType, parseDtype, type TypedArray } from '../dtype';
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

/** Zeros for a tensor of the shape `size`. @throws TypeError, ValueError for what is no shape; RuntimeError when it is too large */
function zerosOf(op: string, size: readonly number[], type: DType): TypedArray {
  if (!Array.isArray(size))
    throw new TypeError(
      `${op} takes a shape such as [2, 3], not ${typeof size === 'number' ? size : describeValue(size)}`,
    );
  if (!size.every((dim) => Number.isSafeInteger(dim) && dim >= 0))
    throw new ValueError(`${op}: a shape has non-negative whole numbers, got [${size}]`, { code: 'ERR_SHAPE' });
  return allocate(op, type, size);
}

function filled(op: string, size: readonly number[], value: Scalar, type: DType): Tensor {
  if (isBits(type)) return scope(() => as(filled(op, size, value, 'float32'), type));
  const array = zerosOf(op, size, type);
  return new Tensor(type, array.fill(toElement(type, value, 0) as never), size);
}

function typeOfFill(value: unknown): DType {
  if (typeof value === 'number') return 'float32';
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'boolean') return 'bool';
  throw new TypeError(`full takes a number, a bigint or a boolean, not ${describeValue(value)}`);
}

/** Every element `fill_value`: a number gives float32, a bigint int64, a boolean bool. */
export function full(
  size: readonly number[],
  fill_value: Scalar,
  options?: CreateOptions | null,
  ...surplus: never[]
): Tensor {
  refuseSurplus('full', surplus);
  return filled('full', size, fill_value, dtypeOption('full', options, typeOfFill(fill_value)));
}

/** Of the shape and type of `tensor`, every element `fill_value`. */
export function full_like(
  tensor: Tensor,
  fill_value: Scalar,
  options?: CreateOptions | null,
  ...surplus: never[]
): Tensor {
  refuseSurplus('full_like', surplus);
  assertTensor('full_like', tensor);
  typeOfFill(fill_value);
  return filled('full_like', tensor.dims, fill_value, dtypeOption('full_like', options, tensor.type));
}

/** Every element 1; float32 unless `dtype` says otherwise. */
export function ones(size: readonly number[], options?: CreateOptions | null, ...surplus: never[]): Tensor {
  refuseSurplus('ones', surplus);
  return filled('ones', size, 1, dtypeOption('ones', options, 'float32'));
}

/** Of the shape and type of `tensor`, every element 1. */
export function ones_like(tensor: Tensor, options?: CreateOptions | null, ...surplus: never[]): Tensor {
  refuseSurplus('ones_like', surplus);
  assertTensor('ones_like', tensor);
  return filled('ones_like', tensor.dims, 1, dtypeOption('ones_like', options, tensor.type));
}

/** Every element 0; float32 unless `dtype` says otherwise. */
export function zeros(size: readonly number[], options?: CreateOptions | null, ...surplus: never[]): Tensor {
  refuseSurplus('zeros', surplus);
  return filled('zeros', size, 0, dtypeOption('zeros', options, 'float32'));
}

/** Of the shape and type of `tensor`, every element 0. */
export function zeros_like(tensor: Tensor, options?: CreateOptions | null, ...surplus: never[]): Tensor {
  refuseSurplus('zeros_like', surplus);
  assertTensor('zeros_like', tensor);
  return filled('zeros_like', tensor.dims, 0, dtypeOption('zeros_like', options, tensor.type));
}

/** Evenly distributed in [0, 1), float32; `set_seed` makes them repeat. */
export function rand(size: readonly number[], ...surplus: never[]): Tensor {
  refuseSurplus('rand', surplus);
  const values = zerosOf('rand', size, 'float32') as Float32Array;
  const step = 2 ** 24; // what a float32 can tell apart below 1
  for (let i = 0; i < values.length; i++) values[i] = Math.floor(uniform() * step) / step;
  return new Tensor('float32', values, size);
}

/** Normally distributed with mean 0 and variance 1, float32; `set_seed` makes them repeat. */
export function randn(size: readonly number[], ...surplus: never[]): Tensor {
  refuseSurplus('randn', surplus);
  const values = zerosOf('randn', size, 'float32') as Float32Array;
  fillNormal(values, 1);
  return new Tensor('float32', values, size);
}
