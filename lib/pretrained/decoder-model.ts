import { TypeError } from '../errors';
import { type GenerateOptions, type GenerativeModel, generate } from '../generation/generate';
import { GenerationConfig } from '../generation/generation-config';
import type { StepInputs } from '../generation/greedy';
import { warn } from '../logging';
import { type CacheStep, DynamicCache, recordSteps } from '../nn/cache';
import type { IdInput } from '../nn/ids';
import { checkOptionKinds, refuseSurplus } from '../options';
import { reshape } from '../tensor/dispatch';
import { cat, slice } from '../tensor/ops/layout';
import { argmax } from '../tensor/ops/reduce';
import type { Tensor } from '../tensor/tensor';
import type { PretrainedConfig } from './config';
import { GENERATION_CONFIG_NAME, generationConfigText } from './generation-file';
import { misplacedGenerationFields } from './misplaced-generation';
import type { ModelOutput } from './model-output';
import { type CallInputs, type ModelInputs, PreTrainedModel } from './pretrained-model';

/** Names of the inputs by which a decoder's caller handles its cache. */
export const cacheInputs: readonly string[] = ['past_key_values', 'use_cache', 'cache_position'];

/**
 * A model that may keep the keys and values of what it has seen: what a call adds to a cache counts if it succeeds.
 * Those with a language modelling head generate.
 */
export abstract class DecoderModel extends PreTrainedModel {
  /** The generation config as the model's config gave it. */
  declare private derived: GenerationConfig | null;

