import { modelSubfolder } from '../env';
import { EnvironmentError, NotImplementedError, nearest, TypeError, ValueError } from '../errors';
import { hubOptionsOf } from '../hub/options';
import { givenOptions, namedOptions } from '../options';
import { autoClassNames } from '../pretrained/auto-class-names';
import { checkLocation } from '../pretrained/check-location';
import { PretrainedConfig } from '../pretrained/config';
import type { DecoderModel } from '../pretrained/decoder-model';
import { checkIsConfig, type FromConfigOptions, modelFromConfig } from '../pretrained/from-config';
import type { FromPretrainedOptions, LoadingInfo } from '../pretrained/from-pretrained';
import { checkLoadTypes } from '../pretrained/load-options';
import { locationText, type ModelLocation } from '../pretrained/location';
import { type ModelClass, PreTrainedModel } from '../pretrained/pretrained-model';
import { architectureOf } from '../pretrained/views/view';
import { AutoConfig } from './auto-config';
import { loadFamily, supportedModelTypes } from './families';

/** A model class with its loader. */
export type LoadableClass = ModelClass & { from_pretrained: typeof PreTrainedModel.from_pretrained };

const causalSuffixes = ['ForCausalLM', 'LMHeadModel'];

/** Classes that a program has registered for a config class, by the Auto class. */
const registered = new Map<typeof AutoModelBase, Map<typeof PretrainedConfig, ModelClass>>();

/**
 * A class that picks the model class for a config: the family's class whose name ends as this one's does.
 */
class AutoModelBase {
  /** What the model class' name ends in: the first of them that a family has. */
  static readonly suffixes: readonly string[] = ['Model'];

  constructor() {
    const { name } = new.target;
    throw new EnvironmentError(
      `${name} is designed to be instantiated using the \`${name}.from_pretrained(path)\` or ` +
        `\`${name}.from_config(config)\` methods.`,
    );
  }

  /**
   * Loads the model in a folder with the class that its config asks for.
   * @throws ValueError when the architecture has no such class; otherwise as `PreTrainedModel.from_pretrained`
   */
  static async from_pretrained(
    path: ModelLocation | null,
    options: FromPretrainedOptions & { output_loading_info: true },
  ): Promise<[PreTrainedModel, LoadingInfo]>;
  static async from_pretrained(
    path: ModelLocation | null,
    options?: FromPretrainedOptions | null,
  ): Promise<PreTrainedModel>;
  static async from_pretrained(
    path: ModelLocation | null,
    given?: FromPretrainedOptions | null,
  ): Promise<PreTrainedModel | [PreTrainedModel, LoadingInfo]> {
    const { trust_remote_code, ...options } = givenOptions<FromPretrainedOptions>(
      given,
      `${this.name}.from_pretrained`,
    );
    checkLoadTypes(`${this.name}.from_pretrained`, { trust_remote_code, ...options });
    const from = locationText(path);
    await checkLocation(from, options);
    const { config: known } = options;
    const config: PretrainedConfig =
      known instanceof PretrainedConfig
        ? known
        : await AutoConfig.from_pretrained(known ?? (from as string), {
            subfolder: modelSubfolder(options.subfolder),
            ...(!known && { gguf_file: options.gguf_file ?? null }),
            ...hubOptionsOf(options),
            _from_auto: true,
            ...(trust_remote_code === true && { trust_remote_code }),
            ...(options.signal && { signal: options.signal }),
          });
    const pinned = known || !config._commit_hash ? options : { ...options, _commit_hash: config._commit_hash };
    return this.classFor(config).from_pretrained(from, pinned);
  }

  /**
   * A model with new weights, as `init_weights` draws them.
   * @param config - copied
   * @throws ValueError when the architecture has no such class, and for a dtype that weights cannot have
   */
  static from_config(config: PretrainedConfig, options?: FromConfigOptions | null): PreTrainedModel {
    checkIsConfig(`${this.name}.from_config`, config);
    return modelFromConfig(this.classFor(config), config, options);
  }

