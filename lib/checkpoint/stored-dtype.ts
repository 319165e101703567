import type { Steps } from '../turns';
import { isFloating, isStorageOnly, type StoredDType } from './dtype';
import { isBlockDType } from './gguf/block-types';

/** The dtype that `dtype: 'auto'` takes from a checkpoint, and what said so, for the log. */
export interface StoredDTypeChoice {
  dtype: string;
  from: string;
}

/** Tensors that are looked at between two steps. */
const kTensorsAStep = 256;

/**
 * What a checkpoint itself says about the dtype to load it in: the index's `dtype`, else the first tensor of a floating
 * type that can be computed in, else the first tensor; null where there is none, or only blocks.
 * @param types - of the tensors by name, in the checkpoint's order; no more are asked for than it takes
 * @param indexMetadata - of the index of shards, where there is one
 */
export function* storedDType(
  types: Iterable<readonly [name: string, type: string]>,
  indexMetadata: ReadonlyMap<string, unknown> | null,
): Steps<StoredDTypeChoice | null> {
  const stated = indexMetadata?.get('dtype');
  if (typeof stated === 'string') return { dtype: stated, from: "the index's metadata" };
  let first: StoredDTypeChoice | null = null;
  let count = 0;
  for (const [name, dtype] of types) {
    if (++count % kTensorsAStep === 0) yield;
    if (isBlockDType(dtype)) continue;
    const choice = { dtype, from: `tensor '${name}'` };
    if (isFloating(dtype as StoredDType) && !isStorageOnly(dtype as StoredDType)) return choice;
    first ??= choice;
  }
  return first;
}
