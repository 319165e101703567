/**
 * Writes safetensors files whose bytes equal those of the reference writer: tensors by element type (descending in the
 * format's own order), then by name; compact JSON padded with spaces to eight bytes.
 */
import { TypeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { inTurns, joinInSteps, type Steps, sortInSteps, visitInSteps } from '../turns';
import { compareCodePoints } from './code-points';
import { dtypeNumber, dtypeTag, STORED_DTYPES, type StoredDType } from './dtype';
import { type CheckpointFault, quote } from './fault';
import { HEADER_LIMITS } from './header-limits';
import { commitStaged, type StagedFile, stageFile } from './staged-file';
import { tensorBytes } from './tensor-table';

/** The bytes of a tensor: little-endian, row-major. A function is called once, when its turn has come. */
export type BytesProvider =
  | ArrayBufferView
  | (() => ArrayBufferView | Promise<ArrayBufferView> | AsyncIterable<ArrayBufferView>);

/** A tensor to write. */
export interface TensorToWrite {
  name: string;
  dtype: StoredDType;
  shape: readonly number[];
  bytes: BytesProvider;
  /**
   * In place of `bytes`, where a format stores them as they are: puts them into an open file by itself, from `offset` on,
   * and touches it no more once the promise settles.
   */
  writeInto?: (descriptor: number, offset: number) => Promise<void>;
}

/** Options of `writeSafetensors`. */
export interface WriteOptions {
  /** `__metadata__` of the file; null for none. Default `{ format: 'pt' }`, which Transformers asks for. */
  metadata?: Readonly<Record<string, string>> | null;
  /** Hears of every tensor, once its bytes are written. */
  onTensor?: ((name: string, byteLength: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const OPTIONS = ['metadata', 'onTensor', 'signal'];

interface Placed {
  tensor: TensorToWrite;
  dtype: number;
  byteLength: number;
}

/**
 * Writes `tensors` to `path`, holding the bytes of one at a time. The file appears complete or not at all, and a file that
 * was there before stays until then; after an error nothing is left behind.
 *
 * @returns bytes of the file.
 * @throws ValueError when a tensor cannot be written as described.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`.
 * @throws AbortError when `signal` is aborted.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteOptions = {},
): Promise<number> {
  return commitStaged(await stageSafetensors(path, tensors, options));
}

/** `writeSafetensors` without its last step, for saves of several files: call `commit()` or `discard()` on the result. */
export async function stageSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteOptions = {},
): Promise<StagedFile> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'writeSafetensors()', OPTIONS);
  }
  const { metadata = { format: 'pt' }, onTensor, signal } = options;
  const placed = await inTurns(placeTensors([...tensors]), signal);
  const header = await inTurns(formatHeader(placed, metadata), signal);
  return stageFile(path, signal, async (staged) => {
    await staged.write(header);
    for (const { tensor, byteLength } of placed) {
      await appendTensor(staged, tensor, byteLength, signal);
      onTensor?.(tensor.name, byteLength);
    }
  });
}

/** Checks every tensor and puts them into the order of the file. */
function* placeTensors(tensors: readonly TensorToWrite[]): Steps<readonly Placed[]> {
  const seen = new Set<string>();
  const placed: Placed[] = [];
  yield* visitInSteps(tensors, (tensor) => {
    const { name } = tensor;
    checkName(name, seen);
    seen.add(name);
    const dtype = dtypeNumber(tensor.dtype);
    if (dtype === -1) {
      throw invalid(
        'UNKNOWN_DTYPE',
        name,
        `has dtype ${quote(String(tensor.dtype))}; known are ${STORED_DTYPES.join(', ')}`,
      );
    }
    placed.push({ tensor, dtype, byteLength: byteLengthOf(tensor, dtype) });
  });
  return yield* sortInSteps(placed, (a, b) => b.dtype - a.dtype || compareCodePoints(a.tensor.name, b.tensor.name));
}

function checkName(name: string, seen: ReadonlySet<string>): void {
  if (typeof name !== 'string') throw new TypeError(`a tensor name must be a string, not ${typeof name}`);
  if (seen.has(name)) throw invalid('DUPLICATE_NAME', name, 'is given twice');
  if (name === '__metadata__')
    throw invalid('HEADER_INVALID_ENTRY', name, 'has the name that safetensors keeps for itself');
  if (/\p{Surrogate}/u.test(name))
    throw invalid('HEADER_INVALID_UTF8', name, 'has half of a surrogate pair in its name');
  if (Buffer.byteLength(name) > HEADER_LIMITS.nameBytes) {
    throw invalid('NAME_TOO_LONG', name, `has a name of more than ${HEADER_LIMITS.nameBytes} bytes`);
  }
}

