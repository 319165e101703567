import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeWhole } from '../checkpoint/staged-file';
import { saveFolder } from '../checkpoint/staged-folder';
import {
  isStaleWeights,
  planWeights,
  type WeightsLayout,
  type WeightsPlan,
  type WeightToWrite,
  writeWeights,
} from '../checkpoint/weights-files';
import { NotImplementedError, TypeError, ValueError } from '../errors';
import { info, error as logError } from '../logging';
import { Call } from '../tensor/call';
import { itemSize } from '../tensor/dtype';
import { permute } from '../tensor/ops/layout';
import { Stream } from '../tensor/stream';
import type { Tensor } from '../tensor/tensor';
import { copyBytes, writeTensor } from '../tensor/write';
import { atOnce } from '../turns';
import { CONFIG_NAME, makeFolder } from './config-file';
import { type Writing, type WrittenFramework, writingsOf } from './dialects/writing';
import { folderSystem } from './interrupted-save';
import type { PreTrainedModel } from './pretrained-model';
import { type CheckedSaveOptions, checkSaveOptions, type SavePretrainedOptions } from './save-options';
import { SaveProgress } from './save-progress';
import { storageOf, tiedNames, withoutShared } from './shared-tensors';
import { architectureOf } from './views/view';

/** The parts of a model's class that saving reads. */
interface SavedClass {
  name: string;
  _keys_to_ignore_on_save: readonly string[];
  _auto_class?: string | null;
}

/**
 * Saves a model: config and weights as one. See `PreTrainedModel.save_pretrained`.
 * @param framework - whose names, layouts and files
 */
export async function savePretrained(
  model: PreTrainedModel,
  directory: string,
  given: SavePretrainedOptions,
  framework: WrittenFramework = 'PyTorch',
): Promise<void> {
  const type = model.constructor as unknown as SavedClass;
  if (typeof directory !== 'string')
    throw new TypeError(`save_pretrained takes the path of a folder, got ${typeof directory}`);
  const options = checkSaveOptions(type.name, given, framework);
  if (await isFile(directory)) {
    logError(`Provided path (${directory}) should be a directory, not a file`);
    return;
  }
  if (type._auto_class || (model.config.constructor as unknown as SavedClass)._auto_class)
    throw new NotImplementedError(
      `${type.name} is registered for an auto class, so its source would belong in '${directory}'; Python cannot import it`,
    );
  const layout: WeightsLayout = {
    format: options.format,
    framework,
    variant: options.variant,
    maxShardBytes: options.maxShardBytes,
  };
  const state = stateToSave(model, options);
  const writings = framework === 'PyTorch' ? null : writingsOf(model, framework, options.format === 'safetensors');
  if (writings && options.state) checkOfModel(model, state, framework);
  if (options.isMain) model.prepareSave();
  const beside = options.isMain ? model.filesBesideWeights() : new Map<string, string>();
  stampConfig(model);
  const writer = new StateWriter(options.signal);
  try {
    const weights = writings ? writer.written(state, writings) : writer.weights(state);
    const plan = atOnce(planWeights(weights, layout, model.num_parameters()));
    if (options.isMain)
      await saveWhole(directory, plan, new Map([[CONFIG_NAME, model.config.to_json_string()], ...beside]), options);
    else await saveWeights(directory, plan, options);
    report(directory, plan);
  } finally {
    writer.close();
  }
}

/** The tensors of a save, by name, in `state_dict` order. */
function stateToSave(model: PreTrainedModel, options: CheckedSaveOptions): Map<string, Tensor> {
  const state = new Map(options.state ?? model.state_dict());
  for (const name of (model.constructor as unknown as SavedClass)._keys_to_ignore_on_save) state.delete(name);
  for (const tensor of state.values()) tensor.assertAlive();
  return options.format === 'safetensors' && options.framework === 'PyTorch'
    ? withoutShared(state, tiedNames(model))
    : state;
}

/** @throws ValueError for a tensor that the model has no place for: the names of another framework are those of its places */
function checkOfModel(model: PreTrainedModel, state: ReadonlyMap<string, Tensor>, framework: string): void {
  const places = new Map<string, readonly number[]>();
  for (const [name, { dims }] of model.named_state()) places.set(name, dims);
  for (const [name, { dims }] of state) {
    const wanted = places.get(name);
    if (wanted?.join() === dims.join()) continue;
    const place = wanted ? `has shape [${wanted}] in` : 'has no place in';
    throw new ValueError(
      `'${name}' of state_dict, of shape [${dims}], ${place} ${model.constructor.name}, so ${framework} has no name for it`,
      { code: 'ERR_STATE_DICT' },
    );
  }
}

