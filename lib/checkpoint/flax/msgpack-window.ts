/** A part of a msgpack file in memory, from which values are taken; what is skipped is never read. */
import type { CheckpointFault } from '../fault';

/** Throws the error for a code and a sentence; `offset` is the byte that is wrong. */
export type MsgpackFail = (code: CheckpointFault, message: string, offset?: number) => never;

/** How many bytes must be in the window before the reader can go on; `fill` brings them. */
export type Wanted = number;

/** Values are taken by generators, which yield while bytes are missing: whoever runs them reads the file, or has it already. */
export class MsgpackWindow {
  /** Where the next value begins in the file. */
  at = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private start = 0;

  constructor(
    /** Bytes of the file. */
    readonly size: number,
    readonly fail: MsgpackFail,
  ) {}

  /** Puts the file's bytes from `at` on into the window. */
  fill(bytes: Uint8Array): void {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.start = this.at;
  }

  /** Bytes of the file behind the next value's first. */
  get remaining(): number {
    return this.size - this.at;
  }

  *u8(): Generator<Wanted, number> {
    const at = yield* this.take(1);
    return this.bytes.readUInt8(at);
  }

  *u16(): Generator<Wanted, number> {
    const at = yield* this.take(2);
    return this.bytes.readUInt16BE(at);
  }

  *u32(): Generator<Wanted, number> {
    const at = yield* this.take(4);
    return this.bytes.readUInt32BE(at);
  }

  /** An integer of `length` bytes; beyond 2^53 it is rounded. */
  *integer(length: 1 | 2 | 4 | 8, signed: boolean): Generator<Wanted, number> {
    const at = yield* this.take(length);
    if (length === 8) return Number(signed ? this.bytes.readBigInt64BE(at) : this.bytes.readBigUInt64BE(at));
    return signed ? this.bytes.readIntBE(at, length) : this.bytes.readUIntBE(at, length);
  }

  /** A copy of the next bytes; the caller has bounded `length`. */
  *copy(length: number): Generator<Wanted, Buffer> {
    const at = yield* this.take(length);
    return Buffer.from(this.bytes.subarray(at, at + length));
  }

  /** Passes over bytes without reading them. */
  skip(length: number): void {
    this.check(length);
    this.at += length;
  }

  /** Checks that `length` bytes are there. @throws CheckpointError `MSGPACK_TRUNCATED` */
  check(length: number): void {
    if (length > this.remaining) {
      this.fail('MSGPACK_TRUNCATED', `${length} bytes should follow, and ${this.remaining} do; fetch the file again`);
    }
  }

  /** Where the next bytes lie in the window. It may be another window than before. */
  private *take(length: number): Generator<Wanted, number> {
    this.check(length);
    if (this.at < this.start || this.at + length > this.start + this.bytes.byteLength) yield length;
    const from = this.at - this.start;
    this.at += length;
    return from;
  }
}
