/**
 * Reads a msgpack file as a tree: maps and lists are branches, arrays are leaves of which only the place is noted, and of
 * everything else only what a leaf that is cut into chunks needs.
 *
 * Source: the msgpack specification, and flax/serialization.py of Flax 0.7 for the extension types.
 */
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

/** A value's first byte, and what follows from it. */
interface Head {
  kind: 'map' | 'list' | 'text' | 'binary' | 'extension' | 'integer' | 'float' | 'constant';
  /** Pairs, items or bytes. */
  count: number;
  /** The value itself of an integer or a constant; the type of an extension. */
  value: number | boolean | null;
}

export class MsgpackTree {
  private values = 0;
  /** Values that no tensor is, and that take a byte or a few each. */
  private others = 0;
  private keyBytes = 0;

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
        `${remaining} bytes follow its value; something was appended to it`,
        at,
      );
    }
    return root;
  }

  private *node(depth: number, path: string): Generator<Wanted, TreeNode> {
    const { window } = this;
    const { at } = window;
    if (++this.values > MOST_VALUES) window.fail('MSGPACK_TOO_LARGE', `it holds more than ${MOST_VALUES} values`, at);
    if (depth > this.limits.depth) {
      window.fail('MSGPACK_TOO_DEEP', `its values nest deeper than ${this.limits.depth}`, at);
    }
    const { kind, count, value } = yield* this.head();
    if (kind !== 'extension' && (count === 0 || (kind !== 'map' && kind !== 'list'))) this.countOther(at);
    switch (kind) {
      case 'map':
        return yield* this.map(count, depth, path);
      case 'list':
        return yield* this.list(count, depth, path);
      case 'extension':
        return yield* this.extension(value as number, count, path);
      case 'text': {
        const text = yield* window.copy(Math.min(count, TEXT_KEPT));
        window.skip(count - text.byteLength);
        return { kind: 'other', value: text.toString('utf8') };
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
      const key = yield* this.key();
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

  private *key(): Generator<Wanted, string> {
    const { window, limits } = this;
    const { at } = window;
    const { kind, count } = yield* this.head();
    if (kind !== 'text') window.fail('MSGPACK_INVALID', 'a key is something else than a text', at);
    window.check(count);
    if (count > limits.nameBytes)
      window.fail('NAME_TOO_LONG', `a key has ${count} bytes; at most ${limits.nameBytes}`, at);
    this.keyBytes += count;
    if (this.keyBytes > limits.headerBytes) {
      window.fail('MSGPACK_TOO_LARGE', `its keys have more than ${limits.headerBytes} bytes together`, at);
    }
    return this.utf8(yield* window.copy(count), at);
  }

  private utf8(bytes: Buffer, at: number): string {
    const text = bytes.toString('utf8');
    if (!Buffer.from(text).equals(bytes)) this.window.fail('MSGPACK_INVALID', 'a text is not UTF-8', at);
    return text;
  }

  private *extension(type: number, length: number, path: string): Generator<Wanted, TreeNode> {
    const { window } = this;
    const { at } = window;
    window.check(length);
    switch (type) {
      case ARRAY_EXTENSION:
      case SCALAR_EXTENSION:
        return yield* this.array(at + length, path, type === SCALAR_EXTENSION);
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
  private *array(end: number, path: string, isScalar: boolean): Generator<Wanted, ArrayLeaf | OtherLeaf> {
    const { window } = this;
    const { at } = window;
    const invalid: (what: string) => never = (what) =>
      window.fail('MSGPACK_INVALID', `the array ${quote(path)} ${what}`, at);
    const outer = yield* this.head();
    if (outer.kind !== 'list' || outer.count !== 3) invalid('is no list of shape, type and bytes');
    const shape = yield* this.shape(path, invalid);
    const named = yield* this.dtypeName(invalid);
    // A complex number of Python's, as it is written with NumPy 1.
    if (isScalar && named === 'complex128') {
      if (end < window.at) invalid('is longer than its extension says');
      window.skip(end - window.at);
      return { kind: 'other', value: null };
    }
    const dtype = this.knownDtype(named, path);
    const bytes = yield* this.head();
    if (bytes.kind !== 'binary' && bytes.kind !== 'text') invalid('has no bytes');
    const begin = window.at;
    if (begin + bytes.count !== end) invalid(`holds ${bytes.count} bytes where ${end - begin} are left`);
    const needed = tensorBytes(dtypeNumber(dtype), shape, shape.length);
    if (needed !== bytes.count) {
      window.fail(
        'MSGPACK_SIZE_MISMATCH',
        `${quote(path)} of ${dtype} [${shape}] needs ${needed} bytes and has ${bytes.count}`,
        begin,
      );
    }
    window.skip(bytes.count);
    return { kind: 'array', dtype, shape, begin, byteLength: bytes.count };
  }

  private *shape(path: string, invalid: (what: string) => never): Generator<Wanted, number[]> {
    const { limits, window } = this;
    const { kind, count } = yield* this.head();
    if (kind !== 'list') invalid('has no shape');
    if (count > limits.dimensions) {
      window.fail('TOO_MANY_DIMENSIONS', `${quote(path)} has ${count} dimensions; at most ${limits.dimensions}`);
    }
    const shape: number[] = [];
    for (let i = 0; i < count; i++) {
      const { kind, value } = yield* this.head();
      if (kind !== 'integer' || (value as number) < 0) invalid('has a shape of something else than whole numbers');
      if ((value as number) > limits.dimension) {
        window.fail('OVERFLOW', `${quote(path)} has a dimension of ${value}; at most 2^48`);
      }
      shape.push(value as number);
    }
    return shape;
  }

  private *dtypeName(invalid: (what: string) => never): Generator<Wanted, string> {
    const { kind, count } = yield* this.head();
    if ((kind !== 'text' && kind !== 'binary') || count > MOST_DTYPE_BYTES) invalid('has no element type');
    return (yield* this.window.copy(count)).toString('latin1');
  }

  private knownDtype(name: string, path: string): StoredDType {
    if (NUMPY_DTYPES.has(name)) return name as StoredDType;
    return this.window.fail('UNKNOWN_DTYPE', `${quote(path)} has elements of ${quote(name)}, which no weight here has`);
  }

  /** The first byte of a value, and the count or number behind it. */
  private *head(): Generator<Wanted, Head> {
    const { window } = this;
    const { at } = window;
    const byte = yield* window.u8();
    if (byte < 0x80) return head('integer', 0, byte);
    if (byte < 0x90) return head('map', byte & 0x0f);
    if (byte < 0xa0) return head('list', byte & 0x0f);
    if (byte < 0xc0) return head('text', byte & 0x1f);
    if (byte >= 0xe0) return head('integer', 0, byte - 0x100);
    switch (byte) {
      case 0xc0:
        return head('constant', 0, null);
      case 0xc2:
      case 0xc3:
        return head('constant', 0, byte === 0xc3);
      case 0xc4:
        return head('binary', yield* window.u8());
      case 0xc5:
        return head('binary', yield* window.u16());
      case 0xc6:
        return head('binary', yield* window.u32());
      case 0xc7:
        return extensionHead(yield* window.u8(), yield* window.integer(1, true));
      case 0xc8:
        return extensionHead(yield* window.u16(), yield* window.integer(1, true));
      case 0xc9:
        return extensionHead(yield* window.u32(), yield* window.integer(1, true));
      case 0xca:
        return head('float', 4);
      case 0xcb:
        return head('float', 8);
      case 0xcc:
        return head('integer', 0, yield* window.integer(1, false));
      case 0xcd:
        return head('integer', 0, yield* window.integer(2, false));
      case 0xce:
        return head('integer', 0, yield* window.integer(4, false));
      case 0xcf:
        return head('integer', 0, yield* window.integer(8, false));
      case 0xd0:
        return head('integer', 0, yield* window.integer(1, true));
      case 0xd1:
        return head('integer', 0, yield* window.integer(2, true));
      case 0xd2:
        return head('integer', 0, yield* window.integer(4, true));
      case 0xd3:
        return head('integer', 0, yield* window.integer(8, true));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return extensionHead(2 ** (byte - 0xd4), yield* window.integer(1, true));
      case 0xd9:
        return head('text', yield* window.u8());
      case 0xda:
        return head('text', yield* window.u16());
      case 0xdb:
        return head('text', yield* window.u32());
      case 0xdc:
        return head('list', yield* window.u16());
      case 0xdd:
        return head('list', yield* window.u32());
      case 0xde:
        return head('map', yield* window.u16());
      case 0xdf:
        return head('map', yield* window.u32());
      default:
        return window.fail('MSGPACK_INVALID', 'byte 0xc1 begins no value', at);
    }
  }
}

function head(kind: Head['kind'], count: number, value: Head['value'] = null): Head {
  return { kind, count, value };
}

function extensionHead(length: number, type: number): Head {
  return head('extension', length, type);
}
