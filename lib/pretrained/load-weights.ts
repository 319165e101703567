import { join } from 'node:path';
import { fetchWeights } from '../checkpoint/fetch-weights';
import { locateGguf } from '../checkpoint/gguf/locate-gguf';
import { openCheckpoint } from '../checkpoint/open';
import type { CheckpointSource } from '../checkpoint/source';
import { modelSubfolder } from '../env';
import { TypeError, ValueError } from '../errors';
import { folderOf, locateModel } from '../hub/model-repo';
import type { HubOptions } from '../hub/options';
import { Tensor } from '../tensor/tensor';
import { translate } from './dialects/translate';
import { completeSaveIn } from './interrupted-save';
import type { FromPretrainedOptions } from './load-options';
import type { LoadTarget } from './load-plan';

/** Tensors by name: a checkpoint's, or the caller's own. */
export interface Weights {
  shapes: Map<string, readonly number[]>;
  types: Map<string, string>;
  source: CheckpointSource | null;
  given: Map<string, Tensor> | null;
  close(): Promise<void>;
}

/** @throws ValueError for options that choose a file of weights although none is read */
function refuseFileOptions(options: FromPretrainedOptions): void {
  for (const name of ['from_tf', 'from_flax', 'gguf_file'])
    if (options[name])
      throw new ValueError(`${name} chooses a file of weights, but state_dict is given; leave one out`);
}

/** @throws ValueError for options that choose among other files than the one that `gguf_file` names */
function refuseOtherChoices(options: FromPretrainedOptions): void {
  for (const name of ['from_tf', 'from_flax', 'use_safetensors', 'variant'])
    if (options[name])
      throw new ValueError(`gguf_file names the file of weights, and ${name} chooses among others; leave one out`);
}

/** The weights of a folder, a file, or a repository, of which they are fetched; or those that the caller gives. */
export async function openWeights(
  path: string | null,
  options: FromPretrainedOptions,
  hub: HubOptions = {},
): Promise<Weights> {
  const { state_dict } = options;
  if (state_dict) {
    refuseFileOptions(options);
    const given = new Map(Symbol.iterator in state_dict ? state_dict : Object.entries(state_dict));
    for (const [name, tensor] of given)
      if (!(tensor instanceof Tensor))
        throw new TypeError(`state_dict holds '${name}', which is no Tensor but a ${typeof tensor}`);
    return {
      shapes: new Map([...given].map(([name, tensor]) => [name, tensor.dims])),
      types: new Map([...given].map(([name, tensor]) => [name, tensor.type])),
      source: null,
      given,
      close: async () => {},
    };
  }
  const choice = {
    use_safetensors: options.use_safetensors ?? null,
    variant: options.variant ?? null,
    subfolder: modelSubfolder(options.subfolder),
    from_tf: options.from_tf ?? false,
    from_flax: options.from_flax ?? false,
    signal: options.signal,
  };
  const found = await locateModel(path as string, hub);
  if (options.gguf_file) {
    refuseOtherChoices(options);
    const file = await locateGguf(found, options.gguf_file, choice.subfolder);
    return weightsOf(await openCheckpoint(file, { ...(options.signal && { signal: options.signal }) }));
  }
  if (typeof found === 'string') await completeSaveIn(join(found, choice.subfolder));
  else await fetchWeights(found, choice);
  return weightsOf(await openCheckpoint(folderOf(found), choice));
}

function weightsOf(source: CheckpointSource): Weights {
  const names = source.names();
  return {
    shapes: new Map(names.map((name) => [name, source.info(name).shape])),
    types: new Map(names.map((name) => [name, source.info(name).dtype])),
    source,
    given: null,
    close: () => source.close(),
  };
}

/** The weights under the names and in the layouts of PyTorch, whichever framework wrote them. */
export function inPyTorchTerms(weights: Weights, target: LoadTarget): Weights {
  const { source } = weights;
  const translated = source && translate(source, target);
  return translated === source || translated === null ? weights : weightsOf(translated);
}
