import { reshape } from '../tensor/dispatch';
import { permute } from '../tensor/ops/layout';
import { Tensor } from '../tensor/tensor';
import type { Embedding } from './embedding';

/** How distances share the rows of a table. */
export interface Buckets {
  buckets: number;
  /** Distances from here on share one row. */
  maxDistance: number;
}

/**
 * The additive bias of relative positions in buckets (T5, arXiv:1910.10683; MPNet), both directions.
 * @param table - [buckets, H]
 * @returns [1, H, T, T]
 */
export function relativeBias(table: Embedding, length: number, buckets: Buckets): Tensor {
  // All that matters is the distance, so 2·T - 1 buckets are worked out and laid out as a square.
  const byDistance = Int32Array.from({ length: 2 * length - 1 }, (_, i) => bucketOf(i - (length - 1), buckets));
  const ids = new Int32Array(length * length);
  for (let query = 0; query < length; query++)
    for (let key = 0; key < length; key++) ids[query * length + key] = byDistance[key - query + length - 1] as number;
  const rows = table.forward(new Tensor('int32', ids, [length, length])); // [T, T, H]
  return reshape(permute(rows, [2, 0, 1]), [1, table.embedding_dim, length, length]);
}

/** Half the buckets for each direction; within one, half exact distances, the rest logarithmically wider. */
function bucketOf(distance: number, { buckets, maxDistance }: Buckets): number {
  const half = buckets / 2;
  const direction = distance > 0 ? half : 0;
  const n = Math.abs(distance);
  const exact = half / 2;
  if (n < exact) return direction + n;
  // In float32 as upstream: the boundaries depend on it.
  const { fround, log } = Math;
  const share = fround(fround(log(fround(n / exact))) / fround(log(maxDistance / exact)));
  const scaled = fround(share * (half - exact));
  return direction + Math.min(half - 1, exact + Math.trunc(scaled));
}
