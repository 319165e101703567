import { run, run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/** The op's attribute where nothing limits how far a query sees. */
const kNoWindow = -1;

/** Rows, heads and masks of an attention. */
export interface AttentionArguments {
  /** [B + 1] int32, where each row begins among the tokens. */
  cu_seqlens: Tensor;
  /** T, not below the longest row. */
  length: number;
  /** [B + 1] int32, where each row begins among the keys; the queries' when left out. Queries are the last of a row. */
  cu_seqlens_k?: Tensor | null;
  /** S, not below the longest row of keys; T when left out. */
  key_length?: number;
  /** [B, P] int32: key j of row b is row pages[b, j / page_size] · page_size + j % page_size of k and v. */
  pages?: Tensor | null;
  /** A power of two. */
  page_size?: number;
  /** H. */
  heads: number;
  /** G; H when left out. */
  kv_heads?: number;
  /** Factor on the scores; D^-0.5 when left out. */
  scale?: number;
  /** [B, 1 or T, S] uint8 or bool; 1 is kept. */
  mask?: Tensor | null;
  /** [B or 1, H or 1, T, S] float32, added to the scaled scores. */
  bias?: Tensor | null;
  /** [H] float32, factor on each head's probabilities. */
  head_mask?: Tensor | null;
  causal?: boolean;
  /** |i - j| ≤ window, 0 being itself alone; no limit when null or left out. */
  window?: number | null;
  output_probs?: boolean;
}

/**
 * softmax(q·kᵀ·scale + bias)·v for every row and head (arXiv:1706.03762). Tokens of all rows are concatenated; rows see
 * only themselves. A query whose keys are all masked looks at all of its row alike.
 * @param q - [N, H·D] float32
 * @param k - [M, G·D], M = N unless rows have keys of their own
 * @param v - [M, G·D]
 * @returns output [N, H·D]; probs [B, H, T, S] with zeros outside the rows, or null
 */
export function scaled_dot_product_attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionArguments,
): { output: Tensor; probs: Tensor | null } {
  const { cu_seqlens, heads, kv_heads = heads, mask = null, bias = null, head_mask = null } = options;
  const { cu_seqlens_k = null, pages = null, length, key_length = length, page_size = 1 } = options;
  const scale = options.scale ?? ((q.dims[1] as number) / heads) ** -0.5;
  const flags = [options.causal ? 1 : 0, options.window ?? kNoWindow, options.output_probs ? 1 : 0];
  const [output, probs] = run(
    'scaled_dot_product_attention',
    [q, k, v, cu_seqlens, mask, bias, head_mask, cu_seqlens_k, pages],
    [heads, kv_heads, scale, ...flags, length, key_length, page_size],
  );
  return { output: output as Tensor, probs: probs ?? null };
}

/**
 * The bias of Shaw et al.'s relative positions (arXiv:1803.02155), as BERT's `position_embedding_type` has them: what
 * the distance between query and key adds to the scaled score.
 * @param q - [N, H·D] float32
 * @param k - [N, H·D]
 * @param table - [2P - 1, D], a row for each distance
 * @param options.both - also the key's own product with the table ('relative_key_query')
 * @param options.length - T, the longest row
 * @returns [B, H, T, T]
 */
export function relative_position_scores(
  q: Tensor,
  k: Tensor,
  table: Tensor,
  cu_seqlens: Tensor,
  options: { heads: number; both: boolean; length: number },
): Tensor {
  const P = ((table.dims[0] as number) + 1) / 2;
  return run1(
    'relative_position_scores',
    [q, k, table, cu_seqlens],
    [options.heads, options.both ? 2 : 1, P, options.length],
  );
}
