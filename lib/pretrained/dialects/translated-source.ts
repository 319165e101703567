import { bitsOf, type PlainDType } from '../../checkpoint/dtype';
import { gather, narrowed } from '../../checkpoint/gather';
import { noTensor } from '../../checkpoint/safetensors';
import { type CheckpointSource, isByteRange, type ReadOptions, type TensorInfo } from '../../checkpoint/source';
import { type Dialect, type DialectTarget, type Reading, wantedShape } from './dialect';

/** A tensor under its PyTorch name: what it is stored as, and how its axes lie there. */
interface Translated {
  stored: string;
  shape: readonly number[];
  /** Distances of neighbours along each axis, in elements of the stored tensor; null when they lie side by side. */
  strides: readonly number[] | null;
}

/** A checkpoint of another framework, under the names and in the layouts of PyTorch. No byte of it is moved before it is read. */
export class TranslatedSource implements CheckpointSource {
  readonly format: string;
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly indexMetadata: ReadonlyMap<string, unknown>;
  readonly otherKeys: readonly string[];
  readonly forbidden: readonly string[];
  readonly parts: readonly CheckpointSource[] = [this];
  private readonly tensors = new Map<string, Translated>();

  /** @param inner - is closed with this */
  constructor(
    private readonly inner: CheckpointSource,
    dialect: Dialect,
    target: DialectTarget,
  ) {
    this.format = inner.format;
    this.files = inner.files;
    this.metadata = inner.metadata;
    this.indexMetadata = inner.indexMetadata;
    this.forbidden = inner.forbidden;
    const twice: string[] = [];
    for (const stored of inner.names()) {
      const { shape } = inner.info(stored);
      const reading = dialect.read(stored, shape, target);
      if (reading === null) continue;
      if (this.tensors.has(reading.name)) twice.push(stored);
      else this.tensors.set(reading.name, translated(stored, shape, reading, dialect, target));
    }
    this.otherKeys = [...inner.otherKeys, ...twice];
  }

  names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { stored, shape, strides } = this.tensor(name);
    const info = this.inner.info(stored);
    if (strides === null) return { ...info, shape: [...shape] };
    // Native threads move strided elements of byte ranges; of all else `read` does.
    return isByteRange(info)
      ? { ...info, shape: [...shape], strides }
      : { ...info, shape: [...shape], strides, compressed: true };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const { stored, shape, strides } = this.tensor(name);
    if (strides === null) return this.inner.read(stored, options);
    const { dtype, byteLength } = this.inner.info(stored);
    const { start = 0, end = byteLength, signal } = options;
    if (start === end) return this.inner.read(stored, options);
    const whole = { shape, strides, item: bitsOf(dtype as PlainDType) / 8, begin: 0 };
    const part = narrowed(whole, start, end);
    const bytes = new Uint8Array(part.view.shape.reduce((n, size) => n * size, whole.item));
    await gather(part.view, bytes, async (target, position) => {
      const range = { start: position, end: position + target.byteLength, ...(signal && { signal }) };
      target.set(await this.inner.read(stored, range));
    });
    return bytes.subarray(start - part.start, end - part.start);
  }

  descriptor(name: string): number {
    return this.inner.descriptor(this.tensor(name).stored);
  }

  verify(): Promise<void> {
    return this.inner.verify();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private tensor(name: string): Translated {
    const found = this.tensors.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}

function translated(
  stored: string,
  dims: readonly number[],
  { name, axes }: Reading,
  dialect: Dialect,
  target: DialectTarget,
): Translated {
  const wanted = dialect.reshapes ? wantedShape(target, name) : undefined;
  if (axes === undefined || axes.every((axis, i) => axis === i))
    return { stored, shape: wanted && sizeOf(wanted) === sizeOf(dims) ? wanted : dims, strides: null };
  const apart = rowMajor(dims);
  const shape = axes.map((axis) => dims[axis] as number);
  const strides = axes.map((axis) => apart[axis] as number);
  return { stored, shape, strides };
}

function rowMajor(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] as number) * (dims[i + 1] as number);
  return strides;
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, d) => n * d, 1);
}
