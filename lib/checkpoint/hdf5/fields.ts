import { quote } from '../fault';
import type { Fail } from './hdf5-fault';

/** In place of an address that the file leaves undefined. */
export const UNDEFINED = -1;

/** How wide addresses and lengths are, and what both count from. */
export interface Widths {
  offset: number;
  length: number;
  /** First byte of the HDF5 data in the file. */
  base: number;
}

/** The fields of one structure, one after the other. No read leaves its bytes. */
export class Fields {
  at = 0;

  constructor(
    readonly bytes: Buffer,
    /** What the structure is, for messages. */
    readonly what: string,
    readonly widths: Widths,
    readonly fail: Fail,
    /** Where it lies in the file. */
    readonly place: number,
  ) {}

  get left(): number {
    return this.bytes.byteLength - this.at;
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    const start = this.pass(length);
    return this.bytes.subarray(start, start + length);
  }

  skip(length: number): this {
    this.pass(length);
    return this;
  }

  u8(): number {
    return this.bytes[this.pass(1)] as number;
  }

  u16(): number {
    return this.uint(2);
  }

  u32(): number {
    return this.uint(4);
  }

  /** A number of `width` bytes. */
  uint(width: number): number {
    const start = this.pass(width);
    let value = 0;
    for (let i = start + width - 1; i >= start; i--) value = value * 256 + (this.bytes[i] as number);
    if (value > Number.MAX_SAFE_INTEGER) throw this.invalid('it has a number beyond 2^53');
    return value;
  }

  u64(): number {
    return this.uint(8);
  }

  length(): number {
    return this.uint(this.widths.length);
  }

  /** An address as an offset in the file, or `UNDEFINED`. */
  address(): number {
    const { offset, base } = this.widths;
    const start = this.pass(offset);
    let end = start;
    while (end < start + offset && this.bytes[end] === 0xff) end++;
    if (end === start + offset) return UNDEFINED;
    this.at = start;
    return base + this.uint(offset);
  }

  /** Checks a four-letter signature and the version behind it. */
  signed(signature: string, version = 0): this {
    const found = this.take(4).toString('latin1');
    if (found !== signature) throw this.invalid(`it begins with ${quote(found)} and not with ${quote(signature)}`);
    const given = this.u8();
    if (given !== version) throw this.invalid(`it has version ${given}; expected ${version}`);
    return this;
  }

  /** The same structure's next `length` bytes as fields of their own. */
  part(length: number, what = this.what): Fields {
    const place = this.place + this.at;
    return new Fields(this.take(length), what, this.widths, this.fail, place);
  }

  /** Goes past the next `length` bytes, and says where they begin: a file has tens of thousands of numbers, and a view of each would be most of the work. */
  private pass(length: number): number {
    const start = this.at;
    if (length > this.bytes.byteLength - start) throw this.invalid(`it ends where ${length} more bytes are needed`);
    this.at = start + length;
    return start;
  }

  invalid(what: string) {
    return this.fail('H5_INVALID', `${this.what} at byte ${this.place} is malformed: ${what}`, this.place);
  }

  unsupported(what: string) {
    return this.fail('H5_UNSUPPORTED', `${this.what} at byte ${this.place} ${what}, which is not read`, this.place);
  }
}
