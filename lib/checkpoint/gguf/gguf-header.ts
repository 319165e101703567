/**
 * Parses the header of a GGUF file: metadata, then names, types and places of tensors. Nothing is believed before it has
 * been compared with the bytes that are there.
 *
 * Source: ggml docs/gguf.md and gguf.cpp.
 */
import { isUtf8 } from 'node:buffer';
import { atOnce, type Steps, sortInSteps } from '../../turns';
import { bitsOf, type StoredDType } from '../dtype';
import { type CheckpointFault, quote, unreadable } from '../fault';
import { foreignFormat, isGitLfsPointer } from '../foreign-format';
import type { HeaderLimits } from '../header-limits';
import { blockOf, isBlockDType, isUnreadBlock } from './block-types';
import { ggmlType } from './ggml-types';
import { GGUF_TYPES, GgufArray, type GgufScalarType, type GgufType, type GgufValue, SCALARS } from './gguf-values';

/** A tensor as the header names it. */
export interface GgufTensor {
  dtype: StoredDType;
  /** As PyTorch has it: the last dimension is the one whose elements lie side by side. */
  shape: number[];
  /** First byte, from the start of the file. */
  begin: number;
  byteLength: number;
}

export interface GgufHeader {
  version: number;
  metadata: Map<string, GgufValue>;
  /** In the order of the header. */
  tensors: Map<string, GgufTensor>;
  /** Their names in the order of the file. */
  ordered: string[];
  alignment: number;
}

/** What is known of the file beside its first bytes. */
export interface GgufFile {
  path: string;
  size: number;
  limits: HeaderLimits;
  /** Lists tensors of types that a load refuses, too. Default false. */
  lookOnly?: boolean;
}

const MAGIC = 'GGUF';
/** Dimensions of a tensor in ggml. */
const MOST_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;
const LARGEST_ALIGNMENT = 2 ** 20;
/** Arrays that may contain each other. */
const DEEPEST = 16;
/** Entries between two steps. */
const AT_ONCE = 64;
/** Bytes of the shortest record of a tensor, and of metadata: a name of no bytes, and what must follow. */
const LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8;
const LEAST_ENTRY_BYTES = 8 + 4 + 1;

/** The header goes on behind the bytes that were given. */
class MoreNeeded {}

/**
 * The header in the first bytes of a file; null when it does not end within them and the file goes on.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` for everything that is wrong with it.
 */
export function parseGgufHeader(bytes: Uint8Array, file: GgufFile): GgufHeader | null {
  return atOnce(parseGgufHeaderInSteps(bytes, file));
}

/** `parseGgufHeader` in steps, for callers that share their thread. */
export function* parseGgufHeaderInSteps(bytes: Uint8Array, file: GgufFile): Steps<GgufHeader | null> {
  try {
    return yield* new Parser(bytes, file).run();
  } catch (error) {
    if (error instanceof MoreNeeded) return null;
    throw error;
  }
}

class Parser {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private at = 0;
  /** Arrays that are elements of others. */
  private nested = 0;

  constructor(
    bytes: Uint8Array,
    private readonly file: GgufFile,
  ) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  *run(): Steps<GgufHeader> {
    this.checkMagic();
    const version = this.version();
    const { limits, size } = this.file;
    const tensors = this.count('tensors', LEAST_TENSOR_BYTES, 'TOO_MANY_TENSORS', limits.tensors);
    const entries = this.count('metadata entries', LEAST_ENTRY_BYTES, 'METADATA_INVALID', limits.metadataEntries);
    const metadata = yield* this.readMetadata(entries);
    const alignment = this.alignmentOf(metadata);
    const rows = yield* this.readTensors(tensors);
    const data = Math.ceil(this.at / alignment) * alignment;
    if (rows.size > 0 && data > size) this.fail('HEADER_TRUNCATED', 'it ends before its tensors begin');
    const ordered = yield* this.place(rows, data);
    return { version, metadata, tensors: rows, ordered, alignment };
  }

