import type { Dice } from './dice';
import { mutateBytes } from './mutate-bytes';

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

/** The instructions of a pickle that is valid, or nearly so, each with its argument. */
function instructionsOf(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = kArguments[bytes[at] as number] ?? 0;
    let end = at + 1;
    if (size === 'line' || size === 'lines') {
      for (let i = size === 'line' ? 1 : 2; i > 0; i--) end = bytes.indexOf(10, end) + 1 || bytes.length;
    } else if (size >= 0) end += size;
    else if (end - size > bytes.length) end = bytes.length;
    else end += -size + bytes.readUIntLE(end, Math.min(6, -size));
    found.push(bytes.subarray(at, Math.min(end, bytes.length)));
    at = end;
  }
  return found;
}

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

/** `bytes`, a valid pickle, with one to four changes to its instructions; `other` is what some are taken from. */
export function mutateInstructions(dice: Dice, bytes: Buffer, other: Buffer): Buffer {
  const list = instructionsOf(bytes);
  const others = instructionsOf(other);
  if (list.length === 0 || others.length === 0) return mutateBytes(dice, bytes, other);
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