function stampConfig(model: PreTrainedModel): void {
  if (model.framework === 'pt') model.config.torch_dtype = firstFloating(model);
  model.config.architectures = [architectureOf(model.constructor.name)];
  // The weights go into files of the usual names, whatever the checkpoint called them that they came from.
  delete model.config['transformers_weights'];
}

/** dtype of the first floating parameter; null when there is none. */
function firstFloating(model: PreTrainedModel): string | null {
  for (const [, parameter] of model.named_parameters())
    if (parameter.type.startsWith('float') || parameter.type === 'bfloat16') return parameter.type;
  return null;
}

async function saveWhole(
  directory: string,
  plan: WeightsPlan,
  texts: ReadonlyMap<string, string>,
  options: CheckedSaveOptions,
): Promise<void> {
  const { signal } = options;
  const write = async (folder: string): Promise<string[]> => {
    const names = await writePlan(folder, directory, plan, options);
    for (const [name, text] of texts) await writeWhole(join(folder, name), Buffer.from(text), signal);
    return [...names, ...texts.keys()];
  };
  const isStale = (name: string, written: ReadonlySet<string>) => isStaleWeights(name, plan.layout, written);
  await saveFolder(directory, { write, isStale }, folderSystem, signal);
  info(`Configuration saved in ${join(directory, CONFIG_NAME)}`);
}

/** What a process that is not the main one writes: weights, file by file. */
async function saveWeights(directory: string, plan: WeightsPlan, options: CheckedSaveOptions): Promise<void> {
  await makeFolder(directory);
  await writePlan(directory, directory, plan, options);
}

async function writePlan(
  folder: string,
  directory: string,
  plan: WeightsPlan,
  options: CheckedSaveOptions,
): Promise<string[]> {
  const { save_function, signal } = options;
  const progress = new SaveProgress(directory, plan, options.progress);
  const names = await writeWeights(folder, plan, {
    writeFile: save_function && (async (path, file) => save_function(shardOf(file.weights), path)),
    onTensor: (file, _name, bytes) => progress.wrote(file, bytes),
    signal,
  });
  progress.done();
  return names;
}

function shardOf(weights: readonly WeightToWrite[]): Map<string, Tensor> {
  return new Map(weights.map((weight) => [weight.name, (weight as StateWeight).tensor]));
}

interface StateWeight extends WeightToWrite {
  tensor: Tensor;
}

/** Brings tensors to files: from native memory by native threads, on a stream of its own. */
class StateWriter {
  private readonly stream = new Stream();
  private readonly call: Call;

  constructor(signal: AbortSignal | undefined) {
    this.call = new Call(signal);
  }

  weights(state: ReadonlyMap<string, Tensor>): StateWeight[] {
    return [...state].map(([name, tensor]) => this.weight(tensor, { name, shape: tensor.dims }));
  }

  /** The weights in another framework's terms; names that it does not write are those of tied weights. */
  written(state: ReadonlyMap<string, Tensor>, writings: ReadonlyMap<string, Writing>): StateWeight[] {
    const weights: StateWeight[] = [];
    for (const [name, writing] of writings) {
      const tensor = state.get(name);
      if (tensor) weights.push({ ...this.weight(tensor, writing), storage: writing.name });
    }
    return weights;
  }

  private weight(tensor: Tensor, { name, shape, axes, layers }: Writing): StateWeight {
    const { stream, call } = this;
    return {
      name,
      tensor,
      layers,
      dtype: tensor.type,
      shape,
      byteLength: tensor.size * itemSize(tensor.type),
      storage: storageOf(tensor),
      identity: tensor,
      bytes: () => this.turned(tensor, axes, (turned) => copyBytes(turned, stream, call)),
      writeInto: (descriptor, offset) =>
        this.turned(tensor, axes, (turned) => writeTensor(turned, descriptor, offset, stream, call)),
    };
  }

  /** Uses the tensor with its axes in another order. */
  private async turned<T>(
    tensor: Tensor,
    axes: readonly number[] | undefined,
    use: (turned: Tensor) => Promise<T>,
  ): Promise<T> {
    if (axes === undefined) return use(tensor);
    const turned = this.call.run(() => this.stream.run(() => permute(tensor, axes)));
    try {
      return await use(turned);
    } finally {
      turned.dispose();
    }
  }

  close(): void {
    this.call.end();
    this.stream.dispose();
  }
}

function report(directory: string, plan: WeightsPlan): void {
  const { index, files } = plan;
  if (index)
    info(
      `The model is bigger than the maximum size per checkpoint (${plan.layout.maxShardBytes}) and is split in ` +
        `${files.length} checkpoint shards. You can find where each parameter has been saved in the index located at ` +
        `${join(directory, index.name)}.`,
    );
  else info(`Model weights saved in ${join(directory, basename((files[0] as { name: string }).name))}`);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
