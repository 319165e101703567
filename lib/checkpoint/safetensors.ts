import { KeyError, nearest, unknownName } from '../errors';
import { inTurns } from '../turns';
import { quote } from './fault';
import { type HeaderLimits, headerLimits } from './header-limits';
import { PinnedFile } from './pinned-file';
import { ownedBytes, requestedRange } from './read-range';
import { headerLength, LENGTH_BYTES, parseHeaderInSteps, type SafetensorsHeader } from './safetensors-header';
import type { CheckpointSource, ReadOptions, TensorInfo } from './source';

/** Options of `openSafetensors`. */
export interface OpenSafetensorsOptions {
  signal?: AbortSignal;
  limits?: Partial<HeaderLimits>;
}

/**
 * Opens one safetensors file and reads its header, nothing else.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` when the file is missing, damaged or hostile.
 * @throws AbortError when `signal` is aborted.
 */
export async function openSafetensors(path: string, options: OpenSafetensorsOptions = {}): Promise<SafetensorsSource> {
  for (const name of Object.keys(options)) {
    if (name !== 'signal' && name !== 'limits')
      throw unknownName('option', name, 'openSafetensors()', ['signal', 'limits']);
  }
  const { signal } = options;
  const limits = headerLimits(options.limits);
  const file = await PinnedFile.open(path, signal);
  try {
    return new SafetensorsSource(file, await readHeader(file, limits, signal));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: PinnedFile, limits: HeaderLimits, signal?: AbortSignal): Promise<SafetensorsHeader> {
  const prefix = new Uint8Array(Math.min(LENGTH_BYTES, file.size));
  await file.readInto(prefix, 0, signal);
  const length = headerLength(prefix, file.size, { file: file.path, limits });
  const bytes = Buffer.allocUnsafeSlow(LENGTH_BYTES + length);
  await file.readInto(bytes, 0, signal);
  await file.verify();
  return inTurns(parseHeaderInSteps(bytes, file.size, { file: file.path, limits }), signal);
}

/** A suggestion for a misspelt name costs too much among more names than this. */
const NAMES_TO_COMPARE = 2000;

/** An open safetensors file. */
export class SafetensorsSource implements CheckpointSource {
  readonly format = 'safetensors';
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly indexMetadata: ReadonlyMap<string, unknown> = new Map();
  readonly otherKeys: readonly string[] = [];
  readonly forbidden: readonly string[] = [];
  readonly parts: readonly CheckpointSource[] = [this];
  private readonly file: PinnedFile;
  private readonly header: SafetensorsHeader;
  private ordered: readonly string[] | null = null;

  /** Use `openSafetensors`. */
  constructor(file: PinnedFile, header: SafetensorsHeader) {
    this.file = file;
    this.header = header;
    this.files = [file.path];
    this.metadata = header.metadata;
  }

  names(): readonly string[] {
    this.ordered ??= this.header.tensors.names();
    return this.ordered;
  }

  has(name: string): boolean {
    return this.header.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const row = this.header.tensors.get(name);
    if (row === undefined) throw noTensor(name, this);
    return {
      dtype: row.dtype,
      shape: row.shape,
      file: this.file.path,
      byteOffset: this.header.dataStart + row.begin,
      byteLength: row.end - row.begin,
    };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const { byteOffset, byteLength } = this.info(name);
    const { start, end } = requestedRange(name, byteLength, options);
    const bytes = ownedBytes(end - start, name, this.file.path);
    await this.file.readInto(bytes, byteOffset + start, options.signal);
    await this.file.verify();
    return bytes;
  }

  descriptor(name: string): number {
    if (!this.has(name)) throw noTensor(name, this);
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
}

/** The error for a name that `source` does not hold. */
export function noTensor(name: string, source: CheckpointSource): KeyError {
  const names = source.names();
  const guess = names.length <= NAMES_TO_COMPARE && name.length <= 200 ? nearest(name, names) : null;
  const hint = guess === null ? `it holds ${names.length} tensors; see names()` : `did you mean ${quote(guess)}?`;
  return new KeyError(`${source.files.join(', ')} has no tensor ${quote(name)}; ${hint}`, { code: 'NO_SUCH_TENSOR' });
}
