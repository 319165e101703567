/**
 * The cases that every reader of weights has to pass: what a hostile or damaged file must not achieve. A block a case, by
 * number; what is tried in depth elsewhere stands here in its plainest form, with the place behind 'In depth'.
 *
 * S-ST safetensors, S-PK pickles, S-ZP zip archives, S-TF TensorFlow's bundles, S-H5 HDF5, S-MP msgpack, S-GG GGUF,
 * S-IX indexes of shards, S-MM files that change.
 */
import childProcess from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { convertToGguf, load_state_dict } from '../../lib';
import { writeFlax } from '../../lib/checkpoint/flax/flax-writer';
import { writeGguf } from '../../lib/checkpoint/gguf/gguf-writer';
import { writeHdf5 } from '../../lib/checkpoint/hdf5/hdf5-writer';
import { openCheckpoint } from '../../lib/checkpoint/open';
import { writePyTorch } from '../../lib/checkpoint/pytorch/pytorch-writer';
import { type TensorToWrite, writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import { tensorStats } from '../../lib/checkpoint/tensor-stats';
import { encodeProto, type Proto } from '../fuzz/proto';
import { tableBytes } from '../fuzz/sorted-table';
import { entry, ggufBytes, list, number, tensor, text, type, u32 } from './gguf/gguf-bytes';
import { readPacked, unpacked } from './packed';
import { bytesOf, type Member, pickle, torchMembers, zipBytes } from './pytorch/archive';
import { errorOf, safetensorsBytes, scratchFolder, writeVectors } from './scratch';

const root = scratchFolder();
const newFolder = () => mkdtempSync(join(root, 'case-'));

/** Writes `bytes` to a new file called `name`; its path. */
function put(name: string, bytes: Uint8Array | string): string {
  const path = join(newFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

const open = (path: string) => openCheckpoint(path, { from_tf: path.endsWith('.index') });

/** What opening the file and reading all of it ends in; fails when that takes long, or much memory. */
async function refusal(path: string, most: { ms?: number; bytes?: number } = {}) {
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const error = await errorOf(async () => {
    await using source = await open(path);
    for (const name of source.names()) await source.read(name);
  });
  expect(performance.now() - start).toBeLessThan(most.ms ?? 5000);
  expect(process.memoryUsage().rss - before).toBeLessThan(most.bytes ?? 64e6);
  expect(error.name).toBe('CheckpointError');
  return error;
}

const codeOf = async (name: string, bytes: Uint8Array | string) => (await refusal(put(name, bytes))).code;

/** Runs `action`; every file that it opened, and whether it began a process or a connection. */
async function watched(action: () => Promise<unknown>): Promise<{ files: string[]; others: number }> {
  const files = jest.spyOn(promises, 'open');
  const begun = (['spawn', 'exec', 'execFile', 'fork', 'spawnSync', 'execSync', 'execFileSync'] as const).map((name) =>
    jest.spyOn(childProcess, name),
  );
  const connected = jest.spyOn(Socket.prototype, 'connect');
  try {
    await action();
    const others = [...begun, connected].reduce((sum, { mock }) => sum + mock.calls.length, 0);
    return { files: [...new Set(files.mock.calls.map(([path]) => String(path)))], others };
  } finally {
    for (const spy of [files, ...begun, connected]) spy.mockRestore();
  }
}

const st = (json: string, data = 16, length?: bigint) => safetensorsBytes(json, data, length);
const row = (name: string, dtype: string, shape: string, offsets: string) =>
  `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

// In depth: safetensors-header.test.ts
describe('S-ST1: a length of the header that lies', () => {
  it.each<[string, Uint8Array, string]>([
    ['seven bytes', Buffer.alloc(7), 'HEADER_TRUNCATED'],
    ['no bytes', Buffer.alloc(0), 'EMPTY_FILE'],
    ['a length of 0', st('', 0, 0n), 'HEADER_INVALID_JSON'],
    ['a length beyond 100 MB', st('{}', 0, 100_000_001n), 'HEADER_TOO_LARGE'],
    ['a length beyond the file', st('{}', 0, 50n), 'HEADER_TRUNCATED'],
    ['a length of 2^63', st('{}', 0, 2n ** 63n), 'HEADER_TOO_LARGE'],
    ['a length of 2^64 - 1', st('{}', 0, 2n ** 64n - 1n), 'HEADER_TOO_LARGE'],
    ['a length that cuts the header', st(`{${row('a', 'U8', '[16]', '[0,16]')}}`, 16, 20n), 'HEADER_INVALID_JSON'],
  ])('%s', async (_, bytes, code) => {
    expect(await codeOf('model.safetensors', bytes)).toBe(code);
  });
});

describe('S-ST2: a header of 100 MB whose tensors all share their bytes', () => {
  it('is refused in seconds, in memory of its own size', async () => {
    const rows: string[] = [];
    for (let bytes = 0, i = 0; bytes < 99_900_000; i++)
      bytes += rows.push(row(`${i}`, 'U8', '[16]', '[0,16]')) && (rows.at(-1) as string).length + 1;
    const path = put('model.safetensors', st(`{${rows.join(',')}}`));
    rows.length = 0;
    expect((await refusal(path, { ms: 30_000, bytes: 250e6 })).code).toBe('OVERLAP');
  });
});

describe('S-ST3: a file of two formats', () => {
  it.each([
    ['a zip archive', zipBytes([{ name: 'a', content: Buffer.from('b') }])],
    ['a PDF', Buffer.from('%PDF-1.7\n%%EOF\n')],
  ])('%s behind the last tensor is no part of it', async (_, other) => {
    const bytes = Buffer.concat([st(`{${row('a', 'U8', '[16]', '[0,16]')}}`), other]);
    expect(await codeOf('model.safetensors', bytes)).toBe('TRAILING_DATA');
  });

  it('holes and overlaps are refused', async () => {
    const hole = `{${row('a', 'U8', '[4]', '[0,4]')},${row('b', 'U8', '[4]', '[12,16]')}}`;
    const overlap = `{${row('a', 'U8', '[10]', '[0,10]')},${row('b', 'U8', '[8]', '[8,16]')}}`;
    expect([await codeOf('a.safetensors', st(hole)), await codeOf('b.safetensors', st(overlap))]).toEqual([
      'HOLE',
      'OVERLAP',
    ]);
  });
});

describe('S-ST4: one name twice', () => {
  it('is refused, although the bytes are the same', async () => {
    const twice = row('a', 'U8', '[16]', '[0,16]');
    expect(await codeOf('model.safetensors', st(`{${twice},${twice}}`))).toBe('DUPLICATE_NAME');
  });
});

describe('S-ST5: sizes beyond every number', () => {
  it.each([
    ['[2, 2^64 - 2]', 'I32', '[2,18446744073709551614]', 'OVERFLOW'],
    ['[2, 2^63 - 1]', 'I32', '[2,9223372036854775807]', 'OVERFLOW'],
    ['float64 [2^32, 2^32]', 'F64', '[4294967296,4294967296]', 'OVERFLOW'],
    ['three elements of four bits', 'F4', '[3]', 'MISALIGNED'],
  ])('%s', async (_, dtype, shape, code) => {
    expect(await codeOf('model.safetensors', st(`{${row('a', dtype, shape, '[0,16]')}}`))).toBe(code);
  });
});

// In depth: safetensors.test.ts
describe('S-ST6: numbers that are none', () => {
  it('are read as they are, and counted', async () => {
    const values = new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]);
    const path = put('model.safetensors', safetensorsBytes(`{${row('a', 'F32', '[4]', '[0,16]')}}`, bytesOf(values)));
    await using source = await open(path);
    expect([...new Float32Array((await source.read('a')).buffer)]).toEqual([...values]);
    expect(await tensorStats(source, 'a')).toEqual({ values: 4, nan: 1, infinite: 2 });
  });
});

const storages = { 0: bytesOf(new Float32Array([0, 1, 2, 3, 4, 5])) };
const floats = pickle.storage('FloatStorage', '0', 6);
const plain = pickle.tensor(floats, 0, [6], [1]);
const archive = (value: Buffer) => zipBytes(torchMembers(value, storages));
/** An archive whose pickle is these bytes. */
function archiveOf(bytes: Buffer): Buffer {
  const members = torchMembers(pickle.none, storages);
  (members[0] as Member).content = bytes;
  return zipBytes(members);
}

// In depth, with more than sixty names: pytorch/hostile-pickle.test.ts
describe('S-PK1: a pickle that wants to run something', () => {
  const { global, stackGlobal } = pickle;
  it.each([
    'os.system',
    'builtins.eval',
    'pip.main',
    'pydoc.locate',
    'pkgutil.resolve_name',
    'uuid._get_command_stdout',
    'ctypes.CDLL',
  ])('%s is refused: no process, no connection, no other file', async (name) => {
    const at = name.lastIndexOf('.');
    for (const make of [global, stackGlobal]) {
      const call = pickle.call(make(name.slice(0, at), name.slice(at + 1)), pickle.text('touch /tmp/x'));
      const path = put('pytorch_model.bin', archive(pickle.dict({ w: plain, x: call })));
      const { files, others } = await watched(async () => {
        expect((await refusal(path)).code).toBe('PICKLE_FORBIDDEN_GLOBAL');
        await expect(load_state_dict(path)).rejects.toMatchObject({ code: 'PICKLE_FORBIDDEN_GLOBAL' });
      });
      expect([files, others]).toEqual([[path], 0]);
    }
  });
});

// In depth: pytorch/hostile-zip.test.ts
describe('S-PK2: a file that scanners and loaders could see differently', () => {
  const hostile = pickle.dict({ w: plain, x: pickle.call(pickle.global('os', 'system'), pickle.text('x')) });
  const members = () => torchMembers(hostile, storages);
  it.each<[string, Member[]]>([
    ['as it is', members()],
    ['in another order', members().reverse()],
    ['with wrong checksums', members().map((member) => ({ ...member, crc: 1 }))],
    [
      'with other flags',
      members().map((member) => ({
        ...member,
        flags: 0,
        localSizes: [member.content.byteLength, member.content.byteLength],
      })),
    ],
    ['deflated', members().map((member) => ({ ...member, deflate: true }))],
  ])('%s it gives the same under every ending', async (_, list) => {
    for (const name of ['pytorch_model.bin', 'a.pt', 'a.pth', 'A.BIN'])
      expect(await codeOf(name, zipBytes(list))).toBe('PICKLE_FORBIDDEN_GLOBAL');
  });

  it('is not read at all as 7z, as gzip, or cut', async () => {
    const bytes = zipBytes(members());
    expect(await codeOf('a.bin', Buffer.from('377abcaf271c0004', 'hex'))).toBe('UNKNOWN_FORMAT');
    expect(await codeOf('a.bin', gzipSync(bytes))).toBe('UNKNOWN_FORMAT');
    expect(await codeOf('a.bin', bytes.subarray(0, bytes.byteLength - 30))).toBe('ZIP_NO_DIRECTORY');
  });
});

describe('S-PK3: a value used for what it is not', () => {
  it.each<[string, Buffer, string]>([
    [
      'an item set on a tensor',
      Buffer.concat([plain, pickle.int(0), pickle.int(1), pickle.code(0x73)]),
      'PICKLE_TYPE_ERROR',
    ],
    [
      'an item appended to a dictionary',
      Buffer.concat([pickle.emptyDict, pickle.int(0), pickle.code(0x61)]),
      'PICKLE_TYPE_ERROR',
    ],
    ['a state given to a tensor', pickle.build(plain, pickle.emptyDict), 'PICKLE_TYPE_ERROR'],
    ['a text that is called', pickle.call(pickle.text('os.system')), 'PICKLE_TYPE_ERROR'],
    ['a class that is called', pickle.call(pickle.global('torch', 'FloatStorage'), pickle.int(4)), 'PICKLE_TYPE_ERROR'],
    [
      'a storage of more elements than bytes',
      pickle.tensor(pickle.storage('FloatStorage', '0', 7), 0, [7], [1]),
      'SIZE_MISMATCH',
    ],
    [
      'a quantized tensor along an axis that is not there',
      pickle.call(
        pickle.global('torch._utils', '_rebuild_qtensor'),
        pickle.storage('QInt8Storage', 'q', 24),
        pickle.int(0),
        pickle.ints([6]),
        pickle.ints([1]),
        pickle.tuple(pickle.global('torch', 'per_channel_affine'), plain, plain, pickle.int(99)),
        pickle.false,
        pickle.hooks,
      ),
      'UNSUPPORTED_TENSOR',
    ],
  ])('%s', async (_, value, code) => {
    expect(await codeOf('pytorch_model.bin', archive(pickle.dict({ w: value })))).toBe(code);
  });
});

describe('S-PK4: a way around the refusal', () => {
  it('is not there: whatever is asked, what is forbidden stays so', async () => {
    const path = put(
      'pytorch_model.bin',
      archive(pickle.dict({ w: pickle.call(pickle.global('os', 'system'), pickle.text('x')) })),
    );
    for (const options of [{}, { lookOnly: false }, { use_safetensors: false }])
      expect(await errorOf(() => openCheckpoint(path, options))).toMatchObject({ code: 'PICKLE_FORBIDDEN_GLOBAL' });
    expect((await errorOf(() => openCheckpoint(path, { weights_only: false } as object))).name).toBe('TypeError');
    await using source = await openCheckpoint(path, { lookOnly: true });
    expect([source.names(), source.forbidden]).toEqual([[], ['os.system']]);
  });
});

describe('S-PK5: a pickle that wants memory or time', () => {
  const { code } = pickle;
  const long = (opcode: number, length: bigint) => {
    const bytes = Buffer.alloc(9);
    bytes[0] = opcode;
    bytes.writeBigUInt64LE(length, 1);
    return bytes;
  };
  it.each<[string, Buffer, string]>([
    ['a memo of number 2^32 - 1', code(0x7d, 0x72, 0xff, 0xff, 0xff, 0xff), 'PICKLE_TOO_LARGE'],
    ['a text of 2^63 bytes', long(0x8d, 2n ** 63n), 'PICKLE_INVALID'],
    ['a million tuples in each other', Buffer.concat([code(0x29), Buffer.alloc(1_000_000, 0x85)]), 'PICKLE_TOO_LARGE'],
    [
      'tuples that double sixty times',
      Buffer.concat([code(0x29), ...Array<Buffer>(60).fill(code(0x32, 0x86))]),
      'NOT_A_STATE_DICT',
    ],
    ['an int of 255 bytes', Buffer.concat([code(0x8a, 255), Buffer.alloc(255, 1)]), 'PICKLE_INVALID'],
    ['a list that contains itself', code(0x5d, 0x71, 0, 0x68, 0, 0x61), 'NOT_A_STATE_DICT'],
    ['a memo that was never set', code(0x68, 7), 'PICKLE_INVALID'],
  ])('%s', async (_, value, expected) => {
    expect(await codeOf('pytorch_model.bin', archiveOf(pickle.of(value)))).toBe(expected);
  });

  it('no end', async () => {
    expect(await codeOf('pytorch_model.bin', archiveOf(Buffer.from([0x80, 2, 0x7d])))).toBe('PICKLE_INVALID');
  });
});

// In depth: pytorch/pytorch.test.ts
describe('S-PK6: a view that leaves its storage', () => {
  it.each<[string, number, number[], number[]]>([
    ['by its size', 0, [7], [1]],
    ['by its stride', 0, [2, 2], [5, 1]],
    ['by its offset', 1, [6], [1]],
    ['by a negative offset', -1, [1], [1]],
    ['by a negative stride', 5, [2], [-1]],
  ])('%s', async (_, offset, shape, strides) => {
    const value = pickle.dict({ w: pickle.tensor(floats, offset, shape, strides) });
    expect(await codeOf('pytorch_model.bin', archive(value))).toBe('TENSOR_OUT_OF_RANGE');
  });

  it('one number that is 2^40 elements opens, and is not written out', async () => {
    const path = put(
      'pytorch_model.bin',
      archive(pickle.dict({ w: pickle.tensor(floats, 1, [2 ** 20, 2 ** 20], [0, 0]) })),
    );
    await using source = await open(path);
    expect(source.info('w').byteLength).toBe(2 ** 42);
    expect((await refusal(path)).code).toBe('BUDGET_EXCEEDED');
    expect(new Float32Array((await source.read('w', { start: 2 ** 41, end: 2 ** 41 + 4 })).buffer)[0]).toBe(1);
  });
});

// In depth: pytorch/hostile-zip.test.ts
describe('S-ZP1: an archive that is not what it says', () => {
  const value = pickle.dict({ w: plain });
  const changed = (change: Partial<Member>) =>
    torchMembers(value, storages).map((member) =>
      member.name === 'archive/data/0' ? { ...member, ...change } : member,
    );
  const twice = [...changed({}), changed({})[0] as Member];
  it.each<[string, Buffer, string]>([
    ['a bomb', zipBytes(changed({ deflate: true, size: 2 ** 31 })), 'ZIP_BOMB'],
    ['two places of one member', zipBytes(changed({ offset: 0 })), 'ZIP_OVERLAP'],
    ['two members of one name', zipBytes(twice), 'ZIP_DUPLICATE_NAME'],
    ['other sizes in front of the member', zipBytes(changed({ localSizes: [24, 23] })), 'ZIP_MISMATCH'],
    ['another name in front of the member', zipBytes(changed({ localName: 'archive/data/1' })), 'ZIP_MISMATCH'],
    ['an end inside of a comment', zipBytes(changed({}), { comment: 'PK\x05\x06' }), 'ZIP_NO_DIRECTORY'],
    ['bytes in front', Buffer.concat([Buffer.from('MZ'), zipBytes(changed({}))]), 'UNKNOWN_FORMAT'],
    ['a member that is encrypted', zipBytes(changed({ flags: 0x809 })), 'ZIP_ENCRYPTED'],
    ['a part of several', zipBytes(changed({}), { disk: 1 }), 'ZIP_MULTI_DISK'],
    [
      'zip64 sizes that are not there',
      zipBytes(changed({ size: 0xffffffff, compressedSize: 0xffffffff })),
      'ZIP_INVALID',
    ],
    ['more members than there are', zipBytes(changed({}), { count: 9 }), 'ZIP_MISMATCH'],
    ['another way to compress', zipBytes(changed({ method: 12 })), 'ZIP_METHOD'],
  ])('%s', async (_, bytes, code) => {
    expect(await codeOf('pytorch_model.bin', bytes)).toBe(code);
  });

  it('a deflated storage gives its numbers', async () => {
    await using source = await open(put('pytorch_model.bin', zipBytes(changed({ deflate: true }))));
    expect([...new Float32Array((await source.read('w')).buffer)]).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('S-ZP2: names that lead elsewhere', () => {
  it('are keys and nothing else', async () => {
    for (const key of ['../x', '/etc/passwd', 'C:\\x', '../../archive/data.pkl']) {
      const value = pickle.dict({ w: pickle.tensor(pickle.storage('FloatStorage', key, 6), 0, [6], [1]) });
      const path = put('pytorch_model.bin', archive(value));
      const { files } = await watched(async () => expect((await refusal(path)).code).toBe('STORAGE_MISSING'));
      expect(files).toEqual([path]);
    }
    const named = zipBytes([
      ...torchMembers(pickle.dict({ w: plain }), storages),
      { name: '../../evil', content: Buffer.from('x') },
    ]);
    const path = put('pytorch_model.bin', named);
    await using source = await open(path);
    await source.read('w');
    expect([source.names(), source.otherKeys]).toEqual([['w'], []]);
    expect(existsSync(join(path, '../../../evil'))).toBe(false);
  });
});

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

// In depth, with restarts, handles and snappy: tf-bundle/bundle.test.ts
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

const hdf5 = readPacked<{ file: string }>(join(__dirname, 'hdf5/h5py.json'));
const h5 = (name: string) => unpacked((hdf5[name] as { file: string }).file);

// In depth: hdf5/hdf5.test.ts
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

// In depth: flax/flax.test.ts
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

// In depth: gguf/gguf.test.ts
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

const weights: TensorToWrite[] = ['a', 'b'].map((name) => ({
  name,
  dtype: 'float32',
  shape: [64],
  bytes: new Float32Array(64).fill(7),
}));
const writers: Record<string, (path: string, tensors: TensorToWrite[]) => Promise<unknown>> = {
  'model.safetensors': (path, tensors) => writeSafetensors(path, tensors),
  'pytorch_model.bin': (path, tensors) => writePyTorch(path, tensors),
  'tf_model.h5': (path, tensors) => writeHdf5(path, tensors),
  'flax_model.msgpack': (path, tensors) => writeFlax(path, tensors),
  'model.gguf': (path, tensors) => writeGguf(path, new Map(), tensors),
};
const formats = Object.keys(writers);
const pairs = formats.flatMap((from) => formats.map((to) => [from, to] as const));

describe('S-GG2: a tensor that says it is larger than its file', () => {
  it.each(formats)('is refused when %s is opened: nothing of the memory beside it gets out', async (name) => {
    const path = join(newFolder(), name);
    await writers[name]?.(path, weights);
    truncateSync(path, readFileSync(path).byteLength - 40);
    expect((await refusal(path)).code).toMatch(/TENSOR_OUT_OF_RANGE|ZIP_NO_DIRECTORY|MSGPACK_TRUNCATED|H5_INVALID/);
  });

  it.each(pairs)('%s cut while it is written as %s: FILE_CHANGED, and no file', async (from, to) => {
    const path = join(newFolder(), from);
    await writers[from]?.(path, weights);
    await using source = await open(path);
    const tensors = source.names().map((name) => ({
      name,
      dtype: 'float32' as const,
      shape: [64],
      bytes: async () => {
        truncateSync(path, 100);
        return source.read(name);
      },
    }));
    const folder = newFolder();
    expect((await errorOf(() => writers[to]?.(join(folder, to), tensors))).code).toBe('FILE_CHANGED');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not converted to GGUF, quantised or not', async () => {
    const entries = [
      entry('general.architecture', type('string'), text('gpt2')),
      ...(
        ['context_length', 'embedding_length', 'block_count', 'feed_forward_length', 'attention.head_count'] as const
      ).map((key) =>
        entry(`gpt2.${key}`, type('uint32'), u32(key === 'attention.head_count' || key === 'block_count' ? 1 : 32)),
      ),
      entry('gpt2.attention.layer_norm_epsilon', type('float32'), number('float32', 1e-5)),
    ];
    const path = put(
      'model.gguf',
      ggufBytes({ entries, tensors: [tensor('token_embd.weight', [32, 2 ** 20], 'float32', 0)], data: 128 }),
    );
    for (const options of [{}, { quantize: 'Q8_0' }]) {
      const output = join(newFolder(), 'out.gguf');
      expect((await errorOf(() => convertToGguf(path, { ...options, output }))).code).toBe('TENSOR_OUT_OF_RANGE');
      expect(existsSync(output)).toBe(false);
    }
  });
});

const index = (names: string[]) =>
  JSON.stringify({ weight_map: Object.fromEntries(names.map((name, i) => [`w${i}`, name])) });

// In depth, with more than fifty names: index-file.test.ts
describe('S-IX1: an index that leads out of its folder', () => {
  it.each([
    '../x',
    '/etc/passwd',
    'C:\\x',
    'D:rel',
    '\\\\server\\x',
    'folder/C:\\x',
    '%2e%2e/x',
    '%252e%252e/x',
    'a/./b',
    'a\0b',
    'n'.repeat(256),
    'CON',
    '..\\x',
    '',
  ])('%j is refused before any shard is opened', async (name) => {
    const path = put('model.safetensors.index.json', index([name]));
    const { files } = await watched(async () => expect((await refusal(path)).code).toBe('UNSAFE_SHARD_NAME'));
    expect(files).toEqual([path]);
  });
});

// In depth: sharded.test.ts
describe('S-IX2: an index that lies', () => {
  const folderOf = (shards: Record<string, Record<string, number[]>>, map: Record<string, string>) => {
    const folder = newFolder();
    for (const [name, vectors] of Object.entries(shards)) writeVectors(join(folder, name), vectors);
    const path = join(folder, 'model.safetensors.index.json');
    writeFileSync(path, JSON.stringify({ weight_map: map }));
    return path;
  };
  it('shards that are missing, a name that its shard lacks, a name in two shards', async () => {
    const eight = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`t${i}`, `gone-${i}.st`]));
    const missing = await refusal(folderOf({}, eight));
    expect([missing.code, missing.message.match(/gone-\d/g)?.length]).toEqual(['SHARD_MISSING', 5]);
    expect((await refusal(folderOf({ 'x.st': { a: [1] } }, { a: 'x.st', b: 'x.st' }))).code).toBe('NAME_NOT_IN_SHARD');
    expect(
      (await refusal(folderOf({ 'x.st': { a: [1] }, 'y.st': { a: [2], b: [1] } }, { a: 'x.st', b: 'y.st' }))).code,
    ).toBe('DUPLICATE_NAME');
  });

  it('a million files', async () => {
    const names = Array.from({ length: 1_000_000 }, (_, i) => `m${i}.st`);
    const path = put('model.safetensors.index.json', index(names));
    const error = await refusal(path, { ms: 30_000, bytes: 1e9 });
    expect([error.code, error.message.length < 1000]).toEqual(['TOO_MANY_SHARDS', true]);
  });
});

// In depth, also for mapped files: ../pretrained/mmap.test.ts
describe('S-MM1: a file that is cut or replaced while it is read', () => {
  it.each(formats)('%s: FILE_CHANGED, and the process goes on', async (name) => {
    for (const length of [0, 100]) {
      const path = join(newFolder(), name);
      await writers[name]?.(path, weights);
      await using source = await open(path);
      truncateSync(path, length);
      expect((await errorOf(() => source.read('b'))).code).toBe('FILE_CHANGED');
      expect((await errorOf(() => source.verify())).code).toBe('FILE_CHANGED');
    }
  });
});
