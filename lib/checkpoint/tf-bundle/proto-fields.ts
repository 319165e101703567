/** Reads the fields of a protocol buffer: numbers, and bytes. */
import type { CheckpointError } from '../../errors';

/** Bytes of a number of seven bits a byte that is exact as it is added up. */
const EXACT_BYTES = 7;
const MOST_BYTES = 10;

/** Reads numbers of seven bits a byte. */
export class VarintReader {
  constructor(
    protected readonly bytes: Buffer,
    protected readonly invalid: (what: string) => CheckpointError,
    /** Where the next number begins, and where the last one ends. */
    protected at = 0,
    protected readonly end = bytes.byteLength,
  ) {}

  get left(): number {
    return this.end - this.at;
  }

  take(length: number): Buffer {
    const start = this.pass(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A number up to 2^64 - 1: a bigint where a number would not be exact. */
  varint(): number | bigint {
    const start = this.at;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < MOST_BYTES; i++) {
      const byte = this.bytes[this.pass(1)] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return i < EXACT_BYTES ? value : this.wide(start, i + 1);
      factor *= 128;
    }
    throw this.invalid('holds a number of more than ten bytes');
  }

  /** A number that counts bytes. */
  length(): number {
    const value = this.varint();
    if (typeof value === 'bigint') throw this.invalid(`holds a length of ${value}`);
    return value;
  }

  /** Goes past the next `length` bytes; where they begin. */
  protected pass(length: number): number {
    const { at } = this;
    if (length > this.end - at) throw this.invalid(`ends where ${length} more bytes are needed`);
    this.at = at + length;
    return at;
  }

  private wide(start: number, length: number): number | bigint {
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 7n) | BigInt((this.bytes[start + i] as number) & 127);
    value = BigInt.asUintN(64, value);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
}

/** Goes from field to field. What it says is of the field that `next` came to. */
export class ProtoFields extends VarintReader {
  number = 0;
  kind: 'varint' | 'fixed32' | 'fixed64' | 'bytes' = 'varint';
  /** Value of a varint, or of 32 bits. */
  value: number | bigint = 0;
  private begin = 0;

  /** Comes to the next field; false at the end. */
  next(): boolean {
    if (this.left === 0) return false;
    const tag = this.varint();
    this.number = typeof tag === 'number' ? Math.floor(tag / 8) : Number(tag >> 3n);
    const kind = typeof tag === 'number' ? tag % 8 : Number(tag & 7n);
    switch (kind) {
      case 0:
        this.kind = 'varint';
        this.value = this.varint();
        return true;
      case 1:
        this.kind = 'fixed64';
        this.pass(8);
        return true;
      case 2: {
        this.kind = 'bytes';
        const length = this.length();
        this.begin = this.pass(length);
        return true;
      }
      case 5:
        this.kind = 'fixed32';
        this.value = this.bytes.readUInt32LE(this.pass(4));
        return true;
      default:
        throw this.invalid(`holds a field of kind ${kind}`);
    }
  }

  /** The fields in a field of bytes. */
  inner(): ProtoFields {
    return new ProtoFields(this.bytes, this.invalid, this.begin, this.at);
  }
}
