import { type BlockDType, isBlockDType } from './gguf/block-types';

/**
 * Element types that a checkpoint can store: our name, the bits of one element, and the tag that safetensors uses.
 * Types without arithmetic (F4, F6, F8, complex64) are carried as raw bytes and cast by whoever copies them.
 */

interface StoredType {
  readonly name: string;
  readonly tag: string;
  readonly bits: number;
  readonly kind: 'bool' | 'int' | 'uint' | 'float' | 'complex';
}

/** In the order of safetensors' own enumeration, which is also the order (descending) in which its writer places tensors. */
const TYPES = [
  { name: 'bool', tag: 'BOOL', bits: 8, kind: 'bool' },
  { name: 'float4_e2m1fn', tag: 'F4', bits: 4, kind: 'float' },
  { name: 'float6_e2m3fn', tag: 'F6_E2M3', bits: 6, kind: 'float' },
  { name: 'float6_e3m2fn', tag: 'F6_E3M2', bits: 6, kind: 'float' },
  { name: 'uint8', tag: 'U8', bits: 8, kind: 'uint' },
  { name: 'int8', tag: 'I8', bits: 8, kind: 'int' },
  { name: 'float8_e5m2', tag: 'F8_E5M2', bits: 8, kind: 'float' },
  { name: 'float8_e4m3fn', tag: 'F8_E4M3', bits: 8, kind: 'float' },
  { name: 'float8_e8m0fnu', tag: 'F8_E8M0', bits: 8, kind: 'float' },
  { name: 'float8_e4m3fnuz', tag: 'F8_E4M3FNUZ', bits: 8, kind: 'float' },
  { name: 'float8_e5m2fnuz', tag: 'F8_E5M2FNUZ', bits: 8, kind: 'float' },
  { name: 'int16', tag: 'I16', bits: 16, kind: 'int' },
  { name: 'uint16', tag: 'U16', bits: 16, kind: 'uint' },
  { name: 'float16', tag: 'F16', bits: 16, kind: 'float' },
  { name: 'bfloat16', tag: 'BF16', bits: 16, kind: 'float' },
  { name: 'int32', tag: 'I32', bits: 32, kind: 'int' },
  { name: 'uint32', tag: 'U32', bits: 32, kind: 'uint' },
  { name: 'float32', tag: 'F32', bits: 32, kind: 'float' },
  { name: 'complex64', tag: 'C64', bits: 64, kind: 'complex' },
  { name: 'float64', tag: 'F64', bits: 64, kind: 'float' },
  { name: 'int64', tag: 'I64', bits: 64, kind: 'int' },
  { name: 'uint64', tag: 'U64', bits: 64, kind: 'uint' },
] as const satisfies readonly StoredType[];

/** Name of an element type whose elements are stored one by one, as PyTorch spells it. */
export type PlainDType = (typeof TYPES)[number]['name'];

/** Name of an element type in a checkpoint: plain, or of blocks, which only GGUF files hold. */
export type StoredDType = PlainDType | BlockDType;

const indexByName = new Map<string, number>(TYPES.map((type, index) => [type.name, index]));
const indexByTag = new Map<string, number>(TYPES.map((type, index) => [type.tag, index]));

/** Every plain element type that a checkpoint can hold. */
export const STORED_DTYPES: readonly PlainDType[] = TYPES.map((type) => type.name);

/** Every tag that the safetensors format defines. */
export const SAFETENSORS_TAGS: readonly string[] = TYPES.map((type) => type.tag);

/** Bits of one element, by the number of the type. */
export const STORED_BITS: readonly number[] = TYPES.map((type) => type.bits);

/** Number of the type with this safetensors tag (`'BF16'`), or -1. */
export function dtypeNumberOfTag(tag: string): number {
  return indexByTag.get(tag) ?? -1;
}

/** Number of the type with this name (`'bfloat16'`), or -1; also its place in safetensors' writing order. */
export function dtypeNumber(name: string): number {
  return indexByName.get(name) ?? -1;
}

/** Name of type number `n`. */
export function dtypeName(n: number): PlainDType {
  return (TYPES[n] as StoredType).name as PlainDType;
}

/** Safetensors tag of type number `n`. */
export function dtypeTag(n: number): string {
  return (TYPES[n] as StoredType).tag;
}

/** Bits of one element of `dtype` (4 for float4, 64 for complex64). */
export function bitsOf(dtype: PlainDType): number {
  return (TYPES[dtypeNumber(dtype)] as StoredType).bits;
}

/** True for every floating type, the storage-only ones included. */
export function isFloating(dtype: StoredDType): boolean {
  if (isBlockDType(dtype)) return true;
  return (TYPES[dtypeNumber(dtype)] as StoredType).kind === 'float';
}

/** True for types that a model cannot compute in and that are cast when they are copied: F4, F6, F8, complex64, blocks. */
export function isStorageOnly(dtype: StoredDType): boolean {
  if (isBlockDType(dtype)) return true;
  const { kind, bits } = TYPES[dtypeNumber(dtype)] as StoredType;
  return kind === 'complex' || (kind === 'float' && bits < 16);
}
