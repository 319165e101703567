/** BART's config. Upstream: transformers models/bart (4.57.6, 5.18.0). */
import { warn } from '../../logging';
import { type ConfigFields, PretrainedConfig } from '../../pretrained/config';

/** Labels of a classifier that names none: those of entailment. */
const kLabels = 3;

export class BartConfig extends PretrainedConfig {
  static override readonly model_type: string = 'bart';
  static override readonly keys_to_ignore_at_inference = ['past_key_values'];
  static override readonly attribute_map: Readonly<Record<string, string>> = {
    num_attention_heads: 'encoder_attention_heads',
    hidden_size: 'd_model',
  };
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 50265,
    max_position_embeddings: 1024,
    encoder_layers: 12,
    encoder_ffn_dim: 4096,
    encoder_attention_heads: 16,
    decoder_layers: 12,
    decoder_ffn_dim: 4096,
    decoder_attention_heads: 16,
    encoder_layerdrop: 0,
    decoder_layerdrop: 0,
    activation_function: 'gelu',
    d_model: 1024,
    dropout: 0.1,
    attention_dropout: 0,
    activation_dropout: 0,
    init_std: 0.02,
    classifier_dropout: 0,
    scale_embedding: false,
    use_cache: true,
    num_hidden_layers: 12,
    pad_token_id: 1,
    bos_token_id: 0,
    eos_token_id: 2,
    is_encoder_decoder: true,
    decoder_start_token_id: 2,
    forced_eos_token_id: 2,
  };
  static override readonly floats = [
    'encoder_layerdrop',
    'decoder_layerdrop',
    'attention_dropout',
    'activation_dropout',
    'classifier_dropout',
  ];
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'max_position_embeddings',
    'encoder_layers',
    'encoder_ffn_dim',
    'encoder_attention_heads',
    'decoder_layers',
    'decoder_ffn_dim',
    'decoder_attention_heads',
    'activation_function',
    'd_model',
    'scale_embedding',
    'use_cache',
    'tie_word_embeddings',
  ];
  // Layers are dropped in training only; the class decides which halves there are, and encoder_layers how many layers.
  static override readonly inert: readonly string[] = [
    'encoder_layerdrop',
    'decoder_layerdrop',
    'dropout',
    'attention_dropout',
    'activation_dropout',
    'init_std',
    'classifier_dropout',
    'num_hidden_layers',
    'is_encoder_decoder',
    'is_decoder',
    'add_cross_attention',
  ];
  declare vocab_size: number;
  declare max_position_embeddings: number;
  declare encoder_layers: number;
  declare encoder_ffn_dim: number;
  declare encoder_attention_heads: number;
  declare decoder_layers: number;
  declare decoder_ffn_dim: number;
  declare decoder_attention_heads: number;
  declare activation_function: string;
  declare d_model: number;
  declare init_std: number;
  declare scale_embedding: boolean;
  declare use_cache: boolean;
  /** As many as `encoder_layers`, unless a file says otherwise; nothing reads it. */
  declare num_hidden_layers: number;
  declare decoder_start_token_id: number | null;
  declare forced_bos_token_id: number | null;

  constructor(fields: ConfigFields = {}) {
    super(fields);
    if (isMissing(fields['num_hidden_layers'])) this.num_hidden_layers = this.encoder_layers;
    if (isMissing(fields['id2label']) && isMissing(fields['num_labels'])) this.num_labels = kLabels;
    // What the first summarizers called it.
    if (isMissing(this.forced_bos_token_id) && fields['force_bos_token_to_be_generated']) {
      this.forced_bos_token_id = this.bos_token_id;
      warn(
        `config.force_bos_token_to_be_generated is now forced_bos_token_id: ${this.bos_token_id}; save the config to say so`,
      );
    }
  }
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}
