import { join } from 'node:path';
import { bytesOf, type Member, pickle as p, torchMembers, zipBytes } from '../../checkpoint/pytorch/archive';
import { mutantPickle } from '../../checkpoint/pytorch/mutant';
import { Dice } from '../dice';
import { mutateInstructions } from '../mutate-pickle';
import type { Target } from '../target';
import { openAndReadOne, openWeightsFile } from './weights-file';

const kName = 'pytorch_model.bin';

const storages = { 0: bytesOf(Float32Array.from([1, 2, 3, 4, 5, 6])), 1: bytesOf(new BigInt64Array(4)) };
const corpus: readonly Buffer[] = [
  p.of(
    p.dict({
      a: p.tensor(p.storage('FloatStorage', '0', 6), 0, [2, 3], [3, 1]),
      c: p.tensor(p.storage('LongStorage', '1', 4), 1, [3], [1]),
      epoch: p.int(7),
    }),
  ),
  p.of(
    p.call(
      p.global('collections', 'OrderedDict'),
      p.list(p.tuple(p.text('w'), p.tensor(p.storage('FloatStorage', '0', 6), 2, [2, 2], [2, 1]))),
    ),
  ),
];

function mutantFile(seed: number): Buffer {
  const dice = new Dice(seed);
  const made = dice.once(2)
    ? mutantPickle(seed)
    : { bytes: mutateInstructions(dice, dice.pick(corpus), dice.pick(corpus)), storages };
  const members = torchMembers(p.none, made.storages as Record<string, Uint8Array>);
  (members[0] as Member).content = made.bytes;
  return zipBytes(members);
}

export const pickle: Target = {
  name: 'pickle',
  about: 'instructions of pickles in sound archives, through load_state_dict and inspect',
  make: (seed) => new Map([[kName, mutantFile(seed)]]),
  open: (folder, seed, files) => openWeightsFile(join(folder, kName), files, seed),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};
