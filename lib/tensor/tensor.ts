import { inspect } from 'node:util';
import * as runtime from '../binding/runtime';
import { RuntimeError, TypeError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import { refuseSurplus } from '../options';
import { keepFor, releaseWith } from './collected';
import { checkDims } from './dimension';
import { arrayOf, type DType, dtypeNumber, dtypeOf, itemSize, parseDtype, type TypedArray } from './dtype';
import { describeValue, type Element, part, type TensorData, toElements, toTypedArray } from './elements';
import { ShapeMethods } from './methods/shape';
import { readTensors } from './read';
import { keepInScope } from './scope';
import { type Stream, signalOf, type WaitOptions } from './stream';

export type { TensorData } from './elements';
export { readTensors } from './read';

/** Nested arrays of elements, as `tolist()` gives them. */
export type NestedArray<T = Element> = T | NestedArray<T>[];

/** Reading a tensor in place for longer than this holds up the event loop noticeably. */
const kSlowReadMs = 5;

/** A value that exists natively: what `fromNative` makes a tensor of. */
class NativeValue {
  constructor(
    readonly output: runtime.Output,
    readonly stream: Stream,
    readonly isMapped: boolean,
  ) {}
}

/**
 * An n-dimensional array, row-major. Ops leave their results in native memory and reading brings the elements here;
 * from then on those in JS are the tensor, whoever writes to them, and native memory is given back.
 */
export class Tensor extends ShapeMethods {
  readonly #type: DType;
  #dims: readonly number[];
  #array: TypedArray | null = null;
  #handle: runtime.Handle | null = null;
  #stream: Stream | null = null;
  #disposed = false;
  #temporary = false; // the handle is an upload that a scope or the current op owns
  #pinned = false;
  #mapped = false; // its elements lie in a file and weigh nothing
  #base: Tensor | null = null; // the tensor whose elements, from #offset on, these are
  #offset = 0;

  /**
   * @param type - element type, such as 'float32' or 'int64'
   * @param data - elements in row-major order; typed arrays of the right kind are used as they are
   * @param dims - shape; [length] when left out
   * @throws TypeError, ValueError when the three disagree
   */
  constructor(type: DType | string, data: TensorData, dims?: readonly number[]) {
    super();
    this.#type = parseDtype(type);
    if ((data as object) instanceof NativeValue) {
      const { output, stream, isMapped } = data as unknown as NativeValue;
      this.#mapped = isMapped;
      this.#dims = Object.freeze(output.dims);
      this.#handle = output;
      this.#stream = stream;
      return;
    }
    if (data === null || typeof data !== 'object' || typeof data.length !== 'number')
      throw new TypeError(`Tensor data must be a typed array or an array of numbers, not ${describeValue(data)}`);
    this.#dims = checkDims(dims ?? [data.length]);
    if (this.size !== data.length)
      throw new ValueError(`Tensor of dims [${this.dims}] has ${this.size} elements, but the data has ${data.length}`, {
        code: 'ERR_SHAPE',
      });
    this.#array = toTypedArray(this.#type, data);
  }

  /** @internal A tensor over a native value that `stream` makes. */
  static fromNative(output: runtime.Output, stream: Stream, isMapped = false): Tensor {
    const tensor = new Tensor(dtypeOf(output.dtype), new NativeValue(output, stream, isMapped) as never);
    if (!keepInScope(tensor)) tensor.escape();
    return tensor;
  }

  /** Element type. */
  get type(): DType {
    return this.#type;
  }

  /** Shape. */
  get dims(): readonly number[] {
    return this.#dims;
  }

  /** Number of elements. */
  get size(): number {
    let n = 1;
    for (const dim of this.#dims) n *= dim;
    return n;
  }

  /** 'cpu' once the elements are in JS, else 'native'. */
  get location(): 'cpu' | 'native' {
    return this.isRead ? 'cpu' : 'native';
  }

  /**
   * The elements, row-major; bits of float16 and bfloat16. When they are not in JS yet this waits for them in place;
   * `await tensor.getData()` waits without holding up the event loop.
   */
  get data(): TypedArray {
    return this.#local() ?? this.#readInPlace();
  }

  /**
   * The elements, once the ops that make them have run.
   * @throws AbortError when `signal` fires before; the ops run on
   */
  async getData(options?: WaitOptions | null, ...surplus: never[]): Promise<TypedArray> {
    refuseSurplus('Tensor.getData', surplus);
    await readTensors([this], signalOf(options, 'getData'));
    return this.data;
  }

  /** The elements as nested arrays. float16 and bfloat16 come as numbers, bool as true and false. */
  tolist(...surplus: never[]): NestedArray {
    refuseSurplus('Tensor.tolist', surplus);
    const values = toElements(this.#type, this.data);
    let at = 0;
    const build = (axis: number): NestedArray => {
      if (axis === this.#dims.length) return values[at++] as Element;
      return Array.from({ length: this.#dims[axis] as number }, () => build(axis + 1));
    };
    return build(0);
  }

  /** The only element. @throws RuntimeError when there are more or none. */
  item(...surplus: never[]): Element {
    refuseSurplus('Tensor.item', surplus);
    if (this.size !== 1)
      throw new RuntimeError(`a Tensor with ${this.size} elements cannot be converted to a scalar`, {
        code: 'ERR_SHAPE',
      });
    return toElements(this.#type, this.data)[0] as Element;
  }

  /** Gives native memory back; elements that are in JS stay readable. */
  dispose(): void {
    this.#local();
    this.#disposed = true;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal The native value, uploading the elements when they are only in JS. */
  native(): runtime.Handle {
    const array = this.#local();
    if (this.#handle) return this.#handle;
    if (this.#disposed || !array) throw disposedError(this);
    this.#temporary = true;
    if (!keepInScope(this)) pendingUploads.push(this);
    return this.#upload(array);
  }

  /** @internal Takes the handle away; the caller, who made it or its scope, releases it. */
  detach(): runtime.Handle | null {
    return this.#pinned ? null : this.#take();
  }

  /** @internal The scope that made this tensor ends and returns it. */
  escape(): void {
    if (!this.#handle || this.#pinned) return;
    if (this.#temporary) runtime.release([this.#take() as runtime.Handle]);
    else if (!keepInScope(this)) releaseWith(this, this.#handle, this.#weight);
  }

  /** @internal Gives native memory back once the elements are in JS; the next op that needs them uploads them again. */
  settle(): void {
    if (this.#array && !this.#temporary && !this.#pinned) this.#release();
  }

  /**
   * @internal Keeps the elements in native memory, whatever is read: for parameters, which are used often and never
   * written to.
   */
  pin(): void {
    if (this.#pinned) return;
    this.assertAlive();
    const array = this.#local();
    if (array) this.#release(); // an upload may be older than what the array holds now
    const handle = array ? this.#upload(array) : (this.#handle as runtime.Handle);
    keepFor(this, this.#weight);
    releaseWith(this, handle, this.#weight);
    this.#pinned = true;
  }

  /** @internal */
  get isRead(): boolean {
    return this.#local() !== null;
  }

  /** @internal Whether ops read its elements from JS, where they may have changed since the last op. */
  get isHost(): boolean {
    return this.isRead && !this.#pinned;
  }

  /** @internal @param name - what the tensor is to the caller @throws RuntimeError `ERR_DISPOSED` */
  assertAlive(name?: string): void {
    if (this.#disposed) throw disposedError(this, name);
  }

  /** @internal The elements of `view` are those of this tensor from `offset` on: writes to either are seen by both. */
  lend(view: Tensor, offset: number): Tensor {
    view.#base = this;
    view.#offset = offset;
    return view;
  }

  /** @internal Other dims for the same elements, of this very tensor. @throws RuntimeError for a parameter */
  setDims(dims: readonly number[]): void {
    void this.writable();
    this.#dims = checkDims(dims);
  }

  /** @internal The elements, to be written to. @throws RuntimeError for a parameter and after dispose() */
  writable(): TypedArray {
    this.assertAlive();
    for (let tensor: Tensor | null = this; tensor; tensor = tensor.#base)
      if (tensor.#pinned)
        throw new RuntimeError(`${this} is a parameter of a model, which cannot be changed in place; clone() it first`);
    return this.data;
  }

  /** @internal The tensor that is read when this one is: the one that lends it its elements. */
  get owner(): Tensor {
    const base = this.#array ? null : this.#base;
    return base && (base.#handle || base.isRead) ? base.owner : this;
  }

  /** @internal Where to read it from, or null when the elements are in JS already. */
  source(): { stream: Stream; handle: runtime.Handle } | null {
    if (this.isRead) return null;
    if (!this.#handle || !this.#stream) throw disposedError(this);
    return { stream: this.#stream.reader, handle: this.#handle };
  }

  /** @internal */
  receive(array: TypedArray): void {
    this.#array ??= array;
    this.settle();
  }

  /** Bytes that are freed when this is collected. */
  get #weight(): number {
    return this.#mapped ? 0 : this.#bytes;
  }

  get #bytes(): number {
    return this.size * itemSize(this.#type);
  }

  /** The elements if they are in JS: this tensor's own, or its part of what it is a view of. */
  #local(): TypedArray | null {
    if (this.#array || !this.#base) return this.#array;
    const array = this.#base.#local();
    if (!array) return null;
    this.receive(part(array, this.#offset, this.size));
    return this.#array;
  }

  #readInPlace(): TypedArray {
    const { owner } = this;
    if (owner !== this) {
      void owner.data;
      return this.#local() as TypedArray;
    }
    const { stream, handle } = this.source() as { stream: Stream; handle: runtime.Handle };
    const array = new (arrayOf(this.#type))(this.size);
    const begin = performance.now();
    runtime.wait(stream.id, handle, array);
    if (performance.now() - begin > kSlowReadMs)
      warnOnce(
        `reading a tensor in place held the event loop for over ${kSlowReadMs} ms; 'await tensor.getData()' does not`,
      );
    this.receive(array);
    return array;
  }

  #upload(array: TypedArray): runtime.Handle {
    this.#handle = runtime.upload(array, dtypeNumber(this.#type), this.#dims);
    return this.#handle;
  }

  #take(): runtime.Handle | null {
    const handle = this.#handle;
    this.#handle = null;
    this.#temporary = false;
    return handle;
  }

  #release(): void {
    const handle = this.#take();
    if (!handle) return;
    keepFor(this, this.#weight);
    runtime.release([handle]);
  }

  override toString(): string {
    return `Tensor(${this.#type}, [${this.#dims}])`;
  }

  /** What JSON.stringify and test runners show; waits for the elements in place. */
  toJSON(): { type: DType; dims: readonly number[]; data: NestedArray } {
    return { type: this.#type, dims: this.#dims, data: this.tolist() };
  }

  /** What console.log shows. */
  [inspect.custom](_depth: number, options: object): string {
    const { type, location } = this;
    const shown = { type, dims: [...this.dims], location };
    return `Tensor ${inspect(this.isRead ? { ...shown, data: this.data } : shown, options)}`;
  }
}

/** Uploads made outside any scope: given back as soon as the op that wanted them is recorded. */
const pendingUploads: Tensor[] = [];

/** @internal */
export function releaseUploads(): void {
  for (const tensor of pendingUploads.splice(0)) {
    const handle = tensor.detach();
    if (handle) runtime.release([handle]);
  }
}

function disposedError(tensor: Tensor, name?: string): RuntimeError {
  return new RuntimeError(`${name === undefined ? tensor : `${name}, ${tensor},`} has been disposed`, {
    code: 'ERR_DISPOSED',
  });
}
