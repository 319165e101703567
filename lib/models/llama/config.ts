/** Llama's config. Upstream: transformers models/llama (4.57.6, 5.18.0). */
import { ValueError } from '../../errors';
import type { RotaryConfig } from '../../nn/rope';
import { type ConfigFields, PretrainedConfig } from '../../pretrained/config';
import { type RopeParameters, ropeParametersOf } from '../../pretrained/config-rope';

export class LlamaConfig extends PretrainedConfig {
  static override readonly model_type: string = 'llama';
  static override readonly keys_to_ignore_at_inference = ['past_key_values'];
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: null,
    hidden_act: 'silu',
    max_position_embeddings: 2048,
    initializer_range: 0.02,
    rms_norm_eps: 1e-6,
    use_cache: true,
    pad_token_id: null,
    bos_token_id: 1,
    eos_token_id: 2,
    pretraining_tp: 1,
    tie_word_embeddings: false,
    rope_theta: 10000,
    rope_scaling: null,
    attention_bias: false,
    attention_dropout: 0,
    mlp_bias: false,
    head_dim: null,
  };
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
    'num_key_value_heads',
    'hidden_act',
    'max_position_embeddings',
    'rms_norm_eps',
    'use_cache',
    'tie_word_embeddings',
    'rope_theta',
    'rope_scaling',
    'attention_bias',
    'mlp_bias',
    'head_dim',
  ];
  /** Transformers 4.35 cut products into pretraining_tp parts, to round as in pre-training; 4.57 passes over it. */
  static override readonly inert: readonly string[] = [
    'initializer_range',
    'attention_dropout',
    'is_decoder',
    'pretraining_tp',
  ];
  static override readonly floats: readonly string[] = ['rope_theta', 'attention_dropout'];
  declare vocab_size: number;
  declare hidden_size: number;
  declare intermediate_size: number;
  declare num_hidden_layers: number;
  declare num_attention_heads: number;
  declare num_key_value_heads: number;
  declare hidden_act: string;
  declare max_position_embeddings: number;
  declare initializer_range: number;
  declare rms_norm_eps: number;
  declare use_cache: boolean;
  declare attention_bias: boolean;
  declare mlp_bias: boolean;
  declare head_dim: number;

  constructor(fields: ConfigFields = {}) {
    super(fields);
    this.num_key_value_heads ??= this.num_attention_heads;
    if (Object.hasOwn((this.constructor as typeof PretrainedConfig).defaults, 'head_dim'))
      this.head_dim ??= headDim(this);
  }

  /** What the block of layer `index` is made of. */
  blockOf(_index: number): DecoderBlock {
    const { attention_bias: bias, mlp_bias } = this;
    return { qkv_bias: bias, o_bias: bias, mlp_bias, window: null };
  }
}

/** What families whose blocks are Llama's do in their own ways. */
export interface DecoderBlock {
  /** Whether projections have biases. */
  qkv_bias: boolean;
  o_bias: boolean;
  mlp_bias: boolean;
  /** How many positions back a token sees, 0 being itself alone; null for all. */
  window: number | null;
}

/** D, which some configs leave to the width and the number of heads. */
export function headDim({ head_dim, hidden_size, num_attention_heads }: LlamaConfig): number {
  return head_dim ?? Math.floor(hidden_size / num_attention_heads);
}

/**
 * Checks what only the fields together say.
 * @throws ValueError for heads that cannot be shared out, or that cannot be halved
 */
export function checkLlamaConfig(config: LlamaConfig): void {
  const { num_attention_heads: H, num_key_value_heads: G, hidden_size } = config;
  const head_dim = headDim(config);
  if (hidden_size % H !== 0)
    throw new ValueError(`config.hidden_size is ${hidden_size}, no multiple of config.num_attention_heads, ${H}`, {
      code: 'ERR_CONFIG_FIELD',
    });
  if (H % G !== 0)
    throw new ValueError(`config.num_attention_heads is ${H}, no multiple of config.num_key_value_heads, ${G}`, {
      code: 'ERR_CONFIG_FIELD',
    });
  if (head_dim % 2 !== 0)
    throw new ValueError(`config.head_dim is ${head_dim}; rotary positions turn pairs, so it must be even`, {
      code: 'ERR_CONFIG_FIELD',
    });
}

/** What the heads of `config` rotate with. */
export function rotaryConfigOf(config: LlamaConfig): RotaryConfig {
  const { max_position_embeddings, partial_rotary_factor } = config;
  const parameters = ropeParametersOf(config) as RopeParameters;
  return {
    ...(typeof partial_rotary_factor === 'number' && { partial_rotary_factor }),
    ...parameters,
    dim: headDim(config),
    max_position_embeddings,
  };
}
