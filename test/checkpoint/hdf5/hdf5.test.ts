import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKPOINT_FAULTS } from '../../../lib/checkpoint/fault';
import type { Dataset } from '../../../lib/checkpoint/hdf5/dataset';
import { openHdf5 } from '../../../lib/checkpoint/hdf5/hdf5';
import type { Hdf5Tree } from '../../../lib/checkpoint/hdf5/hdf5-tree';
import { namedByKeras } from '../../../lib/checkpoint/hdf5/keras-names';
import { lookup3 } from '../../../lib/checkpoint/hdf5/lookup3';
import { PinnedFile } from '../../../lib/checkpoint/pinned-file';
import { CheckpointError } from '../../../lib/errors';
import { atOnce } from '../../../lib/turns';
import { expectTensors, type PackedTensor, readPacked, unpacked } from '../packed';
import { errorOf, scratchFolder } from '../scratch';

const files = readPacked<{ file: string; tensors: Record<string, PackedTensor> }>(join(__dirname, 'h5py.json'));
const scratch = scratchFolder();
let written = 0;

function fileOf(bytes: Buffer): string {
  const path = join(scratch, `${written++}.h5`);
  writeFileSync(path, bytes);
  return path;
}

const packed = (name: string) => unpacked((files[name] as { file: string }).file);
const refusals = ['external_link', 'external_storage', 'virtual', 'dangling', 'lzf', 'bomb'];
const readable = Object.keys(files).filter((name) => !refusals.includes(name) && !name.startsWith('keras'));

describe('HDF5 files of h5py', () => {
  it.each(readable)('%s: every tensor, bit for bit', async (name) => {
    await using source = await openHdf5(fileOf(packed(name)));
    const tensors = files[name]?.tensors ?? {};
    expect(Object.keys(tensors).length).toBeGreaterThan(0);
    await expectTensors(source, tensors);
  });

  it.each([...readable, 'keras earliest', 'keras latest'])(
    '%s: the same where every byte is waited for',
    async (name) => {
      const path = fileOf(packed(name));
      await using source = await openHdf5(path);
      const readNow = jest.spyOn(PinnedFile.prototype, 'readNow').mockReturnValue(false);
      try {
        await using late = await openHdf5(path);
        expect(late.names()).toEqual(source.names());
        for (const tensor of source.names()) {
          expect(late.info(tensor)).toEqual(source.info(tensor));
          expect(await late.read(tensor)).toEqual(await source.read(tensor));
        }
        expect(late.attributes).toEqual(source.attributes);
        expect(readNow).toHaveBeenCalled();
      } finally {
        readNow.mockRestore();
      }
    },
  );

  it('reads attributes of every kind', async () => {
    for (const name of ['dtypes earliest', 'dtypes latest', 'dtypes user block']) {
      await using source = await openHdf5(fileOf(packed(name)));
      const root = source.attributes.get('');
      expect(root?.get('short')).toBe('one');
      expect(root?.get('list')).toEqual(['first', 'é']);
      expect(root?.get('fixed')).toEqual(['ab', 'c']);
      expect(root?.get('number')).toBe(7n);
      expect(source.otherKeys).toEqual(['text']);
      expect(source.info('soft')).toEqual(source.info('hard'));
    }
  });

  it('reads attributes that are too many or too long for a header', async () => {
    await using source = await openHdf5(fileOf(packed('large_group latest')));
    const attributes = source.attributes.get('group');
    expect(attributes?.size).toBe(40);
    expect(attributes?.get('attribute_0')).toBe('x'.repeat(9000));
  });

  it('names tensors as Keras lists them, one that two layers share once', async () => {
    for (const name of ['keras earliest', 'keras latest']) {
      await using source = await openHdf5(fileOf(packed(name)));
      expect(source.names()).toEqual(['m/a/kernel:0', 'm/shared:0']);
      expect(source.layers).toEqual([
        { name: 'one', weights: ['m/a/kernel:0', 'm/shared:0'] },
        { name: 'two', weights: ['m/shared:0'] },
        { name: 'none', weights: [] },
      ]);
      expect(source.otherKeys).toEqual(['loose']);
      expect(source.metadata.get('backend')).toBe('tensorflow');
      expect(source.info('m/shared:0')).toMatchObject({ dtype: 'float32', shape: [2, 2], byteLength: 16 });
    }
  });

  it('finds the weights of a whole model that Keras saved in one file, and passes over its optimizer', () => {
    const dataset = (shape: number[]) => ({ dtype: 'float32', shape }) as unknown as Dataset;
    const [kernel, slot] = [dataset([2]), dataset([3])];
    const tree: Hdf5Tree = {
      datasets: new Map([
        ['model_weights/dense/m/kernel:0', kernel],
        ['optimizer_weights/Adam/m/kernel:0', slot],
      ]),
      groups: new Map([
        ['', new Map()],
        ['model_weights', new Map([['layer_names', ['dense']]])],
        ['model_weights/dense', new Map([['weight_names', ['m/kernel:0']]])],
        ['optimizer_weights', new Map([['weight_names', ['Adam/m/kernel:0']]])],
      ]),
      others: new Set(),
    };
    const fail = () => {
      throw new Error('nothing is wrong with it');
    };
    expect(atOnce(namedByKeras(tree, fail))).toEqual({
      datasets: new Map([['m/kernel:0', kernel]]),
      layers: [{ name: 'dense', weights: ['m/kernel:0'] }],
      unlisted: [],
    });
  });

  it('gives contiguous data as ranges of the file', async () => {
    const path = fileOf(packed('dtypes latest'));
    await using source = await openHdf5(path);
    const { byteOffset, byteLength, compressed } = source.info('types/f4');
    expect(compressed).toBeUndefined();
    const bytes = readFileSync(path).subarray(byteOffset, byteOffset + byteLength);
    expect(Buffer.from(await source.read('types/f4'))).toEqual(bytes);
  });
});

