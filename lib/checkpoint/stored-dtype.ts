import { isFloating, isStorageOnly, type StoredDType } from './dtype';
import { isBlockDType } from './gguf/block-types';

/** The dtype that `dtype: 'auto'` takes from a checkpoint, and what said so, for the log. */
export interface StoredDTypeChoice {
  dtype: string;
  from: string;
}

/**
 * What a checkpoint itself says about the dtype to load it in: the index's `dtype`, else the first tensor of a floating
 * type that can be computed in, else the first tensor; null where there is none, or only blocks.
 * @param types - of the tensors by name, in the checkpoint's order
 * @param indexMetadata - of the index of shards, where there is one
 */
export function storedDType(
  types: ReadonlyMap<string, string>,
  indexMetadata: ReadonlyMap<string, unknown> | null,
): StoredDTypeChoice | null {
  const stated = indexMetadata?.get('dtype');
  if (typeof stated === 'string') return { dtype: stated, from: "the index's metadata" };
  const plain = [...types].filter(([, type]) => !isBlockDType(type));
  const computable = (type: StoredDType) => isFloating(type) && !isStorageOnly(type);
  const [name, dtype] = plain.find(([, type]) => computable(type as StoredDType)) ?? plain[0] ?? [];
  return name === undefined || dtype === undefined ? null : { dtype, from: `tensor '${name}'` };
}