  /**
   * Has this Auto class answer for configs of `configClass` with `modelClass`.
   * @throws ValueError when `modelClass` is for another config, or there is an answer and `exist_ok` is not true
   */
  static register(
    configClass: typeof PretrainedConfig,
    modelClass: ModelClass,
    options?: { exist_ok?: boolean } | null,
  ): void {
    const { exist_ok } = namedOptions(options, `${this.name}.register`, { exist_ok: 'boolean' });
    if (typeof configClass !== 'function' || !isModelClass(modelClass))
      throw new TypeError(`${this.name}.register takes a config class, and a class that extends PreTrainedModel`);
    if (modelClass.config_class !== configClass)
      throw new ValueError(
        `The model class you are passing has a config_class attribute (${modelClass.config_class.name}) that is not ` +
          `the config class you passed (${configClass.name})`,
      );
    const classes = registered.get(this) ?? new Map<typeof PretrainedConfig, ModelClass>();
    if (!exist_ok && (classes.has(configClass) || this.knows(configClass)))
      throw new ValueError(
        `'${configClass.name}' is already used by ${this.name}; pass { exist_ok: true } to replace it`,
      );
    classes.set(configClass, modelClass);
    registered.set(this, classes);
  }

  /** Whether a class that is built in answers for configs of `configClass`. */
  private static knows(configClass: typeof PretrainedConfig): boolean {
    return this.suffixes.some((suffix) => candidatesOf(configClass, suffix).length > 0);
  }

  /** The class that a program has registered for configs of exactly this config's class; null where there is none. */
  protected static registeredFor(config: PretrainedConfig): LoadableClass | null {
    const own = registered.get(this)?.get(config.constructor as typeof PretrainedConfig);
    return (own as LoadableClass | undefined) ?? null;
  }

  /** The class for a config, by the config's exact class. @throws ValueError when there is none */
  static classFor(config: PretrainedConfig): LoadableClass {
    const ConfigType = config.constructor as typeof PretrainedConfig;
    const own = this.registeredFor(config);
    if (own) return own;
    const candidates =
      this.suffixes.map((suffix) => candidatesOf(ConfigType, suffix)).find(({ length }) => length > 0) ?? [];
    const [first] = candidates;
    if (!first) throw unmapped(this.name, ConfigType);
    const named = candidates.find((c) => (config.architectures ?? []).some((a) => architectureOf(a) === c.name));
    return (named ?? first) as LoadableClass;
  }
}

/** The class of another framework for a config, by the name that PyTorch's class has. @throws ValueError when there is none */
export function viewFor(
  autoName: string,
  prefix: 'TF' | 'Flax',
  classes: Readonly<Record<string, unknown>>,
  { name, config_class }: ModelClass,
): LoadableClass {
  const found = classes[prefix + name];
  if (found === undefined) throw unmapped(autoName, config_class);
  return found as LoadableClass;
}

/** The family's classes for exactly this config class whose names end in `suffix`. */
function candidatesOf(ConfigType: typeof PretrainedConfig, suffix: string): ModelClass[] {
  const family = supportedModelTypes().includes(ConfigType.model_type) ? loadFamily(ConfigType.model_type) : {};
  return Object.entries(family)
    .filter(([name, value]) => name.endsWith(suffix) && !name.includes('PreTrained') && isModelClass(value))
    .map(([, value]) => value as ModelClass)
    .filter((c) => c.config_class === ConfigType && (suffix !== 'Model' || !/For|(Heads?|Encoder)Model$/.test(c.name)));
}

function isModelClass(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof PreTrainedModel;
}

function unmapped(autoName: string, ConfigType: typeof PretrainedConfig): Error {
  if (ConfigType.model_type === '')
    return new ValueError(
      `Unrecognized configuration class ${ConfigType.name} for this kind of AutoModel: ${autoName}. A plain config says ` +
        'nothing of an architecture: load it with AutoConfig.from_pretrained',
      { code: 'ERR_NO_SUCH_HEAD' },
    );
  const able = supportedModelTypes().filter((type) => type !== ConfigType.model_type);
  const guess = nearest(ConfigType.model_type, able);
  return new ValueError(
    `Unrecognized configuration class ${ConfigType.name} for this kind of AutoModel: ${autoName}. ` +
      `Model type ${ConfigType.model_type} has no such head here${guess ? `; the nearest type is ${guess}` : ''}. ` +
      `Known model types: ${supportedModelTypes().join(', ')}.`,
    { code: 'ERR_NO_SUCH_HEAD' },
  );
}

