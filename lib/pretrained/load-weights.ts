import { fetchWeights } from '../checkpoint/fetch-weights';
import { openCheckpoint } from '../checkpoint/open';
import type { CheckpointSource } from '../checkpoint/source';
import { folderOf, locateModel } from '../hub/model-repo';
import type { HubOptions } from '../hub/options';
import type { Tensor } from '../tensor/tensor';
import type { FromPretrainedOptions } from './load-options';

/** Tensors by name: a checkpoint's, or the caller's own. */
export interface Weights {
  shapes: Map<string, readonly number[]>;
  types: Map<string, string>;
  source: CheckpointSource | null;
  given: Map<string, Tensor> | null;
  close(): Promise<void>;
}

/** The weights of a folder, a file, or a repository, of which they are fetched; or those that the caller gives. */
export async function openWeights(
  path: string | null,
  options: FromPretrainedOptions,
  hub: HubOptions = {},
): Promise<Weights> {
  const { state_dict } = options;
  if (state_dict) {
    const given = new Map(Symbol.iterator in state_dict ? state_dict : Object.entries(state_dict));
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
    subfolder: options.subfolder ?? '',
    from_tf: options.from_tf ?? false,
    from_flax: options.from_flax ?? false,
    signal: options.signal,
  };
  const found = await locateModel(path as string, hub);
  if (typeof found !== 'string') await fetchWeights(found, choice);
  const source = await openCheckpoint(folderOf(found), choice);
  const names = source.names();
  return {
    shapes: new Map(names.map((name) => [name, source.info(name).shape])),
    types: new Map(names.map((name) => [name, source.info(name).dtype])),
    source,
    given: null,
    close: () => source.close(),
  };
}
