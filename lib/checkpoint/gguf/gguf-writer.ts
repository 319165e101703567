/** Writes GGUF files, version 3: every tensor at the next multiple of the alignment, as ggml asks. */
import { dirname } from 'node:path';
import { ValueError } from '../../errors';
import { bitsOf, type StoredDType } from '../dtype';
import { type CheckpointFault, quote } from '../fault';
import { appendTensor, invalid, type TensorToWrite } from '../safetensors-writer';
import { commitStaged, stageFile } from '../staged-file';
import { clearAbandoned } from '../temporary-file';
import { blockOf, isBlockDType } from './block-types';
import { ggmlNumber } from './ggml-types';
import { GGUF_TYPES, type GgufMetadata, type GgufType, type GgufValue, SCALARS } from './gguf-values';

/** Options of `writeGguf`. */
export interface WriteGgufOptions {
  /** Hears of every tensor, once its bytes are written. */
  onTensor?: ((name: string, byteLength: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const VERSION = 3;
const ALIGNMENT = 32;
/** Bytes of a name in ggml, of which the last is zero. */
const MOST_NAME_BYTES = 63;
const MOST_DIMENSIONS = 4;

interface Placed {
  tensor: TensorToWrite;
  byteLength: number;
}

/**
 * Writes `metadata` and `tensors` to `path` in the order given, holding the bytes of one tensor at a time. The file appears
 * complete or not at all, and a file that was there before stays until then; after an error nothing is left behind, and
 * what a killed writer left in the folder is cleared away.
 *
 * @returns bytes of the file.
 * @throws ValueError when a tensor or a value cannot be written as described.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`.
 * @throws AbortError when `signal` is aborted.
 */
export async function writeGguf(
  path: string,
  metadata: GgufMetadata,
  tensors: Iterable<TensorToWrite>,
  options: WriteGgufOptions = {},
): Promise<number> {
  const { onTensor, signal } = options;
  const placed = placeTensors(tensors);
  const header = formatHeader(metadata, placed);
  await clearAbandoned(dirname(path));
  const staged = await stageFile(path, signal, async (file) => {
    await file.write(header);
    for (const { tensor, byteLength } of placed) {
      await appendTensor(file, tensor, byteLength, signal);
      await file.write(new Uint8Array(padded(byteLength) - byteLength));
      onTensor?.(tensor.name, byteLength);
    }
  });
  return commitStaged(staged);
}

/** Bytes of a tensor in a GGUF file. @throws ValueError when no tensor can be so */
export function ggufByteLength(name: string, dtype: StoredDType, shape: readonly number[]): number {
  const { elements, bytes } = isBlockDType(dtype) ? blockOf(dtype) : { elements: 1, bytes: bitsOf(dtype) / 8 };
  if (shape.length > MOST_DIMENSIONS)
    throw invalid('TOO_MANY_DIMENSIONS', name, `has more than ${MOST_DIMENSIONS} dimensions`);
  const size = shape.reduce((product, dim) => product * dim, 1);
  if ((shape.at(-1) ?? 1) % elements !== 0)
    throw invalid('SIZE_MISMATCH', name, `has rows of ${shape.at(-1)} elements, no multiple of ${dtype}'s ${elements}`);
  if (!Number.isSafeInteger(size * bytes)) throw invalid('OVERFLOW', name, `of ${dtype} [${shape}] is too large`);
  return (size / elements) * bytes;
}

function placeTensors(tensors: Iterable<TensorToWrite>): Placed[] {
  const placed = new Map<string, Placed>();
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    if (placed.has(name)) throw invalid('DUPLICATE_NAME', name, 'is given twice');
    if (/\p{Surrogate}/u.test(name))
      throw invalid('HEADER_INVALID_UTF8', name, 'has half of a surrogate pair in its name');
    if (Buffer.byteLength(name) > MOST_NAME_BYTES)
      throw invalid(
        'NAME_TOO_LONG',
        name,
        `has a name of more than ${MOST_NAME_BYTES} bytes, which ggml does not take`,
      );
    if (ggmlNumber(dtype) === undefined)
      throw invalid('UNKNOWN_DTYPE', name, `has dtype ${quote(dtype)}, which GGUF has not`);
    placed.set(name, { tensor, byteLength: ggufByteLength(name, dtype, shape) });
  }
  return [...placed.values()];
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function formatHeader(metadata: GgufMetadata, placed: readonly Placed[]): Uint8Array {
  const parts: Uint8Array[] = [
    Buffer.from('GGUF'),
    numbers('uint32', VERSION),
    numbers('uint64', placed.length, metadata.size),
  ];
  for (const [key, value] of metadata)
    parts.push(text(key, key), numbers('uint32', numberOfType(value.type)), ...valueBytes(key, value));
  let offset = 0;
  for (const { tensor, byteLength } of placed) {
    const { name, dtype, shape } = tensor;
    parts.push(
      text(name, name),
      numbers('uint32', shape.length),
      numbers('uint64', ...[...shape].reverse()),
      numbers('uint32', ggmlNumber(dtype) as number),
      numbers('uint64', offset),
    );
    offset += padded(byteLength);
  }
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return Buffer.concat([...parts, new Uint8Array(padded(length) - length)]);
}

function valueBytes(key: string, found: GgufValue): Uint8Array[] {
  if (found.type === 'string') return [text(key, found.value)];
  if (found.type !== 'array') return [numbers(found.type, found.value)];
  const { elementType, length, bytes } = found.value;
  if (elementType === 'array')
    throw new ValueError(`metadata ${quote(key)} is an array of arrays, which ggml does not read`, {
      code: 'METADATA_INVALID' satisfies CheckpointFault,
    });
  return [numbers('uint32', numberOfType(elementType)), numbers('uint64', length), bytes];
}

function numberOfType(type: GgufType): number {
  return GGUF_TYPES.indexOf(type);
}

function numbers(type: keyof typeof SCALARS, ...values: (number | bigint | boolean)[]): Uint8Array {
  const { bytes, set } = SCALARS[type];
  const array = new Uint8Array(bytes * values.length);
  const view = new DataView(array.buffer);
  values.forEach((value, i) => {
    set(view, i * bytes, value);
  });
  return array;
}

function text(key: string, value: string): Uint8Array {
  if (/\p{Surrogate}/u.test(value))
    throw new ValueError(`metadata ${quote(key)} holds half of a surrogate pair`, {
      code: 'METADATA_INVALID' satisfies CheckpointFault,
    });
  const bytes = Buffer.from(value);
  return Buffer.concat([numbers('uint64', bytes.byteLength), bytes]);
}
