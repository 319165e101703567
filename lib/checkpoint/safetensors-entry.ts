import { type CheckpointError, nearest } from '../errors';
import { dtypeNumberOfTag, dtypeTag, SAFETENSORS_TAGS } from './dtype';
import { type CheckpointFault, quote, unreadable } from './fault';
import type { HeaderLimits } from './header-limits';
import type { JsonScanner } from './json-scanner';
import { type TensorTable, tensorBytes } from './tensor-table';

const DTYPE = Buffer.from('"dtype"');
const SHAPE = Buffer.from('"shape"');
const OFFSETS = Buffer.from('"data_offsets"');
const LENGTH_BYTES = 8;
/** The header's own object and the entry's. */
const ENTRY_DEPTH = 2;
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** Reads entries `{"dtype":…,"shape":[…],"data_offsets":[begin,end]}` into a table, checking each by itself. */
export class SafetensorsEntryReader {
  private readonly dims: Float64Array;
  private rank = -1;
  private dtype = -1;
  private begin: number | bigint = -1;
  private end: number | bigint = -1;
  private name = '';
  private start = 0;
  private lastBegin = 0;
  private lastEnd = 0;
  private lastName = '';

  constructor(
    private readonly scanner: JsonScanner,
    private readonly table: TensorTable,
    /** Bytes of the file behind the header. */
    private readonly dataSize: number,
    private readonly limits: HeaderLimits,
    private readonly file: string,
  ) {
    this.dims = new Float64Array(limits.dimensions);
  }

  /** Reads the entry that comes next. @param start - where its name stands in the header, for messages. */
  read(name: string, start: number): void {
    this.name = name;
    this.start = start;
    if (this.table.size === this.limits.tensors) {
      throw this.fail('TOO_MANY_TENSORS', `is one too many: at most ${this.limits.tensors} are allowed in a file`);
    }
    if (!this.table.claim(name)) throw this.fail('DUPLICATE_NAME', 'occurs twice in the header; the file is damaged');
    this.readFields();
    const [begin, end] = this.checkRange();
    this.checkAgainstLast(begin, end);
    this.table.fill(this.dtype, this.dims, this.rank, begin, end);
    this.lastBegin = begin;
    this.lastEnd = end;
    this.lastName = name;
  }

  private readFields(): void {
    const { scanner } = this;
    this.dtype = -1;
    this.rank = -1;
    this.begin = -1;
    if (scanner.peek() !== OPEN_BRACE) throw this.invalid('is not an object');
    scanner.expect('{');
    if (!scanner.accept('}')) {
      do this.readField();
      while (scanner.accept(','));
      scanner.expect('}');
    }
    if (this.dtype === -1) throw this.invalid('has no dtype');
    if (this.rank === -1) throw this.invalid('has no shape');
    if (this.begin === -1) throw this.invalid('has no data_offsets');
  }

  private readField(): void {
    const { scanner } = this;
    const key = this.readKey();
    scanner.expect(':');
    if (key === 'dtype') {
      if (this.dtype !== -1) throw this.twice(key);
      this.readDtype();
    } else if (key === 'shape') {
      if (this.rank !== -1) throw this.twice(key);
      this.readShape();
    } else if (key === 'data_offsets') {
      if (this.begin !== -1) throw this.twice(key);
      this.readOffsets();
    } else {
      // The format lets an entry carry more than its reader knows.
      scanner.skip(ENTRY_DEPTH);
    }
  }

  private readKey(): string {
    const { scanner } = this;
    if (scanner.acceptBytes(DTYPE)) return 'dtype';
    if (scanner.acceptBytes(SHAPE)) return 'shape';
    if (scanner.acceptBytes(OFFSETS)) return 'data_offsets';
    return scanner.string();
  }

  private readDtype(): void {
    if (this.scanner.peek() !== QUOTE) throw this.invalid('has a dtype that is not a string');
    const tag = this.scanner.string();
    this.dtype = dtypeNumberOfTag(tag);
    if (this.dtype !== -1) return;
    const guess = tag.length > 32 ? null : nearest(tag, SAFETENSORS_TAGS);
    const known = guess === null ? `known are ${SAFETENSORS_TAGS.join(', ')}` : `did its writer mean ${guess}?`;
    throw this.fail('UNKNOWN_DTYPE', `has dtype ${quote(tag)}, which safetensors does not define; ${known}`);
  }

