import { quote } from '../fault';
import type { Fail } from './hdf5-fault';

/** In place of an address that the file leaves undefined. */
export const UNDEFINED = -1;

/** The higher half of the largest number that is exact. */
const MOST_HIGH = 2 ** 21 - 1;

/** How wide addresses and lengths are, and what both count from. */
export interface Widths {
  offset: number;
  length: number;
  /** First byte of the HDF5 data in the file. */
  base: number;
}

/**
 * The fields of one structure, one after the other. No read leaves its bytes. They are a part of a page: a file has tens of
 * thousands of numbers and thousands of structures, and a view of each would be most of the work.
 */
export class Fields {
  at = 0;

  constructor(
    private readonly page: Buffer,
    /** Where the structure begins in the page. */
    private readonly begin: number,
    readonly byteLength: number,
    /** What the structure is, for messages. */
    readonly what: string,
    readonly widths: Widths,
    readonly fail: Fail,
    /** Where it lies in the file. */
    readonly place: number,
  ) {}

  /** All its bytes, whatever has been taken of them. */
  get bytes(): Buffer {
    return this.page.subarray(this.begin, this.begin + this.byteLength);
  }

  get left(): number {
    return this.byteLength - this.at;
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    const start = this.pass(length);
    return this.page.subarray(start, start + length);
  }

  /** From its first byte on once more. */
  again(): this {
    this.at = 0;
    return this;
  }

  skip(length: number): this {
    this.pass(length);
    return this;
  }

  u8(): number {
    return this.page[this.pass(1)] as number;
  }

  u16(): number {
    const start = this.pass(2);
    return (this.page[start] as number) + (this.page[start + 1] as number) * 256;
  }

  u32(): number {
    return this.u32At(this.pass(4));
  }

  /** A number of `width` bytes. */
  uint(width: number): number {
    const start = this.pass(width);
    if (width === 8) {
      const low = this.u32At(start);
      const high = this.u32At(start + 4);
      // Not added where it is zero: the sum would be a number with a point to the engine, and be allocated whenever it is used.
      if (high === 0) return low;
      if (high > MOST_HIGH) throw this.invalid('it has a number beyond 2^53');
      return high * 2 ** 32 + low;
    }
    let value = 0;
    for (let i = start + width - 1; i >= start; i--) value = value * 256 + (this.page[i] as number);
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
    if (this.page[start] === 0xff) {
      let end = start + 1;
      while (end < start + offset && this.page[end] === 0xff) end++;
      if (end === start + offset) return UNDEFINED;
    }
    this.at -= offset;
    return base + this.uint(offset);
  }

  /** Whether it begins with these letters. */
  isSigned(signature: string): boolean {
    for (let i = 0; i < signature.length; i++)
      if (i >= this.byteLength || this.page[this.begin + i] !== signature.charCodeAt(i)) return false;
    return true;
  }

  /** Checks a four-letter signature and the version behind it. */
  signed(signature: string, version = 0): this {
    if (this.at > 0 || !this.isSigned(signature)) {
      const found = this.take(4).toString('latin1');
      throw this.invalid(`it begins with ${quote(found)} and not with ${quote(signature)}`);
    }
    this.pass(4);
    const given = this.u8();
    if (given !== version) throw this.invalid(`it has version ${given}; expected ${version}`);
    return this;
  }

  /** The text from byte `at` on up to the NUL behind it; null when that is not in the structure. */
  textAt(at: number): string | null {
    if (at >= this.byteLength) return null;
    const end = this.page.indexOf(0, this.begin + at);
    if (end < 0 || end >= this.begin + this.byteLength) return null;
    return this.page.toString('utf8', this.begin + at, end);
  }

  /** The same structure's next `length` bytes as fields of their own. */
  part(length: number, what = this.what): Fields {
    const { at } = this;
    return new Fields(this.page, this.pass(length), length, what, this.widths, this.fail, this.place + at);
  }

  /** Goes past the next `length` bytes; where they begin in the page. */
  private pass(length: number): number {
    const { at } = this;
    if (length > this.byteLength - at) throw this.invalid(`it ends where ${length} more bytes are needed`);
    this.at = at + length;
    return this.begin + at;
  }

  private u32At(i: number): number {
    const { page } = this;
    return (
      (page[i] as number) +
      (page[i + 1] as number) * 0x100 +
      (page[i + 2] as number) * 0x10000 +
      (page[i + 3] as number) * 0x1000000
    );
  }

  invalid(what: string) {
    return this.fail('H5_INVALID', `${this.what} at byte ${this.place} is malformed: ${what}`, this.place);
  }

  unsupported(what: string) {
    return this.fail('H5_UNSUPPORTED', `${this.what} at byte ${this.place} ${what}, which is not read`, this.place);
  }
}
