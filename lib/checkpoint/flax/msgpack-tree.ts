/**
 * Reads a msgpack file as a tree: maps and lists are branches, arrays are leaves of which only the place is noted, and of
 * everything else only what a leaf that is cut into chunks needs.
 *
 * Source: the msgpack specification, and flax/serialization.py of Flax 0.7 for the extension types.
 */
import { isUtf8 } from 'node:buffer';
import { dtypeNumber, type StoredDType } from '../dtype';
import { quote } from '../fault';
import type { HeaderLimits } from '../header-limits';
import { tensorBytes } from '../tensor-table';
import type { MsgpackWindow, Wanted } from './msgpack-window';

/** An array whose elements lie side by side in the file. */
export interface ArrayLeaf {
  kind: 'array';
  dtype: StoredDType;
  shape: number[];
  /** First byte of the elements, and how many bytes they are. */
  begin: number;
  byteLength: number;
}

/** A value that is no weight: a text, a flag, a number of Python's. */
export interface OtherLeaf {
  kind: 'other';
  /** The value of an integer or a flag, or the first characters of a text. */
  value: number | boolean | string | null;
}

export interface Branch {
  kind: 'branch';
  children: Map<string, TreeNode>;
  isList?: true;
}

export type TreeNode = ArrayLeaf | OtherLeaf | Branch;

/** Values of a file, its branches among them. */
const MOST_VALUES = 1_500_000;
/** Characters of a text that are kept: enough to see what a leaf stands in for. */
const TEXT_KEPT = 64;
/** Longest name of an element type. */
const MOST_DTYPE_BYTES = 64;

const ARRAY_EXTENSION = 1;
const COMPLEX_EXTENSION = 2;
const SCALAR_EXTENSION = 3;

/** What NumPy calls the types that a file of weights can have. Its other types are refused by name. */
export const NUMPY_DTYPES: ReadonlySet<string> = new Set<StoredDType>([
  'bool',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float8_e4m3fn',
  'float8_e4m3fnuz',
  'float8_e5m2',
  'float8_e5m2fnuz',
  'float8_e8m0fnu',
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'complex64',
]);

type Kind = 'map' | 'list' | 'text' | 'binary' | 'extension' | 'integer' | 'float' | 'constant';

/** Values that are read between two chances for other work to have its turn. */
const AT_ONCE = 64;

export class MsgpackTree {
  private values = 0;
  /** Values that no tensor is, and that take a byte or a few each. */
  private others = 0;
  private keyBytes = 0;
  /** Of which kind the last value is. */
  private kind: Kind = 'constant';
  /** What the last head says: how many pairs, items or bytes follow. */
  private count = 0;
  /** What it says of an integer or a constant: the value itself; of an extension: its type. */
  private value: number | boolean | null = null;

  constructor(
    private readonly window: MsgpackWindow,
    private readonly limits: HeaderLimits,
  ) {}

  /** The value of a whole file. @throws CheckpointError `MSGPACK_…`, `UNKNOWN_DTYPE`, `UNSUPPORTED_TENSOR`, `TOO_MANY_DIMENSIONS`, `OVERFLOW` */
  *read(): Generator<Wanted, TreeNode> {
    const root = yield* this.node(0, '');
    const { remaining, at } = this.window;
    if (remaining > 0) {
      this.window.fail(
        'MSGPACK_TRAILING_DATA',
        `${remaining} bytes follow its value; something was appended to it, or it is no Flax file: fetch or save it again`,
        at,
      );
    }
    return root;
  }

  private *node(depth: number, path: string): Generator<Wanted, TreeNode> {
    const { window } = this;
    const { at } = window;
    if (++this.values > MOST_VALUES) window.fail('MSGPACK_TOO_LARGE', `it holds more than ${MOST_VALUES} values`, at);
    if (this.values % AT_ONCE === 0) yield 0;
    if (depth > this.limits.depth) {
      window.fail('MSGPACK_TOO_DEEP', `its values nest deeper than ${this.limits.depth}`, at);
    }
    const leaf = yield* window.wholly(() => this.leaf(path));
    if (leaf === null) {
      const isMap = this.kind === 'map';
      const { count } = this;
      if (count === 0) this.countOther(at);
      return yield* isMap ? this.map(count, depth, path) : this.list(count, depth, path);
    }
    if (leaf.kind === 'other' && this.kind !== 'extension') this.countOther(at);
    return leaf;
  }

