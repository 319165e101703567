import { bitsOf, type PlainDType } from '../../checkpoint/dtype';
import { rowMajor, type StridedView } from '../../checkpoint/gather';
import { type CheckpointSource, isByteRange, type TensorInfo } from '../../checkpoint/source';
import { type Dialect, type DialectTarget, type Reading, wantedShape } from './dialect';
import { type Renamed, RenamedSource } from './renamed-source';

/** A tensor under its PyTorch name: what it is stored as, and how its axes lie there. */
interface Translated extends Renamed {
  shape: readonly number[];
  /** Distances of neighbours along each axis, in elements of the stored tensor; null when they lie side by side. */
  strides: readonly number[] | null;
}

/** A checkpoint of another framework, under the names and in the layouts of PyTorch. */
export class TranslatedSource extends RenamedSource<Translated> {
  readonly otherKeys: readonly string[];
  readonly parts: readonly CheckpointSource[] = [this];

  /** @param inner - is closed with this */
  constructor(inner: CheckpointSource, dialect: Dialect, target: DialectTarget) {
    super(inner);
    const twice: string[] = [];
    for (const stored of inner.names()) {
      const { shape } = inner.info(stored);
      const reading = dialect.read(stored, shape, target);
      if (reading === null) continue;
      if (this.tensors.has(reading.name)) twice.push(stored);
      else this.tensors.set(reading.name, translated(stored, shape, reading, dialect, target));
    }
    const others = inner.otherKeys.map((name) => dialect.readOther?.(name) ?? name);
    this.otherKeys = [...others, ...twice];
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

  protected viewOf(_name: string, { stored, shape, strides }: Translated): StridedView | null {
    if (strides === null) return null;
    const { dtype } = this.inner.info(stored);
    return { shape, strides, item: bitsOf(dtype as PlainDType) / 8, begin: 0 };
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

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, d) => n * d, 1);
}
