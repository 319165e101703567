import { type Steps, TurnTaker } from '../../turns';
import type { PinnedFile } from '../pinned-file';
import { Fields, UNDEFINED, type Widths } from './fields';
import { type Fail, failing } from './hdf5-fault';
import { lookup3 } from './lookup3';

/** Bytes read at once where the system has them in memory: structures lie close together. */
const PAGE = 4 * 1024;
/** Pages that are read together where they have to be waited for. */
const RUN = 16;
/** A page that had to be waited for counts so much more than one that had not: so many, and a file is not in memory. */
const LATE_WEIGHT = 2;
const MANY_LATE = 4;
/** Pages that are kept: more than any piece of work needs, which would otherwise never have all of them. */
const KEPT_PAGES = 8192;
/** Pages that are allocated at once. */
const PAGES_AT_ONCE = 32;
/** A structure costs as much as so many bytes, so that many tiny ones end too. */
const LEAST_COST = 64;
/** Pieces of work between two chances for other work to have its turn: most wait for nothing. */
const AT_ONCE = 16;

/** Thrown where bytes are not there yet. */
const LATE = Symbol('late');

/** What is read of a file. It yields where it waits for bytes, too. */
export type Reading<T> = Steps<T>;

/** What has been read of a file: pages by their numbers, and the runs of pages that are being read. */
interface Memory {
  pages: Map<number, Buffer>;
  runs: Map<number, Promise<void>>;
}

/** What there is to wait for where nothing is. */
export const NOTHING: Iterable<void> = [];

/**
 * Reads the structures of an HDF5 file, page by page, and refuses those that reach past its end or come without end. A file has
 * thousands of structures, most of them in pages that are there, and waiting for each would take longest: pieces of work
 * take them at once, and are begun again where a page was not there.
 */
export class MetadataReader {
  readonly fail: Fail;
  widths: Widths = { offset: 8, length: 8, base: 0 };
  /** Structures in several pages that had to be waited for, by their addresses, until the piece of work that needs them is done. */
  private readonly wide = new Map<number, Buffer>();
  private lateness = 0;
  private fresh = Buffer.alloc(0);
  private waiting: Promise<void> | null = null;
  private spent = 0;
  private pieces = 0;

  constructor(
    readonly file: PinnedFile,
    private readonly budget: number,
    private readonly signal?: AbortSignal,
    private readonly memory: Memory = { pages: new Map(), runs: new Map() },
  ) {
    this.fail = failing(file.path);
  }

  /** Waits for what a reading waits for until it ends. @throws AbortError */
  async run<T>(reading: Reading<T>): Promise<T> {
    const turns = new TurnTaker(this.signal);
    for (;;) {
      const step = reading.next();
      if (step.done) return step.value;
      const wait = this.waiting ?? turns.next();
      this.waiting = null;
      if (wait) await wait;
    }
  }

  /**
   * A piece of work: what `piece` makes of structures that it takes by `now`. Where one of them has to be waited for, it is
   * called again, and so may change nothing before it has taken the last.
   */
  *patiently<T>(piece: () => T): Reading<T> {
    const { spent } = this;
    if (++this.pieces % AT_ONCE === 0) yield;
    for (;;) {
      try {
        const made = piece();
        if (this.wide.size > 0) this.wide.clear();
        return made;
      } catch (error) {
        if (error !== LATE) throw error;
      }
      this.spent = spent;
      yield;
    }
  }

  /** The structure of `length` bytes at `address`. */
  fields(address: number, length: number, what: string): Reading<Fields> {
    return this.patiently(() => this.now(address, length, what));
  }

  /** The same, where the last four bytes are the checksum of those before. */
  summed(address: number, length: number, what: string): Reading<Fields> {
    return this.patiently(() => this.summedNow(address, length, what));
  }

