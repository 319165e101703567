import { reshape } from '../tensor/dispatch';
import { permute } from '../tensor/ops/layout';
import { Tensor } from '../tensor/tensor';
import type { Embedding } from './embedding';

/** How distances share the rows of a table. */
export interface Buckets {
  buckets: number;
  /** Distances from here on share one row. */
  maxDistance: number;
  /** Whether keys behind a query have rows of their own (default); else they have that of distance 0. */
  bidirectional?: boolean;
}

/**
 * The additive bias of relative positions in buckets (T5, arXiv:1910.10683; MPNet).
 * @param table - [buckets, H]
 * @param length - S, keys
 * @param queries - T, the last of the keys; all of them when left out
 * @returns [1, H, T, S]
 */
export function relativeBias(table: Embedding, length: number, buckets: Buckets, queries = length): Tensor {
  // All that matters is the distance, so 2·S - 1 buckets are worked out and laid out as a rectangle.
  const byDistance = Int32Array.from({ length: 2 * length - 1 }, (_, i) => bucketOf(i - (length - 1), buckets));
  const ids = new Int32Array(queries * length);
  for (let query = 0; query < queries; query++)
    for (let key = 0; key < length; key++) ids[query * length + key] = byDistance[key - query + queries - 1] as number;
  const rows = table.forward(new Tensor('int32', ids, [queries, length])); // [T, S, H]
  return reshape(permute(rows, [2, 0, 1]), [1, table.embedding_dim, queries, length]);
}

/**
 * Half the buckets for each direction, where both are told apart; within one, half exact distances, the rest
 * logarithmically wider.
 */
function bucketOf(distance: number, { buckets, maxDistance, bidirectional = true }: Buckets): number {
  const half = bidirectional ? Math.floor(buckets / 2) : buckets;
  const direction = bidirectional && distance > 0 ? half : 0;
  const n = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(half / 2);
  if (n < exact) return direction + n;
  // In float32 as upstream: the boundaries depend on it.
  const { fround, log } = Math;
  const share = fround(fround(log(fround(n / exact))) / fround(log(maxDistance / exact)));
  const scaled = fround(share * (half - exact));
  return direction + Math.min(half - 1, exact + Math.trunc(scaled));
}
