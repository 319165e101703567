/**
 * The tar archives that PyTorch wrote before 0.2: `sys_info`, `storages` and `tensors`, in which pickles alternate with
 * plain numbers, and `pickle`, the object, whose persistent ids name tensors.
 *
 * Source: torch/serialization.py of PyTorch 2.13, legacy_load.
 */
import { bitsOf } from '../dtype';
import { quote } from '../fault';
import type { Container, Opening } from './container';
import type { PickleFail } from './pickle-bytes';
import { FileWindow, readPickleAt } from './pickle-file';
import { describePickled, PickleList, PickleTuple, type PickleValue } from './pickle-values';
import { PickledStorage, PickledTensor, UnsupportedTensor } from './pickled-tensor';
import { PlainStorage, type StorageBytes } from './storage-bytes';
import { checkByteOrder } from './stream-container';
import { readTar, type TarMember } from './tar-reader';
import { TorchGlobal, UNSUPPORTED_ITEM_BYTES } from './torch-globals';
import { TorchObjects } from './torch-objects';

/** A pickle of a few numbers and names. */
const SMALL_PICKLE = 256;

export async function openTar(opening: Opening): Promise<Container> {
  const { file, fail, limits, signal, forbidden } = opening;
  const members = await readTar(file, fail, signal);
  const part = (name: string): TarReader => {
    const member = members.get(name);
    if (member === undefined) {
      return fail(
        'UNKNOWN_FORMAT',
        `it is a tar archive without a member ${quote(name)}, not one that torch.save wrote`,
      );
    }
    return new TarReader(opening, member);
  };
  const facts = part('sys_info');
  checkByteOrder(await facts.pickle(), opening);
  const storages = await readStorages(part('storages'), opening);
  const tensors = await readTensors(part('tensors'), storages, opening);
  const { member } = part('pickle');
  const { value, end } = await readPickleAt(
    new FileWindow(file),
    member.offset,
    (wrong) => new TarObjects(wrong, forbidden, tensors, storages),
    { limits, signal },
  );
  if (end > member.offset + member.size) fail('PICKLE_INVALID', 'its pickle reaches past its member');
  const places = new Map<string, StorageBytes>();
  for (const { storage, bytes } of storages.values()) places.set(storage.key, bytes);
  return { value, storages: async () => places };
}

/** Names in the archive's pickle: tensors and storages by the numbers that the other members give them. */
class TarObjects extends TorchObjects {
  constructor(
    fail: PickleFail,
    forbidden: Set<string> | null,
    private readonly tensors: ReadonlyMap<string, PickledTensor | UnsupportedTensor>,
    private readonly byNumber: ReadonlyMap<string, TarStorage>,
  ) {
    super(fail, forbidden);
  }

  override persistent(id: PickleValue): PickleValue {
    // The class of a whole module with its source; it has been judged by its name.
    const [type] = id instanceof PickleTuple ? id.items : [];
    if (type instanceof TorchGlobal && type.role.is === 'inert') return type;
    const key = typeof id === 'number' || typeof id === 'bigint' || typeof id === 'string' ? String(id) : null;
    const found = key === null ? undefined : (this.tensors.get(key) ?? this.byNumber.get(key)?.storage);
    return found ?? this.wrong(`a persistent id is that of no tensor: ${key ?? describePickled(id)}`);
  }
}

/** A storage with its place in the file. Views are storages too, of the same place. */
interface TarStorage {
  storage: PickledStorage;
  bytes: StorageBytes;
}

async function readStorages(reader: TarReader, { file, fail }: Opening): Promise<Map<string, TarStorage>> {
  const storages = new Map<string, TarStorage>();
  for (let count = await reader.count(); count > 0; count--) {
    const value = await reader.pickle();
    const [key, , type] = value instanceof PickleTuple ? value.items : [];
    const name = keyOf(key);
    if (name === null || !(type instanceof TorchGlobal) || type.role.is !== 'storage') {
      return fail('PICKLE_TYPE_ERROR', 'a storage is not described by its number, place and class');
    }
    if (storages.has(name)) fail('DUPLICATE_NAME', `two of its storages have the number ${name}`);
    const { dtype, unsupported } = type.role;
    const elements = await reader.i64();
    const item = unsupported === null ? (dtype === null ? 1 : bitsOf(dtype) / 8) : UNSUPPORTED_ITEM_BYTES[unsupported];
    const offset = reader.at;
    const size = elements * (item as number);
    reader.skip(size, `storage ${name}`);
    storages.set(name, {
      storage: new PickledStorage(name, dtype, elements, unsupported),
      bytes: new PlainStorage(file, name, offset, size),
    });
  }
  addViews(await reader.pickle(), storages, fail);
  return storages;
}