  private readShape(): void {
    const { scanner, limits } = this;
    if (scanner.peek() !== OPEN_BRACKET) throw this.invalid('has a shape that is not an array');
    scanner.expect('[');
    this.rank = 0;
    if (scanner.accept(']')) return;
    do {
      if (this.rank === limits.dimensions) {
        throw this.fail('TOO_MANY_DIMENSIONS', `has more than ${limits.dimensions} dimensions`);
      }
      const dim = this.unsigned('shape');
      if (dim > limits.dimension) {
        throw this.fail(
          'OVERFLOW',
          `has a dimension of ${dim}, at most ${limits.dimension} is possible; the file is damaged`,
        );
      }
      this.dims[this.rank++] = Number(dim);
    } while (scanner.accept(','));
    scanner.expect(']');
  }

  private readOffsets(): void {
    const { scanner } = this;
    if (scanner.peek() !== OPEN_BRACKET) throw this.invalid('has data_offsets that are not an array');
    scanner.expect('[');
    const begin = this.unsigned('data_offsets');
    if (!scanner.accept(',')) throw this.invalid('has data_offsets with one number, expected [begin, end]');
    const end = this.unsigned('data_offsets');
    if (!scanner.accept(']')) throw this.invalid('has data_offsets with more than two numbers, expected [begin, end]');
    this.begin = begin;
    this.end = end;
  }

  private unsigned(field: string): number | bigint {
    const byte = this.scanner.peek();
    if (byte < 0x30 || byte > 0x39)
      throw this.invalid(`has a ${field} that holds something else than whole numbers ≥ 0`);
    return this.scanner.unsigned();
  }

  /** Checks dtype, shape and offsets against each other and against the file; returns exact offsets. */
  private checkRange(): [number, number] {
    const { begin, end, dims, rank, dtype } = this;
    const bytes = tensorBytes(dtype, dims, rank);
    if (bytes === 'OVERFLOW')
      throw this.fail('OVERFLOW', `is ${this.shape()}, more than 2^64 - 1 bits; the file is damaged`);
    if (bytes === 'MISALIGNED') throw this.fail('MISALIGNED', `is ${this.shape()}, which does not end at a byte`);
    if (end < begin)
      throw this.fail('INVALID_OFFSETS', `has data_offsets [${begin}, ${end}] that end before they begin`);
    if (end > this.dataSize) {
      throw this.fail(
        'TENSOR_OUT_OF_RANGE',
        `lies at data_offsets [${begin}, ${end}] and the file has ${this.dataSize} bytes of data; ` +
          'the file is truncated or damaged: fetch or save it again',
      );
    }
    // Both are at most the size of the file now, so plain numbers.
    const length = Number(end) - Number(begin);
    if (length !== Number(bytes) || typeof bytes === 'bigint') {
      throw this.fail(
        'SIZE_MISMATCH',
        `is ${this.shape()}, which needs ${bytes} bytes, and its data_offsets [${begin}, ${end}] hold ${length}; the file is damaged`,
      );
    }
    return [Number(begin), Number(end)];
  }

  /** Two neighbours in the header that share bytes end the reading at once: a header of millions of them costs nothing. */
  private checkAgainstLast(begin: number, end: number): void {
    if (begin === end || this.lastBegin === this.lastEnd) return;
    if (begin < this.lastEnd && this.lastBegin < end) {
      throw this.fail(
        'OVERLAP',
        `at data_offsets [${begin}, ${end}] shares bytes with tensor ${quote(this.lastName)} ` +
          `at [${this.lastBegin}, ${this.lastEnd}]; the file is damaged`,
      );
    }
  }

  /** Type and shape as messages show them. */
  private shape(): string {
    return `${dtypeTag(this.dtype)} [${Array.from(this.dims.subarray(0, this.rank)).join(', ')}]`;
  }

  private twice(key: string): CheckpointError {
    return this.fail('DUPLICATE_NAME', `has two keys '${key}'; the file is damaged`);
  }

  private invalid(what: string): CheckpointError {
    return this.fail('HEADER_INVALID_ENTRY', `${what}; the file is damaged`, this.scanner.position);
  }

  private fail(code: CheckpointFault, what: string, at = this.start): CheckpointError {
    return unreadable(code, this.file, `tensor ${quote(this.name)} ${what}`, {
      offset: LENGTH_BYTES + at,
      tensor: this.name,
    });
  }
}
