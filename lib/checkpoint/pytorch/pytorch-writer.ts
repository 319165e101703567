/** Writes state dicts as PyTorch 2.13's torch.save does, member for member; any PyTorch since 1.6 reads them. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { TypeError, unknownName } from '../../errors';
import { inTurns, type Steps, visitInSteps } from '../../turns';
import { dtypeNumber } from '../dtype';
import { quote } from '../fault';
import { byteLengthOf, invalid, type TensorToWrite, tensorPieces } from '../safetensors-writer';
import { commitStaged, type StagedFile, stageFile } from '../staged-file';
import { PICKLED_DTYPES, pickleStateDict, type TensorToPickle } from './pickle-writer';
import { ZipWriter } from './zip-writer';

/** A second name for a tensor that is written under the name `alias`: both are views of one storage. */
export interface TensorAlias {
  name: string;
  /** Name of the tensor, which must come before. */
  alias: string;
}

/** Options of `writePyTorch`. */
export interface WritePyTorchOptions {
  /** Hears of every tensor, once its bytes are written; of the names of one storage, of the first. */
  onTensor?: ((name: string, byteLength: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const OPTIONS = ['onTensor', 'signal'];

/**
 * Writes `tensors` to `path` as a PyTorch file in zip form, in the order given, holding the bytes of one at a time. The
 * file appears complete or not at all, and a file that was there before stays until then; after an error nothing is left
 * behind.
 *
 * @returns bytes of the file.
 * @throws ValueError when a tensor cannot be written as described.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`.
 * @throws AbortError when `signal` is aborted.
 */
export async function writePyTorch(
  path: string,
  tensors: Iterable<TensorToWrite | TensorAlias>,
  options: WritePyTorchOptions = {},
): Promise<number> {
  return commitStaged(await stagePyTorch(path, tensors, options));
}

/** `writePyTorch` without its last step, for saves of several files: call `commit()` or `discard()` on the result. */
export async function stagePyTorch(
  path: string,
  tensors: Iterable<TensorToWrite | TensorAlias>,
  options: WritePyTorchOptions = {},
): Promise<StagedFile> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'writePyTorch()', OPTIONS);
  }
  const { signal } = options;
  const { entries, storages } = await inTurns(placeTensors([...tensors]), signal);
  return stageFile(path, signal, (staged) =>
    writeArchive(new ZipWriter(staged, rootOf(path)), entries, storages, options),
  );
}

interface Storage {
  tensor: TensorToWrite;
  byteLength: number;
}

/** Checks every tensor; names what the pickle lists and what the storages hold. */
function* placeTensors(
  tensors: readonly (TensorToWrite | TensorAlias)[],
): Steps<{ entries: TensorToPickle[]; storages: Storage[] }> {
  const entries = new Map<string, TensorToPickle>();
  const storages: Storage[] = [];
  yield* visitInSteps(tensors, (tensor) => {
    const { name } = tensor;
    if (typeof name !== 'string') throw new TypeError(`a tensor name must be a string, not ${typeof name}`);
    if (entries.has(name)) throw invalid('DUPLICATE_NAME', name, 'is given twice');
    if (/\p{Surrogate}/u.test(name)) {
      throw invalid('PICKLE_INVALID', name, 'has half of a surrogate pair in its name');
    }
    if ('alias' in tensor) {
      const other = entries.get(tensor.alias);
      if (other === undefined)
        throw invalid('NO_SUCH_TENSOR', name, `is an alias of ${quote(tensor.alias)}, which does not come before it`);
      entries.set(name, { ...other, name });
      return;
    }
    const { dtype, shape } = tensor;
    if (!PICKLED_DTYPES.includes(dtype)) {
      throw invalid(
        'UNKNOWN_DTYPE',
        name,
        `has dtype ${quote(String(dtype))}; PyTorch saves ${PICKLED_DTYPES.join(', ')}`,
      );
    }
    const byteLength = byteLengthOf(tensor, dtypeNumber(dtype));
    entries.set(name, { name, dtype, shape, byteLength, key: String(storages.length) });
    storages.push({ tensor, byteLength });
  });
  return { entries: [...entries.values()], storages };
}

async function writeArchive(
  zip: ZipWriter,
  entries: readonly TensorToPickle[],
  storages: readonly Storage[],
  { onTensor, signal }: WritePyTorchOptions,
): Promise<void> {
  const identity = new SerializationId();
  const member = async (name: string, pieces: readonly Buffer[]) => {
    const byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    identity.add(name, await zip.add(name, byteLength, pieces));
  };
  const word = (name: string, content: string) => member(name, [Buffer.from(content)]);
  await member('data.pkl', await inTurns(pickleStateDict(entries), signal));
  await word('.format_version', '1');
  await word('.storage_alignment', '64');
  await word('byteorder', 'little');
  for (const [i, { tensor, byteLength }] of storages.entries()) {
    const name = `data/${i}`;
    identity.add(name, await zip.add(name, byteLength, tensorPieces(tensor, byteLength, signal)));
    onTensor?.(tensor.name, byteLength);
  }
  await word('version', '3\n');
  await word('.data/serialization_id', identity.toString());
  await zip.end(signal);
}

/** Folder of all members: the file's name without its last extension. */
function rootOf(path: string): string {
  const stem = basename(path).replace(/\.[^.]*$/, '');
  return /^[\x21-\x7e]+$/.test(stem) ? stem : 'archive';
}

const U64 = (value: bigint) => BigInt.asUintN(64, value);

/**
 * Forty digits that are equal for equal archives: twenty of the members' names, twenty of their checksums. PyTorch
 * computes the second part like this; the first is a hash of its own.
 */
class SerializationId {
  private names = '';
  private sums = 0n;

  add(name: string, crc: number): void {
    this.names += `${name}\0`;
    if (crc === 0) return; // PyTorch passes over empty members
    this.sums = U64(this.sums ^ (BigInt(crc) + 0x9e3779b9n + (this.sums << 6n) + (this.sums >> 2n)));
  }

  toString(): string {
    const names = createHash('sha256').update(this.names).digest().readBigUInt64LE();
    return [names, this.sums].map((part) => String(part).padStart(20, '0')).join('');
  }
}
