/** Pickles and archives that want more than to hold weights: cases S-PK1 to S-PK6, S-ZP1 and S-ZP2 of docs/contract.md. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { load_state_dict } from '../../../lib';
import { openCheckpoint } from '../../../lib/checkpoint/open';
import { bytesOf, type Member, pickle, torchMembers, zipBytes } from '../pytorch/archive';
import { errorOf } from '../scratch';
import { codeOf, open, put, refusal, watched } from './hostile-file';

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

// In depth, with more than sixty names: ../pytorch/hostile-pickle.test.ts
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
      const call = pickle.call(make(name.slice(0, at), name.slice(at + 1)), pickle.text('touch x'));
      const path = put('pytorch_model.bin', archive(pickle.dict({ w: plain, x: call })));
      const { files, others } = await watched(async () => {
        expect((await refusal(path)).code).toBe('PICKLE_FORBIDDEN_GLOBAL');
        await expect(load_state_dict(path)).rejects.toMatchObject({ code: 'PICKLE_FORBIDDEN_GLOBAL' });
      });
      expect([files, others]).toEqual([[path], 0]);
    }
  });
});

// In depth: ../pytorch/hostile-zip.test.ts
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

// In depth: ../pytorch/pytorch.test.ts
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

// In depth: ../pytorch/hostile-zip.test.ts
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
