/** The config of a model from the metadata of its GGUF file, as Transformers makes it, and the metadata of a config. */

import { unreadable } from '../../checkpoint/fault';
import { ggufReader } from '../../checkpoint/formats';
import { arrayOf, type GgufMetadata, ggufMetadata, numberOf, stringOf } from '../../checkpoint/gguf/gguf-values';
import { NotImplementedError } from '../../errors';
import { architectureOf } from './gguf-weights';

/** Config fields by the ends of their keys in the metadata. Source: transformers integrations/ggml.py (5.18.0). */
export const configKeys: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  llama: {
    context_length: 'max_position_embeddings',
    block_count: 'num_hidden_layers',
    feed_forward_length: 'intermediate_size',
    embedding_length: 'hidden_size',
    'rope.dimension_count': 'head_dim',
    'rope.freq_base': 'rope_theta',
    'attention.head_count': 'num_attention_heads',
    'attention.head_count_kv': 'num_key_value_heads',
    'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
    vocab_size: 'vocab_size',
  },
  qwen2: {
    context_length: 'max_position_embeddings',
    block_count: 'num_hidden_layers',
    feed_forward_length: 'intermediate_size',
    embedding_length: 'hidden_size',
    'rope.freq_base': 'rope_theta',
    'attention.head_count': 'num_attention_heads',
    'attention.head_count_kv': 'num_key_value_heads',
    'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
    vocab_size: 'vocab_size',
  },
  gpt2: {
    context_length: 'n_positions',
    block_count: 'n_layer',
    embedding_length: 'n_embd',
    feed_forward_length: 'n_inner',
    'attention.head_count': 'n_head',
    'attention.layer_norm_epsilon': 'layer_norm_epsilon',
    vocab_size: 'vocab_size',
  },
};

/** Ids of tokens by their keys in the metadata. */
export const tokenIdKeys: Readonly<Record<string, string>> = {
  bos_token_id: 'bos_token_id',
  eos_token_id: 'eos_token_id',
  unknown_token_id: 'unk_token_id',
  padding_token_id: 'pad_token_id',
};

/** The class with the head that a GGUF file holds, by architecture. */
export const ggufClasses: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  gpt2: 'GPT2LMHeadModel',
};

/**
 * The fields of the config that a GGUF file implies, of whatever types its tensors are.
 * @throws CheckpointError when the file cannot be read, or says too little; NotImplementedError for another architecture
 */
export async function readGgufConfig(path: string, signal?: AbortSignal): Promise<Record<string, unknown>> {
  await using source = await ggufReader().openGguf(path, { lookOnly: true, ...(signal && { signal }) });
  return configOf(ggufMetadata(source) as GgufMetadata, path, (name) => source.has(name));
}

function configOf(metadata: GgufMetadata, path: string, has: (name: string) => boolean): Record<string, unknown> {
  const architecture = architectureOf(metadata, path);
  checkShape(metadata, architecture, path);
  const config: Record<string, unknown> = {
    model_type: architecture,
    architectures: [ggufClasses[architecture]],
    tie_word_embeddings: !has('output.weight'),
  };
  if (architecture === 'llama') {
    config['attention_bias'] = has('blk.0.attn_q.bias');
    config['mlp_bias'] = has('blk.0.ffn_gate.bias');
  }
  for (const [key, field] of Object.entries(configKeys[architecture] ?? {})) {
    const value = numberOf(metadata, `${architecture}.${key}`);
    if (value !== undefined) config[field] = value;
  }
  for (const [key, field] of Object.entries(tokenIdKeys)) {
    const value = numberOf(metadata, `tokenizer.ggml.${key}`);
    if (value !== undefined) config[field] = value;
  }
  const tokens = arrayOf(metadata, 'tokenizer.ggml.tokens');
  if (tokens !== undefined) config['vocab_size'] ??= tokens.length;
  const scaling = ropeScaling(metadata, architecture, path);
  if (scaling !== null) config['rope_scaling'] = scaling;
  return config;
}

/** What no default stands for: with another number of layers or heads it would be another model. */
const REQUIRED = ['block_count', 'embedding_length', 'attention.head_count'];

function checkShape(metadata: GgufMetadata, architecture: string, path: string): void {
  for (const key of REQUIRED)
    if (numberOf(metadata, `${architecture}.${key}`) === undefined)
      throw unreadable('METADATA_INVALID', path, `its metadata has no number ${architecture}.${key}`);
  const experts = numberOf(metadata, `${architecture}.expert_count`) ?? 0;
  if (experts > 0)
    throw new NotImplementedError(
      `'${path}' is a mixture of ${experts} experts (${architecture}.expert_count), which is not supported`,
      { code: 'ERR_CONFIG_FIELD' },
    );
}

/** How rotary positions are scaled, where the metadata says so; null where they are not. */
function ropeScaling(metadata: GgufMetadata, architecture: string, path: string): Record<string, unknown> | null {
  const key = `${architecture}.rope.scaling`;
  const rope_type = stringOf(metadata, `${key}.type`) ?? 'none';
  if (rope_type === 'none') return null;
  const factor = numberOf(metadata, `${key}.factor`);
  if (rope_type === 'linear') return { rope_type, factor };
  const original_max_position_embeddings = numberOf(metadata, `${key}.original_context_length`);
  if (rope_type === 'yarn') return { rope_type, factor, original_max_position_embeddings };
  throw new NotImplementedError(
    `'${path}' scales its rotary positions by '${rope_type}' (${key}.type), which is not supported; linear and yarn are`,
    { code: 'ERR_CONFIG_FIELD' },
  );
}
