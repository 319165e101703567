import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFlax } from '../../../lib/checkpoint/flax/flax-writer';
import type { TensorToWrite } from '../../../lib/checkpoint/safetensors-writer';
import { Dice } from '../dice';
import { type Field, type MappedFile, mutateMapped, type Node } from '../mapped-file';
import { mutateJson } from '../mutate-json';
import type { Target } from '../target';
import { inspect, openAndReadOne } from './weights-file';

const kName = 'flax_model.msgpack';
const kIndex = 'flax_model.msgpack.index.json';
const kShards = ['flax_model-00001-of-00002.msgpack', 'flax_model-00002-of-00002.msgpack'];
/** Bytes of the number behind each first byte from 0xc4 on that has one. */
const kCounts: Readonly<Record<number, number>> = {
  196: 1,
  197: 2,
  198: 4,
  199: 1,
  200: 2,
  201: 4,
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
  217: 1,
  218: 2,
  219: 4,
  220: 2,
  221: 4,
  222: 2,
  223: 4,
};

/** Where the heads, pairs and values of a valid file lie. */
export function mapMsgpack(bytes: Buffer): MappedFile {
  const fields: Field[] = [];
  const nodes: Node[] = [];
  let at = 0;
  const next = (width: number) => {
    fields.push({ at, width });
    at += width;
    return width === 8 ? 0 : bytes.readUIntBE(at - width, width);
  };
  const pairs = (count: number, countAt: number) => {
    for (let i = 0; i < count; i++) {
      const from = at;
      key();
      value();
      nodes.push({ kind: 'pair', from, to: at, countAt });
    }
  };
  // A key is a short text, or else the file is refused at once: its head stays.
  const key = () => {
    at += 1 + ((bytes[at] as number) & 31);
  };
  const extension = (length: number) => {
    const end = at + 1 + length;
    // Arrays and scalars hold a list of shape, type and bytes.
    if (next(1) !== 2) value();
    at = end;
  };
  const value = () => {
    const from = at;
    const head = next(1);
    if (head >= 0x80 && head < 0x90) pairs(head & 15, from);
    else if (head >= 0x90 && head < 0xa0) for (let i = head & 15; i > 0; i--) value();
    else if (head >= 0xa0 && head < 0xc0) at += head & 31;
    else if (head >= 0xd4 && head <= 0xd8) extension(2 ** (head - 0xd4));
    else if (head >= 0xc4 && head < 0xe0) {
      const count = next(kCounts[head] as number);
      if (head <= 0xc6 || (head >= 0xd9 && head <= 0xdb)) at += count;
      else if (head <= 0xc9) extension(count);
      else if (head >= 0xdc && head <= 0xdd) for (let i = count; i > 0; i--) value();
      else if (head >= 0xde) pairs(count, at - 1);
    }
    nodes.push({ kind: 'value', from, to: at });
  };
  value();
  return { bytes, fields, nodes, sums: [] };
}

/** A value as the only one of maps of maps, or of lists of lists. */
function nest(kind: string, bytes: Buffer, depth: number): Buffer | undefined {
  if (kind !== 'value') return undefined;
  const head = depth % 2 === 0 ? [0x91] : [0x81, 0xa1, 0x61];
  return Buffer.concat([...new Array<Buffer>(depth).fill(Buffer.from(head)), bytes]);
}

const weights: TensorToWrite[] = [
  { name: 'params/a', dtype: 'float32', shape: [3], bytes: new Float32Array([1, 2, 3]) },
  { name: 'params/b/c', dtype: 'int8', shape: [2], bytes: new Int8Array([-1, 1]) },
  { name: 'params/b/kernel', dtype: 'bfloat16', shape: [2, 3], bytes: new Uint16Array(6) },
  { name: 'd', dtype: 'bool', shape: [], bytes: new Uint8Array(1) },
  { name: 'e', dtype: 'float64', shape: [0, 4], bytes: new Uint8Array(0) },
];
/** What Flax writes beside arrays: nothing, numbers, texts, bytes, complex numbers, scalars, lists, numbers of every width. */
const kOthers =
  '8a a161c0 a162cb3ff0000000000000 a163a178 a164c40100 a165d80200000000000000000000000000000000 ' +
  'a166 c71403 9390 a7 666c6f61743332 c404 0000803f 000000 a167 93 01 cd0100 ce00010000 a168 cf0000000100000000 ' +
  'a169 d9 03 616263 a16a c2';

let single: readonly MappedFile[];
let shards: readonly MappedFile[];
let all: readonly MappedFile[];
const index = {
  metadata: { total_size: 30 },
  weight_map: { 'params/a': kShards[0], 'params/b/c': kShards[0], 'params/b/kernel': kShards[1], d: kShards[1] },
};

export const flax: Target = {
  name: 'flax',
  about: 'heads, lengths, trees, extensions, chunks and shards of Flax files',

  async prepare(folder) {
    const written = async (tensors: TensorToWrite[], maxChunkBytes?: number) => {
      const path = join(folder, kName);
      await writeFlax(path, tensors, { maxChunkBytes });
      return mapMsgpack(readFileSync(path));
    };
    const others = mapMsgpack(Buffer.from(kOthers.replaceAll(' ', ''), 'hex'));
    single = [await written(weights), await written(weights, 5), others];
    shards = [await written(weights.slice(0, 2)), await written(weights.slice(2, 4))];
    all = [...single, ...shards];
  },

  make(seed) {
    const dice = new Dice(seed);
    const format = { bigEndian: true, nest };
    if (!dice.once(5)) return new Map([[kName, mutateMapped(dice, dice.pick(single), all, format)]]);
    const files = new Map<string, Buffer>([[kIndex, Buffer.from(JSON.stringify(index))]]);
    for (const [i, name] of kShards.entries()) files.set(name, (shards[i] as MappedFile).bytes);
    const changed = dice.below(2);
    if (dice.once(2)) files.set(kIndex, Buffer.from(mutateJson(dice, index, { strings: kShards, keys: ['d', 'e'] })));
    else files.set(kShards[changed] as string, mutateMapped(dice, shards[changed] as MappedFile, all, format));
    if (dice.once(12)) files.delete(dice.pick(kShards));
    return files;
  },

  open: (folder, _, files) => inspect(join(folder, firstOf(files)), files),
  quick: (folder, seed, files) => openAndReadOne(join(folder, firstOf(files)), files, seed),
};

function firstOf(files: ReadonlyMap<string, Uint8Array>): string {
  return files.keys().next().value as string;
}
