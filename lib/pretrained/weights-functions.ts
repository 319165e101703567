import { dirname, join } from 'node:path';
import { readIndex, shardFiles } from '../checkpoint/index-file';
import { openCheckpoint, requirePyTorch } from '../checkpoint/open';
import { planShards } from '../checkpoint/shard-plan';
import { parseSize } from '../checkpoint/size-text';
import { shardName } from '../checkpoint/weight-names';
import { throwIfAborted } from '../errors';
import type { Module } from '../nn/module';
import { namedOptions } from '../options';
import { Call } from '../tensor/call';
import { itemSize } from '../tensor/dtype';
import { fence } from '../tensor/load';
import type { Tensor } from '../tensor/tensor';
import { atOnce } from '../turns';
import { withoutInit } from './init';
import { storedTensor } from './stored-tensor';

/** Functions beside the classes that Transformers' modeling_utils exports (4.35.2). */

/**
 * The tensors of one file of weights, in their stored types.
 * @throws CheckpointError for a damaged file, or none; AbortError
 */
export async function load_state_dict(
  checkpoint_file: string,
  options?: { signal?: AbortSignal } | null,
): Promise<Map<string, Tensor>> {
  const { signal } = namedOptions(options, 'load_state_dict', { signal: 'any' });
  throwIfAborted(signal);
  await using source = await openCheckpoint(checkpoint_file, { ...(signal && { signal }) });
  requirePyTorch(source, 'load_state_dict');
  const call = new Call(signal);
  const state = new Map<string, Tensor>();
  try {
    for (const name of source.names()) {
      const stored = await storedTensor(source, name, { signal });
      state.set(
        name,
        call.run(() => stored.load(null, null)),
      );
    }
    await call.run(() => fence(signal));
    await source.verify();
    return state;
  } catch (error) {
    for (const tensor of state.values()) tensor.dispose();
    throw error;
  } finally {
    call.end();
  }
}

/**
 * The files that an index of shards names, with what the index says of them.
 * @param index_filename - path of the index; the files lie beside it
 * @returns paths in the order of their names; the index's `metadata`, with `all_checkpoint_keys` and `weight_map`
 * @throws ValueError when there is no index; CheckpointError for a damaged one
 */
export async function get_checkpoint_shard_files(
  index_filename: string,
  options?: { signal?: AbortSignal } | null,
): Promise<[files: string[], metadata: Record<string, unknown>]> {
  const { signal } = namedOptions(options, 'get_checkpoint_shard_files', { signal: 'any' });
  const index = await readIndex(index_filename, signal);
  return [
    shardFiles(index).map((file) => join(dirname(index_filename), file)),
    {
      ...Object.fromEntries(index.metadata),
      all_checkpoint_keys: [...index.weightMap.keys()],
      weight_map: Object.fromEntries(index.weightMap),
    },
  ];
}

/**
 * Spreads a state over shards of bounded size, as `save_pretrained` does.
 * @param weights_name - the file's name when one is enough, such as 'model.safetensors'
 * @returns shards by their file names, and the index; null when one file holds all
 */
export function shard_checkpoint(
  state_dict: ReadonlyMap<string, Tensor>,
  max_shard_size: number | string = '10GB',
  weights_name = 'model.safetensors',
): [
  shards: Map<string, Map<string, Tensor>>,
  index: { metadata: { total_size: number }; weight_map: Record<string, string> } | null,
] {
  const tensors = [...state_dict].map(([name, tensor]) => ({
    name,
    byteLength: tensor.size * itemSize(tensor.type),
    storage: tensor,
  }));
  const { shards, totalSize } = atOnce(planShards(tensors, parseSize(max_shard_size)));
  const files = new Map<string, Map<string, Tensor>>();
  const weight_map: Record<string, string> = {};
  shards.forEach((names, i) => {
    const file = shards.length === 1 ? weights_name : shardName(weights_name, i + 1, shards.length);
    files.set(file, new Map(names.map((name) => [name, state_dict.get(name) as Tensor])));
    for (const name of names) weight_map[name] = file;
  });
  return [files, shards.length === 1 ? null : { metadata: { total_size: totalSize }, weight_map }];
}

/** The model inside wrappers, each of which holds the next as `module`. */
export function unwrap_model(model: Module): Module {
  const inner = (model as { module?: unknown }).module;
  return typeof inner === 'function' || (typeof inner === 'object' && inner !== null)
    ? unwrap_model(inner as Module)
    : model;
}

/**
 * What `make` makes, without drawing weights: its models own no memory until they are loaded, by `load_state_dict` or
 * `load_sharded_checkpoint`, or `init_weights` is called.
 */
export function no_init_weights<T>(make: () => T): T {
  return withoutInit(make);
}
