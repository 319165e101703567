/** TensorFlow's bundles, HDF5, msgpack and GGUF that lie: cases S-TF1, S-H51 to S-H53, S-MP1 and S-GG1 of docs/contract.md. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBundle } from '../../../lib/checkpoint/tf-bundle/bundle';
import { encodeProto, type Proto } from '../../fuzz/proto';
import { tableBytes } from '../../fuzz/sorted-table';
import { entry, ggufBytes, list, number, tensor, type, u32 } from '../gguf/gguf-bytes';
import { readPacked, unpacked } from '../packed';
import { errorOf } from '../scratch';
import { codeOf, put, refusal, watched } from './hostile-file';

interface BundleEntry {
  dtype?: number;
  dims?: number[];
  shard?: number;
  offset?: number;
  size?: number;
  crc?: number;
  slices?: [start: number, length: number][];
}

/** An entry of an index as its protocol buffer. */
function bundleEntry({
  dtype = 1,
  dims = [2],
  shard = 0,
  offset = 0,
  size = 8,
  crc = 0,
  slices = [],
}: BundleEntry): Buffer {
  const numberOf = (number: number, value: number): Proto => (value === 0 ? [] : [{ number, value: BigInt(value) }]);
  const shape: Proto = dims.map((dim) => ({ number: 2, message: numberOf(1, dim) }));
  return encodeProto([
    ...numberOf(1, dtype),
    { number: 2, message: shape },
    ...numberOf(3, shard),
    ...numberOf(4, offset),
    ...numberOf(5, size),
    { number: 6, fixed: crc },
    ...slices.map(([start, length]) => ({
      number: 7,
      message: [{ number: 1, message: [...numberOf(1, start), ...numberOf(2, length)] }],
    })),
  ]);
}

/** A checkpoint of one file of data with sixteen bytes; the path of its index. */
function bundle(entries: [key: string, entry: Buffer][], change: (index: Buffer) => Buffer = (index) => index): string {
  const header = encodeProto([{ number: 1, value: 1n }]);
  const rows = [['', header] as const, ...entries].map(([key, value]) => ({ key: Buffer.from(key), value }));
  const path = put('model.ckpt.index', change(tableBytes(null, rows)));
  writeFileSync(path.replace('.index', '.data-00000-of-00001'), Buffer.alloc(16, 1));
  return path;
}

// In depth, with restarts, handles and snappy: ../tf-bundle/bundle.test.ts
describe('S-TF1: an index that lies', () => {
  it.each<[string, [string, Buffer][], string]>([
    [
      'keys out of order',
      [
        ['b', bundleEntry({})],
        ['a', bundleEntry({})],
      ],
      'TF_INVALID',
    ],
    [
      'one key twice',
      [
        ['a', bundleEntry({})],
        ['a', bundleEntry({})],
      ],
      'TF_INVALID',
    ],
    ['a file of data that is not one of them', [['a', bundleEntry({ shard: 1 })]], 'TF_INVALID'],
    ['bytes behind the end of the data', [['a', bundleEntry({ offset: 12 })]], 'TENSOR_OUT_OF_RANGE'],
    ['an offset of 2^53 - 1', [['a', bundleEntry({ offset: 2 ** 53 - 1 })]], 'TENSOR_OUT_OF_RANGE'],
    ['texts behind the end of the data', [['a', bundleEntry({ dtype: 7, size: 100 })]], 'TENSOR_OUT_OF_RANGE'],
    ['other bytes than the shape needs', [['a', bundleEntry({ dims: [3] })]], 'SIZE_MISMATCH'],
    ['a dimension of 2^50', [['a', bundleEntry({ dims: [2 ** 50] })]], 'OVERFLOW'],
    ['parts that are not there', [['a', bundleEntry({ slices: [[0, 1]] })]], 'TF_SLICES'],
    ['bytes without their checksum', [['a', bundleEntry({ crc: 1 })]], 'CHECKSUM_MISMATCH'],
  ])('%s', async (_, entries, code) => {
    expect((await refusal(bundle(entries))).code).toBe(code);
  });

  it('keys that each take over the most of the one before: ten times as much as the index has', async () => {
    const entries = Array.from({ length: 30 }, (_, i): [string, Buffer] => [
      `${'k'.repeat(60_000)}${i + 10}`,
      bundleEntry({}),
    ]);
    const error = await errorOf(() => openBundle(bundle(entries), { limits: { headerBytes: 1_000_000 } }));
    expect([error.code, error.message]).toEqual(['TF_TOO_LARGE', expect.stringMatching(/its keys have more than/)]);
  });

  it('more parts of a variable than there are servers, and parts of more dimensions than there are', async () => {
    // Field 7 of no bytes: a part of no dimensions. In one of them, field 1 of no bytes: a whole dimension.
    const parts = Buffer.alloc(2 * 65_537, Buffer.from([0x3a, 0]));
    expect((await refusal(bundle([['a', parts]]))).code).toBe('TF_SLICES');
    const deep = Buffer.concat([Buffer.from([0x3a, 0x82, 1]), Buffer.alloc(2 * 65, Buffer.from([0x0a, 0]))]);
    expect((await refusal(bundle([['a', deep]]))).code).toBe('TOO_MANY_DIMENSIONS');
  });

  it('restarts of 2^32, a block behind the end, a flipped bit', async () => {
    const last = (index: Buffer) => {
      index.set([0, 0, 0xff, 0xff, 0xff, 0x7f, 0x10], index.byteLength - 48);
      return index;
    };
    const flipped = (index: Buffer) => {
      index[3] = (index[3] as number) ^ 1;
      return index;
    };
    expect((await refusal(bundle([['a', bundleEntry({})]], last))).code).toBe('TF_INVALID');
    expect((await refusal(bundle([['a', bundleEntry({})]], flipped))).code).toBe('CHECKSUM_MISMATCH');
  });
});

