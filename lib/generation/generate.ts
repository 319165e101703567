import { NotImplementedError, nearest, TypeError, throwIfAborted, ValueError } from '../errors';
import { warn } from '../logging';
import type { IdInput } from '../nn/ids';
import { Tensor } from '../tensor/tensor';
import { GenerationConfig, type GenerationFields } from './generation-config';
import { type Ending, greedySearch, type KeyValueCache, longestRow, type NextTokens, type StepInputs } from './greedy';
import { lengthLimit, Room } from './length';
import { endsOf, type PromptInputs, readPrompt, warnOfRightPadding } from './prompt';
import { readSource, type Source, sourceNames } from './source';
import { checkSupported, checkValues, isGenerationField, laterArguments } from './supported';
import { checkTokens, checkWrittenTokens } from './tokens';

/** What generation asks of a model. */
export interface GenerativeModel {
  readonly className: string;
  readonly vocab_size: number;
  readonly max_position_embeddings: number | null;
  /** Tokens in a row at most, where each position has an embedding of its own; null where they are computed. */
  readonly position_count: number | null;
  readonly generation_config: GenerationConfig;
  /** Names of the inputs of a call. */
  readonly input_names: readonly string[];
  readonly next: NextTokens;
  /** An empty cache of the kind that `next` takes. */
  newCache(): KeyValueCache;
  /** Encoder-decoder models: what the encoder makes of a prompt, [B, S, C], for every step to look at. */
  encode?(inputs: PromptInputs & { signal?: AbortSignal }): Promise<Tensor>;
}

/** The prompt, how to go on from it, and fields of the generation config, in one object. */
export interface GenerateOptions extends PromptInputs {
  /** In place of the model's; its fields at their defaults are taken from the model's. */
  generation_config?: GenerationConfig | null;
  max_new_tokens?: number | null;
  max_length?: number | null;
  eos_token_id?: number | number[] | null;
  pad_token_id?: number | null;
  bos_token_id?: number | null;
  use_cache?: boolean;
  do_sample?: boolean;
  num_beams?: number;
  /** Stops it; the promise rejects with an `AbortError`. */
  signal?: AbortSignal;
  [other: string]: unknown;
}

const promptNames = ['input_ids', 'inputs_embeds', 'attention_mask'];

/**
 * Goes on from a prompt, one token a step. See `DecoderModel.generate`.
 * @returns [B, …] int64: the prompt's ids and what follows; only what follows for an embedded prompt
 */
export async function generate(model: GenerativeModel, inputs: unknown, options: GenerateOptions): Promise<Tensor> {
  const given = joinInputs(inputs, options, model.className);
  const { signal, generation_config = null } = given;
  throwIfAborted(signal);
  const passed = generationFields(given, model);
  const config = configFor(model, generation_config, passed);
  checkValues(config);
  checkSupported(config, passed);
  checkTokens(config, passed, model.vocab_size);

  const ends = endsOf(config);
  if (config.pad_token_id === null && ends.length > 0) {
    config.pad_token_id = ends[0] as number;
    if (!given.attention_mask)
      warn(
        'The attention mask and the pad token id were not set, so padding cannot be told from text: pass attention_mask',
      );
    warn(`Setting pad_token_id to eos_token_id: ${ends[0]} for open-end generation.`);
  }
  const source = model.encode ? await readSource(model, given, config) : null;
  const prompt = source?.prompt ?? readPrompt(given, config, model.vocab_size);
  if (!source) warnOfRightPadding(prompt, config.pad_token_id);
  const limit = lengthLimit(config, {
    ids: prompt.length,
    embeds: prompt.inputs_embeds ? prompt.positions : 0,
    passedMaxLength: passed['max_length'] !== undefined && passed['max_length'] !== null,
    max_position_embeddings: model.max_position_embeddings,
  });
  const { pad_token_id: pad, use_cache } = config;
  checkWrittenTokens(config, model.vocab_size, prompt.batch);
  const canEnd = ends.some((id) => id < model.vocab_size);
  const room = new Room(model.className, model.position_count, limit);
  room.foresee(longestRow(prompt), limit - prompt.length, canEnd);
  const newCache = use_cache ? () => model.newCache() : null;
  const checkRoom = (length: number) => room.check(length);
  const ending: Ending = { limit, ends, pad, newCache, forced: forcedToken, checkRoom };
  return greedySearch(source ? decoding(model.next, source) : model.next, prompt, ending, signal);

  /** The token that must come at that place of a row, or null. */
  function forcedToken(length: number): number | null {
    const { forced_bos_token_id: first, forced_eos_token_id: last } = config;
    if (last !== null && length === limit - 1) return Array.isArray(last) ? Math.min(...last) : last;
    return length === 1 ? first : null;
  }
}

