/** Reads arrays of NumPy out of a pickle, which is never executed: what is neither an array nor plain data is refused. */
import { throwIfAborted } from '../errors';
import { type CheckpointFault, quote } from './fault';
import { headerLimits } from './header-limits';
import { PinnedFile } from './pinned-file';
import type { PickleMeaning } from './pytorch/pickle';
import type { PickleFail } from './pytorch/pickle-bytes';
import { runPickle } from './pytorch/pickle-file';
import {
  describePickled,
  PickleDict,
  PickleFloat,
  PickleList,
  PickleObject,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from './pytorch/pickle-values';
import { pytorchFault } from './pytorch/pytorch-fault';

/** An array: little-endian, row-major. */
export class NumpyArray {
  constructor(
    readonly dtype: NumpyDType,
    readonly shape: readonly number[],
    readonly bytes: Uint8Array,
  ) {}
}

/** Plain data with arrays in it. */
export type NumpyData = null | boolean | number | bigint | string | NumpyArray | NumpyData[] | NumpyDict;

/** A dictionary without a prototype: its keys come out of the file. */
export interface NumpyDict {
  [key: string]: NumpyData;
}

const DTYPES = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
} as const;

export type NumpyDType = (typeof DTYPES)[keyof typeof DTYPES];

/** Bytes of the largest pickle that is read: it holds its arrays itself, so it is read whole. */
const MOST_BYTES = 2 ** 31;

/**
 * The data in a pickle of plain values and arrays.
 * @throws CheckpointError `PICKLE_…` for damage, and for anything that would have to be imported; AbortError
 */
export async function readNumpyPickle(path: string, signal?: AbortSignal): Promise<NumpyData> {
  throwIfAborted(signal);
  const file = await PinnedFile.open(path, signal);
  try {
    if (file.size > MOST_BYTES)
      throw pytorchFault('PICKLE_TOO_LARGE', path, `it has ${file.size} bytes; at most ${MOST_BYTES} are read at once`);
    const bytes = Buffer.allocUnsafeSlow(file.size);
    await file.readInto(bytes, 0, signal);
    const limits = headerLimits({ headerBytes: Math.max(file.size, 1) });
    const { value } = await runPickle(bytes, (fail) => new NumpyMeaning(fail), { file: path, limits, signal });
    return plainOf(value, (code, what) => pytorchFault(code, path, what));
  } finally {
    await file.close();
  }
}

/** A name of NumPy that may stand in the pickle. */
class NumpyName extends PickleObject {
  constructor(
    readonly what: string,
    readonly is: 'dtype' | 'ndarray' | 'reconstruct' | 'frombuffer' | 'scalar' | 'encode',
  ) {
    super();
  }
}

class NumpyType extends PickleObject {
  readonly what = 'a dtype';
  isBigEndian = false;
  constructor(readonly name: string) {
    super();
  }
}

class PickledArray extends PickleObject {
  readonly what = 'an array';
  dtype: NumpyType | null = null;
  shape: readonly number[] = [];
  bytes: Uint8Array = new Uint8Array();
  isFortran = false;
}

const NAMES = new Map<string, NumpyName['is']>([
  ['numpy.dtype', 'dtype'],
  ['numpy.ndarray', 'ndarray'],
  ['_codecs.encode', 'encode'],
]);
for (const core of ['numpy.core', 'numpy._core']) {
  NAMES.set(`${core}.multiarray._reconstruct`, 'reconstruct');
  NAMES.set(`${core}.multiarray.scalar`, 'scalar');
  NAMES.set(`${core}.numeric._frombuffer`, 'frombuffer');
}

class NumpyMeaning implements PickleMeaning {
  constructor(private readonly fail: PickleFail) {}

  global(module: string, name: string): PickleValue {
    const full = `${module}.${name}`;
    const is = NAMES.get(full);
    if (is) return new NumpyName(full, is);
    return this.fail(
      'PICKLE_FORBIDDEN_GLOBAL',
      `it names ${quote(full)}, which is no array and is never imported here`,
    );
  }

