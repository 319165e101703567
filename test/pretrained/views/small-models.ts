import * as library from '../../../lib';

/** Configs of small models, by family. */
const shape = {
  vocab_size: 11,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 8,
  max_position_embeddings: 16,
};

export const small = {
  bert: () => new library.BertConfig(shape),
  roberta: () => new library.RobertaConfig(shape),
  xlmRoberta: () => new library.XLMRobertaConfig(shape),
  distilbert: () =>
    new library.DistilBertConfig({
      vocab_size: 11,
      dim: 8,
      n_layers: 1,
      n_heads: 2,
      hidden_dim: 8,
      max_position_embeddings: 16,
    }),
  albert: () => new library.AlbertConfig({ ...shape, embedding_size: 8 }),
  electra: () => new library.ElectraConfig({ ...shape, embedding_size: 8 }),
  mpnet: () => new library.MPNetConfig(shape),
  gpt2: () => new library.GPT2Config({ vocab_size: 11, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 16 }),
  t5: () =>
    new library.T5Config({
      vocab_size: 11,
      d_model: 8,
      d_kv: 4,
      d_ff: 8,
      num_layers: 1,
      num_heads: 2,
      decoder_start_token_id: 0,
    }),
  bart: () =>
    new library.BartConfig({
      vocab_size: 11,
      d_model: 8,
      encoder_layers: 1,
      decoder_layers: 1,
      encoder_attention_heads: 2,
      decoder_attention_heads: 2,
      encoder_ffn_dim: 8,
      decoder_ffn_dim: 8,
      max_position_embeddings: 16,
    }),
};
