import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { bytesOf, pickle as p, torchMembers, zipBytes } from '../../checkpoint/pytorch/archive';
import { mutantArchive } from '../../checkpoint/pytorch/mutant';
import { Dice } from '../dice';
import { mutateBytes, spliced, withNumber } from '../mutate-bytes';
import type { Target } from '../target';
import { openAndReadOne, openWeightsFile } from './weights-file';

const kName = 'pytorch_model.bin';

/** Where the numbers of each record lie: [offset, width]. */
const kRecords: readonly { signature: number; length: number; fields: readonly (readonly [number, number])[] }[] = [
  {
    signature: 0x02014b50,
    length: 46,
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 2],
      [16, 4],
      [20, 4],
      [24, 4],
      [28, 2],
      [30, 2],
      [32, 2],
      [34, 2],
      [42, 4],
    ],
  },
  {
    signature: 0x04034b50,
    length: 30,
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [14, 4],
      [18, 4],
      [22, 4],
      [26, 2],
      [28, 2],
    ],
  },
  {
    signature: 0x06054b50,
    length: 22,
    fields: [
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 4],
      [20, 2],
    ],
  },
  {
    signature: 0x06064b50,
    length: 56,
    fields: [
      [4, 8],
      [12, 2],
      [14, 2],
      [16, 4],
      [20, 4],
      [24, 8],
      [32, 8],
      [40, 8],
      [48, 8],
    ],
  },
  {
    signature: 0x07064b50,
    length: 20,
    fields: [
      [4, 4],
      [8, 8],
      [16, 4],
    ],
  },
];

/** A file that torch.save of PyTorch 2.13 wrote, and archives made here, one of them deflated. */
const corpus: readonly Buffer[] = [
  inflateSync(
    Buffer.from(readFileSync(join(__dirname, '../../checkpoint/pytorch/torch-save.base64'), 'latin1'), 'base64'),
  ),
  ...[false, true].map((deflate) => {
    const storages = { 0: bytesOf(Float32Array.from([1, 2, 3, 4, 5, 6])), 1: bytesOf(new BigInt64Array(4)) };
    const value = p.dict({
      a: p.tensor(p.storage('FloatStorage', '0', 6), 0, [2, 3], [3, 1]),
      b: p.tensor(p.storage('FloatStorage', '0', 6), 0, [3, 2], [1, 3]),
      c: p.tensor(p.storage('LongStorage', '1', 4), 1, [3], [1]),
    });
    return zipBytes(torchMembers(value, storages).map((member) => ({ ...member, deflate })));
  }),
];

function mutantZip(seed: number): Buffer {
  const dice = new Dice(seed);
  if (dice.once(2)) return mutantArchive(seed);
  let bytes = dice.pick(corpus);
  for (let i = 1 + dice.below(3); i > 0; i--) bytes = changeRecord(dice, bytes);
  return dice.once(6) ? mutateBytes(dice, bytes, dice.pick(corpus)) : bytes;
}

/** Changes a number in a record of the archive, or takes one away, or puts one in a second time. */
function changeRecord(dice: Dice, bytes: Buffer): Buffer {
  const { signature, length, fields } = dice.pick(kRecords);
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(signature);
  const places: number[] = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) places.push(at);
  if (places.length === 0) return dice.once(3) ? mutateBytes(dice, bytes) : bytes;
  const at = dice.pick(places);
  if (!dice.once(6)) {
    const [offset, width] = dice.pick(fields);
    return withNumber(dice, bytes, at + offset, width);
  }
  return dice.once(2)
    ? spliced(bytes, at, length)
    : spliced(bytes, dice.pick(places), 0, bytes.subarray(at, at + length + dice.below(32)));
}

export const zip: Target = {
  name: 'zip',
  about: 'records and members of PyTorch archives, through load_state_dict and inspect',
  make: (seed) => new Map([[kName, mutantZip(seed)]]),
  open: (folder, seed, files) => openWeightsFile(join(folder, kName), files, seed),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};
