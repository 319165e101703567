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
  /** H. */
  heads: number;
  /** G; H when left out. */
  kv_heads?: number;
  /** Factor on the scores; D^-0.5 when left out. */
  scale?: number;
  /** [B, 1 or T, T] uint8 or bool; 1 is kept. */
  mask?: Tensor | null;
  /** [B or 1, H or 1, T, T] float32, added to the scaled scores. */
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
 * @param k - [N, G·D]
 * @param v - [N, G·D]
 * @returns output [N, H·D]; probs [B, H, T, T] with zeros outside the rows, or null
 */
export function scaled_dot_product_attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionArguments,
): { output: Tensor; probs: Tensor | null } {
  const { cu_seqlens, heads, kv_heads = heads, mask = null, bias = null, head_mask = null } = options;
  const scale = options.scale ?? ((q.dims[1] as number) / heads) ** -0.5;
  const flags = [options.causal ? 1 : 0, options.window ?? kNoWindow, options.output_probs ? 1 : 0];
  const [output, probs] = run(
    'scaled_dot_product_attention',
    [q, k, v, cu_seqlens, mask, bias, head_mask],
    [heads, kv_heads, scale, ...flags, options.length],
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
