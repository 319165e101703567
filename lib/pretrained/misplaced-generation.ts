import { generationDefaults } from '../generation/generation-config';
import type { PretrainedConfig } from './config';

/** Fields of generation that old model configs hold too. Source: transformers PretrainedConfig (4.57.6). */
const held = [
  'max_length',
  'min_length',
  'do_sample',
  'early_stopping',
  'num_beams',
  'num_beam_groups',
  'diversity_penalty',
  'temperature',
  'top_k',
  'top_p',
  'typical_p',
  'repetition_penalty',
  'length_penalty',
  'no_repeat_ngram_size',
  'encoder_no_repeat_ngram_size',
  'bad_words_ids',
  'num_return_sequences',
  'output_scores',
  'return_dict_in_generate',
  'forced_bos_token_id',
  'forced_eos_token_id',
  'remove_invalid_values',
  'exponential_decay_length_penalty',
  'suppress_tokens',
  'begin_suppress_tokens',
];

/** What of generation a model's config holds that is not the default of its class, nor null. */
export function misplacedGenerationFields(config: PretrainedConfig): Record<string, unknown> {
  const defaults: Record<string, unknown> = new (config.constructor as typeof PretrainedConfig)();
  const text = (value: unknown) => JSON.stringify(value ?? null);
  const isMisplaced = (name: string) => {
    const usual = name in defaults ? defaults[name] : generationDefaults[name];
    return (config[name] ?? null) !== null && text(config[name]) !== text(usual);
  };
  return Object.fromEntries(held.filter(isMisplaced).map((name) => [name, config[name]]));
}