/** Bytes of a tensor of type number `dtype`. @throws ValueError when no tensor can have its shape */
export function byteLengthOf({ name, shape }: TensorToWrite, dtype: number): number {
  const { dimension, dimensions } = HEADER_LIMITS;
  if (shape.length > dimensions) throw invalid('TOO_MANY_DIMENSIONS', name, `has more than ${dimensions} dimensions`);
  for (const dim of shape) {
    if (!Number.isInteger(dim) || dim < 0 || dim > dimension) {
      throw invalid('HEADER_INVALID_ENTRY', name, `has dimension ${dim}; expected whole numbers from 0 to 2^48`);
    }
  }
  const bytes = tensorBytes(dtype, shape, shape.length);
  if (bytes === 'MISALIGNED')
    throw invalid('MISALIGNED', name, `of ${dtypeTag(dtype)} [${shape}] does not end at a byte`);
  if (typeof bytes !== 'number') throw invalid('OVERFLOW', name, `of ${dtypeTag(dtype)} [${shape}] is too large`);
  return bytes;
}

/** The length field and the padded JSON. */
function* formatHeader(placed: readonly Placed[], metadata: WriteOptions['metadata']): Steps<Uint8Array> {
  const parts: string[] = [];
  if (metadata) parts.push(`"__metadata__":${formatMetadata(metadata)}`);
  let offset = 0;
  yield* visitInSteps(placed, ({ tensor, dtype, byteLength }) => {
    const end = offset + byteLength;
    parts.push(
      `${JSON.stringify(tensor.name)}:{"dtype":"${dtypeTag(dtype)}","shape":[${tensor.shape.join(',')}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  });
  const json = `{${yield* joinInSteps(parts, ',')}}`;
  const byteLength = Buffer.byteLength(json);
  const length = Math.ceil(byteLength / 8) * 8;
  if (length > HEADER_LIMITS.headerBytes) {
    throw new ValueError(
      `the header of ${placed.length} tensors needs ${length} bytes and safetensors allows ${HEADER_LIMITS.headerBytes}; ` +
        'spread the tensors over several files',
      { code: 'HEADER_TOO_LARGE' satisfies CheckpointFault },
    );
  }
  const header = Buffer.allocUnsafeSlow(8 + length);
  header.writeBigUInt64LE(BigInt(length));
  header.write(json, 8);
  return header.fill(' ', 8 + byteLength);
}

/** Keys in the order of their code points: the reference keeps them in a hash map, so it has no order of its own. */
function formatMetadata(metadata: Readonly<Record<string, string>>): string {
  const entries = Object.entries(metadata).sort(([a], [b]) => compareCodePoints(a, b));
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw new TypeError(`metadata ${quote(key)} must be a string, not ${typeof value}`);
    if (/\p{Surrogate}/u.test(key + value))
      throw new ValueError(`metadata ${quote(key)} holds half of a surrogate pair`);
  }
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

/** Appends a tensor's bytes to a file: the tensor puts them there by itself where it can, else piece by piece. */
export async function appendTensor(
  staged: StagedFile,
  tensor: TensorToWrite,
  byteLength: number,
  signal?: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  if (tensor.writeInto) await staged.writeBy(byteLength, tensor.writeInto);
  else for await (const piece of tensorPieces(tensor, byteLength, signal)) await staged.write(piece);
}

/**
 * The bytes of a tensor, piece by piece.
 * @throws ValueError `SIZE_MISMATCH` unless they are `byteLength` together.
 */
export async function* tensorPieces(
  { name, bytes }: TensorToWrite,
  byteLength: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  throwIfAborted(signal);
  const given = typeof bytes === 'function' ? bytes() : bytes;
  const streamed = typeof given === 'object' && given !== null && Symbol.asyncIterator in given;
  let length = 0;
  for await (const piece of streamed ? given : [await given]) {
    const part = bytesOf(piece, name);
    length += part.byteLength;
    if (length > byteLength) throw wrongLength(name, length, byteLength);
    yield part;
  }
  if (length !== byteLength) throw wrongLength(name, length, byteLength);
}

function bytesOf(piece: ArrayBufferView, name: string): Uint8Array {
  if (!ArrayBuffer.isView(piece)) {
    throw new TypeError(`the bytes of tensor ${quote(name)} must be a typed array, not ${typeof piece}`);
  }
  return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
}

function wrongLength(name: string, given: number, needed: number): ValueError {
  return invalid('SIZE_MISMATCH', name, `was given ${given} bytes, its dtype and shape need ${needed}`);
}

/** The error for a tensor that cannot be written as described. */
export function invalid(code: CheckpointFault, name: string, what: string): ValueError {
  return new ValueError(`tensor ${quote(name)} ${what}`, { code });
}
