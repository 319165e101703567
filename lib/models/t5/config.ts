/** T5's config. Upstream: transformers models/t5 (4.57.6, 5.18.0). */
import { ValueError } from '../../errors';
import { type ConfigFields, PretrainedConfig } from '../../pretrained/config';

export class T5Config extends PretrainedConfig {
  static override readonly model_type: string = 't5';
  static override readonly keys_to_ignore_at_inference = ['past_key_values'];
  static override readonly attribute_map: Readonly<Record<string, string>> = {
    hidden_size: 'd_model',
    num_attention_heads: 'num_heads',
    num_hidden_layers: 'num_layers',
    head_dim: 'd_kv',
  };
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 32128,
    d_model: 512,
    d_kv: 64,
    d_ff: 2048,
    num_layers: 6,
    num_decoder_layers: null,
    num_heads: 8,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    dropout_rate: 0.1,
    layer_norm_epsilon: 1e-6,
    initializer_factor: 1,
    feed_forward_proj: 'relu',
    is_encoder_decoder: true,
    use_cache: true,
    pad_token_id: 0,
    eos_token_id: 1,
    classifier_dropout: 0,
  };
  static override readonly floats = ['initializer_factor', 'classifier_dropout'];
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'd_model',
    'd_kv',
    'd_ff',
    'num_layers',
    'num_decoder_layers',
    'num_heads',
    'relative_attention_num_buckets',
    'relative_attention_max_distance',
    'layer_norm_epsilon',
    'feed_forward_proj',
    'tie_word_embeddings',
    'use_cache',
    'pruned_heads',
  ];
  // The heads decide which halves there are; is_encoder_decoder is false in the configs of encoders.
  static override readonly inert: readonly string[] = [
    'dropout_rate',
    'classifier_dropout',
    'initializer_factor',
    'is_encoder_decoder',
  ];
  declare vocab_size: number;
  declare d_model: number;
  declare d_kv: number;
  declare d_ff: number;
  declare num_layers: number;
  declare num_decoder_layers: number;
  declare num_heads: number;
  declare relative_attention_num_buckets: number;
  declare relative_attention_max_distance: number;
  declare layer_norm_epsilon: number;
  declare initializer_factor: number;
  declare feed_forward_proj: string;
  /** The activation that `feed_forward_proj` names. */
  declare dense_act_fn: string;
  declare is_gated_act: boolean;
  declare use_cache: boolean;
  /** Transformers 5 says here what `tie_word_embeddings` said before it. */
  declare scale_decoder_outputs?: boolean;
  declare decoder_start_token_id: number | null;

  /** @throws ValueError for a feed_forward_proj that is neither an activation nor 'gated-' and one */
  constructor(fields: ConfigFields = {}) {
    super(fields);
    this.num_decoder_layers ??= this.num_layers;
    const projection = String(this.feed_forward_proj).split('-');
    if (projection.length > 2 || (projection.length === 2 && projection[0] !== 'gated'))
      throw new ValueError(
        `config.feed_forward_proj is '${this.feed_forward_proj}', which is not a valid activation function of the dense ` +
          "layer; use 'gated-{ACT_FN}' or '{ACT_FN}', such as 'gated-gelu' or 'relu'",
        { code: 'ERR_CONFIG_FIELD' },
      );
    this.is_gated_act = projection[0] === 'gated';
    // What the first gated checkpoints call gelu is its approximation by tanh.
    this.dense_act_fn = this.feed_forward_proj === 'gated-gelu' ? 'gelu_new' : (projection.at(-1) as string);
  }
}