/** `[(number, number of the storage that it is a part of, offset, elements)]` */
function addViews(value: PickleValue, storages: Map<string, TarStorage>, fail: Opening['fail']): void {
  const views =
    value instanceof PickleList ? value.items : fail('PICKLE_TYPE_ERROR', 'the views of its storages are no list');
  for (const view of views) {
    const [key, root, offset, elements] = view instanceof PickleTuple || view instanceof PickleList ? view.items : [];
    const of = storages.get(keyOf(root) ?? '');
    const name = keyOf(key);
    const isPlaced = of !== undefined && name !== null && isCount(offset) && isCount(elements);
    if (!isPlaced) throw fail('PICKLE_TYPE_ERROR', 'a view of a storage has no number, storage, offset and length');
    if (storages.has(name)) fail('DUPLICATE_NAME', `two of its storages have the number ${name}`);
    const { storage, bytes } = of;
    if (offset + elements > storage.elements) {
      fail('TENSOR_OUT_OF_RANGE', `view ${name} reaches past its storage of ${storage.elements} elements`);
    }
    const first = offset + (storage.view?.offset ?? 0);
    storages.set(name, {
      storage: new PickledStorage(storage.key, storage.dtype, storage.elements, storage.unsupported, {
        offset: first,
        elements,
      }),
      bytes,
    });
  }
}

async function readTensors(
  reader: TarReader,
  storages: ReadonlyMap<string, TarStorage>,
  { fail, limits }: Opening,
): Promise<Map<string, PickledTensor | UnsupportedTensor>> {
  const tensors = new Map<string, PickledTensor | UnsupportedTensor>();
  for (let count = await reader.count(); count > 0; count--) {
    const value = await reader.pickle();
    const [key, of] = value instanceof PickleTuple ? value.items : [];
    const name = keyOf(key);
    const storage = storages.get(keyOf(of) ?? '')?.storage;
    if (name === null || storage === undefined) {
      return fail('PICKLE_TYPE_ERROR', 'a tensor is not described by its number, storage and class');
    }
    if (tensors.has(name)) fail('DUPLICATE_NAME', `two of its tensors have the number ${name}`);
    const rank = await reader.i32();
    if (rank < 0 || rank > limits.dimensions) {
      fail('TOO_MANY_DIMENSIONS', `tensor ${name} has ${rank} dimensions; at most ${limits.dimensions}`);
    }
    reader.skip(4, `tensor ${name}`); // the number of dimensions was once written in eight bytes
    const shape: number[] = [];
    const strides: number[] = [];
    for (let i = 0; i < rank; i++) shape.push(await reader.i64());
    for (let i = 0; i < rank; i++) strides.push(await reader.i64());
    const offset = await reader.i64();
    const { dtype, unsupported } = storage;
    tensors.set(
      name,
      dtype === null
        ? new UnsupportedTensor(`a tensor of ${unsupported ?? 'bytes without a type'}`)
        : new PickledTensor(storage, dtype, offset, shape, strides),
    );
  }
  return tensors;
}

/** Reads one member from its first byte on. */
class TarReader {
  at: number;
  private readonly end: number;
  private readonly window: FileWindow;

  constructor(
    private readonly opening: Opening,
    readonly member: TarMember,
  ) {
    this.at = member.offset;
    this.end = member.offset + member.size;
    this.window = new FileWindow(opening.file);
  }

  async pickle(): Promise<PickleValue> {
    const { limits, signal, forbidden } = this.opening;
    const meaning = (wrong: PickleFail) => new TorchObjects(wrong, forbidden);
    const { value, end } = await readPickleAt(this.window, this.at, meaning, { limits, signal, guess: SMALL_PICKLE });
    this.skip(end - this.at, 'a pickle');
    return value;
  }

  /** A pickled number of records, each of which needs some bytes. */
  async count(): Promise<number> {
    const { fail, limits } = this.opening;
    const value = await this.pickle();
    if (!isCount(value)) return fail('PICKLE_TYPE_ERROR', `the number of its records is ${describePickled(value)}`);
    if (value > limits.tensors) fail('TOO_MANY_TENSORS', `it holds more than ${limits.tensors} tensors`);
    return value;
  }

  async i32(): Promise<number> {
    return (await this.take(4)).readInt32LE();
  }

  /** @throws CheckpointError `OVERFLOW` for what no size and no offset can be */
  async i64(): Promise<number> {
    const value = (await this.take(8)).readBigInt64LE();
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      this.opening.fail('OVERFLOW', `a size, a stride or an offset is ${value}`);
    }
    return Number(value);
  }

  skip(length: number, what: string): void {
    if (length > this.end - this.at) {
      this.opening.fail(
        'TENSOR_OUT_OF_RANGE',
        `${what} of ${length} bytes reaches past its member; fetch the file again`,
      );
    }
    this.at += length;
  }

  private async take(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const from = this.at;
    this.skip(length, 'a number');
    await this.opening.file.readInto(bytes, from, this.opening.signal);
    return bytes;
  }
}

/** The numbers of storages and tensors are addresses, which may need more bits than a JavaScript number has. */
function keyOf(value: PickleValue | undefined): string | null {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && value >= 0;
}
