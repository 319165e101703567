/**
 * Opens the files of every version of PyTorch: zip archives (torch 1.6 and later, TorchScript's among them), the streams
 * before, and the tar archives before those. The pickle is read as data by `unpickle`, and a tensor is a view of the bytes
 * of a storage.
 */
import { unknownName } from '../../errors';
import { inTurns, type Steps } from '../../turns';
import { bitsOf } from '../dtype';
import { quote } from '../fault';
import { type HeaderLimits, headerLimits } from '../header-limits';
import { PinnedFile } from '../pinned-file';
import type { Container, Opening } from './container';
import { streamReader, tarReader, zipReader } from './containers';
import { fileKind } from './file-kind';
import type { PickledTensor } from './pickled-tensor';
import { pytorchFault } from './pytorch-fault';
import { type PlacedTensor, PyTorchSource } from './pytorch-source';
import { extentOf, stateDict } from './state-dict';
import type { StorageBytes } from './storage-bytes';

/** Options of `openPyTorch`. */
export interface OpenPyTorchOptions {
  signal?: AbortSignal;
  limits?: Partial<HeaderLimits>;
  /** Compare every member of a zip archive that is used with its checksum: reads the whole file. Default false, as in PyTorch. */
  checksums?: boolean;
  /** Note names that a load refuses in `forbidden` instead of refusing: for those who show and do not load. */
  lookOnly?: boolean;
}

const OPTIONS = ['signal', 'limits', 'checksums', 'lookOnly'];

/**
 * Opens one file and reads its pickle, nothing of its tensors.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` when the file is missing, damaged or hostile, or names
 *   anything that is neither a tensor nor plain data.
 * @throws AbortError when `signal` is aborted.
 */
export async function openPyTorch(path: string, options: OpenPyTorchOptions = {}): Promise<PyTorchSource> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'openPyTorch()', OPTIONS);
  }
  const { signal, checksums = false, lookOnly = false } = options;
  const file = await PinnedFile.open(path, signal);
  try {
    return await openFile({
      file,
      limits: headerLimits(options.limits),
      fail(code, message, tensor) {
        throw pytorchFault(code, path, message, tensor === undefined ? {} : { tensor });
      },
      forbidden: lookOnly ? new Set() : null,
      checksums,
      signal,
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(opening: Opening): Promise<PyTorchSource> {
  const { file, limits, fail, forbidden, signal } = opening;
  const container = await openContainer(opening);
  const { tensors, otherKeys } = await inTurns(stateDict(container.value, limits, fail), signal);
  const storages = await container.storages(await inTurns(storagesOf(tensors), signal));
  const placed = await inTurns(placeAll(tensors, storages, opening), signal);
  await file.verify();
  return new PyTorchSource(file, placed, otherKeys, [...(forbidden ?? [])]);
}

async function openContainer(opening: Opening): Promise<Container> {
  const kind = await fileKind(opening.file, opening.signal);
  switch (kind.is) {
    case 'zip':
      return zipReader().openZip(opening);
    case 'stream':
      return streamReader().openStream(opening, kind.begin);
    case 'tar':
      return tarReader().openTar(opening);
  }
}

/** Tensors between two steps. */
const TENSORS_A_STEP = 64;

/** The keys of all storages, each with a tensor that needs it. */
function* storagesOf(tensors: ReadonlyMap<string, PickledTensor>): Steps<Map<string, string>> {
  const wanted = new Map<string, string>();
  for (const [name, { storage }] of tensors) {
    if (wanted.has(storage.key)) continue;
    wanted.set(storage.key, name);
    if (wanted.size % TENSORS_A_STEP === 0) yield;
  }
  return wanted;
}

function* placeAll(
  tensors: ReadonlyMap<string, PickledTensor>,
  storages: ReadonlyMap<string, StorageBytes>,
  opening: Opening,
): Steps<Map<string, PlacedTensor>> {
  const placed = new Map<string, PlacedTensor>();
  for (const [name, tensor] of tensors) {
    placed.set(name, place(name, tensor, storages.get(tensor.storage.key) as StorageBytes, opening));
    if (placed.size % TENSORS_A_STEP === 0) yield;
  }
  return placed;
}

/** Checks that a tensor lies in its storage. */
function place(name: string, tensor: PickledTensor, bytes: StorageBytes, { limits, fail }: Opening): PlacedTensor {
  const { storage, dtype, shape } = tensor;
  const item = storage.dtype === null ? 1 : bitsOf(storage.dtype) / 8;
  const size = storage.elements * item;
  if (size !== bytes.size) {
    fail(
      'SIZE_MISMATCH',
      `storage ${quote(storage.key)} of tensor ${quote(name)} has ${bytes.size} bytes; its pickle says ${size}`,
      name,
    );
  }
  const { offset, elements } = storage.view ?? { offset: 0, elements: storage.elements };
  if (offset + elements > storage.elements) {
    const what = `tensor ${quote(name)} lies in elements ${offset} to ${offset + elements} of a storage of ${storage.elements}`;
    fail('TENSOR_OUT_OF_RANGE', what, name);
  }
  const extent = extentOf(name, tensor, elements * item, limits, fail);
  extent.begin += offset * item;
  extent.end += offset * item;
  return { dtype, shape, extent, bytes };
}