  constructor(config: PretrainedConfig) {
    super(config);
    const derived = this.can_generate() ? GenerationConfig.from_model_config(config) : null;
    for (const [name, value] of [
      ['generation_config', derived],
      ['derived', derived?.clone() ?? null],
    ] as const)
      Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: false });
  }

  /** @internal Moves what a model config says of generation to where Transformers looks for it now. */
  override prepareSave(): void {
    const { generation_config, config } = this;
    const fields = this.can_generate() && generation_config ? misplacedGenerationFields(config) : {};
    if (Object.keys(fields).length === 0) return;
    warn(
      `the model config holds settings of generation, ${JSON.stringify(fields)}: they are saved in ` +
        `${GENERATION_CONFIG_NAME}, and are null in the model config from now on`,
    );
    Object.assign(generation_config as GenerationConfig, fields);
    for (const name of Object.keys(fields)) config[name] = null;
  }

  /** @internal Those of any model, and the generation config. @throws ValueError when that contradicts itself */
  override filesBesideWeights(): Map<string, string> {
    const files = super.filesBesideWeights();
    if (this.can_generate() && this.generation_config)
      files.set(GENERATION_CONFIG_NAME, generationConfigText(this.generation_config));
    return files;
  }

  /** A call keeps a cache where the config says so; what pipelines compute with this model's modules keeps none. */
  protected override async invoke(inputs: CallInputs, ...further: unknown[]): Promise<ModelOutput | unknown[]> {
    const given = (await inputs) as ModelInputs;
    if (given === null || typeof given !== 'object' || Array.isArray(given)) return super.invoke(given, ...further);
    const { input_names } = this.constructor as typeof PreTrainedModel;
    if (!input_names.includes('use_cache')) return super.invoke(given, ...further);
    checkOptionKinds(this.constructor.name, given, { use_cache: 'boolean' });
    const use_cache = given['use_cache'] ?? (this.config as { use_cache?: boolean }).use_cache;
    return super.invoke({ ...given, use_cache }, ...further);
  }

  override async compute<O>(inputs: CallInputs, forward: (named: ModelInputs) => O): Promise<O> {
    const steps: CacheStep[] = [];
    let succeeded = false;
    try {
      const output = await super.compute(inputs, (named) => recordSteps(steps, () => forward(named)));
      succeeded = true;
      return output;
    } finally {
      for (const step of steps) step.settle(succeeded);
    }
  }

  /**
   * Goes on from a prompt by greedy search: every step adds the likeliest token.
   * @param inputs - ids [B, T], or an object of `input_ids`, `attention_mask`, `inputs_embeds`, such as a tokenizer's
   *   result; the bos token when left out. Rows of different lengths are padded on the left
   * @param options - `max_new_tokens`, `max_length`, `eos_token_id`, `pad_token_id`, `bos_token_id`, `use_cache`,
   *   `generation_config`, `signal`; they may stand among the inputs too
   * @returns [B, …] int64: the prompt's ids and what follows, rows that ended early filled with `pad_token_id`; only what
   *   follows when the prompt is inputs_embeds alone
   * @throws TypeError for a class without a language modelling head; NotImplementedError naming a field of generation
   *   that is not supported yet, by argument or by file; ValueError for what cannot be; AbortError
   */
  async generate(
    inputs?: IdInput | GenerateOptions | null,
    options?: GenerateOptions | null,
    ...surplus: never[]
  ): Promise<Tensor> {
    refuseSurplus('generate', surplus);
    const { name: className } = this.constructor;
    if (!this.can_generate())
      throw new TypeError(
        `The current model class (${className}) is not compatible with \`generate\`, as it doesn't have a language ` +
          'modeling head. Use a class whose name ends in LMHeadModel or ForCausalLM, or AutoModelForCausalLM',
      );
    return generate(this.generative(), inputs, options ?? {});
  }

  /** @internal Positions that have an embedding of their own; null where positions are computed, for any length. */
  protected get positionCount(): number | null {
    return null;
  }

  /** @internal This model as generation knows it. */
  protected generative(): GenerativeModel {
    const { name: className, input_names } = this.constructor as typeof PreTrainedModel;
    const sizes = this.config as { vocab_size?: number; max_position_embeddings?: number };
    return {
      className,
      input_names,
      vocab_size: sizes.vocab_size as number,
      max_position_embeddings: sizes.max_position_embeddings ?? null,
      position_count: this.positionCount,
      generation_config: this.currentGenerationConfig(),
      next: (step) => this.nextTokens(step),
      newCache: () => new DynamicCache(),
    };
  }

  /** Whoever changed the model's config rather than its generation config is heard too. */
  private currentGenerationConfig(): GenerationConfig {
    const own = this.generation_config ?? new GenerationConfig();
    if (!own._from_model_config || !own.equals(this.derived)) return own;
    const derived = GenerationConfig.from_model_config(this.config);
    if (derived.equals(own)) return own;
    warn('the model config was changed to control generation; change model.generation_config instead');
    this.generation_config = derived;
    this.derived = derived.clone();
    return derived;
  }

  private async nextTokens(step: StepInputs): Promise<Int32Array> {
    const { input_names } = this.constructor as typeof PreTrainedModel;
    const keep = input_names.includes('logits_to_keep') && { logits_to_keep: 1 };
    const { position_ids, ...rest } = step;
    // A model that counts positions itself, padding and all, takes none.
    const places = input_names.includes('position_ids') && position_ids && { position_ids };
    const inputs = { ...rest, ...places, ...keep, output_hidden_states: false, output_attentions: false };
    const chosen = await this.compute(inputs, (named) => {
      const { logits } = this.forward(this.embedded(named)); // [B, T, V]
      const [batch, length, width] = logits.dims as [number, number, number];
      return argmax(reshape(slice(logits, 1, length - 1, length), [batch, width]), 1);
    });
    return Int32Array.from(chosen.data as ArrayLike<number | bigint>, Number);
  }

  /** @internal Ids that follow an embedded prompt, embedded too. */
  protected embedded(named: ModelInputs): ModelInputs {
    const { input_ids, inputs_embeds, ...rest } = named as ModelInputs & { input_ids?: Tensor; inputs_embeds?: Tensor };
    if (!input_ids || !inputs_embeds) return named;
    return { ...rest, inputs_embeds: cat([inputs_embeds, this.get_input_embeddings().forward(input_ids)], 1) };
  }
}
