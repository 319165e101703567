import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/** How the token vectors of a row become one; the names and their order are those of sentence-transformers' Pooling. */
export const poolingModes = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'] as const;

export type PoolingMode = (typeof poolingModes)[number];

/**
 * One vector for each row of concatenated tokens.
 * @param x - [N, C] float32
 * @param cu_seqlens - [B + 1] int32, where each row begins
 * @returns [B, C]; zeros for a row of no tokens
 */
export function pool(x: Tensor, cu_seqlens: Tensor, mode: PoolingMode): Tensor {
  return run1('pool', [x, cu_seqlens], [poolingModes.indexOf(mode)]);
}

/**
 * The mean of the tokens that the mask keeps.
 * @param x - [B, T, C] float32
 * @param mask - [B, T]
 * @returns [B, C]
 */
export function mean_pooling(x: Tensor, mask: Tensor): Tensor {
  return run1('mean_pooling', [x, mask]);
}
