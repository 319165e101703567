/**
 * Opens HDF5 files of weights, as Keras writes them and as h5py does: the structures by which names and places are found
 * are read in pieces, and no element.
 *
 * Source: the HDF5 File Format Specification, version 3.0.
 */
import { unknownName } from '../../errors';
import { quote } from '../fault';
import { type HeaderLimits, headerLimits } from '../header-limits';
import { PinnedFile } from '../pinned-file';
import { Hdf5Source } from './hdf5-source';
import { type Refuse, readTree } from './hdf5-tree';
import { namedByKeras } from './keras-names';
import { MetadataReader } from './metadata-reader';
import { readSuperblock } from './superblock';

/** Options of `openHdf5`. */
export interface OpenHdf5Options {
  signal?: AbortSignal | undefined;
  limits?: Partial<HeaderLimits> | undefined;
  /** Note what a load refuses in `forbidden` instead of refusing: for those who show and do not load. */
  lookOnly?: boolean;
}

const OPTIONS = ['signal', 'limits', 'lookOnly'];

/**
 * Opens one file and finds its tensors. They are named as Keras names them, else by their paths.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` when the file is missing, damaged or hostile, takes data from
 *   other files (`H5_EXTERNAL_REFUSED`) or uses what is not read (`H5_UNSUPPORTED`).
 * @throws AbortError when `signal` is aborted.
 */
export async function openHdf5(path: string, options: OpenHdf5Options = {}): Promise<Hdf5Source> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'openHdf5()', OPTIONS);
  }
  const { signal, lookOnly = false } = options;
  const limits = headerLimits(options.limits);
  const file = await PinnedFile.open(path, signal);
  try {
    const reader = new MetadataReader(file, limits.headerBytes, signal);
    const forbidden: string[] = [];
    const refuse: Refuse = (object, { code, what }) => {
      if (!lookOnly) throw reader.fail(code, `${quote(object)} ${what}`);
      forbidden.push(`${quote(object)} ${what}`);
    };
    const root = await reader.run(reader.patiently(() => readSuperblock(reader)));
    const tree = await reader.run(readTree(reader, root, limits, refuse));
    const named = await reader.run(namedByKeras(tree, reader.fail));
    await file.verify();
    return new Hdf5Source(file, tree, named, forbidden, (reading) => {
      const later = new MetadataReader(file, limits.headerBytes, reading);
      later.widths = reader.widths;
      return later;
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}