/** Steps of an encoder-decoder model: the tokens are the decoder's, and look at the encoder's output. */
function decoding(next: NextTokens, { context, isMasked }: Source): NextTokens {
  return ({ input_ids, attention_mask, past_key_values, use_cache, signal }: StepInputs) => {
    const step = {
      ...context,
      decoder_input_ids: input_ids,
      use_cache,
      ...(isMasked && { decoder_attention_mask: attention_mask }),
      ...(past_key_values && { past_key_values }),
      ...(signal && { signal }),
    };
    return next(step as unknown as StepInputs);
  };
}

/** One object of all that the call gives. @throws ValueError for a name that is given twice; TypeError */
function joinInputs(inputs: unknown, options: GenerateOptions, className: string): GenerateOptions {
  const first = inputs instanceof Tensor || Array.isArray(inputs) ? { input_ids: inputs as IdInput } : (inputs ?? {});
  for (const part of [first, options])
    if (typeof part !== 'object' || part === null)
      throw new TypeError(
        `${className}.generate takes input ids or an object of named inputs, then an object of options`,
      );
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && value !== null && (first as GenerateOptions)[name] !== undefined)
      throw new ValueError(`'${name}' is given twice: among the inputs and among the options`);
  return { ...first, ...options };
}

/**
 * The generation config's fields among the arguments.
 * @throws ValueError for names that mean nothing to the model; NotImplementedError for those that are not supported yet
 */
function generationFields(given: GenerateOptions, model: GenerativeModel): GenerationFields {
  const fields: GenerationFields = {};
  const strangers: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (promptNames.includes(name) || name === 'signal' || name === 'generation_config') continue;
    if (model.encode && sourceNames.includes(name)) continue;
    if (isGenerationField(name)) {
      if (value !== undefined) fields[name] = value;
    } else if (value === undefined || value === null) continue;
    else if (laterArguments.includes(name) || model.input_names.includes(name)) {
      if (value === false && name === 'synced_gpus') continue;
      throw new NotImplementedError(`generate does not take ${name} yet: only greedy search of a prompt is supported`, {
        code: 'ERR_NOT_SUPPORTED_YET',
      });
    } else strangers.push(name);
  }
  if (strangers.length === 0) return fields;
  const known = [
    ...promptNames,
    ...(model.encode ? sourceNames : []),
    ...Object.keys(new GenerationConfig()),
    'signal',
    'generation_config',
  ];
  const guess = nearest(strangers[0] as string, known);
  throw new ValueError(
    `The following model_kwargs are not used by the model: ['${strangers.join("', '")}']` +
      (guess ? `; did you mean '${guess}'?` : ''),
    { code: 'ERR_UNKNOWN_NAME' },
  );
}

/** The call's fields, over those of the config that it gives, over the model's. Null leaves a token or length as it was. */
function configFor(model: GenerativeModel, given: GenerationConfig | null, passed: GenerationFields): GenerationConfig {
  if (given !== null && !(given instanceof GenerationConfig))
    throw new TypeError('generation_config must be a GenerationConfig; pass fields by their names');
  const own = model.generation_config;
  const config = (given ?? own).clone();
  if (given) {
    const set = given.differing();
    for (const name of own.differing()) if (!set.includes(name)) config[name] = structuredClone(own[name]);
  }
  return Object.assign(config, passed);
}
