import { TypeError, ValueError } from '../errors';
import { arrayOf, type DType, isFloating, itemSize, type TypedArray } from './dtype';

/** What a tensor may be made from. */
export type TensorData = TypedArray | Uint8ClampedArray | ArrayLike<number | bigint | boolean>;

/** One element as JS sees it. */
export type Element = number | bigint | boolean;

export const isBigInt = (type: DType) => type === 'int64' || type === 'uint64';

/** Types whose typed array holds bits, not numbers. */
export const isBits = (type: DType) => type === 'float16' || type === 'bfloat16' || type.startsWith('float8');

/** `data` in the typed array that `type` wants; the right kind is used as it is. @throws TypeError, ValueError */
export function toTypedArray(type: DType, data: TensorData): TypedArray {
  const Wanted = arrayOf(type);
  if (ArrayBuffer.isView(data)) return sameKind(type, data as TypedArray, Wanted.name);
  if (isBits(type))
    throw new TypeError(
      `a Tensor of type '${type}' wants a ${Wanted.name} of its bits; make a float32 Tensor, then .to('${type}')`,
    );
  const array = new Wanted(data.length);
  for (let i = 0; i < data.length; i++) array[i] = toElement(type, data[i], i) as never;
  return array;
}

function sameKind(type: DType, data: TypedArray, wanted: string): TypedArray {
  const kind = data.constructor.name;
  if (kind === wanted) return data;
  if (itemSize(type) === 2 && isBits(type) && kind === 'Float16Array')
    return new Uint16Array(data.buffer, data.byteOffset, data.length);
  if (type === 'uint8' && kind === 'Uint8ClampedArray')
    return new Uint8Array(data.buffer, data.byteOffset, data.length);
  throw new TypeError(`a Tensor of type '${type}' wants a ${wanted}, got a ${kind}`, { code: 'ERR_DTYPE' });
}

/** `value` as an element of `type`; fractions are cut off for whole types, as in torch.tensor. */
export function toElement(type: DType, value: unknown, at: number): number | bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean')
    throw new TypeError(`element ${at} of a Tensor's data is ${describeValue(value)}, not a number`);
  if (type === 'bool') return value ? 1 : 0;
  if (isFloating(type)) return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new ValueError(`element ${at} of a Tensor's data is ${value}, which '${type}' does not have`);
  if (isBigInt(type)) return typeof value === 'number' ? BigInt(Math.trunc(value)) : BigInt(value);
  return Number(value);
}

/** The elements as JS values: bits of half types become numbers, bool becomes true and false. */
export function toElements(type: DType, data: TypedArray): ArrayLike<Element> {
  if (type === 'bool') return Array.from(data as Uint8Array, (x) => x !== 0);
  if (type === 'float16') return Float32Array.from(data as Uint16Array, halfToNumber);
  if (type === 'bfloat16') return Float32Array.from(data as Uint16Array, bfloatToNumber);
  if (type === 'float8_e4m3fn') return Float32Array.from(data as Uint8Array, e4m3ToNumber);
  if (type === 'float8_e5m2') return Float32Array.from(data as Uint8Array, (bits) => halfToNumber(bits << 8));
  return data;
}

const scratch = new DataView(new ArrayBuffer(4));

function bfloatToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** No infinities; all ones is NaN (arXiv:2209.05433). */
function e4m3ToNumber(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 0xf;
  const fraction = bits & 7;
  if ((bits & 0x7f) === 0x7f) return Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

/** A value in words, for an error. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? `an object (${value.constructor?.name})` : `a ${typeof value}`;
}

/** `count` elements of `array` from `offset` on, over the same memory. */
export function part(array: TypedArray, offset: number, count: number): TypedArray {
  return count === array.length ? array : array.subarray(offset, offset + count);
}