  /**
   * The structure of `length` bytes at `address`, for a piece of work.
   * @param most - Bytes that may belong to it: those that lie in the same page come along
   */
  now(address: number, length: number, what: string, most = length): Fields {
    this.checkRange(address, length, what);
    this.spend(length, address);
    const number = Math.floor(address / PAGE);
    const start = address - number * PAGE;
    if (start + length > PAGE) {
      const waited = this.wide.get(address);
      const bytes = waited && waited.byteLength >= length ? waited : this.readWide(address, length);
      return new Fields(bytes, 0, length, what, this.widths, this.fail, address);
    }
    const page = this.memory.pages.get(number) ?? this.readPage(number);
    const there = Math.min(most, page.byteLength - start);
    return new Fields(page, start, there, what, this.widths, this.fail, address);
  }

  /** The next `length` bytes of a structure, whether they came along or not. */
  rest(fields: Fields, length: number): Fields {
    const address = fields.place + fields.at;
    if (length > fields.left) return this.now(address, length, fields.what);
    this.spend(length, address);
    return fields.part(length);
  }

  summedNow(address: number, length: number, what: string): Fields {
    const fields = this.now(address, length, what);
    this.checkSum(fields.bytes, what, address);
    return fields.part(length - 4);
  }

  checkSum(bytes: Buffer, what: string, address: number): void {
    const end = bytes.byteLength - 4;
    if (end >= 0 && lookup3(bytes.subarray(0, end)) === bytes.readUInt32LE(end)) return;
    throw this.fail('CHECKSUM_MISMATCH', `${what} at byte ${address} does not have its checksum; fetch the file again`);
  }

  /** Whether the file is not in memory. */
  get isLate(): boolean {
    return this.lateness >= MANY_LATE;
  }

  /** A reader of the same pages with an account of its own, for those who look ahead. */
  beside(): MetadataReader {
    const other = new MetadataReader(this.file, this.budget, this.signal, this.memory);
    other.widths = this.widths;
    return other;
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

  private readPage(number: number): Buffer {
    const begin = number * PAGE;
    const page = this.freshPage(Math.min(PAGE, this.file.size - begin));
    if (!this.file.readNow(page, begin)) {
      this.lateness = Math.min(this.lateness + LATE_WEIGHT, 2 * MANY_LATE);
      return this.wait(this.readAround(number));
    }
    this.lateness = Math.max(this.lateness - 1, 0);
    this.keep(number, page);
    return page;
  }

  /** Reads the pages around one that is not in memory: others of them may be wanted next. */
  private readAround(number: number): Promise<void> {
    const run = Math.floor(number / RUN);
    const known = this.memory.runs.get(run);
    if (known) return known;
    const reading = this.readRun(run).finally(() => this.memory.runs.delete(run));
    this.memory.runs.set(run, reading);
    return reading;
  }

  private async readRun(run: number): Promise<void> {
    const first = run * RUN;
    const begin = first * PAGE;
    const bytes = Buffer.allocUnsafeSlow(Math.min(RUN * PAGE, this.file.size - begin));
    await this.file.readInto(bytes, begin, this.signal);
    for (let at = 0; at < bytes.byteLength; at += PAGE) this.keep(first + at / PAGE, bytes.subarray(at, at + PAGE));
  }

  private readWide(address: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    if (this.file.readNow(bytes, address)) return bytes;
    const reading = this.file.readInto(bytes, address, this.signal);
    return this.wait(reading.then(() => void this.wide.set(address, bytes)));
  }

  private wait(until: Promise<void>): never {
    this.waiting = until;
    throw LATE;
  }

  private keep(number: number, page: Buffer): void {
    const [oldest] = this.memory.pages.keys();
    if (oldest !== undefined && this.memory.pages.size >= KEPT_PAGES) this.memory.pages.delete(oldest);
    this.memory.pages.set(number, page);
  }

  private freshPage(length: number): Buffer {
    if (this.fresh.byteLength < length)
      this.fresh = Buffer.allocUnsafeSlow(Math.min(PAGES_AT_ONCE * PAGE, this.file.size));
    const page = this.fresh.subarray(0, length);
    this.fresh = this.fresh.subarray(length);
    return page;
  }
}