  call(callable: PickleValue, { items }: PickleTuple): PickleValue {
    if (!(callable instanceof NumpyName)) return this.wrong(`${describePickled(callable)} is called`);
    const [first, second, third, order] = items as [PickleValue, PickleValue, PickleValue, PickleValue];
    switch (callable.is) {
      case 'dtype':
        return typeof first === 'string' ? new NumpyType(first) : this.wrong('a dtype has no name');
      case 'reconstruct':
        return new PickledArray();
      case 'scalar':
        return this.array(first, new PickleTuple([]), second, false);
      case 'frombuffer':
        return this.array(second, third, first, order === 'F');
      case 'encode':
        if (typeof first === 'string' && second === 'latin1') return Buffer.from(first, 'latin1');
        return this.wrong('_codecs.encode is not given latin1 text');
      default:
        return this.wrong(`${callable.what} is called`);
    }
  }

  build(object: PickleValue, state: PickleValue): void {
    const items = state instanceof PickleTuple ? state.items : [];
    if (object instanceof NumpyType) object.isBigEndian = items[1] === '>';
    else if (object instanceof PickledArray) {
      const [, shape, dtype, isFortran, bytes] = items as [
        PickleValue,
        PickleValue,
        PickleValue,
        PickleValue,
        PickleValue,
      ];
      Object.assign(object, this.array(dtype, shape, bytes, isFortran === true));
    } else this.wrong(`a state is given to ${describePickled(object)}`);
  }

  persistent(): PickleValue {
    return this.wrong('it has persistent ids');
  }

  private array(dtype: PickleValue, shape: PickleValue, bytes: PickleValue, isFortran: boolean): PickledArray {
    const dims = shape instanceof PickleTuple ? shape.items : [];
    if (!(dtype instanceof NumpyType) || !(shape instanceof PickleTuple) || !isBytes(bytes) || !dims.every(isSize))
      return this.wrong('an array is not made of a shape, a dtype and bytes');
    return Object.assign(new PickledArray(), { dtype, shape: dims, bytes, isFortran });
  }

  private wrong(what: string): never {
    return this.fail('PICKLE_TYPE_ERROR', `${what}, which no pickle of arrays does`) as never;
  }
}

function isBytes(value: PickleValue): value is Uint8Array {
  return ArrayBuffer.isView(value);
}

function isSize(value: PickleValue): boolean {
  return typeof value === 'number' && value >= 0;
}

type Fault = (code: CheckpointFault, what: string) => Error;

function plainOf(value: PickleValue, fault: Fault): NumpyData {
  if (value instanceof PickleFloat) return value.value;
  if (value instanceof PickledArray) return arrayOf(value, fault);
  if (value instanceof PickleTuple || value instanceof PickleList || value instanceof PickleSet)
    return value.items.map((item) => plainOf(item, fault));
  if (value instanceof PickleDict) {
    const dict = Object.create(null) as NumpyDict;
    value.keys.forEach((key, i) => {
      dict[String(key)] = plainOf(value.values[i] as PickleValue, fault);
    });
    return dict;
  }
  if (value instanceof PickleObject || isBytes(value))
    throw fault('PICKLE_TYPE_ERROR', `it holds ${describePickled(value)}, where arrays and plain data are expected`);
  return value;
}

function arrayOf({ dtype, shape, bytes, isFortran }: PickledArray, fault: Fault): NumpyArray {
  const known = dtype && Object.hasOwn(DTYPES, dtype.name) ? DTYPES[dtype.name as keyof typeof DTYPES] : null;
  if (dtype === null || known === null)
    throw fault('UNSUPPORTED_TENSOR', `an array is of type ${quote(dtype?.name ?? 'none')}, which no weight has`);
  if (dtype.isBigEndian) throw fault('BIG_ENDIAN', 'an array is stored big-endian; save it on a machine of today');
  if (isFortran && shape.filter((dim) => dim > 1).length > 1)
    throw fault('UNSUPPORTED_TENSOR', 'an array is stored column by column; save a copy in C order');
  const size = shape.reduce((n, d) => n * d, Number(dtype.name.slice(1)));
  if (size !== bytes.byteLength)
    throw fault(
      'SIZE_MISMATCH',
      `an array of shape [${shape}] and type ${known} has ${bytes.byteLength} bytes, not ${size}`,
    );
  return new NumpyArray(known, shape, bytes);
}
