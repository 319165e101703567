import { join } from 'node:path';
import { bytesOf, pickle as p } from '../../checkpoint/pytorch/archive';
import { Dice } from '../dice';
import { mutateBytes } from '../mutate-bytes';
import { mutateInstructions } from '../mutate-pickle';
import type { Target } from '../target';
import { openAndReadOne, openWeightsFile } from './weights-file';

const kName = 'pytorch_model.bin';
const kBlock = 512;
const kNames = ['sys_info', 'pickle', 'tensors', 'storages', './pickle', 'x', ''];
/** Kinds of members: files, links, folders, and what describes the next one or all. */
const kTypes = ['0', '\0', '7', '1', '2', '5', 'x', 'g', 'L', 'S'];

/** What stands in a member: a pickle, or a number of some bytes. */
type Item = { pickle: Buffer } | { value: bigint; width: 4 | 8 };

interface Member {
  name: string;
  items: Item[];
  type: string;
  /** In place of the true number of bytes. */
  size?: bigint;
}

const pickled = (value: Buffer): Item => ({ pickle: p.of(value) });
const i64 = (...values: number[]): Item[] => values.map((value) => ({ value: BigInt(value), width: 8 }));
const key = (number: number) => Buffer.concat([p.text(String(number)), p.code(0x51)]);

function validMembers(dice: Dice): Member[] {
  const numbers = bytesOf(Float32Array.from([1, 2, 3, 4]));
  const record = (...items: Buffer[]) => pickled(p.tuple(...items));
  const type = (name: string) => p.global('torch', name);
  const view = p.tuple(p.int(8), p.int(7), p.int(dice.below(3)), p.int(1 + dice.below(3)));
  const data: Item[] = [...numbers.slice(0, 16)].reduce<Item[]>((items, _, i) => {
    if (i % 4 === 0) items.push({ value: BigInt(Buffer.from(numbers).readUInt32LE(i)), width: 4 });
    return items;
  }, []);
  return [
    { name: 'sys_info', items: [pickled(p.dict({ protocol_version: p.int(1000), little_endian: p.true }))], type: '0' },
    { name: 'pickle', items: [pickled(p.dict({ a: key(9), b: key(11) }))], type: '0' },
    {
      name: 'tensors',
      items: [
        pickled(p.int(2)),
        record(p.int(9), p.int(8), type('FloatTensor')),
        ...i64(1, 1, 1, 0),
        record(p.int(11), p.int(7), type('FloatTensor')),
        ...i64(2, 2, 2, 1, 2, 0),
      ],
      type: '0',
    },
    {
      name: 'storages',
      items: [
        pickled(p.int(1)),
        record(p.int(7), p.text('cpu'), type('FloatStorage')),
        ...i64(4),
        ...data,
        pickled(p.list(view)),
      ],
      type: '0',
    },
  ];
}

function changeMembers(dice: Dice, members: Member[]): void {
  const at = dice.below(members.length);
  const member = members[at] as Member;
  switch (dice.below(18)) {
    case 0:
      members.splice(at, 1);
      if (members.length === 0) members.push(member);
      break;
    case 1:
      members.splice(dice.below(members.length + 1), 0, { ...member });
      break;
    case 2:
      member.name = dice.pick(kNames);
      break;
    case 3:
      member.type = dice.pick(kTypes);
      break;
    case 4:
      member.size = dice.number(kBlock);
      break;
    case 5:
      members.splice(at, 0, description(dice, member.name));
      break;
    default:
      changeItem(dice, member, members);
  }
}

function changeItem(dice: Dice, { items }: Member, members: readonly Member[]): void {
  const at = dice.below(items.length);
  const item = items[at];
  if (item === undefined) return;
  const others = dice.pick(members.filter((one) => one.items.length > 0)).items;
  if (dice.once(8)) items.splice(at, dice.below(2), others[dice.below(others.length)] ?? item);
  else if ('pickle' in item) {
    const other = others.find((one) => 'pickle' in one);
    items[at] = {
      pickle: mutateInstructions(dice, item.pickle, other && 'pickle' in other ? other.pickle : item.pickle),
    };
  } else items[at] = { value: dice.once(3) ? BigInt(dice.below(70)) : dice.number(item.value), width: item.width };
}

/** A member of records for the next one: 'length key=value'. */
function description(dice: Dice, name: string): Member {
  const record = (key: string, value: string) => {
    const rest = ` ${key}=${value}\n`;
    const length = rest.length + String(rest.length + 2).length;
    return `${dice.once(6) ? dice.number(length) : length}${rest}`;
  };
  const path = record('path', dice.once(2) ? name : dice.pick(kNames));
  const size = record('size', String(dice.number(kBlock)));
  const text = dice.pick([path, size, path + size, record('mtime', '1.5') + path, 'x', '']);
  return { name: 'paxheader', items: [{ pickle: Buffer.from(text) }], type: dice.pick(['x', 'x', 'g']) };
}

function tarBytes(dice: Dice, members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ name, items, type, size }) => {
    const content = Buffer.concat(items.map(bytesOfItem));
    const header = Buffer.alloc(kBlock);
    header.write(name);
    if (dice.once(12)) header.write(dice.pick(['prefix', '.', '']), 345);
    writeSize(dice, header, size ?? BigInt(content.byteLength));
    header.write(`        ${type}`, 148, 'latin1');
    header.write('ustar\x0000', 257, 'latin1');
    const sum = header.reduce((total, byte) => total + byte, dice.once(80) ? 1 : 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return [header, content, Buffer.alloc((kBlock - (content.byteLength % kBlock)) % kBlock)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(dice.pick([0, kBlock, 2 * kBlock]))]);
}

function bytesOfItem(item: Item): Buffer {
  if ('pickle' in item) return item.pickle;
  const bytes = Buffer.alloc(item.width);
  if (item.width === 8) bytes.writeBigInt64LE(BigInt.asIntN(64, item.value));
  else bytes.writeUInt32LE(Number(BigInt.asUintN(32, item.value)));
  return bytes;
}

/** The size in octal digits, or in the bytes that large files need. */
function writeSize(dice: Dice, header: Buffer, size: bigint): void {
  const digits = BigInt.asUintN(64, size).toString(8);
  if (digits.length <= 11 && !dice.once(16)) header.write(`${digits.padStart(11, '0')}\0`, 124, 'latin1');
  else {
    header[124] = dice.pick([0x80, 0x80, 0xff]);
    header.writeBigUInt64BE(BigInt.asUintN(64, size), 128);
  }
}

function mutantTar(seed: number): Buffer {
  const dice = new Dice(seed);
  const members = validMembers(dice);
  for (let i = dice.below(4); i > 0; i--) changeMembers(dice, members);
  const bytes = tarBytes(dice, members);
  return dice.once(10) ? mutateBytes(dice, bytes) : bytes;
}

export const tar: Target = {
  name: 'tar',
  about:
    'headers, records, pickles and numbers of the tar archives that PyTorch wrote before 0.2, their sums made right',
  make: (seed) => new Map([[kName, mutantTar(seed)]]),
  open: (folder, seed, files) => openWeightsFile(join(folder, kName), files, seed),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};
