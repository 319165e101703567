import { isFloating, isStorageOnly, type StoredDType } from './dtype';
import type { CheckpointSource } from './source';

/** The dtype that `dtype: 'auto'` takes from a checkpoint, and what said so, for the log. */
export interface StoredDTypeChoice {
  dtype: string;
  from: string;
}

/**
 * What a checkpoint itself says about the dtype to load it in: the index's `dtype`, else the first tensor of a floating
 * type that can be computed in, else the first tensor; null for a checkpoint without tensors.
 */
export function storedDType(source: CheckpointSource): StoredDTypeChoice | null {
  const stated = source.indexMetadata.get('dtype');
  if (typeof stated === 'string') return { dtype: stated, from: "the index's metadata" };
  const names = source.names();
  const computable = (dtype: StoredDType) => isFloating(dtype) && !isStorageOnly(dtype);
  const name = names.find((candidate) => computable(source.info(candidate).dtype)) ?? names[0];
  return name === undefined ? null : { dtype: source.info(name).dtype, from: `tensor '${name}'` };
}
