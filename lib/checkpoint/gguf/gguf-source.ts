import type { PinnedFile } from '../pinned-file';
import { ownedBytes, requestedRange } from '../read-range';
import { noTensor } from '../safetensors';
import type { CheckpointSource, ReadOptions, TensorInfo } from '../source';
import type { GgufHeader, GgufTensor } from './gguf-header';
import type { GgufMetadata } from './gguf-values';

/** An open GGUF file: tensors under ggml's names. */
export class GgufSource implements CheckpointSource {
  readonly format = 'gguf';
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly indexMetadata: ReadonlyMap<string, unknown> = new Map();
  readonly otherKeys: readonly string[] = [];
  readonly forbidden: readonly string[] = [];
  readonly parts: readonly CheckpointSource[] = [this];

  /** Use `openGguf`. */
  constructor(
    private readonly file: PinnedFile,
    private readonly header: GgufHeader,
  ) {
    this.files = [file.path];
    const texts = [...header.metadata].flatMap(([key, { type, value }]) =>
      type === 'string' ? [[key, value] as const] : [],
    );
    this.metadata = new Map(texts);
  }

  /** Every entry of the metadata, with its type. */
  get values(): GgufMetadata {
    return this.header.metadata;
  }

  get version(): number {
    return this.header.version;
  }

  names(): readonly string[] {
    return this.header.ordered;
  }

  has(name: string): boolean {
    return this.header.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape, begin, byteLength } = this.tensor(name);
    return { dtype, shape: [...shape], file: this.file.path, byteOffset: begin, byteLength };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const { begin, byteLength } = this.tensor(name);
    const { start, end } = requestedRange(name, byteLength, options);
    const bytes = ownedBytes(end - start, name, this.file.path);
    await this.file.readInto(bytes, begin + start, options.signal);
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

  private tensor(name: string): GgufTensor {
    const found = this.header.tensors.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}
