import { join } from 'node:path';
import { bytesOf, type Member, pickle as p, torchMembers, zipBytes } from '../../checkpoint/pytorch/archive';
import { Dice } from '../dice';
import { mutateInstructions } from '../mutate-pickle';
import type { Target } from '../target';
import { openAndReadOne, openWeightsFile } from './weights-file';

const kName = 'pytorch_model.bin';
const storages = { 0: bytesOf(Float32Array.from([1, 2, 3, 4, 5, 6])), 1: bytesOf(new BigInt64Array(4)) };
const kClasses = [
  '__torch__ Net',
  '__torch__.torch.nn.modules.linear Linear',
  '__torch__.___torch_mangle_0 Net',
  'torch Net',
];
const kNames = ['weight', 'bias', 'fc', 'layer', '0', '', '__proto__', 'a.b', 'training', '日'];
const kList = p.global('torch.jit._pickle', 'build_intlist');

/** A module of modules, tensors and plain values; `memo` counts those that a later one can name again. */
function moduleOf(dice: Dice, depth: number, memo: { count: number }): Buffer {
  const made = p.create(p.global(...(dice.pick(kClasses).split(' ') as [string, string])));
  const kept = Buffer.concat([made, p.code(0x71, memo.count++)]);
  const state: Record<string, Buffer> = {};
  for (let i = 1 + dice.below(3); i > 0; i--) state[dice.pick(kNames)] = attributeOf(dice, depth, memo);
  return p.build(kept, p.dict(state));
}

function attributeOf(dice: Dice, depth: number, memo: { count: number }): Buffer {
  switch (dice.below(depth > 0 ? 8 : 5)) {
    case 0:
      return p.tensor(p.storage('LongStorage', '1', 4), dice.below(3), [2], [1]);
    case 1:
      return dice.pick([p.true, p.none, p.int(3), p.text('x'), p.call(kList, p.list(p.int(1)))]);
    case 2:
      // A module that was made before: a second name of it, or a part of itself.
      return p.code(0x68, dice.below(memo.count));
    case 3:
    case 4:
      return p.tensor(
        p.storage('FloatStorage', '0', 6),
        0,
        [3, 2],
        dice.pick([
          [2, 1],
          [1, 3],
        ]),
      );
    default:
      return moduleOf(dice, depth - 1, memo);
  }
}

function mutantArchive(seed: number): Buffer {
  const dice = new Dice(seed);
  const other = p.of(moduleOf(dice, 2, { count: 0 }));
  let root = moduleOf(dice, dice.pick([1, 2, 3, 20]), { count: 0 });
  // Levels beyond those that anybody has, each the only part of the one outside.
  if (dice.once(30))
    for (let i = dice.pick([100, 126, 127, 128, 300]); i > 0; i--)
      root = p.build(p.create(p.global('__torch__', 'N')), p.dict({ a: root }));
  const content = dice.once(3) ? p.of(root) : mutateInstructions(dice, p.of(root), other);
  const members = torchMembers(p.none, storages) as Member[];
  (members[0] as Member).content = content;
  members.push(
    { name: 'archive/code/__torch__.py', content: Buffer.from('class Net(Module):\n'), deflate: dice.once(2) },
    { name: 'archive/constants.pkl', content: dice.once(4) ? other : p.of(p.code(0x29)) },
  );
  if (dice.once(8))
    (dice.pick(members) as Member).name = dice.pick([
      'archive/.data/version',
      'archive/constants/0',
      'archive/data.pkl',
      'code/a',
    ]);
  if (dice.once(12)) members.splice(dice.below(members.length), 1);
  return zipBytes(members);
}

export const torchscript: Target = {
  name: 'torchscript',
  about: "modules in modules, shared and in themselves, in TorchScript's archives",
  make: (seed) => new Map([[kName, mutantArchive(seed)]]),
  open: (folder, seed, files) => openWeightsFile(join(folder, kName), files, seed),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};
