import * as runtime from '../binding/runtime';
import { RuntimeError, TypeError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import { currentCall } from './call';
import { arrayOf, type DType, dtypeNumber, dtypeOf, itemSize, parseDtype, type TypedArray } from './dtype';
import { keepInScope } from './scope';
import { currentStream, type Stream } from './stream';

/** Nested arrays of elements, as `tolist()` gives them. */
export type NestedArray<T = number | bigint | boolean> = T | NestedArray<T>[];

/** What a tensor may be made from. */
export type TensorData = TypedArray | ArrayLike<number | bigint | boolean>;

/** Reading a tensor in place for longer than this holds up the event loop noticeably. */
const kSlowReadMs = 5;

/**
 * An n-dimensional array, row-major. Its elements are in JS, in native memory, or both: ops leave their results in
 * native memory, and reading brings them here.
 */
export class Tensor {
  /** Shape. */
  readonly dims: readonly number[];
  readonly type: DType;

  private array: TypedArray | null = null;
  private handle: runtime.Handle | null = null;
  private stream: Stream | null = null;
  private disposed = false;
  private temporary = false; // the handle is an upload that a scope owns

  /**
   * @param type - element type, such as 'float32' or 'int64'
   * @param data - elements in row-major order; typed arrays of the right kind are used as they are
   * @param dims - shape; [length] when left out
   * @throws TypeError, ValueError when the three disagree
   */
  constructor(type: DType | string, data: TensorData, dims?: readonly number[]) {
    this.type = parseDtype(type);
    if (data === null || typeof data !== 'object' || typeof data.length !== 'number')
      throw new TypeError(`Tensor data must be a typed array or an array of numbers, not ${describeValue(data)}`);
    this.dims = Object.freeze([...(dims ?? [data.length])]);
    for (const dim of this.dims)
      if (!Number.isSafeInteger(dim) || dim < 0)
        throw new ValueError(`Tensor dims must be non-negative integers, got [${this.dims}]`, { code: 'ERR_SHAPE' });
    if (this.size !== data.length)
      throw new ValueError(`Tensor of dims [${this.dims}] has ${this.size} elements, but the data has ${data.length}`, {
        code: 'ERR_SHAPE',
      });
    this.array = toTypedArray(this.type, data);
  }

  /** @internal A tensor over a native value that `stream` makes. */
  static fromNative(output: runtime.Output, stream: Stream): Tensor {
    const tensor = Object.create(Tensor.prototype) as Mutable<Tensor>;
    tensor.type = dtypeOf(output.dtype);
    tensor.dims = Object.freeze(output.dims);
    tensor.array = null;
    tensor.handle = output;
    tensor.stream = stream;
    tensor.disposed = false;
    tensor.temporary = false;
    if (!keepInScope(tensor as unknown as Tensor)) (tensor as unknown as Tensor).escape();
    return tensor as unknown as Tensor;
  }

  /** Number of elements. */
  get size(): number {
    let n = 1;
    for (const dim of this.dims) n *= dim;
    return n;
  }

  /** 'cpu' once the elements are in JS, else 'native'. */
  get location(): 'cpu' | 'native' {
    return this.array ? 'cpu' : 'native';
  }

  /**
   * The elements, row-major. When they are not in JS yet this waits for them in place; `await tensor.getData()` waits
   * without holding up the event loop.
   */
  get data(): TypedArray {
    return this.array ?? this.readInPlace();
  }

  /** The elements, once the ops that make them have run. */
  async getData(): Promise<TypedArray> {
    await readTensors([this]);
    return this.array as TypedArray;
  }

  /** The elements as nested arrays. float16 and bfloat16 come as numbers. */
  tolist(): NestedArray {
    const values = elements(this);
    let at = 0;
    const build = (axis: number): NestedArray => {
      if (axis === this.dims.length) return values[at++] as number;
      return Array.from({ length: this.dims[axis] as number }, () => build(axis + 1));
    };
    return build(0);
  }

  /** The only element. @throws RuntimeError when there are more or none. */
  item(): number | bigint | boolean {
    if (this.size !== 1)
      throw new RuntimeError(`a Tensor with ${this.size} elements cannot be converted to a scalar`, {
        code: 'ERR_SHAPE',
      });
    return elements(this)[0] as number | bigint | boolean;
  }

  /** Gives native memory back; elements that are in JS stay readable. */
  dispose(): void {
    this.disposed = true;
    const handle = this.detach();
    if (handle) {
      if (registry.unregister(this)) runtime.holdBytes(-this.bytes);
      runtime.release([handle]);
    }
  }

  /** @internal Gives native memory back once the elements are in JS; the next op that needs them uploads them again. */
  settle(): void {
    if (!this.array || this.temporary) return;
    const handle = this.detach();
    if (!handle) return;
    if (registry.unregister(this)) runtime.holdBytes(-this.bytes);
    runtime.release([handle]);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal The native value, uploading the elements when they are only in JS. */
  native(): runtime.Handle {
    if (this.handle) return this.handle;
    if (this.disposed || !this.array) throw disposedError(this);
    const output = runtime.upload(this.array, dtypeNumber(this.type), this.dims);
    this.handle = output;
    this.temporary = true;
    if (!keepInScope(this)) pendingUploads.push(this);
    return output;
  }

  /** @internal Takes the handle away; the caller releases it. */
  detach(): runtime.Handle | null {
    const handle = this.handle;
    this.handle = null;
    return handle;
  }

  /** @internal The scope that made this tensor ends and returns it. */
  escape(): void {
    if (!this.handle) return;
    if (this.temporary) {
      runtime.release([this.detach() as runtime.Handle]);
      return;
    }
    if (keepInScope(this)) return;
    registry.register(this, { handle: this.handle, bytes: this.bytes }, this);
    runtime.holdBytes(this.bytes);
  }

  /** @internal */
  get isRead(): boolean {
    return this.array !== null;
  }

  /** @internal Where to read it from, or null when the elements are in JS already. */
  source(): { stream: Stream; handle: runtime.Handle } | null {
    if (this.array) return null;
    if (!this.handle || !this.stream) throw disposedError(this);
    return { stream: this.stream.reader, handle: this.handle };
  }

  /** @internal */
  receive(array: TypedArray): void {
    this.array = array;
  }

  private get bytes(): number {
    return this.size * itemSize(this.type);
  }

  private readInPlace(): TypedArray {
    const { stream, handle } = this.source() as { stream: Stream; handle: runtime.Handle };
    const array = new (arrayOf(this.type))(this.size);
    const begin = performance.now();
    runtime.wait(stream.id, handle, array);
    if (performance.now() - begin > kSlowReadMs)
      warnOnce(
        `reading a tensor in place held the event loop for over ${kSlowReadMs} ms; 'await tensor.getData()' does not`,
      );
    this.array = array;
    return array;
  }

  toString(): string {
    return `Tensor(${this.type}, [${this.dims}])`;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] } & {
  array: TypedArray | null;
  handle: runtime.Handle | null;
  stream: Stream | null;
  disposed: boolean;
  temporary: boolean;
};

/** Uploads made outside any scope: given back as soon as the op that wanted them is recorded. */
const pendingUploads: Tensor[] = [];

/** @internal */
export function releaseUploads(): void {
  for (const tensor of pendingUploads.splice(0)) {
    const handle = tensor.detach();
    if (handle) runtime.release([handle]);
  }
}

/** The net for tensors that escaped and were never disposed. */
const registry = new FinalizationRegistry<{ handle: runtime.Handle; bytes: number }>(({ handle, bytes }) => {
  runtime.release([handle]);
  runtime.holdBytes(-bytes);
});

/**
 * Brings the elements of `tensors` into JS. All reads of one stream are one command, so they resolve together.
 * @throws the error of the call that made a value, or AbortError
 */
export async function readTensors(tensors: readonly Tensor[], signal?: AbortSignal): Promise<void> {
  const byStream = new Map<Stream, Tensor[]>();
  for (const tensor of new Set(tensors)) {
    const source = tensor.source();
    if (!source) continue;
    const list = byStream.get(source.stream) ?? [];
    list.push(tensor);
    byStream.set(source.stream, list);
  }
  const call = currentCall()?.id ?? 0;
  await Promise.all(
    [...byStream].map(async ([stream, list]) => {
      const arrays = list.map((tensor) => new (arrayOf(tensor.type))(tensor.size));
      const handles = list.map((tensor) => tensor.source()?.handle as runtime.Handle);
      await runtime.read(stream.id, call, handles, arrays as NodeJS.TypedArray[], signal);
      list.forEach((tensor, i) => {
        tensor.receive(arrays[i] as TypedArray);
      });
    }),
  );
}

function disposedError(tensor: Tensor): RuntimeError {
  return new RuntimeError(`${tensor} has been disposed`, { code: 'ERR_DISPOSED' });
}

/** @internal The stream that current ops are recorded on. */
export function streamOfOps(): Stream {
  return currentStream();
}

function describeValue(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? `an object (${value.constructor?.name})` : `a ${typeof value}`;
}

const isBigInt = (type: DType) => type === 'int64' || type === 'uint64';

function toTypedArray(type: DType, data: TensorData): TypedArray {
  const Wanted = arrayOf(type);
  if (ArrayBuffer.isView(data)) {
    if (data.constructor.name === Wanted.name) return data as TypedArray;
    if (itemSize(type) === 2 && data.constructor.name === 'Float16Array')
      return new Uint16Array(data.buffer, data.byteOffset, data.length);
    throw new TypeError(`a Tensor of type '${type}' wants a ${Wanted.name}, got a ${data.constructor.name}`, {
      code: 'ERR_DTYPE',
    });
  }
  if (type === 'float16' || type === 'bfloat16' || type.startsWith('float8'))
    throw new TypeError(
      `a Tensor of type '${type}' wants a ${Wanted.name} of its bits; make a float32 Tensor, then .to('${type}')`,
    );
  const array = new Wanted(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number | bigint | boolean;
    array[i] = (isBigInt(type) ? BigInt(value) : Number(value)) as never;
  }
  return array;
}

/** The elements as JS values: bits of half types become numbers, bool becomes true and false. */
function elements(tensor: Tensor): ArrayLike<number | bigint | boolean> {
  const { data, type } = tensor;
  if (type === 'float16') return Float32Array.from(data as Uint16Array, halfToNumber);
  if (type === 'bfloat16') return Float32Array.from(data as Uint16Array, bfloatToNumber);
  if (type === 'bool') return Array.from(data as Uint8Array, (x) => x !== 0);
  return data;
}

const scratch = new DataView(new ArrayBuffer(4));

function bfloatToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
