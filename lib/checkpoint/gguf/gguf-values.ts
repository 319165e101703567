/** Metadata of GGUF files: typed values, and arrays that are made when somebody asks for their elements. */
import type { CheckpointSource } from '../source';
import type { GgufSource } from './gguf-source';

/** Kinds of values; a kind's number in a file is its place here. Source: gguf.h. */
export const GGUF_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

export type GgufType = (typeof GGUF_TYPES)[number];

/** Kinds whose values have one size. */
export type GgufScalarType = Exclude<GgufType, 'string' | 'array'>;

/** One value of the metadata. Whole numbers of 64 bits are bigint where a number cannot hold them. */
export type GgufValue =
  | { type: GgufScalarType; value: number | bigint | boolean }
  | { type: 'string'; value: string }
  | { type: 'array'; value: GgufArray };

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** All metadata of an open GGUF checkpoint, whose first part has it; null for another format. */
export function ggufMetadata({ parts: [first] }: CheckpointSource): GgufMetadata | null {
  return first?.format === 'gguf' && 'values' in first ? (first as GgufSource).values : null;
}

interface Scalar {
  readonly bytes: number;
  readonly get: (view: DataView, at: number) => number | bigint | boolean;
  readonly set: (view: DataView, at: number, value: number | bigint | boolean) => void;
}

const exact = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

/** How values of one size lie in a file: little-endian. */
export const SCALARS: Readonly<Record<GgufScalarType, Scalar>> = {
  uint8: { bytes: 1, get: (v, at) => v.getUint8(at), set: (v, at, x) => v.setUint8(at, Number(x)) },
  int8: { bytes: 1, get: (v, at) => v.getInt8(at), set: (v, at, x) => v.setInt8(at, Number(x)) },
  uint16: { bytes: 2, get: (v, at) => v.getUint16(at, true), set: (v, at, x) => v.setUint16(at, Number(x), true) },
  int16: { bytes: 2, get: (v, at) => v.getInt16(at, true), set: (v, at, x) => v.setInt16(at, Number(x), true) },
  uint32: { bytes: 4, get: (v, at) => v.getUint32(at, true), set: (v, at, x) => v.setUint32(at, Number(x), true) },
  int32: { bytes: 4, get: (v, at) => v.getInt32(at, true), set: (v, at, x) => v.setInt32(at, Number(x), true) },
  float32: { bytes: 4, get: (v, at) => v.getFloat32(at, true), set: (v, at, x) => v.setFloat32(at, Number(x), true) },
  bool: { bytes: 1, get: (v, at) => v.getUint8(at) !== 0, set: (v, at, x) => v.setUint8(at, x ? 1 : 0) },
  uint64: {
    bytes: 8,
    get: (v, at) => exact(v.getBigUint64(at, true)),
    set: (v, at, x) => v.setBigUint64(at, BigInt(x), true),
  },
  int64: {
    bytes: 8,
    get: (v, at) => exact(v.getBigInt64(at, true)),
    set: (v, at, x) => v.setBigInt64(at, BigInt(x), true),
  },
  float64: { bytes: 8, get: (v, at) => v.getFloat64(at, true), set: (v, at, x) => v.setFloat64(at, Number(x), true) },
};

/** An array of one kind. Its elements have been walked, and are made on demand: a vocabulary has hundreds of thousands. */
export class GgufArray {
  /**
   * @param bytes - the elements as they lie in the file
   * @param nested - the elements of an array of arrays, in place of bytes
   */
  constructor(
    readonly elementType: GgufType,
    readonly length: number,
    readonly bytes: Uint8Array,
    private readonly nested: readonly GgufArray[] = [],
  ) {}

  /** An array of texts. */
  static ofStrings(texts: readonly string[]): GgufArray {
    const parts: Buffer[] = [];
    for (const text of texts) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
      parts.push(length, Buffer.from(text));
    }
    return new GgufArray('string', texts.length, Buffer.concat(parts));
  }

  /** An array of numbers. */
  static ofNumbers(type: GgufScalarType, values: readonly (number | bigint | boolean)[]): GgufArray {
    const { bytes: size, set } = SCALARS[type];
    const bytes = new Uint8Array(size * values.length);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => {
      set(view, i * size, value);
    });
    return new GgufArray(type, values.length, bytes);
  }

  /** The texts; null for an array of something else. */
  strings(): string[] | null {
    if (this.elementType !== 'string') return null;
    const { buffer, byteOffset, byteLength } = this.bytes;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    const texts = new Array<string>(this.length);
    let at = 0;
    for (let i = 0; i < this.length; i++) {
      const end = at + 8 + bytes.readUInt32LE(at);
      texts[i] = bytes.toString('utf8', at + 8, end);
      at = end;
    }
    return texts;
  }

  /** The numbers; null for an array of something else. */
  numbers(): number[] | null {
    const values = this.scalars();
    return values?.every((value) => typeof value === 'number') ? (values as number[]) : null;
  }

  /** Every element. */
  items(): readonly (number | bigint | boolean | string | GgufArray)[] {
    return this.strings() ?? this.scalars() ?? this.nested;
  }

  private scalars(): (number | bigint | boolean)[] | null {
    const { elementType: type } = this;
    if (type === 'string' || type === 'array') return null;
    const { bytes: size, get } = SCALARS[type];
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return Array.from({ length: this.length }, (_, i) => get(view, i * size));
  }
}

/** The text under `key`; undefined when there is none. */
export function stringOf(metadata: GgufMetadata, key: string): string | undefined {
  const found = metadata.get(key);
  return found?.type === 'string' ? found.value : undefined;
}

/** The number under `key`; undefined when there is none. */
export function numberOf(metadata: GgufMetadata, key: string): number | undefined {
  const value = metadata.get(key)?.value;
  return typeof value === 'number' ? value : undefined;
}

/** The array under `key`; undefined when there is none. */
export function arrayOf(metadata: GgufMetadata, key: string): GgufArray | undefined {
  const found = metadata.get(key);
  return found?.type === 'array' ? found.value : undefined;
}
