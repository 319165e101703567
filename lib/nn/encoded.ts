import type { Tensor } from '../tensor/tensor';
import type { DynamicCache } from './cache';
import type { Layout } from './layout';

/** What an encoder computes for the tokens of a batch, as one sequence. */
export interface Encoded {
  layout: Layout;
  /** [N, C], the last layer's output. */
  x: Tensor;
  /** [N, C] each: the embeddings' output, then every layer's; empty unless asked for. */
  hidden_states: Tensor[];
  /** [B, H, T, T] each, every layer's probabilities; empty unless asked for. */
  attentions: Tensor[];
  /** A decoder's cache, when it kept one. */
  past_key_values?: DynamicCache | null;
}

/** The fields of an output that every model has: hidden states as [B, T, C], attentions; absent unless asked for. */
export function traceOf(encoded: Encoded): { hidden_states?: Tensor[]; attentions?: Tensor[] } {
  const { layout, hidden_states, attentions } = encoded;
  return {
    ...(hidden_states.length > 0 && { hidden_states: hidden_states.map((x) => layout.unpack(x)) }),
    ...(attentions.length > 0 && { attentions }),
  };
}

/** Which of them a call asked for. */
export interface TraceOptions {
  output_hidden_states?: boolean;
  output_attentions?: boolean;
}

/** What a layer of an encoder gives. */
export interface LayerOutput {
  x: Tensor;
  probs: Tensor | null;
}

/**
 * Runs layers one after the other, keeping what the call asked for.
 * @param x - [N, C], the embeddings' output
 */
export function runLayers<L>(
  layers: Iterable<L>,
  x: Tensor,
  layout: Layout,
  options: TraceOptions,
  forward: (layer: L, x: Tensor, index: number) => LayerOutput,
): Encoded {
  const hidden_states: Tensor[] = options.output_hidden_states ? [x] : [];
  const attentions: Tensor[] = [];
  let index = 0;
  for (const layer of layers) {
    const output = forward(layer, x, index++);
    x = output.x;
    if (options.output_hidden_states) hidden_states.push(x);
    if (output.probs && options.output_attentions) attentions.push(output.probs);
  }
  return { layout, x, hidden_states, attentions };
}
