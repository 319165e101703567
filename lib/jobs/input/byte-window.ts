import type { Hash } from 'node:crypto';
import type { ByteSource } from './source';

// Rows of one chunk are parsed without a pause: 32 KiB of short ones take about 1 ms, and much longer while the code is
// cold, so that a source starts with less.
const FIRST_CHUNK = 4 * 1024;
const CHUNK = 32 * 1024;

/**
 * The bytes of a source that are in memory: `buffer[start..end)`. A fill never overwrites bytes that were handed out, so
 * rows may keep views of them.
 */
export class ByteWindow {
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** True when the source has no more bytes than those in the window. */
  eof = false;
  readonly source: ByteSource;
  #offset: number;
  #absorbed = 0;
  #chunk = FIRST_CHUNK;

  /** @param offset where in the input the source's next byte stands */
  constructor(source: ByteSource, offset: number) {
    this.source = source;
    this.#offset = offset;
  }

  /** Offset in the input of `buffer[start]`. */
  get offset(): number {
    return this.#offset + this.start;
  }

  /** Index of `byte` at or after `from`, or -1. */
  indexOf(byte: number, from: number): number {
    const at = this.buffer.indexOf(byte, from);
    return at < this.end ? at : -1;
  }

  /** Reads on behind the bytes not yet taken; false when nothing came. */
  async fill(): Promise<boolean> {
    if (this.eof) return false;
    const left = this.end - this.start;
    const next = Buffer.allocUnsafeSlow(Math.max(this.#chunk, 2 * left));
    this.#chunk = Math.min(2 * this.#chunk, CHUNK);
    this.buffer.copy(next, 0, this.start, this.end);
    const count = await this.source.read(next.subarray(left));
    this.#offset += this.start;
    this.#absorbed = Math.max(0, this.#absorbed - this.start);
    this.buffer = next;
    this.start = 0;
    this.end = left + count;
    if (count === 0) this.eof = true;
    return count > 0;
  }

  /** Feeds the bytes taken since the last call to `hash`, or lets them go by. Must run before each `fill`. */
  absorb(hash: Hash | null): void {
    if (hash !== null && this.start > this.#absorbed) hash.update(this.buffer.subarray(this.#absorbed, this.start));
    this.#absorbed = this.start;
  }
}
