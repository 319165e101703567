import type { PinnedFile } from '../pinned-file';
import { ownedBytes, requestedRange } from '../read-range';
import { noTensor } from '../safetensors';
import type { CheckpointSource, ReadOptions, TensorInfo } from '../source';
import type { AttributeValue } from './attribute';
import type { Dataset } from './dataset';
import type { DatasetReader } from './dataset-reader';
import { failing } from './hdf5-fault';
import type { Hdf5Tree } from './hdf5-tree';
import type { KerasLayer, NamedDatasets } from './keras-names';
import type { MetadataReader } from './metadata-reader';
import { elementReader } from './rare';

/** An open HDF5 file. */
export class Hdf5Source implements CheckpointSource {
  readonly format = 'tensorflow';
  readonly files: readonly string[];
  /** The texts that the root group says of itself: `backend`, `keras_version`. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly indexMetadata: ReadonlyMap<string, unknown> = new Map();
  readonly otherKeys: readonly string[];
  readonly parts: readonly CheckpointSource[] = [this];
  /** Layers and their weights in Keras' order; empty where Keras names none, as in shards. */
  readonly layers: readonly KerasLayer[];
  /** What groups say of themselves, by path; the root's is empty. */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, AttributeValue>>;
  private readonly datasets: ReadonlyMap<string, Dataset>;
  private readonly ordered: readonly string[];
  private reader: DatasetReader | null = null;

  /** Use `openHdf5`. */
  constructor(
    private readonly file: PinnedFile,
    tree: Hdf5Tree,
    named: NamedDatasets,
    readonly forbidden: readonly string[],
    private readonly readerOf: (signal?: AbortSignal) => MetadataReader,
  ) {
    this.files = [file.path];
    this.datasets = named.datasets;
    this.ordered = [...named.datasets.keys()];
    this.layers = named.layers;
    this.attributes = tree.groups;
    this.otherKeys = [...tree.others, ...named.unlisted];
    const texts = [...(tree.groups.get('') ?? [])].filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    this.metadata = new Map(texts);
  }

  /** In the order of Keras' lists, else in that of the groups. */
  names(): readonly string[] {
    return this.ordered;
  }

  has(name: string): boolean {
    return this.datasets.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape, byteLength, place, isBigEndian, header } = this.dataset(name);
    const info: TensorInfo = {
      dtype,
      shape: shape.slice(),
      file: this.file.path,
      byteOffset: place.kind === 'range' ? place.offset : 0,
      byteLength,
      storage: String(header),
    };
    if (place.kind !== 'range' || isBigEndian) info.compressed = true;
    return info;
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const dataset = this.dataset(name);
    const { start, end } = requestedRange(name, dataset.byteLength, options);
    const bytes = ownedBytes(end - start, name, this.file.path);
    this.reader ??= new (elementReader().DatasetReader)(this.file, this.readerOf, failing(this.file.path));
    await this.reader.readInto(
      dataset,
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      start,
      options.signal,
    );
    await this.file.verify();
    return bytes;
  }

  descriptor(name: string): number {
    this.dataset(name);
    return this.file.descriptor;
  }

  verify(): Promise<void> {
    return this.file.verify();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private dataset(name: string): Dataset {
    const found = this.datasets.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}
