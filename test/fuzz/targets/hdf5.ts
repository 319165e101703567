import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError } from '../../../lib';
import { Fields } from '../../../lib/checkpoint/hdf5/fields';
import { openHdf5 } from '../../../lib/checkpoint/hdf5/hdf5';
import { writeHdf5 } from '../../../lib/checkpoint/hdf5/hdf5-writer';
import { lookup3 } from '../../../lib/checkpoint/hdf5/lookup3';
import { MetadataReader } from '../../../lib/checkpoint/hdf5/metadata-reader';
import { readPacked, unpacked } from '../../checkpoint/packed';
import { Dice } from '../dice';
import { type Field, type MappedFile, mutateMapped, type Sum } from '../mapped-file';
import type { Target } from '../target';
import { inspect, openAndReadOne } from './weights-file';

const kName = 'tf_model.h5';
const kPacked = join(__dirname, '../../checkpoint/hdf5/h5py.json');
const kTiny = join(__dirname, '../corpus/hdf5.json');
/** Files with links that are followed, refused, or lead back; and with elements that are refused. */
const kFiles = [
  'keras latest',
  'keras earliest',
  'cycle earliest',
  'cycle latest',
  'external_link',
  'external_storage',
];
const kMoreFiles = ['virtual', 'dangling', 'lzf', 'bomb', 'dtypes user block', 'dtypes track order'];

/** Finds the numbers and sums of a file by watching the reader read all of it. */
export async function mapHdf5(bytes: Buffer, folder: string): Promise<MappedFile> {
  const fields = new Map<string, Field>();
  const sums = new Map<number, Sum>();
  const path = join(folder, kName);
  writeFileSync(path, bytes);
  // Whatever is taken of a structure is passed over.
  const passing = Fields.prototype as unknown as { pass(this: Fields, length: number): number };
  const { pass } = passing;
  const { checkSum } = MetadataReader.prototype;
  passing.pass = function passed(length) {
    const at = this.place + this.at;
    if (length > 0 && length <= 8) fields.set(`${at} ${length}`, { at, width: length });
    return pass.call(this, length);
  };
  MetadataReader.prototype.checkSum = function summed(content, what, address) {
    const at = address + content.byteLength - 4;
    sums.set(at, { from: address, at });
    return checkSum.call(this, content, what, address);
  };
  try {
    await using source = await openHdf5(path, { lookOnly: true });
    for (const name of source.names()) await source.read(name);
  } catch (error) {
    // Some files are refused however they are opened; what was read up to there is known.
    if (!(error instanceof CheckpointError)) throw error;
  } finally {
    passing.pass = pass;
    Object.assign(MetadataReader.prototype, { checkSum });
  }
  // In the order of the file: in which order the reader comes by is a matter of time.
  return {
    bytes,
    fields: [...fields.values()].sort((a, b) => a.at - b.at || a.width - b.width),
    nodes: [],
    sums: [...sums.values()].sort((a, b) => a.at - b.at),
  };
}

let corpus: readonly MappedFile[];
let rare: readonly MappedFile[];

export const hdf5: Target = {
  name: 'hdf5',
  about: "every number that is read of HDF5 files, old and new structures, their sums made right; Keras' names",

  async prepare(folder) {
    const files = readPacked<{ file: string }>(kPacked);
    const packed = (name: string) => unpacked((files[name] as { file: string }).file);
    const bias = { name: 'm/a/bias:0', dtype: 'float32' as const, shape: [2], bytes: new Float32Array([1, 2]) };
    const kernel = { name: 'm/a/kernel:0', dtype: 'float16' as const, shape: [2, 2], bytes: new Uint16Array(4) };
    const layers = [
      { name: 'a', weights: [kernel.name, bias.name] },
      { name: 'b', weights: [] },
    ];
    const written: Buffer[] = [];
    for (const option of [{ layers }, {}]) {
      await writeHdf5(join(folder, 'own.h5'), [kernel, bias], option);
      written.push(readFileSync(join(folder, 'own.h5')));
    }
    const made: MappedFile[] = [];
    const tiny = Object.values(JSON.parse(readFileSync(kTiny, 'utf8')) as Record<string, string>).map(unpacked);
    for (const bytes of [...written, ...tiny, ...[...kFiles, ...kMoreFiles].map(packed)])
      made.push(await mapHdf5(bytes, folder));
    corpus = made;
    // Arrays of thousands of chunks and groups of hundreds take a hundred kilobytes.
    rare = [await mapHdf5(packed('chunks v110'), folder), await mapHdf5(packed('large_group latest'), folder)];
  },

  make(seed) {
    const dice = new Dice(seed);
    const file = dice.once(300) ? dice.pick(rare) : dice.pick(corpus);
    return new Map([[kName, mutateMapped(dice, file, corpus, { sum: lookup3 })]]);
  },

  open: (folder, _, files) => inspect(join(folder, kName), files),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};