describe('what HDF5 files must not do', () => {
  it.each([
    ['external_link', 'H5_EXTERNAL_REFUSED', /'secret' leads into another file, 'secret\.h5'/],
    ['external_storage', 'H5_EXTERNAL_REFUSED', /'secret' keeps its elements in other files/],
    ['virtual', 'H5_EXTERNAL_REFUSED', /'secret' is put together from other datasets/],
    ['dangling', 'H5_EXTERNAL_REFUSED', /'secret' leads to 'elsewhere\/data', which the file does not hold/],
    ['lzf', 'H5_UNSUPPORTED', /'data' is written through filter 32000 \(lzf\)/],
    ['bomb', 'BUDGET_EXCEEDED', /claims 10000000000000000 bytes in a file of/],
  ])('%s is %s', async (name, code, message) => {
    const path = fileOf(packed(name));
    const error = await errorOf(() => openHdf5(path));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    if (name === 'bomb') return;
    await using source = await openHdf5(path, { lookOnly: true });
    expect(source.forbidden).toEqual([expect.stringMatching(message)]);
  });

  /** A file of old structures, which have no checksums, with `value` at `by` bytes behind the first `signature`. */
  function changed(name: string, signature: string, by: number, value: readonly number[]): string {
    const bytes = packed(name);
    const at = bytes.indexOf(signature, 0, 'latin1');
    expect(at).toBeGreaterThanOrEqual(0);
    Buffer.from(value).copy(bytes, at + by);
    return fileOf(bytes);
  }

  it.each([
    ['a node that states more entries than there are', 'SNOD', 6, [255, 255], 'H5_INVALID'],
    ['a tree that states more children than there are', 'TREE', 6, [255, 255], 'H5_INVALID'],
    ['a tree that is one level higher than it is', 'TREE', 5, [1], 'H5_INVALID'],
    ['a tree of another type', 'TREE', 4, [1], 'H5_INVALID'],
    ['a name outside of the heap', 'SNOD', 8, [255, 255, 255], 'H5_INVALID'],
    ['an object outside of the file', 'SNOD', 16, [255, 255, 255, 255], 'H5_INVALID'],
    ['an object that is inside another', 'SNOD', 16, [3, 0, 0, 0], 'H5_INVALID'],
    ['a heap outside of the file', 'HEAP', 24, [255, 255, 255, 255], 'H5_INVALID'],
    ['a heap of more bytes than the file', 'HEAP', 8, [255, 255, 255, 255, 255], 'H5_INVALID'],
    ['a file that ends early', '\x89HDF', 40, [255, 255, 255], 'H5_INVALID'],
    ['numbers of three bytes', '\x89HDF', 13, [3], 'H5_UNSUPPORTED'],
    ['a superblock of the future', '\x89HDF', 8, [9], 'H5_UNSUPPORTED'],
    ['a root outside of the file', '\x89HDF', 64, [255, 255, 255, 255, 255], 'H5_INVALID'],
  ])('%s', async (_, signature, by, value, code) => {
    const path = changed('keras earliest', signature, by, value);
    expect(await errorOf(() => openHdf5(path))).toMatchObject({ code });
  });

  it('refuses a header that goes on in itself for ever', async () => {
    const bytes = packed('keras earliest');
    const root = Number(bytes.readBigUInt64LE(64));
    // Its first message becomes: it goes on at its own first message.
    bytes.writeUInt16LE(0x10, root + 16);
    bytes.writeBigUInt64LE(BigInt(root + 16), root + 24);
    bytes.writeBigUInt64LE(BigInt(bytes.readUInt32LE(root + 8)), root + 32);
    expect(await errorOf(() => openHdf5(fileOf(bytes)))).toMatchObject({ code: 'H5_INVALID' });
  });

  it('refuses a shape of 255 dimensions, and one beyond the file', async () => {
    const bytes = packed('keras earliest');
    const first = bytes.indexOf(Buffer.from([1, 2, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0]));
    expect(first).toBeGreaterThan(0);
    const many = Buffer.from(bytes);
    many[first + 1] = 255;
    expect(await errorOf(() => openHdf5(fileOf(many)))).toMatchObject({ code: 'TOO_MANY_DIMENSIONS' });
    const large = Buffer.from(bytes);
    large.writeUInt32LE(5000, first + 8);
    expect(await errorOf(() => openHdf5(fileOf(large)))).toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it('compares new structures with their checksums, and chunks with theirs', async () => {
    const bytes = packed('keras latest');
    const at = bytes.indexOf('OHDR', 100, 'latin1');
    bytes[at + 9] = (bytes[at + 9] as number) ^ 1;
    expect(await errorOf(() => openHdf5(fileOf(bytes)))).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    const chunked = packed('chunks earliest');
    const part = Buffer.from(Float32Array.from([0, 1, 2, 11, 12, 13]).buffer);
    for (let from = chunked.indexOf(part); from >= 0; from = chunked.indexOf(part, from + 1)) {
      chunked[from + 4] = (chunked[from + 4] as number) ^ 1;
    }
    await using source = await openHdf5(fileOf(chunked));
    expect(await errorOf(() => source.read('sum/fixed'))).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
  });

  it.each([
    ['a web page', '<!DOCTYPE html><html></html>', /is a web page: the download failed, fetch it again/],
    ['a zip archive', 'PK\u0003\u0004 and more', /is a zip archive, as PyTorch writes/],
    ['anything else', 'abcdefghijkl', /does not begin with that signature; fetch or save it again/],
  ])('says what to do with %s', async (_, text, what) => {
    const error = await errorOf(() => openHdf5(fileOf(Buffer.from(text, 'latin1'))));
    expect(error).toMatchObject({ code: 'UNKNOWN_FORMAT' });
    expect(error.message).toMatch(what);
  });

  it('lists a group that contains itself once', async () => {
    await using source = await openHdf5(fileOf(packed('cycle latest')));
    expect([...source.names()].sort()).toEqual(['group/data']);
    expect([...source.otherKeys].sort()).toEqual(['group/again', 'group/root']);
  });

  it('ends in an error of its own for whatever bytes are changed', async () => {
    const codes = new Set<string>();
    let seed = 7;
    const random = (most: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * most);
    };
    for (const name of ['keras earliest', 'keras latest', 'cycle earliest', 'dtypes earliest', 'chunks v110']) {
      const whole = packed(name);
      for (let i = 0; i < 60; i++) {
        const bytes = Buffer.from(i % 10 === 9 ? whole.subarray(0, random(whole.byteLength)) : whole);
        for (let n = random(4); n >= 0 && bytes.byteLength > 0; n--) bytes[random(bytes.byteLength)] = random(256);
        try {
          await using source = await openHdf5(fileOf(bytes));
          for (const tensor of source.names().slice(0, 20)) await source.read(tensor);
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
          codes.add(error.code);
        }
      }
    }
    for (const code of codes) expect(Object.keys(CHECKPOINT_FAULTS)).toContain(code);
    expect(codes.size).toBeGreaterThan(2);
  });
});

it('sums as lookup3 does', () => {
  expect(lookup3(Buffer.from(''))).toBe(0xdeadbeef);
  expect(lookup3(Buffer.from('Four score and seven years ago'))).toBe(0x17770551);
});
