import type { Dice } from './dice';
import { mutateBytes, spliced } from './mutate-bytes';

/** A number in a file, little-endian unless the file says otherwise. */
export interface Field {
  at: number;
  width: number;
}

/** A value, an entry, a record: what can stand in the place of others of its kind. */
export interface Node {
  kind: string;
  from: number;
  to: number;
  /** The byte that counts it, where there is one. */
  countAt?: number | undefined;
}

/** A sum over the bytes `from` to `at`, which lies at `at` in four bytes. */
export interface Sum {
  from: number;
  at: number;
}

/** A valid file, and what of it is what. */
export interface MappedFile {
  bytes: Buffer;
  fields: readonly Field[];
  nodes: readonly Node[];
  sums: readonly Sum[];
}

/** What a format has of its own. */
export interface Format {
  bigEndian?: boolean;
  sum?: (bytes: Uint8Array) => number;
  /** A node's bytes inside of `depth` others; undefined for kinds that contain nothing. */
  nest?: (kind: string, bytes: Buffer, depth: number) => Buffer | undefined;
}

/** `file` with one to four changes that know where its numbers, its parts and its sums are; most sums are made right again. */
export function mutateMapped(
  dice: Dice,
  file: MappedFile,
  others: readonly MappedFile[],
  { bigEndian = false, sum, nest }: Format = {},
): Buffer {
  const bytes = Buffer.from(file.bytes);
  const places: number[] = [];
  // Now and then only a part moves, or only bytes change.
  for (let i = dice.pick([0, 0, 1, 1, 1, 1, 2, 3]); i > 0; i--)
    places.push(changeInPlace(dice, bytes, file, bigEndian));
  if (sum && !dice.once(8)) {
    for (const { from, at } of file.sums)
      if (places.some((place) => place >= from && place < at)) bytes.writeUInt32LE(sum(bytes.subarray(from, at)), at);
  }
  const moved = file.nodes.length > 0 && dice.once(2) ? changeNode(dice, bytes, file, others, nest) : bytes;
  return dice.once(10) ? mutateBytes(dice, moved, dice.pick(others).bytes) : moved;
}

/** Gives a field another value, or copies a run of bytes over others; where. */
function changeInPlace(dice: Dice, bytes: Buffer, { fields }: MappedFile, bigEndian: boolean): number {
  if (dice.once(12)) {
    const [from, to, length] = [dice.below(bytes.length), dice.below(bytes.length), 1 + dice.below(32)];
    bytes.copy(bytes, to, from, from + length);
    return to;
  }
  const { at, width } = dice.pick(fields);
  const old = numberAt(bytes, at, width, bigEndian);
  writeNumber(bytes, at, width, bigEndian, newNumber(dice, bytes, fields, { at, width, old, bigEndian }));
  return at;
}

function newNumber(
  dice: Dice,
  bytes: Buffer,
  fields: readonly Field[],
  { at, width, old, bigEndian }: Field & { old: bigint; bigEndian: boolean },
): bigint {
  switch (dice.below(7)) {
    case 0: {
      // Of another number, so that two lead to one place, or one to itself.
      const other = dice.pick(fields);
      return numberAt(bytes, other.at, Math.min(other.width, width), bigEndian);
    }
    case 1:
      return BigInt(dice.pick([bytes.length, at, bytes.length - at]) + dice.pick([-8, -1, 0, 0, 1, 8]));
    case 2:
      return BigInt(dice.below(40));
    case 3:
      return old ^ (1n << BigInt(dice.below(width * 8)));
    default:
      return dice.number(old);
  }
}

function numberAt(bytes: Buffer, at: number, width: number, bigEndian: boolean): bigint {
  if (width === 8) return bigEndian ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at);
  if (width <= 6) return BigInt(bigEndian ? bytes.readUIntBE(at, width) : bytes.readUIntLE(at, width));
  return numberAt(bytes, at, 6, bigEndian);
}

function writeNumber(bytes: Buffer, at: number, width: number, bigEndian: boolean, value: bigint): void {
  let rest = BigInt.asUintN(width * 8, value);
  for (let i = 0; i < width; i++, rest >>= 8n) bytes[at + (bigEndian ? width - 1 - i : i)] = Number(rest & 0xffn);
}

/** Takes a part away, puts one in a second time, in place of another, or inside of others; mostly its count keeps up. */
function changeNode(
  dice: Dice,
  bytes: Buffer,
  file: MappedFile,
  others: readonly MappedFile[],
  nest: Format['nest'],
): Buffer {
  const node = dice.pick(file.nodes);
  const { kind, from, to, countAt } = node;
  const count = (by: number) => {
    if (countAt !== undefined && !dice.once(6)) bytes[countAt] = (bytes[countAt] as number) + by;
  };
  const other = dice.once(2) ? file : dice.pick(others);
  const alike = other.nodes.filter((one) => one.kind === kind);
  const donor = alike.length > 0 && !dice.once(12) ? dice.pick(alike) : dice.pick(file.nodes);
  const donated = () => (alike.length > 0 ? other : file).bytes.subarray(donor.from, donor.to);
  switch (dice.below(6)) {
    case 0:
      count(-1);
      return spliced(bytes, from, to - from);
    case 1: {
      const times = dice.pick([1, 1, 1, 2, 5]);
      count(times);
      return spliced(bytes, from, 0, Buffer.concat(new Array<Buffer>(times).fill(bytes.subarray(from, to))));
    }
    case 2:
      count(1);
      return spliced(bytes, from, 0, donated());
    case 3: {
      const depth = dice.once(20) ? dice.pick([16, 17, 126, 127, 128, 200, 5000]) : 1 + dice.below(3);
      return spliced(bytes, from, to - from, nest?.(kind, bytes.subarray(from, to), depth) ?? donated());
    }
    default:
      return spliced(bytes, from, to - from, donated());
  }
}
