/** Makes PyTorch files that are almost right: a valid pickle and archive from a seed, then a few changes that know them. */
import { seededRandom } from '../mutant';
import { type End, type Member, pickle, torchMembers, zipBytes } from './archive';

const STORAGES: readonly [type: string, bytes: number][] = [
  ['FloatStorage', 4],
  ['HalfStorage', 2],
  ['BFloat16Storage', 2],
  ['DoubleStorage', 8],
  ['LongStorage', 8],
  ['BoolStorage', 1],
  ['ComplexFloatStorage', 8],
];
const NUMBERS = [
  0,
  1,
  2,
  3,
  -1,
  255,
  256,
  65_535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 48,
  2 ** 48 + 1,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 62,
  -(2 ** 62),
];
const GLOBALS = [
  'os system',
  'builtins eval',
  'builtins list',
  'torch FloatStorage',
  'torch QInt8Storage',
  'torch.storage UntypedStorage',
  'torch float32',
  'torch Size',
  'torch Tensor',
  'torch.nn.parameter Parameter',
  'torch._utils _rebuild_tensor',
  'torch._utils _rebuild_tensor_v2',
  'torch._utils _rebuild_tensor_v3',
  'torch._utils _rebuild_parameter',
  'torch._utils _rebuild_sparse_tensor',
  'torch._tensor _rebuild_from_type_v2',
  'collections OrderedDict',
  'collections defaultdict',
  '__torch__.a B',
  'numpy dtype',
  '_codecs encode',
  '__proto__ constructor',
  'collections OrderedDict.__class__',
];
/** Every instruction, and some bytes that are none. */
const CODES = [...'(.012FGIJKLMNPQRSTUVXbcdeghijlopqrstu]})a'].map((letter) => letter.charCodeAt(0));
for (let code = 0x80; code <= 0x99; code++) CODES.push(code);
CODES.push(0x42, 0x43, 0, 0xff, 0x0a);

class Dice {
  private readonly random: () => number;
  constructor(seed: number) {
    this.random = seededRandom(seed);
  }
  below = (n: number) => Math.floor(this.random() * n);
  pick = <T>(list: readonly T[]): T => list[this.below(list.length)] as T;
  /** Mostly `value`, now and then a number that is a trap. */
  number = (value: number, odds: number) =>
    this.below(odds) === 0 ? this.pick([...NUMBERS, value + 1, value - 1, value * 2]) : value;
}

/** The bytes of pickle number `seed`, and the storages that it names. About a fifth are left valid. */
export function mutantPickle(seed: number): { bytes: Buffer; storages: Record<string, Uint8Array> } {
  const dice = new Dice(seed);
  const { below, pick } = dice;
  // A third of the pickles have right numbers and names, and only their bytes are changed, or nothing.
  const odds = below(3) === 0 ? 1e9 : 12;
  const storages: Record<string, Uint8Array> = {};
  const types: (readonly [string, number])[] = [];
  const entries: Record<string, Buffer> = {};
  for (let i = below(5); i > 0; i--) {
    const shape = Array.from({ length: below(4) }, () => below(4));
    const elements = shape.reduce((product, dim) => product * dim, 1);
    const known = Object.keys(storages);
    const key = known.length > 0 && below(3) === 0 ? pick(known) : String(known.length);
    const type = types[Number(key)] ?? pick(STORAGES);
    types[Number(key)] = type;
    storages[key] ??= new Uint8Array((elements + below(3)) * type[1]).fill(seed);
    const length = (storages[key]?.byteLength ?? 0) / type[1];
    const tensor = mutantTensor(dice, odds, type[0], key, length, shape);
    entries[pick(['a', 'w.weight', '__proto__', '日', '']) + (below(9) === 0 ? '' : i)] = tensor;
  }
  if (below(4) === 0) entries['other'] = mutantValue(dice, 3);
  let value = pickle.dict(entries);
  if (below(12) === 0)
    value = pick([pickle.list(value), pickle.dict({ state_dict: value }), pickle.build(value, pickle.emptyDict)]);
  let bytes: Buffer = pickle.of(value);
  if (odds < 1e9 || below(2) === 0) for (let i = below(3); i > 0; i--) bytes = changeInstructions(dice, bytes);
  return { bytes, storages };
}

function mutantTensor(
  dice: Dice,
  odds: number,
  type: string,
  key: string,
  length: number,
  shape: readonly number[],
): Buffer {
  const { below, pick, number } = dice;
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, dim) => product * Math.max(dim, 1), 1));
  const turned = below(3) === 0;
  const storage = pickle.storage(below(odds) === 0 ? pick(GLOBALS) : type, key, number(length, odds));
  const make = below(odds) === 0 ? pick(GLOBALS).split(' ') : ['torch._utils', '_rebuild_tensor_v2'];
  const args = [
    storage,
    pickle.int(number(0, odds)),
    pickle.ints((turned ? [...shape].reverse() : shape).map((dim) => number(dim, odds))),
    pickle.ints((turned ? strides.reverse() : strides).map((stride) => number(stride, odds))),
    pickle.false,
    pickle.hooks,
  ];
  if (below(odds) === 0) args.splice(below(args.length), below(2), mutantValue(dice, 2));
  const tensor = pickle.call(pickle.global(make[0] as string, make[1] as string), ...args);
  return below(5) === 0
    ? pickle.call(pickle.global('torch._utils', '_rebuild_parameter'), tensor, pickle.true, pickle.hooks)
    : tensor;
}

