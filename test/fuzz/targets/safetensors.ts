import { join } from 'node:path';
import { mutant } from '../../checkpoint/mutant';
import { Dice } from '../dice';
import { mutateBytes, withNumber } from '../mutate-bytes';
import { mutateJson } from '../mutate-json';
import type { Target } from '../target';
import { openAndReadOne, openWeightsFile } from './weights-file';

const kName = 'model.safetensors';
const kTypes = ['F32', 'F16', 'BF16', 'F64', 'I64', 'U8', 'BOOL', 'F8_E4M3', 'C64', 'F4', 'U16', 'f32'];

/** Valid headers, each with the bytes of its tensors behind it. */
const corpus = [
  [
    ['a', 'F32', [2, 3]],
    ['b', 'BF16', [5]],
    ['c', 'I64', []],
  ],
  [
    ['encoder.layer.0.attention.self.query.weight', 'F16', [4, 4]],
    ['encoder.layer.0.bias', 'F16', [0]],
  ],
  [
    ['x', 'U8', [1, 1, 7]],
    ['y', 'BOOL', [3]],
    ['z', 'F64', [2]],
  ],
].map((rows) => {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const [name, dtype, shape] of rows as [string, string, number[]][]) {
    const begin = end;
    end += shape.reduce((product, dim) => product * dim, sizeOf(dtype));
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  return { header, data: Buffer.alloc(end, 0x3c) };
});

function sizeOf(dtype: string): number {
  return { F32: 4, BF16: 2, F16: 2, I64: 8, F64: 8 }[dtype] ?? 1;
}

function file(json: string, data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
  return Buffer.concat([length, Buffer.from(json), data]);
}

/** A safetensors file that is almost right. */
export function mutantSafetensors(seed: number): Buffer {
  const dice = new Dice(seed);
  if (dice.once(2)) return mutant(seed);
  const { header, data } = dice.pick(corpus);
  if (dice.below(3) > 0) {
    const json = mutateJson(dice, header, {
      strings: kTypes,
      keys: ['dtype', 'shape', 'data_offsets', '__metadata__', 'a'],
    });
    return file(json, dice.once(6) ? data.subarray(0, dice.below(data.length + 1)) : data);
  }
  const valid = file(JSON.stringify(header), data);
  return dice.once(4) ? withNumber(dice, valid, 0, 8) : mutateBytes(dice, valid, mutant(seed));
}

export const safetensors: Target = {
  name: 'safetensors',
  about: 'headers, offsets and lengths of one file, through load_state_dict and inspect',
  make: (seed) => new Map([[kName, mutantSafetensors(seed)]]),
  open: (folder, seed, files) => openWeightsFile(join(folder, kName), files, seed),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};
