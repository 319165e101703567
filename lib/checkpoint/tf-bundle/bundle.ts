/**
 * Opens TensorFlow checkpoints of version 2: an index, which is read whole, and files of data, of which nothing is read.
 *
 * Source: tensor_bundle.h and tensor_bundle.proto of TensorFlow 2.15.
 */
import { NotImplementedError, unknownName } from '../../errors';
import { inTurns, type Steps, sortInSteps, TurnTaker } from '../../turns';
import { bitsOf } from '../dtype';
import { quote } from '../fault';
import { type HeaderLimits, headerLimits } from '../header-limits';
import { PinnedFile } from '../pinned-file';
import { type BundleEntry, readEntry, readHeader } from './bundle-entry';
import { type Fail, failing } from './bundle-fault';
import { BundleSource, type StoredPart, type StoredVariable } from './bundle-source';
import { partsOf } from './slices';
import { readTable, type TableEntry } from './table';

/** Options of `openBundle`. */
export interface OpenBundleOptions {
  signal?: AbortSignal | undefined;
  limits?: Partial<HeaderLimits> | undefined;
  /** Open what a load refuses, and say why in `forbidden`: for those who show and do not load. */
  lookOnly?: boolean;
}

const OPTIONS = ['signal', 'limits', 'lookOnly'];
const INDEX_END = '.index';
/** Under this name TensorFlow 2 keeps what the variables belong to. */
const OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH';
const MOST_SHARDS = 10_000;
/** Entries that are read between two chances for other work to have its turn. */
const ENTRIES_AT_ONCE = 64;

/**
 * Opens a checkpoint by its index, `model.ckpt.index`.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` when a file is missing, damaged or hostile.
 * @throws NotImplementedError `UNSUPPORTED_LAYOUT` for a TensorFlow 2 object checkpoint, unless it is only looked at.
 * @throws AbortError when `signal` is aborted.
 */
