import { nearest, TypeError, ValueError } from '../errors';

/** Element types, in the order of native/core/dtype.h. */
export const dtypes = [
  'float32',
  'float16',
  'bfloat16',
  'float64',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
  'uint16',
  'uint32',
  'uint64',
  'float8_e4m3fn',
  'float8_e5m2',
] as const;

export type DType = (typeof dtypes)[number];

/** Arrays that hold a tensor's elements. float16 and bfloat16 are held as their 16 bits. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

type TypedArrayConstructor = { new (length: number): TypedArray; BYTES_PER_ELEMENT: number };

const arrays: Record<DType, TypedArrayConstructor> = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float8_e4m3fn: Uint8Array,
  float8_e5m2: Uint8Array,
};

/** The typed array that holds elements of `dtype`. */
export function arrayOf(dtype: DType): TypedArrayConstructor {
  return arrays[dtype];
}

/** Bytes of one element. */
export function itemSize(dtype: DType): number {
  return arrays[dtype].BYTES_PER_ELEMENT;
}

/** The number by which native code knows `dtype`. */
export function dtypeNumber(dtype: DType): number {
  return dtypes.indexOf(dtype);
}

/** The dtype of that number. */
export function dtypeOf(number: number): DType {
  return dtypes[number] as DType;
}

export function isFloating(dtype: DType): boolean {
  return dtype.startsWith('float') || dtype === 'bfloat16';
}

const shortNames: Record<string, DType> = {
  fp32: 'float32',
  fp16: 'float16',
  bf16: 'bfloat16',
  float: 'float32',
  half: 'float16',
  double: 'float64',
  long: 'int64',
};

const quantized = new Set(['q8', 'int8', 'uint8', 'q4', 'q4f16', 'bnb4', 'q2', 'q2f16', 'q1', 'q1f16']);

/**
 * The dtype that a program asked for by `name`: a leading `torch.`, `jnp.` or `tf.` is dropped, and 'fp32', 'fp16',
 * 'bf16' are short for the floating types.
 * @throws ValueError for an unknown name.
 */
export function parseDtype(name: unknown): DType {
  if (typeof name !== 'string') throw new TypeError(`a dtype is a string such as 'float32', not ${typeof name}`);
  const bare = name.replace(/^(torch|jnp|tf)\./, '');
  const dtype = shortNames[bare] ?? bare;
  if ((dtypes as readonly string[]).includes(dtype)) return dtype as DType;
  const guess = nearest(bare, [...dtypes, ...Object.keys(shortNames)]);
  const hint = guess === null ? `known: ${dtypes.join(', ')}` : `did you mean '${guess}'?`;
  throw new ValueError(`'${name}' is not a dtype; ${hint}`, { code: 'ERR_DTYPE' });
}

/** True when `name` is one of transformers.js's names for quantised weights. */
export function isQuantizedName(name: string): boolean {
  return quantized.has(name);
}
