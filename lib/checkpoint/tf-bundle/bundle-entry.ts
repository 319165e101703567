/** What the index says of the bundle and of each tensor. */
import type { PlainDType } from '../dtype';
import type { HeaderLimits } from '../header-limits';
import type { Fail } from './bundle-fault';
import { ProtoFields } from './proto-fields';

/** TensorFlow's numbers of element types. */
const DTYPES: Readonly<Record<number, PlainDType>> = {
  1: 'float32',
  2: 'float64',
  3: 'int32',
  4: 'uint8',
  5: 'int16',
  6: 'int8',
  8: 'complex64',
  9: 'int64',
  10: 'bool',
  14: 'bfloat16',
  17: 'uint16',
  19: 'float16',
  22: 'uint32',
  23: 'uint64',
  24: 'float8_e5m2',
  25: 'float8_e4m3fn',
};

/** Parts of a variable: TensorFlow makes one for each server. */
const MOST_SLICES = 65_536;

/** A slice of a variable along one dimension. */
export interface Extent {
  start: number;
  /** Null for the whole dimension. */
  length: number | null;
}

/** An entry of the index. */
export interface BundleEntry {
  /** Null for text and for other types that no weight has. */
  dtype: PlainDType | null;
  dims: number[];
  shard: number;
  offset: number;
  size: number;
  /** Masked checksum of the bytes. */
  crc: number;
  /** The slices that hold a variable in parts; empty for a tensor in one piece. */
  slices: Extent[][];
}

/** How many files of data there are. */
export function readHeader(bytes: Buffer, fail: Fail): number {
  let shards = 0;
  const fields = fieldsOf(bytes, 'its header', fail);
  while (fields.next()) {
    if (fields.kind !== 'varint') continue;
    if (fields.number === 1) shards = toNumber(fields.value, 'its header', fail);
    if (fields.number === 2 && fields.value !== 0)
      throw fail('BIG_ENDIAN', 'its numbers are stored in big-endian order, and only little-endian ones are read');
  }
  if (shards < 1) throw fail('TF_INVALID', `it states ${shards} files of data; it is damaged`);
  return shards;
}

export function readEntry(bytes: Buffer, name: string, limits: HeaderLimits, fail: Fail): BundleEntry {
  const what = `the entry of '${name}'`;
  const entry: BundleEntry = { dtype: null, dims: [], shard: 0, offset: 0, size: 0, crc: 0, slices: [] };
  const fields = fieldsOf(bytes, what, fail);
  while (fields.next()) {
    const { number, kind } = fields;
    if (kind === 'varint') {
      const value = toNumber(fields.value, what, fail);
      if (number === 1) entry.dtype = DTYPES[value] ?? null;
      if (number === 3) entry.shard = value;
      if (number === 4) entry.offset = value;
      if (number === 5) entry.size = value;
    } else if (kind === 'fixed32' && number === 6) {
      entry.crc = Number(fields.value);
    } else if (kind === 'bytes' && number === 2) {
      entry.dims = shapeOf(fields.inner(), what, limits, fail);
    } else if (kind === 'bytes' && number === 7) {
      if (entry.slices.push(sliceOf(fields.inner(), what, limits, fail)) > MOST_SLICES)
        throw fail('TF_SLICES', `'${name}' is in more than ${MOST_SLICES} parts; it is damaged`, name);
    }
  }
  return entry;
}

function shapeOf(fields: ProtoFields, what: string, limits: HeaderLimits, fail: Fail): number[] {
  const dims: number[] = [];
  while (fields.next()) {
    if (fields.number !== 2 || fields.kind !== 'bytes') continue;
    let dim = 0;
    const inner = fields.inner();
    while (inner.next()) if (inner.number === 1 && inner.kind === 'varint') dim = toNumber(inner.value, what, fail);
    if (dim > limits.dimension)
      throw fail('OVERFLOW', `${what} has a dimension of ${dim}; at most ${limits.dimension}`);
    if (dims.push(dim) > limits.dimensions)
      throw fail('TOO_MANY_DIMENSIONS', `${what} has more than ${limits.dimensions} dimensions`);
  }
  return dims;
}

function sliceOf(fields: ProtoFields, what: string, limits: HeaderLimits, fail: Fail): Extent[] {
  const extents: Extent[] = [];
  while (fields.next()) {
    if (fields.number !== 1 || fields.kind !== 'bytes') continue;
    const extent: Extent = { start: 0, length: null };
    const inner = fields.inner();
    while (inner.next()) {
      if (inner.kind !== 'varint') continue;
      if (inner.number === 1) extent.start = toNumber(inner.value, what, fail);
      if (inner.number === 2) extent.length = toNumber(inner.value, what, fail);
    }
    if (extents.push(extent) > limits.dimensions)
      throw fail('TOO_MANY_DIMENSIONS', `${what} has a part of more than ${limits.dimensions} dimensions`);
  }
  return extents;
}

function fieldsOf(bytes: Buffer, what: string, fail: Fail): ProtoFields {
  return new ProtoFields(bytes, (fault) => fail('TF_INVALID', `${what} ${fault}; it is damaged`));
}

function toNumber(value: number | bigint, what: string, fail: Fail): number {
  if (typeof value === 'number') return value;
  throw fail('OVERFLOW', `${what} holds ${BigInt.asIntN(64, value)}, which no place or size can be`);
}
