import { setImmediate as nextTurn } from 'node:timers/promises';
import { bitsOf, type PlainDType } from '../dtype';
import { gather, narrowed, type ReadStorage, type StridedView } from '../gather';
import type { PinnedFile } from '../pinned-file';
import { ownedBytes, requestedRange } from '../read-range';
import { noTensor } from '../safetensors';
import type { CheckpointSource, ReadOptions, TensorInfo } from '../source';
import { pytorchFault } from './pytorch-fault';
import { checkSpread, type TensorExtent } from './state-dict';
import type { StorageBytes } from './storage-bytes';

/** A tensor whose place has been checked. */
export interface PlacedTensor {
  dtype: PlainDType;
  shape: readonly number[];
  extent: TensorExtent;
  bytes: StorageBytes;
}

/** An open PyTorch file. */
export class PyTorchSource implements CheckpointSource {
  readonly format = 'pytorch';
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string> = new Map();
  readonly indexMetadata: ReadonlyMap<string, unknown> = new Map();
  readonly parts: readonly CheckpointSource[] = [this];
  private readonly ordered: readonly string[];

  /** Use `openPyTorch`. */
  constructor(
    private readonly file: PinnedFile,
    private readonly tensors: ReadonlyMap<string, PlacedTensor>,
    readonly otherKeys: readonly string[],
    readonly forbidden: readonly string[] = [],
  ) {
    this.files = [file.path];
    this.ordered = [...tensors.keys()];
  }

  /** In the order of the state dict. */
  names(): readonly string[] {
    return this.ordered;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape, extent, bytes } = this.tensor(name);
    const info: TensorInfo = {
      dtype,
      shape: shape.slice(),
      file: this.file.path,
      byteOffset: bytes.offset + extent.begin,
      byteLength: extent.byteLength,
      storage: bytes.name,
    };
    if (extent.strides) info.strides = extent.strides;
    if (bytes.isDeflated) info.compressed = true;
    return info;
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const { byteLength } = this.tensor(name).extent;
    const { start, end } = requestedRange(name, byteLength, options);
    const bytes = await this.readRange(name, start, end, options.signal);
    await this.file.verify();
    return bytes;
  }

  descriptor(name: string): number {
    this.tensor(name);
    return this.file.descriptor;
  }

  verify(): Promise<void> {
    return this.file.verify();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async readRange(name: string, start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { dtype, shape, extent, bytes: storage } = this.tensor(name);
    if (extent.strides === null) {
      const bytes = ownedBytes(end - start, name, this.file.path);
      await storage.readInto(bytes, extent.begin + start, signal);
      return bytes;
    }
    checkSpread(name, end - start, extent.end - extent.begin, (code, message, tensor) => {
      throw pytorchFault(code, this.file.path, message, { tensor });
    });
    const whole = { shape, strides: extent.strides, item: bitsOf(dtype) / 8, begin: extent.begin };
    const part = start === end ? null : narrowed(whole, start, end);
    if (part === null) return ownedBytes(0, name, this.file.path);
    const bytes = ownedBytes(bytesOf(part.view), name, this.file.path);
    await gather(part.view, bytes, await this.storageOf(name, part.view, signal));
    const from = start - part.start;
    return end - start === bytes.byteLength ? bytes : bytes.slice(from, from + end - start);
  }

  /** How to read the storage behind a view: from the file, or from what the view touches of a deflated storage. */
  private async storageOf(name: string, view: StridedView, signal?: AbortSignal): Promise<ReadStorage> {
    const { bytes } = this.tensor(name);
    if (!bytes.isDeflated) return (target, position) => bytes.readInto(target, position, signal);
    const last = view.shape.reduce((sum, size, i) => sum + (size - 1) * (view.strides[i] as number), 0);
    const inflated = ownedBytes((last + 1) * view.item, name, this.file.path);
    await bytes.readInto(inflated, view.begin, signal);
    return async (target, position) => {
      target.set(inflated.subarray(position - view.begin, position - view.begin + target.byteLength));
      await nextTurn();
    };
  }

  private tensor(name: string): PlacedTensor {
    const found = this.tensors.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}

function bytesOf({ shape, item }: StridedView): number {
  return shape.reduce((bytes, size) => bytes * size, item);
}
