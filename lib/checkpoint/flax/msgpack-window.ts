/** A part of a msgpack file in memory, from which values are taken; what is skipped is never read. */
import type { CheckpointFault } from '../fault';

/** Throws the error for a code and a sentence; `offset` is the byte that is wrong. */
export type MsgpackFail = (code: CheckpointFault, message: string, offset?: number) => never;

/** How many bytes must be in the window before the reader can go on; `fill` brings them. Zero: others should have their turn. */
export type Wanted = number;

/** Thrown where bytes are taken that are not in the window. */
const MORE = Symbol('more');

/** Whoever runs the generators of `wholly` reads the file, or has it already. */
export class MsgpackWindow {
  /** Where the next value begins in the file. */
  at = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private start = 0;
  /** Byte of the file behind those that were missing. */
  private end = 0;

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

  /** What `take` makes of the next bytes. Where some of them are missing it is called again, and so changes nothing before. */
  *wholly<T>(take: () => T): Generator<Wanted, T> {
    const { at } = this;
    for (;;) {
      try {
        return take();
      } catch (error) {
        if (error !== MORE) throw error;
      }
      this.at = at;
      yield this.end - at;
    }
  }

  u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.take(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  /** An integer of `length` bytes; beyond 2^53 it is rounded. */
  integer(length: 1 | 2 | 4 | 8, signed: boolean): number {
    const at = this.take(length);
    if (length === 8) return Number(signed ? this.bytes.readBigInt64BE(at) : this.bytes.readBigUInt64BE(at));
    return signed ? this.bytes.readIntBE(at, length) : this.bytes.readUIntBE(at, length);
  }

  /** The next bytes, until the window is filled again; the caller has bounded `length`. */
  view(length: number): Buffer {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
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

  /** Where the next bytes lie in the window. */
  private take(length: number): number {
    const from = this.at - this.start;
    if (from >= 0 && from + length <= this.bytes.byteLength) {
      this.at += length;
      return from;
    }
    this.check(length);
    this.end = this.at + length;
    throw MORE;
  }
}