  private checkMagic(): void {
    const { size } = this.file;
    if (size === 0) this.fail('EMPTY_FILE', 'it has no bytes; fetch it again');
    if (isGitLfsPointer(this.bytes))
      this.fail(
        'GIT_LFS_POINTER',
        'it is the pointer that git leaves in place of a large file; install git-lfs and run git lfs pull',
      );
    const start = this.bytes.toString('latin1', 0, MAGIC.length);
    if (start !== MAGIC) {
      const foreign = foreignFormat(this.bytes);
      this.fail('WRONG_FORMAT', foreign ? `it is ${foreign}` : `it begins with ${quote(start)}, and not with GGUF`);
    }
    this.at = MAGIC.length;
  }

  private version(): number {
    const version = this.uint32();
    if (version === 2 || version === 3) return version;
    if (version !== 0 && (version & 0xffff) === 0)
      this.fail('BIG_ENDIAN', 'its numbers are big-endian, and only little-endian files are read; convert it');
    return this.fail('UNSUPPORTED_FORMAT', `it has version ${version} of GGUF; versions 2 and 3 are read`);
  }

  /** A number of records, each of `least` bytes at least. */
  private count(what: string, least: number, code: CheckpointFault, most: number): number {
    const found = this.uint64();
    if (found > (this.file.size - this.at) / least)
      this.fail('HEADER_TRUNCATED', `it says that it holds ${found} ${what}, more than its bytes have room for`);
    if (found > most) this.fail(code, `it says that it holds ${found} ${what}; at most ${most} are read`);
    return Number(found);
  }

