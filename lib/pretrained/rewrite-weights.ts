import { type CheckpointSource, isByteRange } from '../checkpoint/source';
import type { WeightToWrite } from '../checkpoint/weights-files';
import { ValueError } from '../errors';
import { Call } from '../tensor/call';
import { type DType, dtypes, isFloating, itemSize } from '../tensor/dtype';
import { Stream } from '../tensor/stream';
import type { Tensor } from '../tensor/tensor';
import { copyBytes, writeTensor } from '../tensor/write';
import { storedTensor } from './stored-tensor';

/** Bytes that are read at a time of a tensor that is copied as it is. */
const kCopyBytes = 16 * 2 ** 20;

/**
 * The tensors of an open checkpoint as they are to be written again, each read when its turn comes: those of floating types
 * as `dtype`, others as they are. Names of one tensor stay that where the format written `shares`; else each has bytes of its own.
 */
export class RewrittenWeights {
  private readonly stream = new Stream();
  private readonly call: Call;

  constructor(
    private readonly source: CheckpointSource,
    private readonly dtype: DType | null,
    private readonly shares: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.call = new Call(signal);
  }

  /** @throws ValueError for a tensor that cannot be cast */
  all(): WeightToWrite[] {
    return this.source.names().map((name) => this.weight(name));
  }

  close(): void {
    this.call.end();
    this.stream.dispose();
  }

  private weight(name: string): WeightToWrite {
    const info = this.source.info(name);
    const { dtype, shape, byteLength } = info;
    const isKnown = this.shares && isByteRange(info) && byteLength > 0;
    const identity = isKnown ? `${info.file} ${info.byteOffset} ${dtype} ${shape}` : Symbol(name);
    const same = { name, shape, storage: identity, identity };
    const to = castTo(name, dtype, this.dtype);
    if (to === null) return { ...same, dtype, byteLength, bytes: () => this.copied(name, byteLength) };
    const size = shape.reduce((n, dim) => n * dim, 1);
    return {
      ...same,
      dtype: to,
      byteLength: size * itemSize(to),
      bytes: () => this.withCast(name, to, (tensor) => copyBytes(tensor, this.stream, this.call)),
      writeInto: (descriptor, offset) =>
        this.withCast(name, to, (tensor) => writeTensor(tensor, descriptor, offset, this.stream, this.call)),
    };
  }

  private async *copied(name: string, byteLength: number): AsyncGenerator<Uint8Array> {
    // What is not a byte range of the file is gathered, or unpacked, as a whole.
    const step = isByteRange(this.source.info(name)) ? kCopyBytes : byteLength;
    const signal = this.call.signal && { signal: this.call.signal };
    for (let start = 0; start < byteLength; start += step)
      yield await this.source.read(name, { start, end: Math.min(start + step, byteLength), ...signal });
  }

  private async withCast<T>(name: string, to: DType, use: (tensor: Tensor) => Promise<T>): Promise<T> {
    const stored = await storedTensor(this.source, name, { signal: this.call.signal });
    const tensor = this.call.run(() => this.stream.run(() => stored.load(to, null)));
    try {
      return await use(tensor);
    } finally {
      tensor.dispose();
    }
  }
}

/** The type that a tensor is written as when it is another than its own. */
function castTo(name: string, from: string, to: DType | null): DType | null {
  const known = (dtypes as readonly string[]).includes(from);
  if (to === null || from === to || (known && !isFloating(from as DType))) return null;
  if (known) return to;
  if (!from.startsWith('float') && !from.startsWith('complex')) return null;
  throw new ValueError(`'${name}' is stored as ${from}, which cannot be turned into ${to} here`, { code: 'ERR_DTYPE' });
}