const hdf5 = readPacked<{ file: string }>(join(__dirname, '../hdf5/h5py.json'));
const h5 = (name: string) => unpacked((hdf5[name] as { file: string }).file);

// In depth: ../hdf5/hdf5.test.ts
describe('S-H51: structures that lead nowhere, back, or outside', () => {
  const changed = (signature: string, by: number, value: readonly number[]) => {
    const bytes = h5('keras earliest');
    bytes.set(value, bytes.indexOf(signature, 0, 'latin1') + by);
    return bytes;
  };
  it('a tree that is its own child', async () => {
    const bytes = h5('keras earliest');
    const tree = bytes.indexOf('TREE', 0, 'latin1');
    bytes[tree + 5] = 1;
    bytes.writeBigUInt64LE(BigInt(tree), tree + 32);
    expect(await codeOf('tf_model.h5', bytes)).toBe('H5_INVALID');
  });

  it.each([
    ['a node of 65,535 entries', changed('SNOD', 6, [255, 255]), 'H5_INVALID'],
    ['a heap behind the end', changed('HEAP', 24, [255, 255, 255, 255]), 'H5_INVALID'],
  ])('%s', async (_, bytes, code) => {
    expect(await codeOf('tf_model.h5', bytes)).toBe(code);
  });

  it('a message longer than its block, and a header that goes on in itself', async () => {
    const bytes = h5('keras earliest');
    const header = Number(bytes.readBigUInt64LE(64)) + 16;
    bytes.writeUInt16LE(0xffff, header + 2);
    expect(await codeOf('tf_model.h5', bytes)).toBe('H5_INVALID');
    bytes.writeUInt16LE(16, header + 2);
    bytes.writeUInt16LE(0x10, header);
    bytes.writeBigUInt64LE(BigInt(header), header + 8);
    bytes.writeBigUInt64LE(BigInt(bytes.readUInt32LE(header - 8)), header + 16);
    expect(await codeOf('tf_model.h5', bytes)).toBe('H5_INVALID');
  });

  it('a shape of 255 dimensions', async () => {
    const bytes = h5('keras earliest');
    bytes[bytes.indexOf(Buffer.from([1, 2, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0])) + 1] = 255;
    expect(await codeOf('tf_model.h5', bytes)).toBe('TOO_MANY_DIMENSIONS');
  });
});

describe('S-H52: a file that wants the content of another', () => {
  it.each(['external_link', 'external_storage', 'virtual', 'dangling'])(
    '%s is refused, and the other not opened',
    async (name) => {
      const path = put('tf_model.h5', h5(name));
      for (const secret of ['secret.txt', 'secret.h5']) writeFileSync(join(path, '..', secret), 'secret');
      const { files } = await watched(async () => expect((await refusal(path)).code).toBe('H5_EXTERNAL_REFUSED'));
      expect(files).toEqual([path]);
    },
  );
});

