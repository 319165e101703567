/** Writes the pickle of a state dict, protocol 2, as Python's pickler writes it for torch.save: the same bytes. */
import { type Steps, visitInSteps } from '../../turns';
import type { StoredDType } from '../dtype';

/** A tensor in a state dict: elements side by side, row-major, from the start of a storage. */
export interface TensorToPickle {
  name: string;
  dtype: StoredDType;
  shape: readonly number[];
  /** Name of the member that holds the storage, below `data/`. */
  key: string;
  /** Bytes of the storage. */
  byteLength: number;
}

/** Storage classes by element type. PyTorch makes no new ones: other types are bytes, and the tensor says the type. */
const STORAGE_CLASSES: Partial<Record<StoredDType, string>> = {
  float64: 'DoubleStorage',
  float32: 'FloatStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  int64: 'LongStorage',
  int32: 'IntStorage',
  int16: 'ShortStorage',
  int8: 'CharStorage',
  uint8: 'ByteStorage',
  bool: 'BoolStorage',
  complex64: 'ComplexFloatStorage',
};
const BYTE_TYPES: readonly StoredDType[] = [
  'uint16',
  'uint32',
  'uint64',
  'float8_e4m3fn',
  'float8_e5m2',
  'float8_e4m3fnuz',
  'float8_e5m2fnuz',
  'float8_e8m0fnu',
];

/** Element types that torch.save can write. */
export const PICKLED_DTYPES: readonly StoredDType[] = [
  ...(Object.keys(STORAGE_CLASSES) as StoredDType[]),
  ...BYTE_TYPES,
];

/** Items that Python sets at once. */
const BATCH = 1000;

/** The pickle of a dictionary of `tensors`, in pieces. */
export function* pickleStateDict(tensors: readonly TensorToPickle[]): Steps<readonly Buffer[]> {
  const out = new PickleWriter();
  out.code(0x80, 2); // PROTO
  out.code(0x7d); // EMPTY_DICT
  out.memoize();
  if (tensors.length === 1) {
    writeItem(out, tensors[0] as TensorToPickle);
    out.code(0x73); // SETITEM
  } else if (tensors.length > 0) {
    // Python looks for more after a full batch, and finds an empty one when there is none.
    for (let start = 0; start <= tensors.length; start += BATCH) {
      out.code(0x28); // MARK
      yield* visitInSteps(tensors.slice(start, start + BATCH), (tensor) => writeItem(out, tensor));
      out.code(0x75); // SETITEMS
    }
  }
  out.code(0x2e); // STOP
  return out.pieces();
}

function writeItem(out: PickleWriter, tensor: TensorToPickle): void {
  const { name, dtype, shape, byteLength } = tensor;
  const storageClass = STORAGE_CLASSES[dtype];
  out.text(name);
  out.global('torch._utils', storageClass ? '_rebuild_tensor_v2' : '_rebuild_tensor_v3');
  out.code(0x28); // MARK: the arguments
  out.code(0x28); // MARK: the persistent id
  out.shared('storage');
  if (storageClass) out.global('torch', storageClass);
  else out.global('torch.storage', 'UntypedStorage');
  out.shared(tensor.key);
  out.shared('cpu');
  out.int(storageClass ? elementsOf(tensor) : byteLength);
  out.code(0x74); // TUPLE
  out.memoize();
  out.code(0x51); // BINPERSID
  out.int(0);
  out.tuple(shape);
  out.tuple(stridesOf(shape));
  out.code(0x89); // NEWFALSE: requires_grad
  out.global('collections', 'OrderedDict'); // backward hooks
  out.code(0x29, 0x52); // EMPTY_TUPLE, REDUCE
  out.memoize();
  if (!storageClass) out.global('torch', dtype);
  out.code(0x74); // TUPLE
  out.memoize();
  out.code(0x52); // REDUCE
  out.memoize();
}

function elementsOf({ shape }: TensorToPickle): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Row-major strides. PyTorch counts a dimension of 0 as one of 1 here. */
function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides.unshift(stride);
    stride *= Math.max(shape[i] as number, 1);
  }
  return strides;
}

/** Bytes of a piece: one that had to grow would be copied whole. */
const PIECE_BYTES = 64 * 1024;

class PickleWriter {
  private readonly full: Buffer[] = [];
  private piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  private length = 0;
  /** Texts and globals that have been written, by what they are. */
  private readonly known = new Map<string, number>();
  private memos = 0;

  pieces(): readonly Buffer[] {
    return [...this.full, this.piece.subarray(0, this.length)];
  }

  code(...bytes: number[]): void {
    const at = this.room(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.piece[at + i] = bytes[i] as number;
  }

  /** Gives what was written last the next number of the memo. */
  memoize(): void {
    const number = this.memos++;
    this.codeWithNumber(0x71, 0x72, number); // BINPUT, LONG_BINPUT
  }

  text(text: string): void {
    const byteLength = Buffer.byteLength(text);
    this.codeWithInt(0x58, byteLength); // BINUNICODE
    this.characters(text, byteLength);
    this.memoize();
  }

  /** A text that is one object wherever it occurs. */
  shared(text: string): void {
    this.once(`text ${text}`, () => this.text(text));
  }

  global(module: string, name: string): void {
    this.once(`global ${module} ${name}`, () => {
      const text = `c${module}\n${name}\n`;
      this.characters(text, Buffer.byteLength(text));
      this.memoize();
    });
  }

  int(value: number): void {
    if (value < 2 ** 8) {
      this.code(0x4b, value); // BININT1
    } else if (value < 2 ** 16) {
      this.code(0x4d, value & 0xff, value >> 8); // BININT2
    } else if (value < 2 ** 31) {
      this.codeWithInt(0x4a, value); // BININT
    } else {
      const bytes: number[] = [];
      for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
      if ((bytes.at(-1) as number) >= 0x80) bytes.push(0);
      this.code(0x8a, bytes.length, ...bytes); // LONG1
    }
  }

  tuple(items: readonly number[]): void {
    if (items.length === 0) {
      this.code(0x29); // EMPTY_TUPLE
      return;
    }
    if (items.length > 3) this.code(0x28); // MARK
    for (const item of items) this.int(item);
    this.code(items.length > 3 ? 0x74 : 0x84 + items.length); // TUPLE, TUPLE1 to TUPLE3
    this.memoize();
  }

  private once(key: string, write: () => void): void {
    const number = this.known.get(key);
    if (number === undefined) {
      write();
      this.known.set(key, this.memos - 1);
    } else {
      this.codeWithNumber(0x68, 0x6a, number); // BINGET, LONG_BINGET
    }
  }

  private codeWithNumber(short: number, long: number, number: number): void {
    if (number < 256) this.code(short, number);
    else this.codeWithInt(long, number);
  }

  private codeWithInt(code: number, value: number): void {
    const at = this.room(5);
    this.piece[at] = code;
    this.piece.writeUInt32LE(value, at + 1);
  }

  private characters(text: string, byteLength: number): void {
    const at = this.room(byteLength);
    this.piece.write(text, at);
  }

  /** Makes room for so many bytes. @returns where it begins in the piece */
  private room(byteLength: number): number {
    if (this.length + byteLength > this.piece.byteLength) {
      this.full.push(this.piece.subarray(0, this.length));
      this.piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, byteLength));
      this.length = 0;
    }
    const at = this.length;
    this.length += byteLength;
    return at;
  }
}
