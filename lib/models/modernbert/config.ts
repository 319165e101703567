/** ModernBERT's config, and what it says of each layer's attention. Upstream: transformers models/modernbert (5.18.0). */
import { NotImplementedError, ValueError } from '../../errors';
import { PretrainedConfig } from '../../pretrained/config';
import { type RopeParameters, ropeParametersOf } from '../../pretrained/config-rope';

export class ModernBertConfig extends PretrainedConfig {
  static override readonly model_type: string = 'modernbert';
  static override readonly keys_to_ignore_at_inference = ['past_key_values'];
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 50368,
    hidden_size: 768,
    intermediate_size: 1152,
    num_hidden_layers: 22,
    num_attention_heads: 12,
    hidden_activation: 'gelu',
    max_position_embeddings: 8192,
    initializer_range: 0.02,
    initializer_cutoff_factor: 2,
    norm_eps: 1e-5,
    norm_bias: false,
    pad_token_id: 50283,
    eos_token_id: 50282,
    bos_token_id: 50281,
    cls_token_id: 50281,
    sep_token_id: 50282,
    global_rope_theta: 160000,
    attention_bias: false,
    attention_dropout: 0,
    global_attn_every_n_layers: 3,
    local_attention: 128,
    local_rope_theta: 10000,
    embedding_dropout: 0,
    mlp_bias: false,
    mlp_dropout: 0,
    decoder_bias: true,
    classifier_pooling: 'cls',
    classifier_dropout: 0,
    classifier_bias: false,
    classifier_activation: 'gelu',
    deterministic_flash_attn: false,
    sparse_prediction: false,
    sparse_pred_ignore_index: -100,
    repad_logits_with_grad: false,
  };
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
    'hidden_activation',
    'norm_eps',
    'norm_bias',
    'global_rope_theta',
    'attention_bias',
    'global_attn_every_n_layers',
    'local_attention',
    'local_rope_theta',
    'mlp_bias',
    'decoder_bias',
    'classifier_pooling',
    'classifier_bias',
    'classifier_activation',
    'sparse_prediction',
    'sparse_pred_ignore_index',
  ];
  static override readonly inert: readonly string[] = [
    'max_position_embeddings',
    'initializer_range',
    'initializer_cutoff_factor',
    'cls_token_id',
    'attention_dropout',
    'embedding_dropout',
    'mlp_dropout',
    'classifier_dropout',
    'deterministic_flash_attn',
    'repad_logits_with_grad',
  ];
  static override readonly floats: readonly string[] = [
    'initializer_cutoff_factor',
    'global_rope_theta',
    'local_rope_theta',
    'attention_dropout',
    'embedding_dropout',
    'mlp_dropout',
    'classifier_dropout',
  ];
  static override readonly nullable: readonly string[] = ['local_rope_theta'];
  declare vocab_size: number;
  declare hidden_size: number;
  declare intermediate_size: number;
  declare num_hidden_layers: number;
  declare num_attention_heads: number;
  declare hidden_activation: string;
  declare norm_eps: number;
  declare norm_bias: boolean;
  declare attention_bias: boolean;
  declare global_attn_every_n_layers: number;
  /** Tokens in the window of a local layer. */
  declare local_attention: number;
  declare mlp_bias: boolean;
  declare decoder_bias: boolean;
  declare classifier_pooling: string;
  declare classifier_bias: boolean;
  declare classifier_activation: string;
  declare sparse_prediction: boolean;
  declare sparse_pred_ignore_index: number;
  /** 'full_attention' or 'sliding_attention' for each layer; goes before global_attn_every_n_layers. Transformers 5. */
  declare layer_types?: string[] | null;
  /** false: the last of `hidden_states` is the last layer's output, without the final norm. Transformers 5. */
  declare tie_last_hidden_states?: boolean | null;
  declare head_dim?: number | null;
}

/** What sets a layer's attention apart from another's. */
export interface AttentionKind {
  /** How far a token looks to either side; null is everywhere. */
  window: number | null;
  /** Base of the rotary positions. */
  theta: number;
}

const kFull = 'full_attention';
const kSliding = 'sliding_attention';

/** The kind of each layer. @throws NotImplementedError for scaled rotary positions */
export function attentionKinds(config: ModernBertConfig): AttentionKind[] {
  const { local_attention, head_dim, hidden_size: C, num_attention_heads: H } = config;
  const rope = ropeParametersOf(config) as Record<string, RopeParameters>;
  if (head_dim && head_dim !== C / H) throw unsupported(`head_dim is ${head_dim}; only ${C / H} is`);
  return layerTypes(config).map((type) => {
    const { rope_type, rope_theta: theta } = rope[type] as RopeParameters;
    if (rope_type !== 'default') throw unsupported(`rope_scaling is of type '${rope_type}'; only 'default' is`);
    if (type === kFull) return { window: null, theta };
    return { window: Math.floor(local_attention / 2), theta };
  });
}

function unsupported(what: string): NotImplementedError {
  return new NotImplementedError(`config.${what} supported here`, { code: 'ERR_CONFIG_FIELD' });
}

function layerTypes(config: ModernBertConfig): string[] {
  const { layer_types, num_hidden_layers: layers, global_attn_every_n_layers: period } = config;
  if (!layer_types && period > 0) return Array.from({ length: layers }, (_, i) => (i % period ? kSliding : kFull));
  if (
    Array.isArray(layer_types) &&
    layer_types.length === layers &&
    layer_types.every((t) => t === kFull || t === kSliding)
  )
    return layer_types;
  const [field, wanted] = layer_types
    ? ['layer_types', `'${kFull}' or '${kSliding}' for each of ${layers} layers (config.num_hidden_layers)`]
    : ['global_attn_every_n_layers', '1 or more'];
  throw new ValueError(`config.${field} is ${JSON.stringify(config[field])}; it must be ${wanted}`, {
    code: 'ERR_CONFIG_FIELD',
  });
}
