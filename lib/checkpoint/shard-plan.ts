/** Spreading tensors over files of bounded size. */
import { type Steps, visitInSteps } from '../turns';

/** A tensor to place. Those with the same `storage` share their bytes. */
export interface Placeable {
  name: string;
  byteLength: number;
  storage: unknown;
}

/** The names in each shard, in the order in which the shards are numbered, and the bytes of all. */
export interface ShardPlan {
  shards: string[][];
  totalSize: number;
}

/**
 * Places tensors in their order: a shard takes tensors until the next one would make it larger than `maxBytes`. A tensor
 * that is larger by itself gets a shard of its own, while the open one goes on. What shares bytes with a placed tensor goes
 * into its shard, behind all others, and counts nothing. Shards are numbered in the order in which they are closed.
 * Source: split_state_dict_into_shards_factory of huggingface_hub.
 */
export function* planShards(tensors: Iterable<Placeable>, maxBytes: number): Steps<ShardPlan> {
  const shards: string[][] = [];
  const storages = new Map<unknown, { shard: string[]; further: string[] }>();
  const names: string[] = [];
  let open: string[] = [];
  let openBytes = 0;
  let totalSize = 0;
  yield* visitInSteps(tensors, ({ name, byteLength, storage }) => {
    names.push(name);
    const placed = storages.get(storage);
    if (placed) {
      placed.further.push(name);
      return;
    }
    totalSize += byteLength;
    if (byteLength > maxBytes) {
      const own = [name];
      shards.push(own);
      storages.set(storage, { shard: own, further: [] });
      return;
    }
    if (openBytes + byteLength > maxBytes) {
      shards.push(open);
      open = [];
      openBytes = 0;
    }
    open.push(name);
    openBytes += byteLength;
    storages.set(storage, { shard: open, further: [] });
  });
  if (open.length > 0 || shards.length === 0) shards.push(open);
  if (shards.length === 1) return { shards: [names], totalSize };
  yield* visitInSteps(storages.values(), ({ shard, further }) => {
    for (const name of further) shard.push(name);
  });
  return { shards, totalSize };
}