function mutantValue(dice: Dice, depth: number): Buffer {
  const { below, pick } = dice;
  const inner = () => mutantValue(dice, depth - 1);
  const global = () => pickle.global(...(pick(GLOBALS).split(' ') as [string, string]));
  switch (below(depth === 0 ? 4 : 9)) {
    case 0:
      return pickle.int(pick(NUMBERS.slice(0, 14)));
    case 1:
      return pickle.text(pick(['', 'x', 'storage', '日本', 'latin1']));
    case 2:
      return pick([pickle.none, pickle.true, pickle.emptyDict]);
    case 3:
      return below(3) === 0 ? global() : pickle.hooks;
    case 4:
      return pickle.tuple(...Array.from({ length: below(4) }, inner));
    case 5:
      return pickle.list(...Array.from({ length: below(4) }, inner));
    case 6:
      return pickle.dict({ a: inner(), b: inner() });
    case 7:
      return pickle.call(global(), ...Array.from({ length: below(3) }, inner));
    default:
      return pickle.build(inner(), inner());
  }
}

function changeInstructions({ below, pick }: Dice, bytes: Buffer): Buffer {
  const at = below(bytes.byteLength + 1);
  const some = Buffer.from(Array.from({ length: 1 + below(3) }, () => pick(CODES)));
  switch (below(7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(6))]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), some, bytes.subarray(at)]);
    case 3: {
      const from = below(bytes.byteLength);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + below(80)), bytes.subarray(at)]);
    }
    case 4:
      return Buffer.concat([bytes, some]);
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.byteLength) copy[at] = below(2) === 0 ? pick(CODES) : below(256);
      return copy;
    }
  }
}

/** The bytes of archive number `seed`. About a tenth are left valid. */
export function mutantArchive(seed: number): Buffer {
  const dice = new Dice(seed ^ 0x5bd1e995);
  const { below } = dice;
  const { bytes, storages } = mutantPickle(seed);
  const members = torchMembers(pickle.none, storages);
  (members[0] as Member).content = bytes;
  if (below(4) === 0) for (const member of members) if (below(2)) member.deflate = true;
  const end: End = {};
  if (below(2)) for (let i = 1 + below(2); i > 0; i--) changeMember(dice, members, end);
  const file = zipBytes(members, end);
  return below(4) === 0 ? changeBytes(dice, file) : file;
}

function changeMember({ below, pick }: Dice, members: Member[], end: End): void {
  const member = pick(members);
  const sizes = [0, 1, member.content.byteLength + 1, 0xffff, 0x7fffffff, 0xffffffff];
  switch (below(16)) {
    case 0:
      member.name = pick([
        'archive/data.pkl',
        'archive/data/0',
        'archive/constants.pkl',
        'archive/code/a',
        '../a',
        'x',
        '',
      ]);
      return;
    case 1:
      member.flags = below(0x10000);
      return;
    case 2:
      member.method = pick([0, 8, 12, 99]);
      return;
    case 3:
      member.size = pick(sizes);
      return;
    case 4:
      member.compressedSize = pick(sizes);
      return;
    case 5:
      member.size = member.compressedSize = pick(sizes);
      return;
    case 6:
      member.offset = pick([0, 1, 30, 64, 1000, 0xffffffff]);
      return;
    case 7: {
      const extra = Buffer.alloc(pick([4, 12, 20, 28]));
      extra.writeUInt16LE(1);
      extra.writeUInt16LE(extra.byteLength - 4 + pick([0, 0, 1]), 2);
      for (let i = 4; i < extra.byteLength; i += 8)
        extra.writeBigUInt64LE(pick([0n, 24n, 2n ** 53n, 2n ** 64n - 1n]), i);
      member.extra = extra;
      member.size = 0xffffffff;
      return;
    }
    case 8:
      member.localName = pick(['archive/data/9', '', 'x'.repeat(300)]);
      return;
    case 9:
      member.localSizes = [pick(sizes), pick(sizes)];
      return;
    case 10:
      members.splice(below(members.length), 1);
      if (members.length === 0) members.push(member);
      return;
    case 11:
      members.push({ ...pick(members) });
      return;
    case 12:
      members.sort(() => below(3) - 1);
      return;
    case 13:
      member.content = member.content.subarray(0, below(member.content.byteLength + 1));
      return;
    case 14:
      Object.assign(
        end,
        pick([{ count: below(9) }, { size: pick(sizes) }, { offset: pick(sizes) }, { disk: 1 }, { comment: 'x' }]),
      );
      return;
    default:
      if (member.name.endsWith('byteorder')) member.content = Buffer.from(pick(['big', 'little', '', 'x'.repeat(70)]));
      else member.deflate = !member.deflate;
  }
}

function changeBytes({ below, pick }: Dice, file: Buffer): Buffer {
  const at = below(file.byteLength + 1);
  switch (below(5)) {
    case 0:
      return file.subarray(0, at);
    case 1:
      return Buffer.concat([file, Buffer.from(pick(['\0', 'PK\x05\x06', 'x'.repeat(22)]))]);
    case 2:
      return Buffer.concat([file.subarray(0, at), Buffer.from(pick(['\0', 'PK\x01\x02'])), file.subarray(at)]);
    case 3:
      return Buffer.concat([file.subarray(0, at), file.subarray(at + 1 + below(40))]);
    default: {
      const copy = Buffer.from(file);
      for (let i = 1 + below(3); i > 0; i--) copy[below(copy.byteLength)] = below(256);
      return copy;
    }
  }
}
