import { readView, type StridedView } from '../../checkpoint/gather';
import { ownedBytes, requestedRange } from '../../checkpoint/read-range';
import { noTensor } from '../../checkpoint/safetensors';
import type { CheckpointSource, ReadOptions, TensorInfo } from '../../checkpoint/source';

/** A tensor under another name than it is stored by. */
export interface Renamed {
  stored: string;
}

/** A checkpoint under other names, and in other layouts, than it is stored in. No byte of it is moved before it is read. */
export abstract class RenamedSource<T extends Renamed> implements CheckpointSource {
  readonly format: string;
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly indexMetadata: ReadonlyMap<string, unknown>;
  readonly forbidden: readonly string[];
  abstract readonly otherKeys: readonly string[];
  abstract readonly parts: readonly CheckpointSource[];
  private ordered: readonly string[] | null = null;

  /** @param inner - is closed with this */
  constructor(
    protected readonly inner: CheckpointSource,
    private readonly tensors: ReadonlyMap<string, T>,
  ) {
    this.format = inner.format;
    this.files = inner.files;
    this.metadata = inner.metadata;
    this.indexMetadata = inner.indexMetadata;
    this.forbidden = inner.forbidden;
  }

  names(): readonly string[] {
    this.ordered ??= [...this.tensors.keys()];
    return this.ordered;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  abstract info(name: string): TensorInfo;

  /** How the elements lie among the stored bytes; null where they lie as they are wanted. */
  protected abstract viewOf(name: string, tensor: T): StridedView | null;

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const tensor = this.tensor(name);
    const { stored } = tensor;
    const { byteLength, file } = this.inner.info(stored);
    const range = requestedRange(name, byteLength, options);
    const view = range.start === range.end ? null : this.viewOf(name, tensor);
    if (view === null) return this.inner.read(stored, options);
    const { signal } = options;
    const allocate = (length: number) => ownedBytes(length, name, file);
    return readView(view, range, allocate, async (target, position) => {
      const piece = { start: position, end: position + target.byteLength, ...(signal && { signal }) };
      target.set(await this.inner.read(stored, piece));
    });
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

  protected tensor(name: string): T {
    const found = this.tensors.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}
