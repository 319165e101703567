/** Reads the fields of a protocol buffer: numbers, and bytes. */
import type { CheckpointError } from '../../errors';

/** A field: its number, and what it holds. */
export type ProtoField = { number: number } & (
  | { kind: 'varint'; value: bigint }
  | { kind: 'fixed32'; value: number }
  | { kind: 'fixed64' }
  | { kind: 'bytes'; value: Buffer }
);

export function* protoFields(bytes: Buffer, invalid: (what: string) => CheckpointError): Generator<ProtoField> {
  const cursor = new VarintReader(bytes, invalid);
  while (cursor.left > 0) {
    const tag = cursor.varint();
    const number = Number(tag >> 3n);
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, kind: 'varint', value: cursor.varint() };
        break;
      case 1:
        cursor.take(8);
        yield { number, kind: 'fixed64' };
        break;
      case 2:
        yield { number, kind: 'bytes', value: cursor.take(cursor.length()) };
        break;
      case 5:
        yield { number, kind: 'fixed32', value: cursor.take(4).readUInt32LE() };
        break;
      default:
        throw invalid(`holds a field of kind ${tag & 7n}`);
    }
  }
}

/** Reads numbers of seven bits a byte. */
export class VarintReader {
  at = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly invalid: (what: string) => CheckpointError,
  ) {}

  get left(): number {
    return this.bytes.byteLength - this.at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw this.invalid(`ends where ${length} more bytes are needed`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw this.invalid('holds a number of more than ten bytes');
  }

  /** A number that counts bytes. */
  length(): number {
    const value = this.varint();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.invalid(`holds a length of ${value}`);
    return Number(value);
  }
}