  /** The next value; null for a map or a list, whose head has been read. */
  private leaf(path: string): ArrayLeaf | OtherLeaf | null {
    const { window } = this;
    const kind = this.head();
    const { count, value } = this;
    this.kind = kind;
    switch (kind) {
      case 'map':
      case 'list':
        return null;
      case 'extension':
        return this.extension(value as number, count, path);
      case 'text': {
        const text = window.view(Math.min(count, TEXT_KEPT)).toString('utf8');
        window.skip(count - Math.min(count, TEXT_KEPT));
        return { kind: 'other', value: text };
      }
      case 'binary':
      case 'float':
        window.skip(count);
        return { kind: 'other', value: null };
      default:
        return { kind: 'other', value };
    }
  }

  private countOther(at: number): void {
    const { metadataEntries } = this.limits;
    if (++this.others <= metadataEntries) return;
    this.window.fail('MSGPACK_TOO_LARGE', `it holds more than ${metadataEntries} values that are no arrays`, at);
  }

  private *map(count: number, depth: number, path: string): Generator<Wanted, Branch> {
    const { window } = this;
    window.check(count * 2);
    const children = new Map<string, TreeNode>();
    for (let i = 0; i < count; i++) {
      const { at } = window;
      const key = yield* window.wholly(() => this.key());
      this.countKey(key, at);
      const inner = path === '' ? key : `${path}/${key}`;
      if (children.has(key)) window.fail('MSGPACK_DUPLICATE_KEY', `two entries are called ${quote(inner)}`, at);
      children.set(key, yield* this.node(depth + 1, inner));
    }
    return { kind: 'branch', children };
  }

  private *list(count: number, depth: number, path: string): Generator<Wanted, Branch> {
    this.window.check(count);
    const children = new Map<string, TreeNode>();
    for (let i = 0; i < count; i++) children.set(String(i), yield* this.node(depth + 1, `${path}/${i}`));
    return { kind: 'branch', children, isList: true };
  }

  private key(): string {
    const { window, limits } = this;
    const { at } = window;
    if (this.head() !== 'text') window.fail('MSGPACK_INVALID', 'a key is something else than a text', at);
    const { count } = this;
    window.check(count);
    if (count > limits.nameBytes)
      window.fail('NAME_TOO_LONG', `a key has ${count} bytes; at most ${limits.nameBytes}`, at);
    const bytes = window.view(count);
    if (!isUtf8(bytes)) window.fail('MSGPACK_INVALID', 'a text is not UTF-8', at);
    return bytes.toString('utf8');
  }

  private countKey(key: string, at: number): void {
    this.keyBytes += Buffer.byteLength(key);
    if (this.keyBytes > this.limits.headerBytes) {
      const message = `its keys have more than ${this.limits.headerBytes} bytes together`;
      this.window.fail('MSGPACK_TOO_LARGE', message, at);
    }
  }

  private extension(type: number, length: number, path: string): ArrayLeaf | OtherLeaf {
    const { window } = this;
    const { at } = window;
    window.check(length);
    switch (type) {
      case ARRAY_EXTENSION:
      case SCALAR_EXTENSION:
        return this.array(at + length, path, type === SCALAR_EXTENSION);
      case COMPLEX_EXTENSION:
        window.skip(length);
        return { kind: 'other', value: null };
      default:
        return window.fail(
          'MSGPACK_EXTENSION',
          `${quote(path)} is of extension type ${type}; Flax writes 1 (array), 2 (complex number) and 3 (scalar)`,
          at,
        );
    }
  }

  /** `[shape, name of the element type, bytes]`, up to byte `end`. */
  private array(end: number, path: string, isScalar: boolean): ArrayLeaf | OtherLeaf {
    const { window } = this;
    const { at } = window;
    const invalid: (what: string) => never = (what) =>
      window.fail('MSGPACK_INVALID', `the array ${quote(path)} ${what}`, at);
    if (this.head() !== 'list' || this.count !== 3) invalid('is no list of shape, type and bytes');
    const shape = this.shape(path, invalid);
    const named = this.dtypeName(invalid);
    // A complex number of Python's, as it is written with NumPy 1.
    if (isScalar && named === 'complex128') {
      if (end < window.at) invalid('is longer than its extension says');
      window.skip(end - window.at);
      return { kind: 'other', value: null };
    }
    const dtype = this.knownDtype(named, path);
    const kind = this.head();
    if (kind !== 'binary' && kind !== 'text') invalid('has no bytes');
    const byteLength = this.count;
    const begin = window.at;
    if (begin + byteLength !== end) invalid(`holds ${byteLength} bytes where ${end - begin} are left`);
    const needed = tensorBytes(dtypeNumber(dtype), shape, shape.length);
    if (needed !== byteLength) {
      window.fail(
        'MSGPACK_SIZE_MISMATCH',
        `${quote(path)} of ${dtype} [${shape}] needs ${needed} bytes and has ${byteLength}`,
        begin,
      );
    }
    window.skip(byteLength);
    return { kind: 'array', dtype, shape, begin, byteLength };
  }

