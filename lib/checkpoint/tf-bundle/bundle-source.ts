import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PlainDType } from '../dtype';
import { quote } from '../fault';
import type { PinnedFile } from '../pinned-file';
import { ownedBytes, requestedRange } from '../read-range';
import { noTensor } from '../safetensors';
import type { CheckpointSource, ReadOptions, TensorInfo } from '../source';
import { failing } from './bundle-fault';
import { crc32c, masked } from './crc32c';

/** Bytes that are read and summed at once. */
const PIECE = 1024 * 1024;

/** A run of bytes that is a variable, or a part of it. */
export interface StoredPart {
  file: PinnedFile;
  offset: number;
  size: number;
  crc: number;
  starts: readonly number[];
  sizes: readonly number[];
}

/** A variable, and the parts that it lies in. */
export interface StoredVariable {
  dtype: PlainDType;
  shape: readonly number[];
  item: number;
  byteLength: number;
  parts: readonly StoredPart[];
}

/** An open TensorFlow checkpoint. Bytes are compared with their checksum before any of them is given out. */
export class BundleSource implements CheckpointSource {
  readonly format = 'tensorflow1';
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string> = new Map();
  readonly indexMetadata: ReadonlyMap<string, unknown> = new Map();
  readonly parts: readonly CheckpointSource[] = [this];
  private readonly summed = new Map<StoredPart, Promise<void>>();

  /** Use `openBundle`. */
  constructor(
    index: string,
    private readonly data: readonly PinnedFile[],
    private readonly variables: ReadonlyMap<string, StoredVariable>,
    /** In the order of the files, each by its bytes. */
    private readonly ordered: readonly string[],
    readonly otherKeys: readonly string[],
    readonly forbidden: readonly string[],
  ) {
    this.files = [index, ...data.map((file) => file.path)];
  }

  names(): readonly string[] {
    return this.ordered;
  }

  has(name: string): boolean {
    return this.variables.has(name);
  }

  /** Only `read` gives the bytes, as it is what compares them with their checksum. */
  info(name: string): TensorInfo {
    const { dtype, shape, byteLength, parts } = this.variable(name);
    const [first] = parts;
    return {
      dtype,
      shape: [...shape],
      file: first?.file.path ?? (this.files[0] as string),
      byteOffset: first?.offset ?? 0,
      byteLength,
      compressed: true,
    };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const variable = this.variable(name);
    const { signal } = options;
    const { start, end } = requestedRange(name, variable.byteLength, options);
    const bytes = ownedBytes(end - start, name, this.files[0] as string);
    const [only, ...others] = variable.parts;
    if (only && others.length === 0) await this.readPart(name, only, bytes, start, signal);
    else for (const part of variable.parts) await this.addPart(name, variable, part, bytes, start, signal);
    await this.verify();
    return bytes;
  }

  descriptor(name: string): number {
    return (this.variable(name).parts[0]?.file ?? (this.data[0] as PinnedFile)).descriptor;
  }

  async verify(): Promise<void> {
    for (const file of this.data) await file.verify();
  }

  async close(): Promise<void> {
    await Promise.all(this.data.map((file) => file.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private variable(name: string): StoredVariable {
    const found = this.variables.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }

  private async readPart(name: string, part: StoredPart, target: Uint8Array, start: number, signal?: AbortSignal) {
    // Read whole, the bytes themselves are summed; of ranges the part is summed once, before the first.
    if (start === 0 && target.byteLength === part.size) {
      let crc = 0;
      for (let at = 0; at < part.size; at += PIECE) {
        const piece = target.subarray(at, at + PIECE);
        await part.file.readInto(piece, part.offset + at, signal);
        crc = crc32c(piece, crc);
      }
      this.compare(name, part, crc);
      return;
    }
    let summing = this.summed.get(part);
    if (summing === undefined) {
      summing = this.sum(name, part, signal);
      this.summed.set(part, summing);
      summing.catch(() => this.summed.delete(part));
    }
    await summing;
    await part.file.readInto(target, part.offset + start, signal);
  }

  private async sum(name: string, part: StoredPart, signal?: AbortSignal): Promise<void> {
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE, part.size));
    let crc = 0;
    for (let at = 0; at < part.size; at += PIECE) {
      const bytes = piece.subarray(0, Math.min(PIECE, part.size - at));
      await part.file.readInto(bytes, part.offset + at, signal);
      crc = crc32c(bytes, crc);
      await nextTurn();
    }
    this.compare(name, part, crc);
  }

  private compare(name: string, { crc, file, offset }: StoredPart, found: number): void {
    if (masked(found) === crc) return;
    const message = `the bytes of ${quote(name)}, from ${offset} on, do not have their checksum; fetch the file again`;
    throw failing(file.path)('CHECKSUM_MISMATCH', message, name);
  }

  /** Copies those elements of a part that are in the range from byte `start` of the variable on. */
  private async addPart(
    name: string,
    variable: StoredVariable,
    part: StoredPart,
    target: Uint8Array,
    start: number,
    signal?: AbortSignal,
  ): Promise<void> {
    if (part.size === 0) return;
    const content = new Uint8Array(part.size);
    await this.readPart(name, part, content, 0, signal);
    const { shape, item } = variable;
    const end = start + target.byteLength;
    // Dimensions that the part fills whole are one run of bytes with the one outside of them.
    let inner = shape.length - 1;
    while (inner > 0 && part.sizes[inner] === shape[inner]) inner--;
    const run = part.sizes.slice(Math.max(inner, 0)).reduce((bytes, size) => bytes * size, item);
    const steps = shape.map((_, i) => shape.slice(i + 1).reduce((bytes, size) => bytes * size, item));
    let from = 0;
    const copy = (depth: number, to: number): void => {
      if (depth >= inner) {
        const first = to + (part.starts[depth] ?? 0) * (steps[depth] ?? 0);
        const [low, high] = [Math.max(first, start), Math.min(first + run, end)];
        if (low < high) target.set(content.subarray(from + low - first, from + high - first), low - start);
        from += run;
        return;
      }
      for (let i = 0; i < (part.sizes[depth] as number); i++) {
        copy(depth + 1, to + ((part.starts[depth] as number) + i) * (steps[depth] as number));
      }
    };
    copy(0, 0);
  }
}
