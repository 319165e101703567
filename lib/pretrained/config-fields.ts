import { NotImplementedError, ValueError } from '../errors';
import type { PretrainedConfig } from './config';
import { equalJson } from './config-json';

/** The Transformers version whose behaviour this package follows, and which saved configs name. */
export const transformersVersion = '4.57.6';

/** Fields that every config has, with their defaults: Transformers' `PretrainedConfig`, generation group included. */
export const commonDefaults: Readonly<Record<string, unknown>> = Object.freeze({
  return_dict: true,
  output_hidden_states: false,
  output_attentions: false,
  torchscript: false,
  torch_dtype: null,
  use_bfloat16: false,
  tf_legacy_loss: false,
  pruned_heads: {},
  tie_word_embeddings: true,
  is_encoder_decoder: false,
  is_decoder: false,
  cross_attention_hidden_size: null,
  add_cross_attention: false,
  tie_encoder_decoder: false,
  max_length: 20,
  min_length: 0,
  do_sample: false,
  early_stopping: false,
  num_beams: 1,
  num_beam_groups: 1,
  diversity_penalty: 0,
  temperature: 1,
  top_k: 50,
  top_p: 1,
  typical_p: 1,
  repetition_penalty: 1,
  length_penalty: 1,
  no_repeat_ngram_size: 0,
  encoder_no_repeat_ngram_size: 0,
  bad_words_ids: null,
  num_return_sequences: 1,
  chunk_size_feed_forward: 0,
  output_scores: false,
  return_dict_in_generate: false,
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  remove_invalid_values: false,
  exponential_decay_length_penalty: null,
  suppress_tokens: null,
  begin_suppress_tokens: null,
  architectures: null,
  finetuning_task: null,
  id2label: null,
  label2id: null,
  tokenizer_class: null,
  prefix: null,
  bos_token_id: null,
  pad_token_id: null,
  eos_token_id: null,
  sep_token_id: null,
  decoder_start_token_id: null,
  task_specific_params: null,
  problem_type: null,
  _name_or_path: '',
  _commit_hash: null,
  transformers_version: null,
});

/** Those of them that are floats in Python, though whole. */
export const commonFloats = Object.freeze([
  'diversity_penalty',
  'temperature',
  'top_p',
  'typical_p',
  'repetition_penalty',
  'length_penalty',
]);

/** Fields that change what a forward computes, and which a family must honour by name to be given them. */
const refusedUnlessHonoured: Readonly<Record<string, unknown>> = Object.freeze({
  is_decoder: false,
  add_cross_attention: false,
  tie_encoder_decoder: false,
  pruned_heads: {},
  quantization_config: null,
  per_layer_config: null,
});

/**
 * Checks that `config` asks for nothing that its family's forward does not do: `honoured` and `inert` of the config
 * class name its own fields that act and those that change nothing at inference; any other must have its default.
 * A class that lists no honoured fields answers for itself. Fields that the class does not define pass.
 * @throws NotImplementedError `ERR_CONFIG_FIELD` naming field and value; ValueError `ERR_CONFIG_TYPE` for an honoured
 *   field of the wrong type
 */
export function checkHonoured(config: PretrainedConfig): void {
  const type = config.constructor as typeof PretrainedConfig;
  const { honoured, inert, defaults } = type;
  if (honoured.length === 0) return;
  for (const [field, expected] of Object.entries({ ...refusedUnlessHonoured, ...defaults })) {
    const value = config[field];
    if (honoured.includes(field)) checkType(type, field, value, expected);
    else if (!inert.includes(field) && !(field in commonInert) && !equalJson(value, expected))
      throw new NotImplementedError(
        `config.${field} is ${show(value)}, which changes what ${type.model_type} computes and is not supported here; ` +
          `only ${show(expected)} is`,
        { code: 'ERR_CONFIG_FIELD' },
      );
  }
}

/** Common fields that a family may give a default of its own, and which change nothing at inference. */
const commonInert = Object.fromEntries(
  Object.entries(commonDefaults).filter(([field]) => !(field in refusedUnlessHonoured)),
);

/** @throws ValueError unless `architectures` is null or a list of class names */
export function checkArchitectures(value: unknown): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return;
  throw new ValueError(
    `config.architectures is ${show(value)}; expected a list of class names, such as ["BertModel"]`,
    {
      code: 'ERR_CONFIG_TYPE',
    },
  );
}

function checkType(type: typeof PretrainedConfig, field: string, value: unknown, expected: unknown): void {
  if (isLike(type, field, value, expected)) return;
  throw new ValueError(`config.${field} is ${show(value)}; expected ${describe(type, field, expected)}`, {
    code: 'ERR_CONFIG_TYPE',
  });
}

function isLike(type: typeof PretrainedConfig, field: string, value: unknown, expected: unknown): boolean {
  if (expected === null) return true;
  if (typeof expected === 'number')
    return typeof value === 'number'
      ? isNumberLike(type, field, value, expected)
      : value === null && (isSigned(field, expected) || type.nullable.includes(field));
  if (value === null) return typeof expected !== 'string' || type.nullable.includes(field);
  return typeof value === typeof expected && Array.isArray(value) === Array.isArray(expected);
}

function isNumberLike(type: typeof PretrainedConfig, field: string, value: number, expected: unknown): boolean {
  if (isFloatField(type, field, expected)) return !Number.isNaN(value);
  return Number.isSafeInteger(value) && (value >= 0 || isSigned(field, expected));
}

function isFloatField(type: typeof PretrainedConfig, field: string, expected: unknown): boolean {
  return type.floats.includes(field) || !Number.isInteger(expected);
}

function isSigned(field: string, expected: unknown): boolean {
  return field.endsWith('_token_id') || (expected as number) < 0;
}

function describe(type: typeof PretrainedConfig, field: string, expected: unknown): string {
  if (typeof expected === 'string') return `a text such as '${expected}'`;
  if (typeof expected === 'boolean') return 'true or false';
  if (typeof expected === 'object') return Array.isArray(expected) ? 'an array' : 'an object';
  if (isFloatField(type, field, expected)) return 'a number';
  return isSigned(field, expected) ? 'a whole number' : 'a whole number, 0 or more';
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
}