  private shape(path: string, invalid: (what: string) => never): number[] {
    const { limits, window } = this;
    if (this.head() !== 'list') invalid('has no shape');
    const { count } = this;
    if (count > limits.dimensions) {
      window.fail('TOO_MANY_DIMENSIONS', `${quote(path)} has ${count} dimensions; at most ${limits.dimensions}`);
    }
    const shape: number[] = [];
    for (let i = 0; i < count; i++) {
      const isInteger = this.head() === 'integer';
      const value = this.value as number;
      if (!isInteger || value < 0) invalid('has a shape of something else than whole numbers');
      if (value > limits.dimension) {
        window.fail('OVERFLOW', `${quote(path)} has a dimension of ${value}; at most 2^48`);
      }
      shape.push(value);
    }
    return shape;
  }

  private dtypeName(invalid: (what: string) => never): string {
    const kind = this.head();
    const { count } = this;
    if ((kind !== 'text' && kind !== 'binary') || count > MOST_DTYPE_BYTES) invalid('has no element type');
    return this.window.view(count).toString('latin1');
  }

  private knownDtype(name: string, path: string): StoredDType {
    if (NUMPY_DTYPES.has(name)) return name as StoredDType;
    return this.window.fail('UNKNOWN_DTYPE', `${quote(path)} has elements of ${quote(name)}, which no weight here has`);
  }

  /** The first byte of a value, and the count or number behind it. */
  private head(): Kind {
    const { window } = this;
    const { at } = window;
    const byte = window.u8();
    if (byte < 0x80) return this.says('integer', 0, byte);
    if (byte < 0x90) return this.says('map', byte & 0x0f);
    if (byte < 0xa0) return this.says('list', byte & 0x0f);
    if (byte < 0xc0) return this.says('text', byte & 0x1f);
    if (byte >= 0xe0) return this.says('integer', 0, byte - 0x100);
    switch (byte) {
      case 0xc0:
        return this.says('constant', 0, null);
      case 0xc2:
      case 0xc3:
        return this.says('constant', 0, byte === 0xc3);
      case 0xc4:
        return this.says('binary', window.u8());
      case 0xc5:
        return this.says('binary', window.u16());
      case 0xc6:
        return this.says('binary', window.u32());
      case 0xc7:
        return this.says('extension', window.u8(), window.integer(1, true));
      case 0xc8:
        return this.says('extension', window.u16(), window.integer(1, true));
      case 0xc9:
        return this.says('extension', window.u32(), window.integer(1, true));
      case 0xca:
        return this.says('float', 4);
      case 0xcb:
        return this.says('float', 8);
      case 0xcc:
        return this.says('integer', 0, window.integer(1, false));
      case 0xcd:
        return this.says('integer', 0, window.integer(2, false));
      case 0xce:
        return this.says('integer', 0, window.integer(4, false));
      case 0xcf:
        return this.says('integer', 0, window.integer(8, false));
      case 0xd0:
        return this.says('integer', 0, window.integer(1, true));
      case 0xd1:
        return this.says('integer', 0, window.integer(2, true));
      case 0xd2:
        return this.says('integer', 0, window.integer(4, true));
      case 0xd3:
        return this.says('integer', 0, window.integer(8, true));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.says('extension', 2 ** (byte - 0xd4), window.integer(1, true));
      case 0xd9:
        return this.says('text', window.u8());
      case 0xda:
        return this.says('text', window.u16());
      case 0xdb:
        return this.says('text', window.u32());
      case 0xdc:
        return this.says('list', window.u16());
      case 0xdd:
        return this.says('list', window.u32());
      case 0xde:
        return this.says('map', window.u16());
      case 0xdf:
        return this.says('map', window.u32());
      default:
        return window.fail('MSGPACK_INVALID', 'byte 0xc1 begins no value', at);
    }
  }

  private says(kind: Kind, count: number, value: number | boolean | null = null): Kind {
    this.count = count;
    this.value = value;
    return kind;
  }
}
