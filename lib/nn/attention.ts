import { scaled_dot_product_attention } from '../tensor/ops/attention';
import type { Tensor } from '../tensor/tensor';
import type { Layout } from './layout';

/** What a family may add to plain attention. */
export interface AttentionOptions {
  /** H. */
  heads: number;
  /** G, of grouped-query attention; H when left out. */
  kv_heads?: number;
  /** Factor on the scores; D^-0.5 when left out. */
  scale?: number;
  /** [B or 1, H or 1, T, T], added to the scaled scores. */
  bias?: Tensor | null;
  /** [H], factor on each head's probabilities. */
  head_mask?: Tensor | null;
  /** Positions may look at themselves and earlier ones only. */
  causal?: boolean;
  /** Positions may look this far to either side, 0 being at themselves alone; everywhere when null or left out. */
  window?: number | null;
  output_attentions?: boolean;
}

/**
 * Attention of every token over its own row.
 * @param q - [N, H·D]
 * @param k - [N, G·D]
 * @param v - [N, G·D]
 * @returns output [N, H·D]; probs [B, H, T, T], 0 at positions that were left out, or null
 */
export function attend(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  layout: Layout,
  options: AttentionOptions,
): { output: Tensor; probs: Tensor | null } {
  const { output_attentions = false, ...rest } = options;
  return scaled_dot_product_attention(q, k, v, {
    cu_seqlens: layout.cu_seqlens,
    length: layout.length,
    mask: layout.mask,
    output_probs: output_attentions,
    ...rest,
  });
}