/** The headless network. */
export class AutoModel extends AutoModelBase {}

/** Both heads that a family was trained with, or its masked LM, or that of an encoder with a decoder, or a causal one. */
export class AutoModelForPreTraining extends AutoModelBase {
  static override readonly suffixes = ['ForPreTraining', 'ForMaskedLM', 'ForConditionalGeneration', ...causalSuffixes];
}

/** They have one upstream; see causal-heads.ts. */
const encodersWithCausalHead = ['bert', 'roberta', 'xlm-roberta', 'camembert', 'electra'];

export class AutoModelForMaskedLM extends AutoModelBase {
  static override readonly suffixes = ['ForMaskedLM'];
}

export class AutoModelForSequenceClassification extends AutoModelBase {
  static override readonly suffixes = ['ForSequenceClassification'];
}

export class AutoModelForTokenClassification extends AutoModelBase {
  static override readonly suffixes = ['ForTokenClassification'];
}

export class AutoModelForQuestionAnswering extends AutoModelBase {
  static override readonly suffixes = ['ForQuestionAnswering'];
}

export class AutoModelForMultipleChoice extends AutoModelBase {
  static override readonly suffixes = ['ForMultipleChoice'];
}

export class AutoModelForNextSentencePrediction extends AutoModelBase {
  static override readonly suffixes = ['ForNextSentencePrediction'];
}

/** The Auto classes whose models generate. */
class AutoGenerativeModel extends AutoModelBase {
  /** @throws as every Auto class */
  static override from_pretrained(
    path: ModelLocation | null,
    options: FromPretrainedOptions & { output_loading_info: true },
  ): Promise<[DecoderModel, LoadingInfo]>;
  static override from_pretrained(
    path: ModelLocation | null,
    options?: FromPretrainedOptions | null,
  ): Promise<DecoderModel>;
  static override from_pretrained(
    path: ModelLocation | null,
    options?: FromPretrainedOptions | null,
  ): Promise<DecoderModel | [DecoderModel, LoadingInfo]> {
    return super.from_pretrained(path, options) as Promise<DecoderModel>;
  }

  /** @throws as every Auto class */
  static override from_config(config: PretrainedConfig, options?: FromConfigOptions | null): DecoderModel {
    return super.from_config(config, options) as DecoderModel;
  }
}

/** Decoders with a language modelling head. */
export class AutoModelForCausalLM extends AutoGenerativeModel {
  static override readonly suffixes: readonly string[] = causalSuffixes;

  /** @throws NotImplementedError for an encoder that has a causal head upstream, otherwise as every Auto class */
  static override classFor(config: PretrainedConfig): LoadableClass {
    const ConfigType = config.constructor as typeof PretrainedConfig;
    const { model_type } = ConfigType;
    if (encodersWithCausalHead.includes(model_type) && !registered.get(this)?.has(ConfigType))
      throw new NotImplementedError(
        `AutoModelForCausalLM is not supported yet for ${model_type}: decoders generate here, encoders do not`,
        { code: 'ERR_NOT_SUPPORTED_YET' },
      );
    return super.classFor(config);
  }
}

/** Encoders with a decoder that goes on from what they read. */
export class AutoModelForSeq2SeqLM extends AutoGenerativeModel {
  static override readonly suffixes = ['ForConditionalGeneration'];
}

for (const { name } of [
  AutoModel,
  AutoModelForPreTraining,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  AutoModelForQuestionAnswering,
  AutoModelForMultipleChoice,
  AutoModelForNextSentencePrediction,
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
])
  autoClassNames.add(name);
