import { join } from 'node:path';
import { bytesOf, type Member, pickle as p, torchMembers, zipBytes } from '../../checkpoint/pytorch/archive';
import { mutantPickle } from '../../checkpoint/pytorch/mutant';
import { Dice } from '../dice';
import { mutateBytes } from '../mutate-bytes';
import type { Target } from '../target';
import { openWeightsFile, sizeOfOnly } from './weights-file';

const kName = 'pytorch_model.bin';

/** Bytes behind an instruction: a number; 'line', 'lines' for texts; 1, 2, 4 or 8 with a minus for a length and so much more. */
const kArguments: Readonly<Record<number, number | 'line' | 'lines'>> = {
  70: 'line',
  73: 'line',
  76: 'line',
  83: 'line',
  86: 'line',
  103: 'line',
  112: 'line',
  80: 'line',
  99: 'lines',
  105: 'lines',
  71: 8,
  74: 4,
  75: 1,
  77: 2,
  104: 1,
  106: 4,
  113: 1,
  114: 4,
  128: 1,
  130: 1,
  131: 2,
  132: 4,
  149: 8,
  66: -4,
  67: -1,
  84: -4,
  85: -1,
  88: -4,
  138: -1,
  139: -4,
  140: -1,
  141: -8,
  142: -8,
  150: -8,
};

/** The instructions of a valid pickle, each with its argument. */
function instructionsOf(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = kArguments[bytes[at] as number] ?? 0;
    let end = at + 1;
    if (size === 'line' || size === 'lines') {
      for (let i = size === 'line' ? 1 : 2; i > 0; i--) end = bytes.indexOf(10, end) + 1 || bytes.length;
    } else if (size >= 0) end += size;
    else end += -size + bytes.readUIntLE(end, Math.min(6, -size));
    found.push(bytes.subarray(at, Math.min(end, bytes.length)));
    at = end;
  }
  return found;
}

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

/** Lists of instructions that do more than they seem to: copies of copies, numbers of any size, memos far away. */
const kTricks: readonly Buffer[] = [
  Buffer.from('2\x32\x32'),
  Buffer.from([0x72, 0xff, 0xff, 0xff, 0x7f]),
  Buffer.from([0x6a, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0x58, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0x8e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
  Buffer.from([0x8b, 0xff, 0xff, 0xff, 0x7f]),
  Buffer.from([0x95, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0x71, 1, 0x68, 1, 0x68, 1, 0x86, 0x71, 1]),
  Buffer.from('I99999999999999999999999999\n'),
  Buffer.from('cos\nsystem\n'),
  Buffer.from('c__builtin__\neval\n'),
  Buffer.from([0x28, 0x28, 0x28, 0x74, 0x74, 0x74]),
  Buffer.from([0x5d, 0x71, 0, 0x68, 0, 0x61]),
  Buffer.from([0x80, 5]),
];

function mutantInstructions(dice: Dice): Buffer {
  const list = instructionsOf(dice.pick(corpus));
  const others = instructionsOf(dice.pick(corpus));
  for (let i = 1 + dice.below(4); i > 0; i--) {
    const at = dice.below(list.length);
    const from = dice.below(others.length);
    switch (dice.below(7)) {
      case 0:
        list.splice(at, 1 + dice.below(3));
        break;
      case 1:
        list.splice(at, 0, ...others.slice(from, from + 1 + dice.below(12)));
        break;
      case 2:
        list.splice(at, dice.below(2), dice.pick(kTricks));
        break;
      case 3:
        [list[at], list[from % list.length]] = [list[from % list.length] as Buffer, list[at] as Buffer];
        break;
      case 4:
        list.splice(at, 0, ...new Array<Buffer>(dice.pick([2, 30, 400])).fill(list[at] as Buffer));
        break;
      default:
        if (list[at] && list[at].length > 1) list[at] = mutateBytes(dice, list[at]);
    }
    if (list.length === 0) break;
  }
  return Buffer.concat(list);
}

function mutantFile(seed: number): Buffer {
  const dice = new Dice(seed);
  const made = dice.once(2) ? mutantPickle(seed) : { bytes: mutantInstructions(dice), storages };
  const members = torchMembers(p.none, made.storages as Record<string, Uint8Array>);
  (members[0] as Member).content = made.bytes;
  return zipBytes(members);
}

export const pickle: Target = {
  name: 'pickle',
  about: 'instructions of pickles in sound archives, through load_state_dict and inspect',
  make: (seed) => new Map([[kName, mutantFile(seed)]]),
  open: (folder, seed, files) => openWeightsFile(join(folder, kName), sizeOfOnly(files), seed),
};
