import { TypeError, ValueError } from '../errors';

/** Fields of a generation config by name. */
export type GenerationFields = Record<string, unknown>;

/** Every field that generation knows, with its default. Source: transformers GenerationConfig (4.57.6). */
export const generationDefaults: Readonly<GenerationFields> = Object.freeze({
  max_length: 20,
  max_new_tokens: null,
  min_length: 0,
  min_new_tokens: null,
  early_stopping: false,
  max_time: null,
  stop_strings: null,
  do_sample: false,
  num_beams: 1,
  num_beam_groups: 1,
  penalty_alpha: null,
  dola_layers: null,
  use_cache: true,
  cache_implementation: null,
  cache_config: null,
  return_legacy_cache: null,
  prefill_chunk_size: null,
  temperature: 1,
  top_k: 50,
  top_p: 1,
  min_p: null,
  typical_p: 1,
  epsilon_cutoff: 0,
  eta_cutoff: 0,
  diversity_penalty: 0,
  repetition_penalty: 1,
  encoder_repetition_penalty: 1,
  length_penalty: 1,
  no_repeat_ngram_size: 0,
  bad_words_ids: null,
  force_words_ids: null,
  renormalize_logits: false,
  constraints: null,
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  forced_decoder_ids: null,
  remove_invalid_values: false,
  exponential_decay_length_penalty: null,
  suppress_tokens: null,
  begin_suppress_tokens: null,
  sequence_bias: null,
  token_healing: false,
  guidance_scale: null,
  low_memory: null,
  watermarking_config: null,
  num_return_sequences: 1,
  output_attentions: false,
  output_hidden_states: false,
  output_scores: false,
  output_logits: null,
  return_dict_in_generate: false,
  pad_token_id: null,
  bos_token_id: null,
  eos_token_id: null,
  encoder_no_repeat_ngram_size: 0,
  decoder_start_token_id: null,
  is_assistant: false,
  num_assistant_tokens: 20,
  num_assistant_tokens_schedule: 'constant',
  assistant_confidence_threshold: 0.4,
  prompt_lookup_num_tokens: null,
  max_matching_ngram_size: null,
  assistant_early_exit: null,
  assistant_lookbehind: 10,
  target_lookbehind: 10,
  generation_kwargs: {},
  _from_model_config: false,
  transformers_version: null,
  _commit_hash: null,
});

/** Fields that say where a config came from, not what to do. */
export const metadataFields: readonly string[] = ['_from_model_config', 'transformers_version', '_commit_hash'];

/** How a model generates: lengths, special tokens, how the next token is chosen. Unknown fields are kept. */
export class GenerationConfig {
  [field: string]: unknown;
  declare max_length: number | null;
  declare max_new_tokens: number | null;
  declare do_sample: boolean;
  declare num_beams: number;
  declare use_cache: boolean;
  declare pad_token_id: number | null;
  declare bos_token_id: number | null;
  declare eos_token_id: number | number[] | null;
  declare decoder_start_token_id: number | null;
  declare forced_bos_token_id: number | null;
  declare forced_eos_token_id: number | number[] | null;
  declare _from_model_config: boolean;

  /** @throws TypeError when `fields` is no object; ValueError for a field named like a method */
  constructor(fields: GenerationFields = {}) {
    if (fields === null || typeof fields !== 'object' || Array.isArray(fields))
      throw new TypeError('GenerationConfig takes one object of fields, such as { max_new_tokens: 20 }');
    for (const name of Object.keys(fields))
      if (name in GenerationConfig.prototype)
        throw new ValueError(
          `a generation config cannot have a field '${name}', which is the name of one of its methods`,
          {
            code: 'ERR_CONFIG_FIELD',
          },
        );
    Object.assign(this, structuredClone({ ...generationDefaults }));
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) this[name] = value;
  }

  /** The fields of a model's config that are generation's. Those that are null leave the defaults. */
  static from_model_config(config: object): GenerationConfig {
    const own = config as GenerationFields;
    const fields: GenerationFields = {};
    for (const name of Object.keys(generationDefaults))
      if (!metadataFields.includes(name) && own[name] !== null && own[name] !== undefined) fields[name] = own[name];
    const generation = new GenerationConfig({ ...structuredClone(fields), _from_model_config: true });
    const flags = ['output_attentions', 'output_hidden_states', 'output_scores', 'output_logits'];
    if (flags.some((flag) => generation[flag])) generation['return_dict_in_generate'] = true;
    return generation;
  }

  /** Names of the fields that are not at their defaults; unknown ones are when they are not null. */
  differing(): string[] {
    return Object.keys(this).filter(
      (name) =>
        !metadataFields.includes(name) &&
        JSON.stringify(this[name] ?? null) !== JSON.stringify(generationDefaults[name] ?? null),
    );
  }

  /** A config with the same fields. */
  clone(): GenerationConfig {
    return new GenerationConfig(structuredClone({ ...this }));
  }

  /** Whether `other` has the same fields and values, wherever it came from. */
  equals(other: unknown): boolean {
    if (!(other instanceof GenerationConfig)) return false;
    const names = new Set([...this.differing(), ...other.differing()]);
    return [...names].every((name) => JSON.stringify(this[name] ?? null) === JSON.stringify(other[name] ?? null));
  }
}
