import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBundle } from '../../../lib/checkpoint/tf-bundle/bundle';
import type { Fail } from '../../../lib/checkpoint/tf-bundle/bundle-fault';
import { crc32c, masked } from '../../../lib/checkpoint/tf-bundle/crc32c';
import { partsOf, sliceKey } from '../../../lib/checkpoint/tf-bundle/slices';
import { unsnapped } from '../../../lib/checkpoint/tf-bundle/snappy';
import { CheckpointError } from '../../../lib/errors';
import { expectTensors, type PackedTensor, readPacked, unpacked } from '../packed';
import { errorOf, scratchFolder } from '../scratch';

type Packed = { files: Record<string, string>; tensors: Record<string, PackedTensor> };
const bundles = readPacked<Packed>(join(__dirname, 'tensorflow.json'));
const scratch = scratchFolder();
let written = 0;

/** Writes the files of a checkpoint, with the index as `change` leaves it, and gives the path of the index. */
function indexOf(name: string, change: (index: Buffer) => Buffer = (index) => index): string {
  const folder = join(scratch, String(written++));
  mkdirSync(folder);
  for (const [file, content] of Object.entries((bundles[name] as Packed).files)) {
    const bytes = unpacked(content);
    writeFileSync(join(folder, file), file.endsWith('.index') ? change(bytes) : bytes);
  }
  return join(folder, 'model.ckpt.index');
}

function changed(change: (index: Buffer) => unknown): (index: Buffer) => Buffer {
  return (index) => {
    change(index);
    return index;
  };
}

/** Changes the first block, and makes its checksum right again. */
function withBlock(change: (content: Buffer) => unknown): (index: Buffer) => Buffer {
  return (index) => {
    // The first block ends where the next begins, whose place the index's own block tells: entries come before it.
    const size = firstBlock(index);
    change(index.subarray(0, size));
    index.writeUInt32LE(masked(crc32c(index.subarray(0, size + 1))), size + 1);
    return index;
  };
}

function firstBlock(index: Buffer): number {
  for (let size = 8; size + 5 < index.byteLength; size++) {
    if (masked(crc32c(index.subarray(0, size + 1))) === index.readUInt32LE(size + 1)) return size;
  }
  throw new Error('the index has no block');
}

