import type { DynamicCache } from '../nn/cache';
import type { Tensor } from '../tensor/tensor';

/**
 * What a model returns: named fields, and index access that skips the absent ones, as in Transformers.
 * `const [loss, logits] = output.to_tuple()`; `output[0]`.
 */
export class ModelOutput {
  /** Further fields, and fields by place. */
  [field: string | number]: unknown;
  // What the encoders' classes give; each only where its class computes it, or the call asked for it.
  declare loss: Tensor;
  /** [B, T, C] */
  declare last_hidden_state: Tensor;
  /** [B, C] */
  declare pooler_output: Tensor;
  declare logits: Tensor;
  /** [B, T] */
  declare start_logits: Tensor;
  declare end_logits: Tensor;
  declare prediction_logits: Tensor;
  declare seq_relationship_logits: Tensor;
  declare sop_logits: Tensor;
  /** [B, T, C] each */
  declare hidden_states: Tensor[];
  /** [B, H, T, T] each */
  declare attentions: Tensor[];

  /** Of decoders, where `use_cache` asks for it. */
  declare past_key_values: DynamicCache;

  constructor(fields: Record<string, unknown>) {
    let index = 0;
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined || value === null) continue;
      (this as Record<string, unknown>)[name] = value;
      Object.defineProperty(this, index++, { value, enumerable: false });
    }
  }

  /** The fields that are present, in order. */
  to_tuple(): unknown[] {
    return Object.values(this);
  }

  keys(): string[] {
    return Object.keys(this);
  }
}
