import { isBlockDType } from '../checkpoint/gguf/block-types';
import { type CheckpointSource, isByteRange } from '../checkpoint/source';
import type { WeightToWrite } from '../checkpoint/weights-files';
import { ValueError } from '../errors';
import { Call } from '../tensor/call';
import { type DType, dtypes, isFloating, itemSize } from '../tensor/dtype';
import { permute } from '../tensor/ops/layout';
import { Stream } from '../tensor/stream';
import type { Tensor } from '../tensor/tensor';
import { copyBytes, writeTensor } from '../tensor/write';
import { type Steps, visitInSteps } from '../turns';
import type { Writing } from './dialects/writing';
import { storedTensor } from './stored-tensor';

/** Bytes that are read at a time of a tensor that is copied as it is. */
const kCopyBytes = 16 * 2 ** 20;

/** A tensor of the checkpoint and how it is written. */
export interface RewriteStep {
  /** Its name in the checkpoint. */
  source: string;
  writing: Writing;
  /** Names with the same identity are one tensor, where the format written has a way to say so. */
  identity: unknown;
}

/** A tensor to write, and what it was. */
export interface RewrittenWeight extends WeightToWrite {
  stored: { dtype: string; byteLength: number };
}

/**
 * The tensors of an open checkpoint as they are to be written again, each read when its turn comes: those of floating types
 * as `dtype`, others as they are; blocks become float32 where no type is given.
 */
export class RewrittenWeights {
  private readonly stream = new Stream();
  private readonly call: Call;

  constructor(
    private readonly source: CheckpointSource,
    private readonly dtype: DType | null,
    signal: AbortSignal | undefined,
  ) {
    this.call = new Call(signal);
  }

  /**
   * All of the checkpoint, under its own names.
   * @param shares - names of one tensor stay that; else each has bytes of its own
   * @throws ValueError for a tensor that cannot be cast
   */
  *all(shares: boolean): Steps<RewrittenWeight[]> {
    const all: RewrittenWeight[] = [];
    yield* visitInSteps(this.source.names(), (name) => {
      const info = this.source.info(name);
      const isKnown = shares && isByteRange(info) && info.byteLength > 0;
      const own = shares ? Symbol(name) : name; // a name may read as a place does
      const identity = isKnown ? `${info.file} ${info.byteOffset} ${info.dtype} ${info.shape}` : own;
      all.push(this.weight({ source: name, writing: { name, shape: info.shape }, identity }));
    });
    return all;
  }

  /** @throws ValueError for a tensor that cannot be cast */
  weight({ source, writing: { name, shape, axes, layers }, identity }: RewriteStep): RewrittenWeight {
    const { dtype, byteLength } = this.source.info(source);
    const stored = { dtype, byteLength };
    const same = { name, shape, layers, storage: identity, identity, stored };
    const to = castTo(source, dtype, this.dtype);
    if (to === null && axes === undefined)
      return { ...same, dtype, byteLength, bytes: () => this.copied(source, byteLength) };
    const type = to ?? (dtype as DType);
    const use = <T>(f: (tensor: Tensor) => Promise<T>) => this.withTensor(source, type, axes, f);
    return {
      ...same,
      dtype: type,
      byteLength: shape.reduce((n, dim) => n * dim, 1) * itemSize(type),
      bytes: () => use((tensor) => copyBytes(tensor, this.stream, this.call)),
      writeInto: (descriptor, offset) =>
        use((tensor) => writeTensor(tensor, descriptor, offset, this.stream, this.call)),
    };
  }

  close(): void {
    this.call.end();
    this.stream.dispose();
  }

  private async *copied(name: string, byteLength: number): AsyncGenerator<Uint8Array> {
    // What is not a byte range of the file is gathered, or unpacked, as a whole.
    const step = isByteRange(this.source.info(name)) ? kCopyBytes : byteLength;
    const signal = this.call.signal && { signal: this.call.signal };
    for (let start = 0; start < byteLength; start += step)
      yield await this.source.read(name, { start, end: Math.min(start + step, byteLength), ...signal });
  }

  /** Uses a tensor of another type, or with its axes in another order. */
  private async withTensor<T>(
    name: string,
    type: DType,
    axes: readonly number[] | undefined,
    use: (tensor: Tensor) => Promise<T>,
  ): Promise<T> {
    const stored = await storedTensor(this.source, name, { signal: this.call.signal });
    const inStream = (make: () => Tensor) => this.call.run(() => this.stream.run(make));
    const tensor = inStream(() => stored.load(type, null));
    try {
      if (axes === undefined) return await use(tensor);
      const turned = inStream(() => permute(tensor, axes));
      try {
        return await use(turned);
      } finally {
        turned.dispose();
      }
    } finally {
      tensor.dispose();
    }
  }
}

/** The type that a tensor is written as when it is another than its own. */
function castTo(name: string, from: string, to: DType | null): DType | null {
  if (isBlockDType(from)) return to ?? 'float32';
  const known = (dtypes as readonly string[]).includes(from);
  if (to === null || from === to || (known && !isFloating(from as DType))) return null;
  if (known) return to;
  if (!from.startsWith('float') && !from.startsWith('complex')) return null;
  throw new ValueError(`'${name}' is stored as ${from}, which cannot be turned into ${to} here`, { code: 'ERR_DTYPE' });
}

/** The type that most numbers of `tensors` have. */
export function typeOfMost<T extends string>(
  tensors: readonly { dtype: T; shape: readonly number[] }[],
): T | 'float32' {
  const sizes = new Map<T, number>();
  for (const { dtype, shape } of tensors)
    sizes.set(dtype, (sizes.get(dtype) ?? 0) + shape.reduce((n, dim) => n * dim, 1));
  return [...sizes].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'float32';
}
