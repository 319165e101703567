import { join } from 'node:path';
import { entry, ggufBytes, list, number, tensor, text, type, u32 } from '../../checkpoint/gguf/gguf-bytes';
import { Dice } from '../dice';
import { type Field, type MappedFile, mutateMapped, type Node } from '../mapped-file';
import type { Target } from '../target';
import { inspect, openAndReadOne } from './weights-file';

const kName = 'model.gguf';
const kParts = ['model-00001-of-00002.gguf', 'model-00002-of-00002.gguf'];
/** Bytes of the types numbered 0 to 12; null for text and arrays. */
const kWidths = [1, 1, 2, 2, 4, 4, 4, 1, null, null, 8, 8, 8] as const;
const kText = 8;
const kArray = 9;
/** Numbers of an array that are changed. */
const kMostMapped = 6;

/** Where the numbers, entries, values and tensors of a valid file lie. */
export function mapGguf(bytes: Buffer): MappedFile {
  const fields: Field[] = [];
  const nodes: Node[] = [];
  let at = 4;
  const next = (width: number) => {
    fields.push({ at, width });
    at += width;
    return width === 8 ? Number(bytes.readBigUInt64LE(at - 8)) : bytes.readUIntLE(at - width, width);
  };
  const skipText = () => {
    const length = next(8);
    at += length;
  };
  const value = (kind: number) => {
    if (kind === kText) skipText();
    else if (kind === kArray) {
      const inner = next(4);
      // Of a vocabulary a few words are enough, or most changes would be to their lengths.
      const mapped = fields.length + 1 + kMostMapped;
      for (let count = next(8); count > 0; count--) {
        value(inner);
        if (fields.length > mapped) fields.length = mapped;
      }
    } else next(kWidths[kind] as number);
  };
  next(4);
  const [tensors, entries] = [next(8), next(8)];
  for (let i = 0; i < entries; i++) {
    const from = at;
    skipText();
    const valueFrom = at;
    value(next(4));
    nodes.push({ kind: 'value', from: valueFrom, to: at }, { kind: 'entry', from, to: at, countAt: 16 });
  }
  for (let i = 0; i < tensors; i++) {
    const from = at;
    skipText();
    for (let rank = next(4); rank > 0; rank--) next(8);
    next(4);
    next(8);
    nodes.push({ kind: 'tensor', from, to: at, countAt: 8 });
  }
  return { bytes, fields, nodes, sums: [] };
}

/** A value, its type in front, as the only element of arrays of arrays. */
export function nestGguf(kind: string, bytes: Buffer, depth: number): Buffer | undefined {
  if (kind !== 'value') return undefined;
  const head = Buffer.concat([u32(kArray), number('uint64', 1)]);
  return Buffer.concat([
    u32(kArray),
    ...new Array<Buffer>(depth - 1).fill(head),
    bytes.subarray(0, 4),
    head.subarray(4),
    bytes.subarray(4),
  ]);
}

const tensors = [
  tensor('token_embd.weight', [4, 3], 'float32', 0),
  tensor('a', [32, 2], 'Q8_0', 64),
  tensor('b', [256], 'Q4_K', 160),
  tensor('c', [], 'float16', 320),
  tensor('d', [0, 5], 'int8', 352),
];
const entries = [
  entry('general.architecture', type('string'), text('gpt2')),
  entry('general.alignment', type('uint32'), u32(32)),
  entry('x.bool', type('bool'), number('bool', true)),
  entry('x.f', type('float32'), number('float32', 1.5)),
  entry('x.i', type('int64'), number('int64', -3)),
  entry('tokenizer.ggml.tokens', list('string', 3, text('a'), text('bé'), text(''))),
  entry('x.nested', list('array', 1, list('uint8', 2, Buffer.of(1, 2)).subarray(4))),
];
const split = (no: number, all: number, of: Buffer[]) => [
  entry('split.no', type('uint16'), number('uint16', no)),
  entry('split.count', type('uint16'), number('uint16', 2)),
  entry('split.tensors.count', type('int32'), number('int32', all)),
  ...of,
];

const corpus: readonly MappedFile[] = [
  ggufBytes({ entries, tensors, data: 384 }),
  ggufBytes({ version: 2, entries: entries.slice(0, 3), tensors: tensors.slice(0, 2), data: 160 }),
  ggufBytes({ entries: [], tensors: [tensor('t', [3], 'bfloat16', 0), tensor('u', [2, 2, 2], 'int32', 32)], data: 64 }),
].map(mapGguf);
const parts: readonly MappedFile[] = [
  ggufBytes({ entries: split(0, 3, entries.slice(0, 2)), tensors: tensors.slice(0, 2), data: 160 }),
  ggufBytes({ entries: split(1, 3, []), tensors: [tensor('e', [2, 2], 'float64', 0)], data: 32 }),
].map(mapGguf);
const all = [...corpus, ...parts];

export const gguf: Target = {
  name: 'gguf',
  about: 'counts, types, metadata, tensors and offsets of GGUF files, versions 2 and 3, whole and split',

  make(seed) {
    const dice = new Dice(seed);
    if (!dice.once(5)) return new Map([[kName, mutateMapped(dice, dice.pick(corpus), all, { nest: nestGguf })]]);
    const files = new Map(kParts.map((name, i) => [name, (parts[i] as MappedFile).bytes]));
    const changed = dice.below(2);
    files.set(kParts[changed] as string, mutateMapped(dice, parts[changed] as MappedFile, all, { nest: nestGguf }));
    if (dice.once(12)) files.delete(dice.pick(kParts));
    return files;
  },

  open: (folder, _, files) => inspect(join(folder, firstOf(files)), files),
  quick: (folder, seed, files) => openAndReadOne(join(folder, firstOf(files)), files, seed),
};

function firstOf(files: ReadonlyMap<string, Uint8Array>): string {
  return files.keys().next().value as string;
}
