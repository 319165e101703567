/**
 * The streams that PyTorch wrote before 1.6: a magic number, a version, facts of the system, the object, the keys of its
 * storages, each a pickle; then the storages one behind the other, each behind its number of elements.
 *
 * Source: torch/serialization.py of PyTorch 2.13, _legacy_save and _legacy_load.
 */
import { inTurns, type Steps } from '../../turns';
import { bitsOf } from '../dtype';
import { quote } from '../fault';
import type { Container, Opening } from './container';
import { FileWindow, readPickleAt } from './pickle-file';
import { describePickled, PickleDict, PickleList, type PickleValue } from './pickle-values';
import type { PickledStorage } from './pickled-tensor';
import { PlainStorage, type StorageBytes } from './storage-bytes';
import { UNSUPPORTED_ITEM_BYTES } from './torch-globals';
import { TorchObjects } from './torch-objects';

const VERSION = 1001;
const COUNT_BYTES = 8;
/** Numbers of elements that are read at the same time. */
const READ_AT_ONCE = 32;
/** A pickle of a few facts; and others, of which the first read has mostly brought all. */
const SMALL_PICKLE = 1024;
/** Storages between two steps. */
const STORAGES_A_STEP = 64;

/** @param begin - the byte behind the magic number */
export async function openStream(opening: Opening, begin: number): Promise<Container> {
  const { file, limits, signal, fail, forbidden } = opening;
  let objects = new TorchObjects(unexpected, forbidden);
  let at = begin;
  const window = new FileWindow(file);
  const next = async (guess?: number): Promise<PickleValue> => {
    const meaning = (wrong: ConstructorParameters<typeof TorchObjects>[0]) => {
      objects = new TorchObjects(wrong, forbidden);
      return objects;
    };
    const { value, end } = await readPickleAt(window, at, meaning, { limits, signal, ...(guess && { guess }) });
    at = end;
    return value;
  };
  const version = await next();
  if (version !== VERSION) {
    const found = typeof version === 'number' ? String(version) : describePickled(version);
    fail('UNSUPPORTED_FORMAT', `it has version ${found} of the format; ${VERSION} is read`);
  }
  checkByteOrder(await next(SMALL_PICKLE), opening);
  const value = await next(SMALL_PICKLE);
  const { storages } = objects;
  const keys = await inTurns(keysOf(await next(SMALL_PICKLE), opening), signal);
  const places = await findStorages(keys, storages, at, opening);
  return {
    value,
    async storages(wanted) {
      for (const [key, tensor] of wanted) {
        if (!places.has(key))
          fail('STORAGE_MISSING', `it has no storage ${quote(key)}, which tensor ${quote(tensor)} names`, tensor);
      }
      return places;
    },
  };
}

/** @throws CheckpointError `BIG_ENDIAN` */
export function checkByteOrder(facts: PickleValue, { fail }: Opening): void {
  const at = facts instanceof PickleDict ? facts.keys.indexOf('little_endian') : -1;
  const little = facts instanceof PickleDict && at >= 0 ? facts.values[at] : null;
  if (little === false) {
    fail(
      'BIG_ENDIAN',
      'it was written on a big-endian machine, and only little-endian files are read; save it on such a machine',
    );
  }
  if (little !== true) fail('PICKLE_INVALID', 'it does not say the order of its bytes (little_endian)');
}

function* keysOf(value: PickleValue, { fail, limits }: Opening): Steps<ReadonlySet<string>> {
  if (!(value instanceof PickleList)) {
    return fail('PICKLE_INVALID', `the keys of its storages are ${describePickled(value)}, not a list`);
  }
  if (value.items.length > limits.tensors) fail('TOO_MANY_TENSORS', `it holds more than ${limits.tensors} storages`);
  const keys = new Set<string>();
  for (const key of value.items) {
    if (typeof key !== 'string') return fail('PICKLE_INVALID', `the key of a storage is ${describePickled(key)}`);
    if (keys.size === keys.add(key).size) fail('DUPLICATE_NAME', 'two of its storages have one key');
    if (keys.size % STORAGES_A_STEP === 0) yield;
  }
  return keys;
}

/** Where each storage lies: sizes are known from the object, and the number in front of each must agree. */
async function findStorages(
  keys: ReadonlySet<string>,
  known: ReadonlyMap<string, PickledStorage>,
  begin: number,
  opening: Opening,
): Promise<ReadonlyMap<string, StorageBytes>> {
  const { file, fail, signal } = opening;
  const places = await inTurns(placeStorages(keys, known, begin, opening), signal);
  const queue = places.values();
  const work = async () => {
    const count = Buffer.alloc(COUNT_BYTES);
    for (const { name, offset } of queue) {
      const at = offset - COUNT_BYTES;
      if (!file.readNow(count, at)) await file.readInto(count, at, signal);
      const { elements } = known.get(name) as PickledStorage;
      if (count.readUInt32LE(4) * 2 ** 32 + count.readUInt32LE(0) === elements) continue;
      const stated = count.readBigUInt64LE();
      fail('SIZE_MISMATCH', `storage ${quote(name)} holds ${stated} elements; its pickle says ${elements}`);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: READ_AT_ONCE }, work));
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
  return places;
}

function* placeStorages(
  keys: ReadonlySet<string>,
  known: ReadonlyMap<string, PickledStorage>,
  begin: number,
  { file, fail }: Opening,
): Steps<Map<string, PlainStorage>> {
  const places = new Map<string, PlainStorage>();
  let at = begin;
  for (const key of keys) {
    if (places.size % STORAGES_A_STEP === STORAGES_A_STEP - 1) yield;
    const storage = known.get(key);
    if (storage === undefined) return fail('PICKLE_INVALID', `it lists storage ${quote(key)}, which no tensor names`);
    const size = bytesOf(storage);
    if (size > file.size - at - COUNT_BYTES) {
      fail(
        'TENSOR_OUT_OF_RANGE',
        `storage ${quote(key)} of ${size} bytes reaches past the end of the file; fetch it again`,
      );
    }
    places.set(key, new PlainStorage(file, key, at + COUNT_BYTES, size));
    at += COUNT_BYTES + size;
  }
  if (at < file.size) fail('TRAILING_DATA', `${file.size - at} bytes follow its last storage`);
  return places;
}

function bytesOf({ dtype, elements, unsupported }: PickledStorage): number {
  if (unsupported !== null) return elements * (UNSUPPORTED_ITEM_BYTES[unsupported] as number);
  return elements * (dtype === null ? 1 : bitsOf(dtype) / 8);
}

function unexpected(): never {
  throw new Error('no pickle has been read');
}
