/** Arithmetic on the few logits of a text or a token, in float64. */

/** e^x over its sum. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i] as number);
  const scores = Float64Array.from(logits, (x) => Math.exp(x - top));
  const sum = scores.reduce((total, x) => total + x, 0);
  return scores.map((x) => x / sum);
}

/** 1 / (1 + e^-x), each for itself. */
export function sigmoid(logits: ArrayLike<number>): Float64Array {
  return Float64Array.from(logits, (x) => 1 / (1 + Math.exp(-x)));
}

/** What becomes of a classifier's logits. */
export type ScoreFunction = 'softmax' | 'sigmoid' | 'none';

/**
 * What Transformers makes of them when it is not told. Upstream: transformers pipelines/text_classification.py (5.18.0).
 */
export function scoreFunctionOf(config: { problem_type?: string | null; num_labels: number }): ScoreFunction {
  if (config.problem_type === 'regression') return 'none';
  return config.problem_type === 'multi_label_classification' || config.num_labels === 1 ? 'sigmoid' : 'softmax';
}

/** Where the largest score is; the first of equal ones. */
export function best(scores: ArrayLike<number>): number {
  let at = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] as number) > (scores[at] as number)) at = i;
  return at;
}

/** Where the `k` largest scores are, largest first; of equal ones the first comes first. All of them for null. */
export function ranked(scores: ArrayLike<number>, k: number | null = null): number[] {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => (scores[b] as number) - (scores[a] as number));
  return k === null ? order : order.slice(0, k);
}
