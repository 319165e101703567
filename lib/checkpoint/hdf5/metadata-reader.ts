import { setImmediate as nextTurn } from 'node:timers/promises';
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

/** What structures are read from: a file, or bytes in memory. */
export type ReadableFile = Pick<PinnedFile, 'path' | 'size' | 'readInto'>;

/** Whether bytes are still to come. */
function isLate(bytes: Buffer | Promise<Buffer>): bytes is Promise<Buffer> {
  return 'then' in bytes;
}

/**
 * Reads the structures of an HDF5 file, page by page, and refuses those that reach past its end or come without end. What lies
 * in a page that has been read is there at once: a file has thousands of structures, and waiting for each would take longest.
 */
export class MetadataReader {
  readonly fail: Fail;
  widths: Widths = { offset: 8, length: 8, base: 0 };
  private readonly pages = new Map<number, Buffer | Promise<Buffer>>();
  private fresh = Buffer.alloc(0);
  private spent = 0;
  private structures = 0;

  constructor(
    readonly file: ReadableFile,
    private readonly budget: number,
    private readonly signal?: AbortSignal,
  ) {
    this.fail = failing(file.path);
  }

  /** Lets go of what was read, and of its account: what follows is another piece of work. */
  renew(): void {
    this.pages.clear();
    this.spent = 0;
  }

  /** The structure of `length` bytes at `address`. */
  fields(address: number, length: number, what: string): Fields | Promise<Fields> {
    const fieldsOf = (bytes: Buffer) => new Fields(bytes, what, this.widths, this.fail, address);
    const bytes = this.bytes(address, length, what);
    return isLate(bytes) ? bytes.then(fieldsOf) : fieldsOf(bytes);
  }

  /** The same, where the last four bytes are the checksum of those before. */
  async summed(address: number, length: number, what: string): Promise<Fields> {
    const fields = await this.fields(address, length, what);
    this.checkSum(fields.bytes, what, address);
    return new Fields(fields.bytes.subarray(0, length - 4), what, this.widths, this.fail, address);
  }

  checkSum(bytes: Buffer, what: string, address: number): void {
    const end = bytes.byteLength - 4;
    if (end >= 0 && lookup3(bytes.subarray(0, end)) === bytes.readUInt32LE(end)) return;
    throw this.fail('CHECKSUM_MISMATCH', `${what} at byte ${address} does not have its checksum; fetch the file again`);
  }

  bytes(address: number, length: number, what: string): Buffer | Promise<Buffer> {
    this.checkRange(address, length, what);
    this.spend(length, address);
    if (++this.structures % AT_ONCE === 0) return nextTurn().then(() => this.inPage(address, length));
    return this.inPage(address, length);
  }

  private inPage(address: number, length: number): Buffer | Promise<Buffer> {
    const first = Math.floor(address / PAGE);
    const start = address - first * PAGE;
    if (start + length > PAGE) {
      const bytes = Buffer.allocUnsafeSlow(length);
      return this.file.readInto(bytes, address, this.signal).then(() => bytes);
    }
    const page = this.pages.get(first) ?? this.readPage(first);
    if (isLate(page)) return page.then((bytes) => bytes.subarray(start, start + length));
    return page.subarray(start, start + length);
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

  private readPage(number: number): Promise<Buffer> {
    const [oldest] = this.pages.keys();
    if (oldest !== undefined && this.pages.size >= KEPT_PAGES) this.pages.delete(oldest);
    const bytes = this.freshPage(Math.min(PAGE, this.file.size - number * PAGE));
    const reading = this.file.readInto(bytes, number * PAGE, this.signal).then(() => {
      if (this.pages.get(number) === reading) this.pages.set(number, bytes);
      return bytes;
    });
    this.pages.set(number, reading);
    return reading;
  }

  private freshPage(length: number): Buffer {
    if (this.fresh.byteLength < length)
      this.fresh = Buffer.allocUnsafeSlow(Math.min(PAGES_AT_ONCE * PAGE, this.file.size));
    const page = this.fresh.subarray(0, length);
    this.fresh = this.fresh.subarray(length);
    return page;
  }
}
