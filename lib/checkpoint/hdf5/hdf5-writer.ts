/** Writes `tf_model.h5` as Keras 2 lays it out, and shards of it as Transformers does. */
import { TypeError, unknownName, ValueError } from '../../errors';
import { dtypeNumber } from '../dtype';
import { quote } from '../fault';
import { isBlockDType } from '../gguf/block-types';
import { appendTensor, byteLengthOf, invalid, type TensorToWrite } from '../safetensors-writer';
import { commitStaged, type StagedFile, stageFile } from '../staged-file';
import { HDF5_DTYPES } from './hdf5-encoder';
import { type NameList, type PlacedTensor, planFile } from './hdf5-plan';
import { TOP_LEVEL } from './keras-names';

/** A layer of Keras and the names of its weights, in its order. */
export interface LayerToWrite {
  name: string;
  weights: readonly string[];
}

/** Options of `writeHdf5`. */
export interface WriteHdf5Options {
  /**
   * The model's layers: each is a group that holds its weights under their names. Left out, as in the shards of
   * Transformers, a tensor's name is its path.
   */
  layers?: readonly LayerToWrite[] | null | undefined;
  /** Version of Keras that the file says it is from; only files with layers say one. Default `'2.15.0'`. */
  keras_version?: string | undefined;
  /** Hears of every tensor, once its bytes are written. */
  onTensor?: ((name: string, byteLength: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const OPTIONS = ['layers', 'keras_version', 'onTensor', 'signal'];

/**
 * Writes `tensors` to `path`, holding the bytes of one at a time. The file appears complete or not at all, and a file that
 * was there before stays until then; after an error nothing is left behind.
 *
 * @returns bytes of the file.
 * @throws ValueError when a tensor cannot be written as described.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`.
 * @throws AbortError when `signal` is aborted.
 */
export async function writeHdf5(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteHdf5Options = {},
): Promise<number> {
  return commitStaged(await stageHdf5(path, tensors, options));
}

/** `writeHdf5` without its last step, for saves of several files: call `commit()` or `discard()` on the result. */
export async function stageHdf5(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteHdf5Options = {},
): Promise<StagedFile> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'writeHdf5()', OPTIONS);
  }
  const { layers, keras_version = '2.15.0', onTensor, signal } = options;
  const sized = checked(tensors);
  const placed = layers ? inLayers(sized, layers) : [...sized.values()];
  const lists = layers ? listsOf(layers) : [{ group: '', name: 'layer_names', texts: [...sized.keys()] }];
  const { head, offsets } = planFile(placed, lists, layers ? { backend: 'tensorflow', keras_version } : {});
  return stageFile(path, signal, async (staged) => {
    await staged.write(head);
    for (const [{ tensor, byteLength }, offset] of offsets) {
      if (byteLength > 0) await staged.write(Buffer.alloc(offset - staged.byteLength));
      await appendTensor(staged, tensor, byteLength, signal);
      onTensor?.(tensor.name, byteLength);
    }
  });
}

/** Keras has a group for weights that belong to no layer, which it does not list among the layers. */
function listsOf(layers: readonly LayerToWrite[]): NameList[] {
  const names = layers.map(({ name }) => name).filter((name) => name !== TOP_LEVEL);
  const lists: NameList[] = [{ group: '', name: 'layer_names', texts: names }];
  for (const { name, weights } of layers) lists.push({ group: name, name: 'weight_names', texts: weights });
  if (names.length === layers.length) lists.push({ group: TOP_LEVEL, name: 'weight_names', texts: [] });
  return lists;
}

function checked(tensors: Iterable<TensorToWrite>): Map<string, PlacedTensor> {
  const sized = new Map<string, PlacedTensor>();
  for (const tensor of tensors) {
    const { name, dtype } = tensor;
    if (typeof name !== 'string') throw new TypeError(`a tensor name must be a string, not ${typeof name}`);
    if (sized.has(name)) throw invalid('DUPLICATE_NAME', name, 'is given twice');
    if (/\p{Surrogate}|\0/u.test(name))
      throw invalid('HEADER_INVALID_UTF8', name, 'has half of a surrogate pair, or NUL, in its name');
    if (isBlockDType(dtype) || !HDF5_DTYPES.includes(dtype))
      throw invalid(
        'UNKNOWN_DTYPE',
        name,
        `has dtype ${quote(String(dtype))}; HDF5 files of Keras hold ${HDF5_DTYPES.join(', ')}: choose one of them, such as float32`,
      );
    sized.set(name, { tensor, byteLength: byteLengthOf(tensor, dtypeNumber(dtype)), path: name });
  }
  return sized;
}

/** Every weight in its layer's group: one that several layers share is one dataset under the paths of all. */
function inLayers(sized: ReadonlyMap<string, PlacedTensor>, layers: readonly LayerToWrite[]): PlacedTensor[] {
  const placed: PlacedTensor[] = [];
  const used = new Set<string>();
  for (const layer of layers) {
    for (const weight of layer.weights) {
      const tensor = sized.get(weight);
      if (tensor === undefined)
        throw new ValueError(`layer ${quote(layer.name)} lists ${quote(weight)}, which is none of the tensors`, {
          code: 'NO_SUCH_TENSOR',
        });
      used.add(weight);
      placed.push({ ...tensor, path: `${layer.name}/${weight}` });
    }
  }
  const left = [...sized.keys()].find((name) => !used.has(name));
  if (left !== undefined) throw invalid('HEADER_INVALID_ENTRY', left, 'belongs to no layer; name it in layers');
  return placed;
}
