import { softmax } from './scores';

/**
 * From logits of starts and ends to answers. Upstream: transformers pipelines/question_answering.py (4.35.2),
 * select_starts_ends and decode_spans.
 */

/** Tokens `start` to `end`, both of the answer. */
export interface Span {
  start: number;
  end: number;
  score: number;
}

export interface SpanSearch {
  /** Whether a token may be part of an answer. */
  allowed: (t: number) => boolean;
  /** Most spans. */
  k: number;
  /** Most tokens of a span. */
  maxLength: number;
}

/**
 * The most probable spans, best first, and the probability that there is no answer: that of the first token. When every
 * token has probability 0 the one span is that of the first token.
 */
export function bestSpans(
  startLogits: ArrayLike<number>,
  endLogits: ArrayLike<number>,
  { allowed, k, maxLength }: SpanSearch,
): { spans: Span[]; nullScore: number } {
  const starts = probabilities(startLogits, allowed);
  const ends = probabilities(endLogits, allowed);
  const nullScore = (starts[0] as number) * (ends[0] as number);
  starts[0] = 0;
  ends[0] = 0;
  const spans: Span[] = [];
  for (let start = 1; start < starts.length; start++) {
    if (starts[start] === 0) continue;
    const stop = Math.min(start + maxLength, ends.length);
    for (let end = start; end < stop; end++) insert(spans, { start, end, score: starts[start]! * ends[end]! }, k);
  }
  return { spans: spans.length > 0 ? spans : [{ start: 0, end: 0, score: 0 }], nullScore };
}

/** Softmax over the tokens that are allowed; 0 for the others. */
function probabilities(logits: ArrayLike<number>, allowed: (t: number) => boolean): Float64Array {
  return softmax(Float64Array.from(logits, (x, t) => (allowed(t) ? x : Number.NEGATIVE_INFINITY)));
}

/** Keeps the best `k` in order; of equal ones the first stays first. */
function insert(spans: Span[], span: Span, k: number): void {
  if (span.score === 0 || (spans.length === k && span.score <= (spans[k - 1] as Span).score)) return;
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span).score >= span.score) low = middle + 1;
    else high = middle;
  }
  spans.splice(low, 0, span);
  if (spans.length > k) spans.pop();
}