export async function openBundle(path: string, options: OpenBundleOptions = {}): Promise<BundleSource> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'openBundle()', OPTIONS);
  }
  const { signal, lookOnly = false } = options;
  const limits = headerLimits(options.limits);
  const index = await readIndex(path, limits, signal);
  const isObjects = index.entries.has(OBJECT_GRAPH);
  const refusal = `it is a checkpoint of objects, as tf.train.Checkpoint saves, whose variables are named by a program's own attributes`;
  if (isObjects && !lookOnly) {
    throw new NotImplementedError(`'${path}' is not loaded: ${refusal}; save the model with save_pretrained`, {
      code: 'UNSUPPORTED_LAYOUT',
    });
  }
  const files: PinnedFile[] = [];
  try {
    const stem = path.endsWith(INDEX_END) ? path.slice(0, -INDEX_END.length) : path;
    const digits = (n: number) => String(n).padStart(5, '0');
    for (let i = 0; i < index.shards; i++)
      files.push(await PinnedFile.open(`${stem}.data-${digits(i)}-of-${digits(index.shards)}`, signal));
    const { variables, others } = await inTurns(placed(index.entries, files, index.fail), signal);
    const ordered = await inTurns(inFileOrder(variables, files), signal);
    return new BundleSource(path, files, variables, ordered, others, isObjects ? [refusal] : []);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

async function readIndex(path: string, limits: HeaderLimits, signal?: AbortSignal) {
  const fail = failing(path);
  const file = await PinnedFile.open(path, signal);
  try {
    const table = await readTable(file, limits, signal);
    await file.verify();
    const [header] = table;
    if (header === undefined || header.key.byteLength > 0)
      throw fail(
        'UNSUPPORTED_FORMAT',
        'it has no header, as checkpoints of version 2 have; save it with TensorFlow 1.0 or later',
      );
    const shards = readHeader(header.value, fail);
    if (shards > MOST_SHARDS)
      throw fail('TOO_MANY_SHARDS', `it states ${shards} files of data; at most ${MOST_SHARDS}`);
    const entries = new Map<string, BundleEntry>();
    const turns = new TurnTaker(signal);
    for (let i = 1; i < table.length; i++) {
      const { key, value } = table[i] as TableEntry;
      // Keys of parts are no text: one letter a byte keeps them apart.
      const name = key[0] === 0 ? key.toString('latin1') : key.toString('utf8');
      if (entries.has(name)) throw fail('DUPLICATE_NAME', `it lists ${quote(name)} twice`);
      entries.set(name, readEntry(value, name, limits, fail));
      if (entries.size % ENTRIES_AT_ONCE === 0) await turns.next();
    }
    return { shards, entries, fail };
  } finally {
    await file.close();
  }
}

interface Placed {
  variables: Map<string, StoredVariable>;
  /** What is no weight. */
  others: string[];
}

/** Finds the bytes of every variable, and checks that they are there and as many as its shape needs. */
function* placed(entries: ReadonlyMap<string, BundleEntry>, files: readonly PinnedFile[], fail: Fail): Steps<Placed> {
  const variables = new Map<string, StoredVariable>();
  const others: string[] = [];
  const partOf = (name: string, entry: BundleEntry, starts: number[], sizes: number[]): StoredPart => {
    const { shard, offset, size, crc } = entry;
    const file = files[shard];
    if (file === undefined)
      throw fail('TF_INVALID', `'${name}' lies in file ${shard} of ${files.length}; it is damaged`);
    if (offset + size > file.size)
      throw failing(file.path)(
        'TENSOR_OUT_OF_RANGE',
        `${quote(name)} has ${size} bytes at ${offset}, and the file ${file.size}`,
        name,
      );
    return { file, offset, size, crc, starts, sizes };
  };
  let seen = 0;
  for (const [name, entry] of entries) {
    if (++seen % ENTRIES_AT_ONCE === 0) yield;
    // A part of a variable: it is found by the variable's own entry.
    if (name.startsWith('\0')) continue;
    const { dtype, dims } = entry;
    if (dtype === null) {
      partOf(name, entry, [], []);
      others.push(name);
      continue;
    }
    const item = bitsOf(dtype) / 8;
    const parts =
      entry.slices.length === 0
        ? [
            partOf(
              name,
              entry,
              dims.map(() => 0),
              dims,
            ),
          ]
        : partsOf(name, entry, (key) => entries.get(key.toString('latin1')), fail).map((part) =>
            partOf(name, part.entry, part.starts, part.sizes),
          );
    for (let i = 0; i < parts.length; i++) {
      const { size, sizes } = parts[i] as StoredPart;
      const needed = bytesOf(sizes, item);
      if (size !== needed)
        throw fail(
          'SIZE_MISMATCH',
          `${quote(name)} of [${sizes}] ${dtype} needs ${needed} bytes and has ${size}`,
          name,
        );
    }
    variables.set(name, { dtype, shape: dims, item, byteLength: bytesOf(dims, item), parts });
  }
  return { variables, others };
}

function bytesOf(sizes: readonly number[], item: number): number {
  return sizes.reduce((product, size) => product * size, item);
}

function* inFileOrder(
  variables: ReadonlyMap<string, StoredVariable>,
  files: readonly PinnedFile[],
): Steps<readonly string[]> {
  const numbers = new Map(files.map((file, i) => [file, i]));
  const placed: { name: string; file: number; offset: number }[] = [];
  for (const [name, { parts }] of variables) {
    const [part] = parts;
    const file = part ? (numbers.get(part.file) as number) : -1;
    if (placed.push({ name, file, offset: part?.offset ?? 0 }) % ENTRIES_AT_ONCE === 0) yield;
  }
  const sorted = yield* sortInSteps(placed, (a, b) => a.file - b.file || a.offset - b.offset);
  return sorted.map(({ name }) => name);
}
