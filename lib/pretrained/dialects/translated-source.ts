import { bitsOf, type PlainDType } from '../../checkpoint/dtype';
import { rowMajor, type StridedView } from '../../checkpoint/gather';
import { type CheckpointSource, isByteRange, type TensorInfo } from '../../checkpoint/source';
import { type Steps, visitInSteps } from '../../turns';
import { type Dialect, type DialectTarget, wantedShape } from './dialect';
import { type Renamed, RenamedSource } from './renamed-source';

/** A tensor under its PyTorch name: what it is stored as, and which stored axis each of its axes is. */
interface Translated extends Renamed {
  axes: readonly number[] | undefined;
}

/** How a tensor lies in the file. */
interface Lie {
  shape: readonly number[];
  /** Distances of neighbours along each axis, in elements of the stored tensor; null when they lie side by side. */
  strides: readonly number[] | null;
}

/** A checkpoint of another framework, under the names and in the layouts of PyTorch. */
export class TranslatedSource extends RenamedSource<Translated> {
  readonly parts: readonly CheckpointSource[] = [this];

  private constructor(
    inner: CheckpointSource,
    private readonly dialect: Dialect,
    private readonly target: DialectTarget,
    tensors: ReadonlyMap<string, Translated>,
    readonly otherKeys: readonly string[],
  ) {
    super(inner, tensors);
  }

  /** @param inner - is closed with the result */
  static *of(inner: CheckpointSource, dialect: Dialect, target: DialectTarget): Steps<TranslatedSource> {
    const tensors = new Map<string, Translated>();
    const twice: string[] = [];
    yield* visitInSteps(inner.names(), (stored) => {
      const reading = dialect.read(stored, inner.info(stored).shape, target);
      if (reading === null) return;
      const { name, axes } = reading;
      if (tensors.has(name)) twice.push(stored);
      else tensors.set(name, { stored, axes });
    });
    const others: string[] = [];
    yield* visitInSteps(inner.otherKeys, (name) => others.push(dialect.readOther?.(name) ?? name));
    return new TranslatedSource(inner, dialect, target, tensors, others.concat(twice));
  }

  info(name: string): TensorInfo {
    const tensor = this.tensor(name);
    const info = this.inner.info(tensor.stored);
    const { shape, strides } = this.lieOf(name, tensor, info.shape);
    if (strides === null) return { ...info, shape: [...shape] };
    // Native threads move strided elements of byte ranges; of all else `read` does.
    return isByteRange(info)
      ? { ...info, shape: [...shape], strides }
      : { ...info, shape: [...shape], strides, compressed: true };
  }

  protected viewOf(name: string, tensor: Translated): StridedView | null {
    const info = this.inner.info(tensor.stored);
    const { shape, strides } = this.lieOf(name, tensor, info.shape);
    if (strides === null) return null;
    return { shape, strides, item: bitsOf(info.dtype as PlainDType) / 8, begin: 0 };
  }

  /** @param dims - as it is stored */
  private lieOf(name: string, { axes }: Translated, dims: readonly number[]): Lie {
    const wanted = this.dialect.reshapes ? wantedShape(this.target, name) : undefined;
    if (axes === undefined || axes.every((axis, i) => axis === i))
      return { shape: wanted && sizeOf(wanted) === sizeOf(dims) ? wanted : dims, strides: null };
    const apart = rowMajor(dims);
    return {
      shape: axes.map((axis) => dims[axis] as number),
      strides: axes.map((axis) => apart[axis] as number),
    };
  }
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, d) => n * d, 1);
}
