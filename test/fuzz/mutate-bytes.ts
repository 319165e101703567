import type { Dice } from './dice';

/** Changes that know nothing of a format. */

const kPieces: readonly Buffer[] = [
  '\0',
  '\n',
  ' ',
  '"',
  '{',
  '}',
  '[',
  ']',
  '\\',
  ',',
  '../',
  'PK\x01\x02',
  'PK\x03\x04',
  'PK\x05\x06',
  '\ufeff',
  '\u{1f600}',
  '9'.repeat(30),
  'A'.repeat(300),
].map((text) => Buffer.from(text));

/** `bytes` with one to three changes; `other` is what pieces are spliced from. */
export function mutateBytes(dice: Dice, bytes: Buffer, other: Buffer = bytes): Buffer {
  let changed = bytes;
  for (let i = 1 + dice.below(3); i > 0; i--) changed = changeOnce(dice, changed, other);
  return changed;
}

function changeOnce(dice: Dice, bytes: Buffer, other: Buffer): Buffer {
  const { length } = bytes;
  const at = dice.below(length + 1);
  switch (dice.below(9)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return spliced(bytes, at, 0, dice.pick(kPieces));
    case 2:
      return spliced(bytes, at, 1 + dice.below(dice.once(4) ? length : 16));
    case 3: {
      const from = dice.below(other.length);
      return spliced(bytes, at, dice.below(64), other.subarray(from, from + dice.below(256)));
    }
    case 4:
      return withNumber(dice, bytes, dice.below(length), dice.pick([1, 2, 4, 8]));
    case 5: {
      const end = Math.min(length, at + dice.below(64));
      return Buffer.from(bytes).fill(dice.pick([0, 0xff, 0x20]), at, end);
    }
    default: {
      const copy = Buffer.from(bytes);
      for (let i = 1 + dice.below(4); i > 0 && length > 0; i--) {
        const place = dice.below(length);
        copy[place] = dice.once(2) ? dice.below(256) : (copy[place] as number) ^ (1 << dice.below(8));
      }
      return copy;
    }
  }
}

/** `bytes` with `removed` bytes at `at` replaced by `inserted`. */
export function spliced(bytes: Buffer, at: number, removed: number, inserted: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}

/** `bytes` with another little-endian number of `width` bytes at `at`; as they are where it does not fit. */
export function withNumber(dice: Dice, bytes: Buffer, at: number, width: number): Buffer {
  if (at + width > bytes.length) return bytes;
  const copy = Buffer.from(bytes);
  let old = 0n;
  for (let i = width - 1; i >= 0; i--) old = (old << 8n) | BigInt(copy[at + i] as number);
  let value = BigInt.asUintN(width * 8, dice.number(old));
  for (let i = 0; i < width; i++, value >>= 8n) copy[at + i] = Number(value & 0xffn);
  return copy;
}
