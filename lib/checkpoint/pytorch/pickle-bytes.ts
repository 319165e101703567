/** Takes the operands of pickle's instructions from bytes, never beyond the last. */
import { isUtf8 } from 'node:buffer';
import type { CheckpointFault } from '../fault';

/** Throws the error for a code and a sentence about the pickle. */
export type PickleFail = (code: CheckpointFault, message: string) => never;

/** Thrown where bytes end that are only the first part of a file: with more of them the pickle may go on. */
export class PickleEnds extends Error {}

/** No int of a checkpoint needs more bytes. */
const MOST_INT_BYTES = 8;
/** The longest text of an int in decimal digits. */
const MOST_INT_DIGITS = 20;
const NEWLINE = 0x0a;

export class PickleBytes {
  /** Where the next operand or instruction begins. */
  at = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly fail: PickleFail,
    private readonly isPart = false,
  ) {}

  u8(): number {
    return this.bytes[this.advance(1)] as number;
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.advance(2));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.advance(4));
  }

  i32(): number {
    return this.bytes.readInt32LE(this.advance(4));
  }

  /** A length of eight bytes. */
  u64(): number {
    const value = this.bytes.readBigUInt64LE(this.advance(8));
    if (value > BigInt(this.bytes.byteLength)) this.truncated();
    return Number(value);
  }

  /** A big-endian double. */
  float(): number {
    return this.bytes.readDoubleBE(this.advance(8));
  }

  take(length: number): Buffer {
    const from = this.advance(length);
    return this.bytes.subarray(from, from + length);
  }

  utf8(length: number): string {
    const bytes = this.take(length);
    if (!isUtf8(bytes)) this.fail('PICKLE_INVALID', 'a string is not UTF-8');
    return bytes.toString('utf8');
  }

  latin1(length: number): string {
    return this.take(length).toString('latin1');
  }

  /** A two's complement integer of `length` bytes, little-endian. */
  long(length: number): number | bigint {
    if (length > MOST_INT_BYTES)
      this.fail('PICKLE_INVALID', `an int of ${length} bytes; expected at most ${MOST_INT_BYTES}`);
    let value = 0n;
    const bytes = this.take(length);
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
    return asNumber(BigInt.asIntN(length * 8, value));
  }

  /** The bytes up to the next end of line, which is passed over. */
  line(): Buffer {
    const end = this.bytes.indexOf(NEWLINE, this.at);
    if (end < 0) this.truncated();
    const line = this.take(end - this.at);
    this.at++;
    return line;
  }

  lineUtf8(): string {
    const line = this.line();
    if (!isUtf8(line)) this.fail('PICKLE_INVALID', 'a line is not UTF-8');
    return line.toString('utf8');
  }

  /** A line of decimal digits. */
  decimal(): number | bigint {
    const text = this.line().toString('latin1').replace(/L$/, '');
    if (!/^[+-]?\d+$/.test(text) || text.length > MOST_INT_DIGITS) this.fail('PICKLE_INVALID', 'a line is no int');
    return asNumber(BigInt(text.replace(/^\+/, '')));
  }

  private advance(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.byteLength) this.truncated();
    this.at = from + length;
    return from;
  }

  private truncated(): never {
    if (this.isPart) throw new PickleEnds();
    this.fail('PICKLE_INVALID', 'it ends in the middle of an instruction');
  }
}

function asNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
