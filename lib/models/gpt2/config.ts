/** GPT-2's config. Upstream: transformers models/gpt2 (4.57.6, 5.18.0). */
import { PretrainedConfig } from '../../pretrained/config';

export class GPT2Config extends PretrainedConfig {
  static override readonly model_type: string = 'gpt2';
  static override readonly keys_to_ignore_at_inference = ['past_key_values'];
  static override readonly attribute_map: Readonly<Record<string, string>> = {
    hidden_size: 'n_embd',
    max_position_embeddings: 'n_positions',
    num_attention_heads: 'n_head',
    num_hidden_layers: 'n_layer',
  };
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 50257,
    n_positions: 1024,
    n_embd: 768,
    n_layer: 12,
    n_head: 12,
    n_inner: null,
    activation_function: 'gelu_new',
    resid_pdrop: 0.1,
    embd_pdrop: 0.1,
    attn_pdrop: 0.1,
    layer_norm_epsilon: 1e-5,
    initializer_range: 0.02,
    summary_type: 'cls_index',
    summary_use_proj: true,
    summary_activation: null,
    summary_proj_to_labels: true,
    summary_first_dropout: 0.1,
    scale_attn_weights: true,
    use_cache: true,
    bos_token_id: 50256,
    eos_token_id: 50256,
    scale_attn_by_inverse_layer_idx: false,
    reorder_and_upcast_attn: false,
  };
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'n_positions',
    'n_embd',
    'n_layer',
    'n_head',
    'n_inner',
    'activation_function',
    'layer_norm_epsilon',
    'summary_type',
    'summary_use_proj',
    'summary_activation',
    'summary_proj_to_labels',
    'scale_attn_weights',
    'use_cache',
    'scale_attn_by_inverse_layer_idx',
    'pruned_heads',
  ];
  // reorder_and_upcast_attn orders what is computed in float32 here anyway.
  static override readonly inert: readonly string[] = [
    'resid_pdrop',
    'embd_pdrop',
    'attn_pdrop',
    'initializer_range',
    'summary_first_dropout',
    'reorder_and_upcast_attn',
    'is_decoder',
  ];
  declare vocab_size: number;
  declare n_positions: number;
  declare n_embd: number;
  declare n_layer: number;
  declare n_head: number;
  declare n_inner: number | null;
  declare hidden_size: number;
  declare max_position_embeddings: number;
  declare num_attention_heads: number;
  declare num_hidden_layers: number;
  declare activation_function: string;
  declare layer_norm_epsilon: number;
  declare initializer_range: number;
  declare summary_type: string;
  declare summary_use_proj: boolean;
  declare summary_activation: string | null;
  declare summary_proj_to_labels: boolean;
  declare scale_attn_weights: boolean;
  declare use_cache: boolean;
  declare scale_attn_by_inverse_layer_idx: boolean;
}
