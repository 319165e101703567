import { PretrainedConfig } from '../../pretrained/config';

/** What an ALBERT model is. See model.ts. */
export class AlbertConfig extends PretrainedConfig {
  static override readonly model_type: string = 'albert';
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 30000,
    embedding_size: 128,
    hidden_size: 4096,
    num_hidden_layers: 12,
    num_hidden_groups: 1,
    num_attention_heads: 64,
    intermediate_size: 16384,
    inner_group_num: 1,
    hidden_act: 'gelu_new',
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    max_position_embeddings: 512,
    type_vocab_size: 2,
    initializer_range: 0.02,
    layer_norm_eps: 1e-12,
    classifier_dropout_prob: 0.1,
    position_embedding_type: 'absolute',
    pad_token_id: 0,
    bos_token_id: 2,
    eos_token_id: 3,
  };
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'embedding_size',
    'hidden_size',
    'num_hidden_layers',
    'num_hidden_groups',
    'num_attention_heads',
    'intermediate_size',
    'inner_group_num',
    'hidden_act',
    'max_position_embeddings',
    'type_vocab_size',
    'layer_norm_eps',
    'position_embedding_type',
    'pruned_heads',
  ];
  static override readonly inert: readonly string[] = [
    'hidden_dropout_prob',
    'attention_probs_dropout_prob',
    'classifier_dropout_prob',
    'initializer_range',
  ];
  declare vocab_size: number;
  declare embedding_size: number;
  declare hidden_size: number;
  declare num_hidden_layers: number;
  declare num_hidden_groups: number;
  declare num_attention_heads: number;
  declare intermediate_size: number;
  declare inner_group_num: number;
  declare hidden_act: string;
  declare max_position_embeddings: number;
  declare type_vocab_size: number;
  declare layer_norm_eps: number;
  declare position_embedding_type: string;
  declare pad_token_id: number | null;
  declare chunk_size_feed_forward: number;
}
