/** The forms that PyTorch's files had before zip, made by hand: what is in them is read, what lies about itself is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPyTorch } from '../../../lib/checkpoint/pytorch/pytorch';
import { errorOf, scratchFolder } from '../scratch';
import { pickle, torchMembers, zipBytes } from './archive';

const folder = scratchFolder();
const path = join(folder, 'pytorch_model.bin');
const numbers = Buffer.from(new Float32Array([1, 2, 3, 4]).buffer);
const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
};
const facts = (little: Buffer) => pickle.of(pickle.dict({ protocol_version: pickle.int(1001), little_endian: little }));

interface Stream {
  version: number;
  little: Buffer;
  value: Buffer;
  keys: Buffer;
  storages: Buffer;
}

const storage = (view: Buffer) =>
  Buffer.concat([
    pickle.tuple(
      pickle.text('storage'),
      pickle.global('torch', 'FloatStorage'),
      pickle.text('7'),
      pickle.text('cpu'),
      pickle.int(4),
      view,
    ),
    pickle.code(0x51),
  ]);
const tensorOf = (view: Buffer) => pickle.tensor(storage(view), 0, [2], [1]);

function streamBytes(changes: Partial<Stream> = {}): Buffer {
  const { version, little, value, keys, storages }: Stream = {
    version: 1001,
    little: pickle.true,
    value: pickle.dict({ a: pickle.tensor(storage(pickle.none), 0, [2, 2], [1, 2]) }),
    keys: pickle.list(pickle.text('7')),
    storages: Buffer.concat([u64(4), numbers]),
    ...changes,
  };
  return Buffer.concat([
    magic,
    pickle.of(pickle.int(version)),
    facts(little),
    pickle.of(value),
    pickle.of(keys),
    storages,
  ]);
}

function open(bytes: Buffer) {
  writeFileSync(path, bytes);
  return openPyTorch(path);
}

const floats = async (bytes: Buffer, name: string) => {
  await using source = await open(bytes);
  return [...new Float32Array((await source.read(name)).buffer)];
};

describe('a stream', () => {
  it('gives its tensors, column by column and as parts of storages', async () => {
    expect(await floats(streamBytes(), 'a')).toEqual([1, 3, 2, 4]);
    const view = pickle.tuple(pickle.text('8'), pickle.int(1), pickle.int(2));
    expect(await floats(streamBytes({ value: pickle.dict({ a: tensorOf(view) }) }), 'a')).toEqual([2, 3]);
  });

  it.each<[string, Partial<Stream>, string]>([
    ['another version', { version: 1002 }, 'UNSUPPORTED_FORMAT'],
    ['numbers of a big-endian machine', { little: pickle.false }, 'BIG_ENDIAN'],
    ['another number of elements', { storages: Buffer.concat([u64(3), numbers]) }, 'SIZE_MISMATCH'],
    ['a storage cut short', { storages: Buffer.concat([u64(4), numbers.subarray(1)]) }, 'TENSOR_OUT_OF_RANGE'],
    ['bytes behind its storages', { storages: Buffer.concat([u64(4), numbers, numbers]) }, 'TRAILING_DATA'],
    ['keys without their storages', { keys: pickle.list(), storages: Buffer.alloc(0) }, 'STORAGE_MISSING'],
    ['a key that nothing names', { keys: pickle.list(pickle.text('7'), pickle.text('8')) }, 'PICKLE_INVALID'],
    ['one key twice', { keys: pickle.list(pickle.text('7'), pickle.text('7')) }, 'DUPLICATE_NAME'],
    [
      'a part that reaches past its storage',
      { value: pickle.dict({ a: tensorOf(pickle.tuple(pickle.text('8'), pickle.int(3), pickle.int(2))) }) },
      'TENSOR_OUT_OF_RANGE',
    ],
    ['a call', { value: pickle.call(pickle.global('os', 'system'), pickle.text('x')) }, 'PICKLE_FORBIDDEN_GLOBAL'],
  ])('with %s ends in its code', async (_, changes, code) => {
    expect(await errorOf(() => open(streamBytes(changes)))).toMatchObject({ code, file: path });
  });

  it('cut anywhere ends in a code', async () => {
    const bytes = streamBytes();
    for (let length = 1; length < bytes.byteLength; length++)
      expect((await errorOf(() => open(bytes.subarray(0, length)))).name).toBe('CheckpointError');
  });
});

/** A tar archive of these members. */
function tarBytes(members: Record<string, Buffer>): Buffer {
  const blocks = Object.entries(members).flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name);
    header.write(`${content.byteLength.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        0', 148);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.byteLength % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function tarMembers(): Record<string, Buffer> {
  const record = (...items: Buffer[]) => pickle.of(pickle.tuple(...items));
  const i64s = (...values: number[]) => Buffer.concat(values.map(u64));
  return {
    sys_info: facts(pickle.true),
    pickle: pickle.of(pickle.dict({ a: Buffer.concat([pickle.text('9'), pickle.code(0x51)]) })),
    tensors: Buffer.concat([
      pickle.of(pickle.int(1)),
      record(pickle.int(9), pickle.int(8), pickle.global('torch', 'FloatTensor')),
      i64s(1, 2, 1, 0),
    ]),
    storages: Buffer.concat([
      pickle.of(pickle.int(1)),
      record(pickle.int(7), pickle.text('cpu'), pickle.global('torch', 'FloatStorage')),
      u64(4),
      numbers,
      pickle.of(pickle.list(pickle.tuple(pickle.int(8), pickle.int(7), pickle.int(1), pickle.int(3)))),
    ]),
  };
}

describe('a tar archive', () => {
  it('gives its tensors, which are views of parts of storages', async () => {
    expect(await floats(tarBytes(tarMembers()), 'a')).toEqual([2, 3]);
  });

  it.each(['sys_info', 'pickle', 'tensors', 'storages'])('without %s is none of PyTorch', async (name) => {
    const members = tarMembers();
    delete members[name];
    expect((await errorOf(() => open(tarBytes(members)))).code).toBe('UNKNOWN_FORMAT');
  });

  it('with a header that does not have its checksum, or a member past its end, is refused', async () => {
    const bytes = tarBytes(tarMembers());
    const changed = Buffer.from(bytes);
    changed[0] = 0x61;
    expect((await errorOf(() => open(changed))).code).toBe('TAR_INVALID');
    expect((await errorOf(() => open(bytes.subarray(0, 2600)))).code).toMatch(/TAR_INVALID|UNKNOWN_FORMAT/);
  });
});

describe('an archive of TorchScript', () => {
  const module = (state: Buffer) => pickle.build(pickle.create(pickle.global('__torch__.m', 'Net')), state);
  const plain = pickle.tensor(pickle.storage('FloatStorage', '0', 4), 0, [4], [1]);
  const archive = (value: Buffer) =>
    zipBytes([
      ...torchMembers(value, { 0: numbers }),
      { name: 'archive/code/__torch__/m.py', content: Buffer.from('def') },
    ]);

  it('gives the tensors of its modules under their paths, and nothing else of it', async () => {
    const inner = module(pickle.dict({ weight: plain, training: pickle.false }));
    await using source = await open(archive(module(pickle.dict({ fc: inner, training: pickle.true }))));
    expect(source.names()).toEqual(['fc.weight']);
    expect(source.otherKeys).toEqual([]);
  });

  it('with modules under two long names each is refused: every level doubles the paths', async () => {
    const names = ['a', 'b'].map((letter) => letter.repeat(500));
    let root = Buffer.concat([module(pickle.dict({ weight: plain })), pickle.code(0x71, 0)]);
    for (let level = 1; level <= 17; level++) {
      const again = pickle.code(0x68, level - 1);
      const both = pickle.dict({ [names[0] as string]: root, [names[1] as string]: again });
      root = Buffer.concat([module(both), pickle.code(0x71, level)]);
    }
    const error = await errorOf(() => open(archive(root)));
    expect([error.code, error.message]).toEqual(['PICKLE_TOO_LARGE', expect.stringMatching(/names of its tensors/)]);
  });

  it('with a module that is its own part ends in a code', async () => {
    // PUT 0 the module, then set its state to {'a': module 0}.
    const self = Buffer.concat([
      pickle.create(pickle.global('__torch__.m', 'Net')),
      pickle.code(0x71, 0),
      pickle.code(0x7d, 0x28),
      pickle.text('a'),
      pickle.code(0x68, 0, 0x75, 0x62),
    ]);
    expect((await errorOf(() => open(archive(self)))).code).toBe('PICKLE_TOO_LARGE');
  });
});