  private *readMetadata(entries: number): Steps<Map<string, GgufValue>> {
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < entries; i++) {
      if (i % AT_ONCE === AT_ONCE - 1) yield;
      const key = this.name('METADATA_INVALID');
      if (metadata.has(key)) this.fail('DUPLICATE_NAME', `its metadata has ${quote(key)} twice`);
      metadata.set(key, this.value(this.type(key), key));
    }
    return metadata;
  }

  private type(key: string): GgufType {
    const number = this.uint32();
    const type = GGUF_TYPES[number];
    return type ?? this.fail('METADATA_INVALID', `its metadata ${quote(key)} has type ${number}, which GGUF has not`);
  }

  private value(type: GgufType, key: string): GgufValue {
    if (type === 'string') return { type, value: this.text(key) };
    if (type === 'array') return { type, value: this.array(key, 1) };
    return { type, value: this.scalar(type) };
  }

  private scalar(type: GgufScalarType): number | bigint | boolean {
    const { bytes, get } = SCALARS[type];
    const at = this.take(bytes);
    return get(this.view, at);
  }

  private text(key: string): string {
    const [begin, end] = this.textRange();
    const bytes = this.bytes.subarray(begin, end);
    if (!isUtf8(bytes)) this.fail('HEADER_INVALID_UTF8', `its metadata ${quote(key)} is not UTF-8`);
    return bytes.toString('utf8');
  }

  private array(key: string, depth: number): GgufArray {
    if (depth > DEEPEST)
      this.fail('METADATA_INVALID', `its metadata ${quote(key)} nests deeper than ${DEEPEST} arrays`);
    const type = this.type(key);
    const least = type === 'string' ? 8 : type === 'array' ? 12 : SCALARS[type].bytes;
    const length = this.uint64();
    if (length > (this.file.size - this.at) / least)
      this.fail('HEADER_TRUNCATED', `its metadata ${quote(key)} says ${length} elements, more than its bytes hold`);
    const begin = this.at;
    const nested: GgufArray[] = [];
    if (type === 'array') {
      this.nested += Number(length);
      if (this.nested > this.file.limits.metadataEntries)
        this.fail(
          'METADATA_INVALID',
          `its metadata holds more than ${this.file.limits.metadataEntries} arrays in arrays`,
        );
      for (let i = 0; i < length; i++) nested.push(this.array(key, depth + 1));
    } else if (type === 'string') for (let i = 0; i < length; i++) this.textRange();
    else this.take(Number(length) * least);
    const bytes = this.bytes.subarray(begin, this.at);
    if (type === 'string' && !this.isText(bytes, Number(length)))
      this.fail('HEADER_INVALID_UTF8', `its metadata ${quote(key)} is not UTF-8`);
    return new GgufArray(type, Number(length), bytes, nested);
  }

  /** Whether every text of an array is UTF-8. Lengths are mostly zero bytes, so that the whole tells in most cases. */
  private isText(bytes: Buffer, length: number): boolean {
    if (isUtf8(bytes)) return true;
    for (let i = 0, at = 0; i < length; i++) {
      const end = at + 8 + bytes.readUInt32LE(at);
      if (!isUtf8(bytes.subarray(at + 8, end))) return false;
      at = end;
    }
    return true;
  }

  private alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
    const found = metadata.get('general.alignment');
    if (found === undefined) return DEFAULT_ALIGNMENT;
    const { type, value } = found;
    const isPower =
      typeof value === 'number' && value >= 1 && value <= LARGEST_ALIGNMENT && (value & (value - 1)) === 0;
    if (type === 'uint32' && isPower) return value;
    const said = type === 'array' ? 'an array' : type === 'string' ? quote(value) : `${value} (${type})`;
    return this.fail('METADATA_INVALID', `its general.alignment is ${said}; expected a uint32 that is a power of two`);
  }

  private *readTensors(count: number): Steps<Map<string, GgufTensor>> {
    const rows = new Map<string, GgufTensor>();
    for (let i = 0; i < count; i++) {
      if (i % AT_ONCE === AT_ONCE - 1) yield;
      const name = this.name('HEADER_INVALID_ENTRY');
      if (rows.has(name)) this.fail('DUPLICATE_NAME', `it holds tensor ${quote(name)} twice`, name);
      const shape = this.shape(name);
      const number = this.uint32();
      const dtype = this.dtype(name, number);
      const byteLength = this.byteLength(name, dtype, shape);
      const offset = this.uint64();
      if (offset > Number.MAX_SAFE_INTEGER) this.fail('OVERFLOW', `tensor ${quote(name)} lies at ${offset}`, name);
      rows.set(name, { dtype, shape, begin: Number(offset), byteLength });
    }
    return rows;
  }

  private shape(name: string): number[] {
    const rank = this.uint32();
    if (rank > MOST_DIMENSIONS)
      this.fail('TOO_MANY_DIMENSIONS', `tensor ${quote(name)} has ${rank} dimensions; GGUF allows ${MOST_DIMENSIONS}`);
    const shape: number[] = [];
    for (let i = 0; i < rank; i++) {
      const dim = this.uint64();
      if (dim > this.file.limits.dimension) this.fail('OVERFLOW', `tensor ${quote(name)} has dimension ${dim}`, name);
      shape.unshift(Number(dim));
    }
    return shape;
  }

  private dtype(name: string, number: number): StoredDType {
    const found = ggmlType(number);
    if (found === null)
      return this.fail('UNKNOWN_DTYPE', `tensor ${quote(name)} has type ${number}, which ggml does not define`, name);
    if ('dtype' in found && (this.file.lookOnly || !isUnreadBlock(found.dtype))) return found.dtype;
    const type = 'dtype' in found ? found.dtype : found.unknown;
    const what = `tensor ${quote(name)} is of type ${type} (${number}), which is not supported`;
    return this.fail('UNSUPPORTED_TENSOR', `${what}; quantise the model in another type`, name);
  }

  private byteLength(name: string, dtype: StoredDType, shape: readonly number[]): number {
    const block = isBlockDType(dtype) ? blockOf(dtype) : { elements: 1, bytes: bitsOf(dtype) / 8 };
    const row = shape.at(-1) ?? 1;
    if (row % block.elements !== 0)
      this.fail(
        'SIZE_MISMATCH',
        `tensor ${quote(name)} has rows of ${row} elements, which are no whole blocks of ${dtype} (${block.elements})`,
        name,
      );
    if (shape.includes(0)) return 0;
    const blocks = shape.reduce((product, dim) => product * dim, 1) / block.elements;
    if (blocks * block.bytes > this.file.size) {
      const what = `tensor ${quote(name)} of ${dtype} [${shape}] is larger than the file`;
      this.fail(blocks * block.bytes > Number.MAX_SAFE_INTEGER ? 'OVERFLOW' : 'TENSOR_OUT_OF_RANGE', what, name);
    }
    return blocks * block.bytes;
  }

  /** Checks that every tensor lies in the file and none in another. @returns their names in the order of the file */
  private *place(rows: ReadonlyMap<string, GgufTensor>, data: number): Steps<string[]> {
    const placed: (readonly [name: string, tensor: GgufTensor])[] = [];
    for (const row of rows) {
      row[1].begin += data;
      this.checkPlace(...row);
      if (placed.push(row) % AT_ONCE === 0) yield;
    }
    const names: string[] = [];
    let end = 0;
    let before = '';
    for (const [name, { begin, byteLength }] of yield* sortInSteps(placed, ([, a], [, b]) => a.begin - b.begin)) {
      if (names.push(name) % AT_ONCE === 0) yield;
      if (byteLength === 0) continue;
      if (begin < end) this.fail('OVERLAP', `tensor ${quote(name)} shares bytes with tensor ${quote(before)}`, name);
      end = begin + byteLength;
      before = name;
    }
    return names;
  }

  private checkPlace(name: string, { begin, byteLength }: GgufTensor): void {
    if (begin + byteLength > this.file.size)
      this.fail(
        'TENSOR_OUT_OF_RANGE',
        `tensor ${quote(name)} lies at bytes ${begin} to ${begin + byteLength}, and the file has ${this.file.size}; ` +
          'it is truncated, or its header lies',
        name,
      );
  }

  /** A key or the name of a tensor. */
  private name(code: CheckpointFault): string {
    const [begin, end] = this.textRange(this.file.limits.nameBytes);
    const bytes = this.bytes.subarray(begin, end);
    if (!isUtf8(bytes)) this.fail(code, 'it has a name that is not UTF-8');
    return bytes.toString('utf8');
  }

  private textRange(most = Number.POSITIVE_INFINITY): [begin: number, end: number] {
    const length = this.uint64();
    if (length > this.file.size - this.at)
      this.fail('HEADER_TRUNCATED', `a text of ${length} bytes at byte ${this.at} reaches past its end`);
    if (length > most) this.fail('NAME_TOO_LONG', `it has a name of ${length} bytes; at most ${most}`);
    const begin = this.take(Number(length));
    return [begin, this.at];
  }

  private uint32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** A number where it is exact; what is larger is said as it is, and is too large for every use. */
  private uint64(): number | bigint {
    const at = this.take(8);
    const high = this.view.getUint32(at + 4, true);
    return high < 0x200000 ? high * 2 ** 32 + this.view.getUint32(at, true) : this.view.getBigUint64(at, true);
  }

  /** Moves over `length` bytes; where they begin. */
  private take(length: number): number {
    const { at } = this;
    if (at + length > this.file.size) this.fail('HEADER_TRUNCATED', `its header ends at byte ${this.file.size}`);
    if (at + length > this.file.limits.headerBytes)
      this.fail('HEADER_TOO_LARGE', `its header is longer than ${this.file.limits.headerBytes} bytes`);
    if (at + length > this.bytes.byteLength) throw new MoreNeeded();
    this.at = at + length;
    return at;
  }

  private fail(code: CheckpointFault, message: string, tensor?: string): never {
    throw unreadable(code, this.file.path, message, tensor === undefined ? { offset: this.at } : { tensor });
  }
}
