/** Qwen2's config. Upstream: transformers models/qwen2 (4.57.6, 5.18.0). */
import { ValueError } from '../../errors';
import type { ConfigFields } from '../../pretrained/config';
import { type DecoderBlock, LlamaConfig } from '../llama/config';

const kFull = 'full_attention';
const kSliding = 'sliding_attention';

export class Qwen2Config extends LlamaConfig {
  static override readonly model_type: string = 'qwen2';
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 151936,
    hidden_size: 4096,
    intermediate_size: 22016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    hidden_act: 'silu',
    max_position_embeddings: 32768,
    initializer_range: 0.02,
    rms_norm_eps: 1e-6,
    use_cache: true,
    tie_word_embeddings: false,
    rope_theta: 10000,
    rope_scaling: null,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
    layer_types: null,
    attention_dropout: 0,
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
    'use_sliding_window',
    'sliding_window',
    'max_window_layers',
    'layer_types',
  ];
  static override readonly inert: readonly string[] = ['initializer_range', 'attention_dropout', 'is_decoder'];
  static override readonly floats: readonly string[] = ['rope_theta', 'attention_dropout'];
  static override readonly nullable: readonly string[] = ['sliding_window'];
  declare use_sliding_window: boolean;
  declare sliding_window: number | null;
  declare max_window_layers: number;
  declare layer_types: string[];

  constructor(fields: ConfigFields = {}) {
    super(fields);
    if (!this.use_sliding_window) this.sliding_window = null;
    this.layer_types ??= Array.from({ length: this.num_hidden_layers }, (_, i) =>
      this.sliding_window !== null && i >= this.max_window_layers ? kSliding : kFull,
    );
  }

  /** @throws ValueError for a layer of no known type, and a window that is none */
  override blockOf(index: number): DecoderBlock {
    const { layer_types, num_hidden_layers: layers, sliding_window } = this;
    const type = layer_types[index];
    if (layer_types.length !== layers || (type !== kFull && type !== kSliding))
      throw new ValueError(
        `config.layer_types is ${JSON.stringify(layer_types)}; it must be '${kFull}' or '${kSliding}' for each of ${layers} ` +
          'layers (config.num_hidden_layers)',
        { code: 'ERR_CONFIG_FIELD' },
      );
    if (type === kSliding && !(Number.isSafeInteger(sliding_window) && (sliding_window as number) > 0))
      throw new ValueError(
        `config.layer_types has '${kSliding}', and config.sliding_window is ${sliding_window}; it must be 1 or more, with ` +
          'use_sliding_window',
        { code: 'ERR_CONFIG_FIELD' },
      );
    const window = type === kSliding ? (sliding_window as number) - 1 : null;
    return { qkv_bias: true, o_bias: false, mlp_bias: false, window };
  }
}
