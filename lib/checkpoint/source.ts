import type { StoredDType } from './dtype';

/** Bytes of a file, counted from its start. */
export interface FileRange {
  offset: number;
  length: number;
}

/** Where one tensor lies and what its bytes mean. */
export interface TensorInfo {
  /** Of a type of blocks, `read` gives the blocks. */
  dtype: StoredDType;
  shape: number[];
  /** Path of the file that holds the bytes. */
  file: string;
  /** First byte of the tensor, counted from the start of the file. */
  byteOffset: number;
  /** Bytes of the tensor as `read` gives it: little-endian, row-major, without gaps. */
  byteLength: number;
  /**
   * How far apart neighbours along each dimension lie in the file, in elements, where that is not row-major without gaps:
   * PyTorch stores transposed and cut tensors as they are. Left out otherwise.
   */
  strides?: readonly number[];
  /** True where the bytes are compressed in the file: `byteOffset` counts within the member, and only `read` gives them. */
  compressed?: true;
  /** How the file arranges the elements, where it is in another way than `shape` says; only `read` gives them as they are. */
  arranged?: Arrangement;
  /** The ranges that make up the tensor where there are several: Flax cuts large arrays into chunks. Only `read` joins them. */
  pieces?: readonly FileRange[];
  /** Tensors of one file that have the same text here are views of one storage. Left out where nothing can be shared. */
  storage?: string;
}

/** Elements lie in the file as `dims`; with the axes in the order `axes` they are those of the tensor, row-major. */
export interface Arrangement {
  dims: readonly number[];
  axes: readonly number[];
}

/** Whether the bytes of the tensor are the bytes of the file from `byteOffset` on. */
export function isByteRange(info: TensorInfo): boolean {
  const { strides, compressed, arranged, pieces } = info;
  return strides === undefined && compressed === undefined && arranged === undefined && pieces === undefined;
}

/** Whether two tensors are the same bytes of the same file, read in the same way. */
export function isSamePlace(a: TensorInfo, b: TensorInfo): boolean {
  return isByteRange(a) && isByteRange(b) && a.file === b.file && a.byteOffset === b.byteOffset;
}

/** Options of `CheckpointSource.read`. */
export interface ReadOptions {
  signal?: AbortSignal;
  /** First byte to read, counted from the start of the tensor (default 0). */
  start?: number;
  /** Byte behind the last one to read (default: the tensor's length). */
  end?: number;
}

/**
 * An open checkpoint: names, and where the bytes behind each name lie. It knows no model and no tensor, and holds no
 * tensor bytes.
 */
export interface CheckpointSource {
  /** File format: `'safetensors'`, `'pytorch'`, `'flax'`, `'gguf'`. */
  readonly format: string;
  /** Paths of the files, in reading order. */
  readonly files: readonly string[];
  /** Text metadata of the file; of a sharded checkpoint, what all its shards agree on. */
  readonly metadata: ReadonlyMap<string, string>;
  /** `metadata` of the index of shards (`total_size`, `dtype` …); empty for a single file. */
  readonly indexMetadata: ReadonlyMap<string, unknown>;
  /** Keys of what the files hold beside tensors, such as a step count; nothing of it is read. */
  readonly otherKeys: readonly string[];
  /** Classes and functions that a file names and a load refuses: empty unless it was opened to look only. */
  readonly forbidden: readonly string[];
  /** The parts of a sharded checkpoint, in the order of their names; the source itself for a single file. */
  readonly parts: readonly CheckpointSource[];

  /** Every name in file order: file by file, within a file by offset. */
  names(): readonly string[];
  has(name: string): boolean;
  /** @throws KeyError when there is no such tensor. */
  info(name: string): TensorInfo;
  /**
   * The tensor's own bytes, or a range of them, in memory that belongs to the caller.
   *
   * @throws CheckpointError `FILE_CHANGED` when the file is no longer the one that was opened.
   * @throws CheckpointError `TENSOR_TOO_LARGE` when one buffer cannot hold the range.
   */
  read(name: string, options?: ReadOptions): Promise<Uint8Array>;
  /** The open file descriptor behind a tensor, for native code that reads by itself; valid until `close()`. */
  descriptor(name: string): number;
  /** Rejects with `FILE_CHANGED` when a file has been truncated or rewritten since it was opened. */
  verify(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
