import type { PinnedFile } from '../pinned-file';
import { ownedBytes, requestedRange } from '../read-range';
import { noTensor } from '../safetensors';
import type { CheckpointSource, FileRange, ReadOptions, TensorInfo } from '../source';
import type { FlaxLeaves, FlaxTensor } from './flax-leaves';

/** An open Flax file: arrays under their paths, joined by '/'. */
export class FlaxSource implements CheckpointSource {
  readonly format = 'flax';
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string> = new Map();
  readonly indexMetadata: ReadonlyMap<string, unknown> = new Map();
  readonly otherKeys: readonly string[];
  readonly forbidden: readonly string[] = [];
  readonly parts: readonly CheckpointSource[] = [this];
  private readonly ordered: readonly string[];
  private readonly tensors: ReadonlyMap<string, FlaxTensor>;

  /** Use `openFlax`. */
  constructor(
    private readonly file: PinnedFile,
    { tensors, otherKeys }: FlaxLeaves,
  ) {
    this.files = [file.path];
    this.tensors = tensors;
    this.otherKeys = otherKeys;
    this.ordered = [...tensors.keys()];
  }

  names(): readonly string[] {
    return this.ordered;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape, byteLength, pieces } = this.tensor(name);
    return {
      dtype,
      shape: [...shape],
      file: this.file.path,
      byteOffset: (pieces[0] as FileRange).offset,
      byteLength,
      ...(pieces.length > 1 && { pieces }),
    };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const { byteLength, pieces } = this.tensor(name);
    const { start, end } = requestedRange(name, byteLength, options);
    const bytes = ownedBytes(end - start, name, this.file.path);
    let at = 0;
    for (const { offset, length } of pieces) {
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, length);
      if (from < to) {
        const part = bytes.subarray(at + from - start, at + to - start);
        await this.file.readInto(part, offset + from, options.signal);
      }
      at += length;
    }
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

  private tensor(name: string): FlaxTensor {
    const found = this.tensors.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}
