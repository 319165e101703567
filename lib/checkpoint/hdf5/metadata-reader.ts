import { setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted } from '../../errors';
import type { PinnedFile } from '../pinned-file';
import { Fields, UNDEFINED, type Widths } from './fields';
import { type Fail, failing } from './hdf5-fault';
import { lookup3 } from './lookup3';

/** Bytes read at once: structures lie close together. */
const PAGE = 16 * 1024;
/** Pages that are kept. */
const KEPT_PAGES = 1024;
/** Pages that are allocated at once. */
const PAGES_AT_ONCE = 32;
/** A structure costs as much as so many bytes, so that many tiny ones end too. */
const LEAST_COST = 64;
/** Structures that are read before other work has its turn: those of pages in memory wait for nothing. */
const AT_ONCE = 512;

/** What is read of a file. It yields where it has to wait: for bytes, or for others to have their turn. */
export type Reading<T> = Generator<void, T>;

/**
 * Reads the structures of an HDF5 file, page by page, and refuses those that reach past its end or come without end. Readings
 * are generators and no promises: a file has thousands of structures, most of them in pages that are there, and waiting for
 * each would take longest.
 */
export class MetadataReader {
  readonly fail: Fail;
  widths: Widths = { offset: 8, length: 8, base: 0 };
  private readonly pages = new Map<number, Buffer>();
  private fresh = Buffer.alloc(0);
  private waiting: Promise<void> | null = null;
  private spent = 0;
  private structures = 0;

  constructor(
    readonly file: PinnedFile,
    private readonly budget: number,
    private readonly signal?: AbortSignal,
  ) {
    this.fail = failing(file.path);
  }

  /** Waits for what a reading waits for until it ends. @throws AbortError */
  async run<T>(reading: Reading<T>): Promise<T> {
    for (;;) {
      const step = reading.next();
      if (step.done) return step.value;
      const { waiting } = this;
      this.waiting = null;
      await (waiting ?? nextTurn());
      throwIfAborted(this.signal);
    }
  }

  /** The structure of `length` bytes at `address`. */
  *fields(address: number, length: number, what: string): Reading<Fields> {
    this.checkRange(address, length, what);
    this.spend(length, address);
    if (++this.structures % AT_ONCE === 0) yield;
    const number = Math.floor(address / PAGE);
    const start = address - number * PAGE;
    if (start + length > PAGE) {
      const bytes = Buffer.allocUnsafe(length);
      if (!this.file.readNow(bytes, address)) yield* this.wait(this.file.readInto(bytes, address, this.signal));
      return new Fields(bytes, 0, length, what, this.widths, this.fail, address);
    }
    const page = this.pages.get(number) ?? (yield* this.page(number));
    return new Fields(page, start, length, what, this.widths, this.fail, address);
  }

  /** The same, where the last four bytes are the checksum of those before. */
  *summed(address: number, length: number, what: string): Reading<Fields> {
    const fields = yield* this.fields(address, length, what);
    this.checkSum(fields.bytes, what, address);
    return fields.part(length - 4);
  }

  checkSum(bytes: Buffer, what: string, address: number): void {
    const end = bytes.byteLength - 4;
    if (end >= 0 && lookup3(bytes.subarray(0, end)) === bytes.readUInt32LE(end)) return;
    throw this.fail('CHECKSUM_MISMATCH', `${what} at byte ${address} does not have its checksum; fetch the file again`);
  }

  /**
   * Puts a structure of `length` bytes on the account, or a part of one that is kept by itself.
   * @throws CheckpointError `H5_TOO_LARGE` when that is overdrawn
   */
  spend(length: number, address: number): void {
    this.spent += Math.max(length, LEAST_COST);
    if (this.spent <= this.budget) return;
    const message = `names and places of its tensors take more than ${this.budget} bytes to read; it is damaged or made to be endless`;
    throw this.fail('H5_TOO_LARGE', message, address);
  }

  /** @throws CheckpointError `H5_INVALID` unless the bytes lie in the file */
  checkRange(address: number, length: number, what: string): void {
    if (address === UNDEFINED) throw this.fail('H5_INVALID', `${what} has no address`);
    if (address + length <= this.file.size) return;
    const message = `${what} has ${length} bytes at ${address}, and the file has ${this.file.size}; it is truncated or damaged`;
    throw this.fail('H5_INVALID', message, address);
  }

  private *page(number: number): Reading<Buffer> {
    const begin = number * PAGE;
    const bytes = this.freshPage(Math.min(PAGE, this.file.size - begin));
    if (!this.file.readNow(bytes, begin)) yield* this.wait(this.file.readInto(bytes, begin, this.signal));
    const [oldest] = this.pages.keys();
    if (oldest !== undefined && this.pages.size >= KEPT_PAGES) this.pages.delete(oldest);
    this.pages.set(number, bytes);
    return bytes;
  }

  private *wait(until: Promise<void>): Reading<void> {
    this.waiting = until;
    yield;
  }

  private freshPage(length: number): Buffer {
    if (this.fresh.byteLength < length) this.fresh = Buffer.allocUnsafeSlow(PAGES_AT_ONCE * PAGE);
    const page = this.fresh.subarray(0, length);
    this.fresh = this.fresh.subarray(length);
    return page;
  }
}
