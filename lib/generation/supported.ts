import { NotImplementedError, ValueError } from '../errors';
import { type GenerationConfig, type GenerationFields, generationDefaults, metadataFields } from './generation-config';

/** What generation does today: greedy search. Whatever else is asked for is refused by its name. */

const supported = [
  'max_length',
  'max_new_tokens',
  'do_sample',
  'num_beams',
  'use_cache',
  'pad_token_id',
  'bos_token_id',
  'eos_token_id',
  'decoder_start_token_id',
  'forced_bos_token_id',
  'forced_eos_token_id',
];

/** They shape a distribution that only sampling draws from: a file's are inert without it. */
const sampling = ['temperature', 'top_k', 'top_p', 'min_p', 'typical_p', 'epsilon_cutoff', 'eta_cutoff'];

/** Arguments of generate that are no fields. */
export const laterArguments: readonly string[] = [
  'logits_processor',
  'stopping_criteria',
  'prefix_allowed_tokens_fn',
  'synced_gpus',
  'assistant_model',
  'streamer',
  'negative_prompt_ids',
  'negative_prompt_attention_mask',
  'use_model_defaults',
  'custom_generate',
  'tokenizer',
  'assistant_tokenizer',
];

/**
 * @param config - with the call's fields already in it
 * @param passed - the fields of the call
 * @throws NotImplementedError `ERR_NOT_SUPPORTED_YET` naming a field at another value than its default, and where it is
 *   from
 */
export function checkSupported(config: GenerationConfig, passed: GenerationFields): void {
  for (const name of config.differing()) {
    const value = config[name];
    const byCall = Object.hasOwn(passed, name) && passed[name] !== undefined;
    if (supported.includes(name) && !(name === 'do_sample' && value) && !(name === 'num_beams' && value !== 1))
      continue;
    if (sampling.includes(name) && !byCall) continue;
    const whence = byCall ? 'the call asks for' : "the model's generation config asks for";
    throw new NotImplementedError(`${whence} ${name}: ${JSON.stringify(value)}, and ${advice(name, byCall)}`, {
      code: 'ERR_NOT_SUPPORTED_YET',
    });
  }
}

function advice(name: string, byCall: boolean): string {
  const [plain, instead] = name === 'do_sample' ? ['false', 'greedy search'] : [plainOf(name), 'its default'];
  if (sampling.includes(name)) return 'it acts on sampling only, which is not supported yet; leave it out';
  if (!isGenerationField(name)) return 'there is no such field of generation; delete it from model.generation_config';
  if (byCall) return `that is not supported yet: only greedy search is${name === 'do_sample' ? '' : `, with ${plain}`}`;
  return `that is not supported yet; pass ${name}: ${plain} for ${instead}`;
}

function plainOf(name: string): string {
  return JSON.stringify(generationDefaults[name] ?? null);
}

/** Whether `name` is a field that a call may pass. */
export function isGenerationField(name: string): boolean {
  return Object.hasOwn(generationDefaults, name) && !metadataFields.includes(name);
}

/** @throws ValueError for ids, lengths and switches of the wrong kind */
export function checkValues(config: GenerationConfig): void {
  const refuse = (name: string, wanted: string): never => {
    throw new ValueError(`${name} is ${JSON.stringify(config[name])}; it must be ${wanted}`, {
      code: 'ERR_CONFIG_TYPE',
    });
  };
  const isId = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  for (const name of ['pad_token_id', 'bos_token_id', 'decoder_start_token_id', 'forced_bos_token_id'])
    if (config[name] !== null && !isId(config[name])) refuse(name, 'a token id or null');
  const { eos_token_id: eos } = config;
  if (eos !== null && !isId(eos) && !(Array.isArray(eos) && eos.length > 0 && eos.every(isId)))
    refuse('eos_token_id', 'a token id, several, or null');
  const { forced_eos_token_id: last } = config;
  if (last !== null && !isId(last) && !(Array.isArray(last) && last.length > 0 && last.every(isId)))
    refuse('forced_eos_token_id', 'a token id, several, or null');
  for (const name of ['max_length', 'max_new_tokens'])
    if (config[name] !== null && !Number.isSafeInteger(config[name])) refuse(name, 'a whole number or null');
  if (config.max_new_tokens !== null && config.max_new_tokens <= 0) refuse('max_new_tokens', 'greater than 0');
  if (config.max_new_tokens === null && config.max_length === null) refuse('max_length', 'set without max_new_tokens');
  for (const name of ['use_cache', 'do_sample']) if (typeof config[name] !== 'boolean') refuse(name, 'true or false');
  if (config.num_beams !== 1 && !(Number.isSafeInteger(config.num_beams) && config.num_beams > 1))
    refuse('num_beams', 'a whole number, 1 or more');
}
