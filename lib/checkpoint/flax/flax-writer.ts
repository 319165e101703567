/** Writes Flax files with the bytes of flax.serialization.to_bytes of Flax 0.7. */
import { TypeError, throwIfAborted, unknownName } from '../../errors';
import { bitsOf, dtypeNumber, type PlainDType } from '../dtype';
import { quote } from '../fault';
import { appendTensor, byteLengthOf, invalid, type TensorToWrite, tensorPieces } from '../safetensors-writer';
import { commitStaged, type StagedFile, stageFile } from '../staged-file';
import { CHUNKED } from './flax-leaves';
import { arrayHead, intBytes, mapHead, TRUE, textBytes } from './msgpack-bytes';
import { NUMPY_DTYPES } from './msgpack-tree';

/** Options of `writeFlax`. */
export interface WriteFlaxOptions {
  /** Hears of every tensor, once its bytes are written. */
  onTensor?: ((name: string, byteLength: number) => void) | undefined;
  /** Arrays of more bytes are cut into chunks. Default 2^30, as Flax does it. */
  maxChunkBytes?: number | undefined;
  signal?: AbortSignal | undefined;
}

const OPTIONS = ['onTensor', 'maxChunkBytes', 'signal'];
const MAX_CHUNK_BYTES = 2 ** 30;

/** Maps in maps, in the order in which their first tensor was given. */
type Branch = Map<string, Branch | Leaf>;

interface Leaf {
  tensor: TensorToWrite;
  byteLength: number;
}

/**
 * Writes `tensors`, whose names are paths joined by '/', to `path`, holding the bytes of one at a time. The file appears
 * complete or not at all, and a file that was there before stays until then; after an error nothing is left behind.
 *
 * @returns bytes of the file.
 * @throws ValueError when a tensor cannot be written as described.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`.
 * @throws AbortError when `signal` is aborted.
 */
export async function writeFlax(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteFlaxOptions = {},
): Promise<number> {
  return commitStaged(await stageFlax(path, tensors, options));
}

/** `writeFlax` without its last step, for saves of several files: call `commit()` or `discard()` on the result. */
export async function stageFlax(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteFlaxOptions = {},
): Promise<StagedFile> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'writeFlax()', OPTIONS);
  }
  const tree = treeOf(tensors);
  return stageFile(path, options.signal, (staged) => writeBranch(staged, tree, options));
}

/** Checks every tensor and hangs it at its path. */
function treeOf(tensors: Iterable<TensorToWrite>): Branch {
  const root: Branch = new Map();
  for (const tensor of tensors) {
    const { name, dtype } = tensor;
    if (typeof name !== 'string') throw new TypeError(`a tensor name must be a string, not ${typeof name}`);
    if (/\p{Surrogate}/u.test(name)) throw invalid('MSGPACK_INVALID', name, 'has half of a surrogate pair in its name');
    if (!NUMPY_DTYPES.has(dtype)) {
      throw invalid(
        'UNKNOWN_DTYPE',
        name,
        `has dtype ${quote(String(dtype))}; Flax saves ${[...NUMPY_DTYPES].join(', ')}`,
      );
    }
    const keys = name.split('/');
    const last = keys.pop() as string;
    let branch = root;
    for (const key of keys) {
      const inner = branch.get(key) ?? new Map<string, Branch | Leaf>();
      if ('tensor' in inner)
        throw invalid('DUPLICATE_NAME', name, `lies below ${quote(inner.tensor.name)}, which is a tensor`);
      branch.set(key, inner);
      branch = inner;
    }
    if (branch.has(last)) throw invalid('DUPLICATE_NAME', name, 'is given twice, or is the folder of others');
    branch.set(last, { tensor, byteLength: byteLengthOf(tensor, dtypeNumber(dtype)) });
  }
  return root;
}

async function writeBranch(staged: StagedFile, branch: Branch, options: WriteFlaxOptions): Promise<void> {
  await staged.write(mapHead(branch.size));
  for (const [key, node] of branch) {
    await staged.write(textBytes(key));
    if ('tensor' in node) await writeLeaf(staged, node, options);
    else await writeBranch(staged, node, options);
  }
}

async function writeLeaf(
  staged: StagedFile,
  { tensor, byteLength }: Leaf,
  { onTensor, maxChunkBytes = MAX_CHUNK_BYTES, signal }: WriteFlaxOptions,
): Promise<void> {
  throwIfAborted(signal);
  const { name, dtype, shape } = tensor;
  if (byteLength > maxChunkBytes) await writeChunks(staged, { tensor, byteLength }, maxChunkBytes, signal);
  else {
    await staged.write(arrayHead(shape, dtype, byteLength));
    await appendTensor(staged, tensor, byteLength, signal);
  }
  onTensor?.(name, byteLength);
}

/** One array as a map of vectors, which no reader has to hold at once. */
async function writeChunks(
  staged: StagedFile,
  { tensor, byteLength }: Leaf,
  maxChunkBytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { dtype, shape } = tensor;
  const item = bitsOf(dtype as PlainDType) / 8;
  const chunk = Math.max(1, Math.floor(maxChunkBytes / item)) * item;
  await staged.write(Buffer.concat([mapHead(3), textBytes(CHUNKED), TRUE, textBytes('shape'), mapHead(shape.length)]));
  for (const [i, dim] of shape.entries()) await staged.write(Buffer.concat([textBytes(String(i)), intBytes(dim)]));
  await staged.write(Buffer.concat([textBytes('chunks'), mapHead(Math.ceil(byteLength / chunk))]));
  let done = 0;
  for await (const piece of tensorPieces(tensor, byteLength, signal)) {
    for (let at = 0; at < piece.byteLength; ) {
      const inChunk = done % chunk;
      if (inChunk === 0) {
        const length = Math.min(chunk, byteLength - done);
        await staged.write(Buffer.concat([textBytes(String(done / chunk)), arrayHead([length / item], dtype, length)]));
      }
      const part = piece.subarray(at, at + chunk - inChunk);
      await staged.write(part);
      at += part.byteLength;
      done += part.byteLength;
    }
  }
}