describe('S-H53: a shape that no file can fill', () => {
  it('50,000,000 × 50,000,000 compressed numbers are refused in little memory', async () => {
    expect((await refusal(put('tf_model.h5', h5('bomb')), { bytes: 16e6 })).code).toBe('BUDGET_EXCEEDED');
  });
});

// In depth: ../flax/flax.test.ts
describe('S-MP1: lengths that lie in msgpack', () => {
  const vector = 'c71101939101a7666c6f61743332c40400000000';
  const chunked = (chunks: string) =>
    `81a16183b95f5f6d73677061636b5f6368756e6b65645f61727261795f5fc3a5736861706581a13002a66368756e6b73${chunks}`;
  it.each([
    ['an extension of 4 GiB in ten bytes', '81a161c9ffffffff0100', 'MSGPACK_TRUNCATED'],
    ['a map of 2^32 - 1 entries', 'dfffffffff', 'MSGPACK_TRUNCATED'],
    ['a list of 2^32 - 1 items', '81a161ddffffffff', 'MSGPACK_TRUNCATED'],
    ['200,000 levels', '91'.repeat(200_000), 'MSGPACK_TOO_DEEP'],
    ['one key twice', '82a16101a16102', 'MSGPACK_DUPLICATE_KEY'],
    ['chunks with a gap', chunked(`82a130${vector}a132${vector}`), 'MSGPACK_CHUNKS'],
    ['a shape of other bytes', `81a161${vector.replace('9101', '9102')}`, 'MSGPACK_SIZE_MISMATCH'],
    ['bytes behind the value', '8000', 'MSGPACK_TRAILING_DATA'],
  ])('%s', async (_, hex, code) => {
    const path = put('flax_model.msgpack', Buffer.from(hex, 'hex'));
    expect((await refusal(path, { bytes: 32e6 })).code).toBe(code);
  });
});

// In depth: ../gguf/gguf.test.ts
describe('S-GG1: numbers that overflow in GGUF', () => {
  const one = (dims: (number | bigint)[], offset: number | bigint = 0) => ({
    tensors: [tensor('t', dims, 'float32', offset)],
    data: 64,
  });
  const aligned = (value: number) => [entry('general.alignment', type('uint32'), u32(value))];
  it.each([
    ['dimensions of 2^63 - 1 and 2', one([2n ** 63n - 1n, 2n]), 'OVERFLOW'],
    ['dimensions whose product is 2^64', one([2n ** 32n, 2n ** 32n]), 'OVERFLOW'],
    ['an offset of 2^64 - 1', one([4], 2n ** 64n - 1n), 'OVERFLOW'],
    ['an alignment of 2^31 that rounds past the end', { ...one([4]), entries: aligned(2 ** 31) }, 'METADATA_INVALID'],
    ['an alignment of 0', { ...one([4]), entries: aligned(0) }, 'METADATA_INVALID'],
    [
      'a list of 2^61 numbers of eight bytes',
      { entries: [entry('k', list('float64', 2n ** 61n))], data: 64 },
      'HEADER_TRUNCATED',
    ],
    ['2^62 tensors', { counts: [2n ** 62n, 0] as [bigint, number], data: 64 }, 'HEADER_TRUNCATED'],
    ['2^64 - 1 entries', { counts: [0, 2n ** 64n - 1n] as [number, bigint], data: 64 }, 'HEADER_TRUNCATED'],
    [
      'a text of 2^64 - 1 bytes',
      { entries: [entry('k', type('string'), number('uint64', 2n ** 64n - 1n))], data: 64 },
      'HEADER_TRUNCATED',
    ],
    ['five dimensions', one([1, 1, 1, 1, 1]), 'TOO_MANY_DIMENSIONS'],
    ['a type that is none', { tensors: [tensor('t', [4], 99, 0)], data: 64 }, 'UNKNOWN_DTYPE'],
    [
      'a key twice',
      { entries: [entry('k', type('bool'), Buffer.of(1)), entry('k', type('bool'), Buffer.of(1))] },
      'DUPLICATE_NAME',
    ],
  ])('%s', async (_, parts, code) => {
    expect(await codeOf('model.gguf', ggufBytes(parts))).toBe(code);
  });
});