describe('checkpoints of TensorFlow', () => {
  it.each(['plain', 'parts', 'shards'])('%s: every variable, bit for bit', async (name) => {
    await using source = await openBundle(indexOf(name));
    const { tensors } = bundles[name] as Packed;
    expect([...source.names()].sort()).toEqual(Object.keys(tensors).sort());
    await expectTensors(source, tensors);
  });

  it('looks at checkpoints of objects and does not load them', async () => {
    const path = indexOf('objects');
    expect(await errorOf(() => openBundle(path))).toMatchObject({ code: 'UNSUPPORTED_LAYOUT' });
    await using source = await openBundle(path, { lookOnly: true });
    expect(source.forbidden).toEqual([expect.stringMatching(/a checkpoint of objects/)]);
    expect(source.otherKeys).toEqual(['_CHECKPOINTABLE_OBJECT_GRAPH']);
    await expectTensors(source, (bundles['objects'] as Packed).tensors);
  });

  it('finds a flipped bit of a tensor, also when only a range is read', async () => {
    const path = indexOf('plain');
    const data = path.replace('.index', '.data-00000-of-00001');
    await using before = await openBundle(path);
    const { byteOffset, byteLength } = before.info('parts/1');
    const bytes = readFileSync(data);
    bytes[byteOffset + byteLength - 1] = (bytes[byteOffset + byteLength - 1] as number) ^ 1;
    writeFileSync(data, bytes);
    await using source = await openBundle(path);
    expect(await errorOf(() => source.read('parts/1'))).toMatchObject({ code: 'CHECKSUM_MISMATCH', tensor: 'parts/1' });
    expect(await errorOf(() => source.read('parts/1', { start: 0, end: 4 }))).toMatchObject({
      code: 'CHECKSUM_MISMATCH',
    });
    await source.read('parts/0');
  });

  it('says which file of data is missing, or too short', async () => {
    const path = indexOf('shards');
    const data = path.replace('.index', '.data-00000-of-00001');
    truncateSync(data, 10);
    expect(await errorOf(() => openBundle(path))).toMatchObject({ code: 'TENSOR_OUT_OF_RANGE', file: data });
    const lost = indexOf('plain').replace('model.ckpt.index', 'other.index');
    writeFileSync(lost, unpacked((bundles['plain'] as Packed).files['model.ckpt.index'] as string));
    expect(await errorOf(() => openBundle(lost))).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it.each<[string, (index: Buffer) => Buffer, string]>([
    ['no bytes', () => Buffer.alloc(0), 'EMPTY_FILE'],
    ['another format', () => Buffer.alloc(100, 1), 'UNKNOWN_FORMAT'],
    ['a bit that flipped', changed((index) => index.writeUInt8((index[9] as number) ^ 1, 9)), 'CHECKSUM_MISMATCH'],
    [
      'a block behind the end',
      changed((index) => index.set([0, 0, 0xff, 0xff, 0xff, 0x7f, 0x10], index.length - 48)),
      'TF_INVALID',
    ],
    ['restarts without end', withBlock((block) => block.writeUInt32LE(0xffffffff, block.length - 4)), 'TF_INVALID'],
    ['a key that shares more than there was', withBlock((block) => block.writeUInt8(99, 0)), 'TF_INVALID'],
    ['big-endian numbers', withBlock((block) => block.set([0x10, 1], 5)), 'BIG_ENDIAN'],
  ])('%s: %s', async (_, change, code) => {
    expect(await errorOf(() => openBundle(indexOf('plain', change)))).toMatchObject({ code });
  });

  it('ends in an error of its own for whatever bytes of a block are changed', async () => {
    const codes = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const path = indexOf(
        'parts',
        withBlock((block) => block.writeUInt8((i * 89) % 256, (i * 131) % block.length)),
      );
      try {
        await using source = await openBundle(path);
        for (const name of source.names()) await source.read(name);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        codes.add(error.code);
      }
    }
    expect(codes.size).toBeGreaterThan(3);
    expect([...codes]).toContain('TF_SLICES');
  });
});

describe('the parts of a variable', () => {
  const wrong: Fail = (code, message) => new CheckpointError(code, message);
  /** The parts of a variable of shape `dims` that lie at `boxes`: start and length along each dimension. */
  const cut = (dims: number[], boxes: [start: number, length: number][][]) => {
    const keyed = (extents: [number, number][]) => sliceKey('v', extentsOf(extents)).toString('latin1');
    const extentsOf = (extents: [number, number][]) => extents.map(([start, length]) => ({ start, length }));
    const entry = (shape: number[]) => ({
      dtype: 'float32' as const,
      dims: shape,
      shard: 0,
      offset: 0,
      size: 0,
      crc: 0,
    });
    const parts = new Map(boxes.map((box) => [keyed(box), { ...entry(box.map(([, length]) => length)), slices: [] }]));
    const whole = { ...entry(dims), slices: boxes.map(extentsOf) };
    return partsOf('v', whole, (key) => parts.get(key.toString('latin1')), wrong);
  };

  it.each([0, 1])('are compared with their neighbours alone when cut along dimension %d', (axis) => {
    // Each with each would be fifty times as many comparisons as are made before the variable is refused.
    const count = 10_000;
    const dims = axis === 0 ? [count, 2] : [2, count];
    const boxes = Array.from({ length: count }, (_, i): [number, number][] =>
      axis === 0
        ? [
            [i, 1],
            [0, 2],
          ]
        : [
            [0, 2],
            [i, 1],
          ],
    );
    expect(cut(dims, boxes)).toHaveLength(count);
  });

  it('may be cut along two dimensions, and then be so many', () => {
    const grid = (n: number) =>
      Array.from({ length: n * n }, (_, i): [number, number][] => [
        [Math.floor(i / n), 1],
        [i % n, 1],
      ]);
    expect(cut([20, 20], grid(20))).toHaveLength(400);
    expect(() =>
      cut(
        [20, 20],
        [
          ...grid(20).slice(1),
          [
            [3, 1],
            [3, 1],
          ],
        ],
      ),
    ).toThrow(/overlap/);
    expect(() => cut([140, 140], grid(140))).toThrow(/are too many, cut along several dimensions/);
  });
});

it('sums as CRC-32C does', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.from('56789'), crc32c(Buffer.from('1234')))).toBe(0xe3069283);
});

describe('snappy', () => {
  const invalid = (what: string) => new CheckpointError('TF_INVALID', what);

  it('copies pieces, and what came before', () => {
    // 'abcd', then eight bytes from four back, by either kind of copy.
    expect(unsnapped(Buffer.from([12, 12, 97, 98, 99, 100, 0x11, 4]), 100, invalid).toString()).toBe('abcdabcdabcd');
    expect(unsnapped(Buffer.from([12, 12, 97, 98, 99, 100, 0x1e, 4, 0]), 100, invalid).toString()).toBe('abcdabcdabcd');
  });

  it.each([
    ['claims too much', [255, 255, 255, 255, 15, 0]],
    ['copies from before the start', [12, 12, 97, 98, 99, 100, 0x11, 5]],
    ['ends early', [12, 12, 97]],
    ['holds less than it claims', [13, 12, 97, 98, 99, 100, 0x11, 4]],
  ])('refuses what %s', (_, bytes) => {
    expect(() => unsnapped(Buffer.from(bytes), 1000, invalid)).toThrow(CheckpointError);
  });
});
