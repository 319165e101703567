import type { ClassFramework } from '../checkpoint/framework-files';
import { AttributeError, RuntimeError, TypeError, unknownName, ValueError } from '../errors';
import type { GenerationConfig } from '../generation/generation-config';
import type { CommitInfo } from '../hub/commit-files';
import type { PushOptions } from '../hub/push-to-hub';
import { type Buffer, Parameter } from '../nn/parameter';
import { checkOptionKinds, givenOptions } from '../options';
import { Call } from '../tensor/call';
import { recorded } from '../tensor/dispatch';
import { scope } from '../tensor/scope';
import { currentStream } from '../tensor/stream';
import { readTensors, Tensor } from '../tensor/tensor';
import { checkAutoClass } from './auto-class-names';
import { copyInputs } from './call-inputs';
import { checkHonoured, PretrainedConfig } from './config';
import type { Dialect } from './dialects/dialect';
import { TENSORFLOW_NAMES, type TensorflowNames } from './dialects/tensorflow-names';
import { type FromConfigOptions, modelFromConfig } from './from-config';
import { type FromPretrainedOptions, type LoadingInfo, loadPretrained } from './from-pretrained';
import { loadTensorFlow1 } from './load-into';
import { checkAttentionOf } from './load-options';
import { locationText, type ModelLocation } from './location';
import { ModelOutput } from './model-output';
import { pushSavable, saveAndPushModel } from './push-model';
import type { SavePretrainedOptions } from './save-options';
import { savePretrained } from './save-pretrained';
import { TrainingMixin } from './training-mixin';

/** Options of every call. */
export interface CallOptions {
  /** Adds `hidden_states`: the embeddings' output and every layer's, [B, T, C] each. */
  output_hidden_states?: boolean;
  /** Adds `attentions`: every layer's probabilities, [B, H, T, T] each. */
  output_attentions?: boolean;
  /** false gives the fields as an array. */
  return_dict?: boolean;
  /** Stops the call; the promise rejects with an `AbortError`. */
  signal?: AbortSignal;
}

/** Far more than any model has; a config beyond it is damaged. */
const kMostLayers = 10_000;

const callOptionKinds = {
  output_hidden_states: 'boolean',
  output_attentions: 'boolean',
  return_dict: 'boolean',
} as const;
const callOptions = ['output_hidden_states', 'output_attentions', 'return_dict', 'signal'];

/** Inputs of a call by name, with its options among them. */
export type ModelInputs = CallOptions & Record<string, unknown>;

/** What a call takes: an object of named inputs, such as a tokenizer's result, or a promise of one. */
export type CallInputs = object | PromiseLike<object>;

/** A class of models, as the loader and the Auto classes see it. */
export interface ModelClass<M extends PreTrainedModel = PreTrainedModel> {
  new (config: never, ...args: never[]): M;
  readonly name: string;
  readonly framework: ClassFramework;
  readonly config_class: typeof PretrainedConfig;
  readonly base_model_prefix: string;
  readonly main_input_name: string;
  readonly constructor_args: readonly string[];
  readonly _keys_to_ignore_on_load_missing: readonly string[];
  readonly _keys_to_ignore_on_load_unexpected: readonly string[];
  readonly _keys_to_ignore_on_save: readonly string[];
  readonly _tied_weights_keys: readonly string[];
  readonly _keep_in_fp32_modules: readonly string[];
  readonly _supports_flash_attn_2: boolean;
  readonly _supports_sdpa: boolean;
  readonly tensorflow1: Dialect | null;
  readonly tensorflow: TensorflowNames;
}

/** In whose names, layouts and files a class of each framework is saved. */
const WRITTEN_BY = { pt: 'PyTorch', tf: 'TensorFlow', flax: 'Flax' } as const;

const tagsOf = new WeakMap<PreTrainedModel, string[]>();

// The instances are functions: this is their call.
export interface PreTrainedModel {
  /**
   * Computes the model's outputs.
   * @throws TypeError for an unknown input, ValueError for inputs that do not fit, AbortError
   */
  (inputs: CallInputs & { return_dict: false }): Promise<unknown[]>;
  (inputs: CallInputs): Promise<ModelOutput>;
}

/**
 * A model with a config, loaded from a checkpoint. Instances are functions: `await model(inputs)`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see above
export abstract class PreTrainedModel extends TrainingMixin {
  protected static override readonly callable = true;

  /** Whose files the class looks for first: 'pt', 'tf' or 'flax'. */
  static readonly framework: ClassFramework = 'pt';
  static readonly config_class: typeof PretrainedConfig = PretrainedConfig;
  /** The attribute that holds the headless network in head models. */
  static readonly base_model_prefix: string = '';
  static readonly main_input_name: string = 'input_ids';
  /** Options of `from_pretrained` that go to the constructor behind the config, in its order. */
  static readonly constructor_args: readonly string[] = [];
  /** Names of the inputs that `forward` takes, besides the options of every call. */
  static readonly input_names: readonly string[] = [];
  /** Regular expressions, searched, filtered out of what a load reports. */
  static readonly _keys_to_ignore_on_load_missing: readonly string[] = [];
  static readonly _keys_to_ignore_on_load_unexpected: readonly string[] = [];
  static readonly _keys_to_ignore_on_save: readonly string[] = [];
  /** Regular expressions of names that duplicate another tensor. */
  static readonly _tied_weights_keys: readonly string[] = [];
  static readonly _keep_in_fp32_modules: readonly string[] = [];
  static readonly _no_split_modules: readonly string[] | null = null;
  /** Outputs that placing a model on several devices leaves where they are. */
  static readonly _skip_keys_device_placement: string | readonly string[] | null = null;
  /** What the variables of the original TensorFlow 1 release are called, where there was one. */
  static readonly tensorflow1: Dialect | null = null;
  /** What its variables are called in TensorFlow 2, where a rule cannot tell. */
  static readonly tensorflow: TensorflowNames = TENSORFLOW_NAMES;
  /** Loads the original TensorFlow 1 release: `await BertModel.load_tf_weights(model, config, path)`; null where there was none. */
  static get load_tf_weights(): typeof loadTensorFlow1 | null {
    return this.tensorflow1 && loadTensorFlow1;
  }
  static readonly is_parallelizable: boolean = false;
  /** Whether `attn_implementation` may be 'flash_attention_2', and 'sdpa'. */
  static readonly _supports_flash_attn_2: boolean = false;
  static readonly _supports_sdpa: boolean = false;
  static _auto_class: string | null = null;

  declare name_or_path: string;
  /** How it generates; null for a class that does not. */
  declare generation_config: GenerationConfig | null;

  /** Computes the outputs; recorded as one segment. @internal called through `model(inputs)` */
  abstract override forward(inputs: ModelInputs): ModelOutput;

  /** @throws TypeError when `config` is not a PretrainedConfig */
  constructor(config: PretrainedConfig) {
    super();
    if (!(config instanceof PretrainedConfig))
      throw new TypeError(
        `Parameter config in \`${new.target.name}(config)\` should be an instance of class \`PretrainedConfig\`, got ` +
          `${config === null ? 'null' : typeof config}. To create a model from a pretrained model use ` +
          `\`model = await ${new.target.name}.from_pretrained(PRETRAINED_MODEL_NAME)\``,
      );
    checkHonoured(config);
    const layers = (config as { num_hidden_layers?: unknown }).num_hidden_layers;
    if (typeof layers === 'number' && layers > kMostLayers)
      throw new ValueError(`config.num_hidden_layers is ${layers}; more than ${kMostLayers} layers cannot be meant`, {
        code: 'ERR_CONFIG_TYPE',
      });
    hidden(this, 'config', config);
    hidden(this, 'name_or_path', config.name_or_path);
    hidden(this, 'warnings_issued', {});
    hidden(this, 'generation_config', null);
  }

  /**
   * Loads a model from a folder with `config.json` and its weights, or from a repository on the Hub.
   * @param path - the folder, or 'name' or 'namespace/name': what is needed of it is fetched into the cache. With a config
   *   also the path or the address of one file of weights, or null with a `state_dict` too
   * @throws OSError when there is no such folder or repository, no config or no weights; RuntimeError when shapes differ; ValueError,
   *   TypeError for options that cannot be
   */
  static async from_pretrained<M extends PreTrainedModel>(
    this: ModelClass<M>,
    path: ModelLocation | null,
    options: FromPretrainedOptions & { output_loading_info: true },
  ): Promise<[M, LoadingInfo]>;
  static async from_pretrained<M extends PreTrainedModel>(
    this: ModelClass<M>,
    path: ModelLocation | null,
    options?: FromPretrainedOptions | null,
  ): Promise<M>;
  static async from_pretrained<M extends PreTrainedModel>(
    this: ModelClass<M>,
    path: ModelLocation | null,
    options?: FromPretrainedOptions | null,
  ): Promise<M | [M, LoadingInfo]> {
    const given = givenOptions(options, `${this.name}.from_pretrained`);
    const [model, info] = await loadPretrained(this as ModelClass<M>, locationText(path), given);
    return given.output_loading_info ? [model, info] : model;
  }

  /**
   * A model with new weights, as `init_weights` draws them.
   * @param config - copied
   * @param options.dtype - of the weights: 'float32', 'float16', 'bfloat16'; default what the config says, else 'float32'
   * @throws ValueError for a dtype that weights cannot have; TypeError for an option that is no argument of the constructor
   */
  static _from_config<M extends PreTrainedModel>(
    this: ModelClass<M>,
    config: PretrainedConfig,
    options?: FromConfigOptions | null,
  ): M {
    return modelFromConfig(this as ModelClass<M>, config, options);
  }

  /** Marks this class as one that `auto_class` loads. @throws ValueError for a name that is no Auto class */
  static register_for_auto_class(auto_class = 'AutoModel'): void {
    this._auto_class = checkAutoClass(auto_class);
  }

  /**
   * Saves config and weights so that `from_pretrained` finds them again. The folder's other files stay, and it holds the
   * old state or the new one, whole, whenever it is looked at: a save that fails, is aborted or killed changes nothing.
   * @param save_directory - the folder; made when there is none. For a file in its place an error is logged
   * @throws RuntimeError `ERR_DISPOSED`, and when tensors share memory that is not declared as tied; OSError `DISK_FULL`,
   *   `WRITE_FAILED`, `SAVE_IN_PROGRESS`; TypeError, ValueError, NotImplementedError for options; AbortError
   */
  async save_pretrained(save_directory: string, given?: SavePretrainedOptions | null): Promise<void> {
    const options = givenOptions(given, `${this.constructor.name}.save_pretrained`);
    const save = (folder: string, saving: SavePretrainedOptions) =>
      savePretrained(this, folder, saving, WRITTEN_BY[this.framework]);
    if (!options.push_to_hub) return save(save_directory, options);
    await saveAndPushModel(this.constructor.name, save_directory, { ...options }, save);
  }

  /** @internal Hears in which types the checkpoint that was loaded holds the weights, by their names. */
  adoptStoredTypes(_typeOf: (name: string) => string | undefined): void {}

  /** @internal What a class changes in its configs before they are saved. */
  prepareSave(): void {}

  /** @internal Further files of a save, by name: a generation config, where the class generates. */
  filesBesideWeights(): Map<string, string> {
    return new Map();
  }

  /**
   * Saves the model and commits it to a repository on the Hub, which is made when it is not there.
   * @param repo_id - 'name' or 'namespace/name'
   * @throws LocalTokenNotFoundError, HfHubHTTPError and its kinds, ValueError, TypeError, AbortError; what saving throws
   */
  async push_to_hub(repo_id: string | null, options?: PushOptions | null): Promise<CommitInfo> {
    return pushSavable(this, repo_id, options, ['max_shard_size', 'safe_serialization']);
  }

  /** The headless network: the attribute that `base_model_prefix` names, or this model. */
  get base_model(): PreTrainedModel {
    const prefix = (this.constructor as typeof PreTrainedModel).base_model_prefix;
    const inner = (this as unknown as Record<string, unknown>)[prefix];
    return inner instanceof PreTrainedModel ? inner : this;
  }

  get main_input_name(): string {
    return (this.constructor as typeof PreTrainedModel).main_input_name;
  }

  get framework(): ClassFramework {
    return (this.constructor as typeof PreTrainedModel).framework;
  }

  get dummy_inputs(): { input_ids: Tensor } {
    const rows = [
      [7, 6, 0, 0, 1],
      [1, 2, 3, 0, 0],
      [0, 0, 0, 4, 5],
    ];
    return { input_ids: new Tensor('int64', rows.flat(), [3, 5]) };
  }

  /**
   * Name → tensor, in the order in which Transformers saves them; tied names share a tensor.
   * @throws RuntimeError when the model has been disposed
   */
  state_dict(): Map<string, Tensor> {
    this.refuseDisposed();
    const state = new Map<string, Tensor>();
    for (const [name, value] of this.named_state()) if (value instanceof Parameter) state.set(name, value.value);
    return state;
  }

  /** @internal Puts another parameter in the place of the one with that `state_dict` name. */
  replaceParameter(name: string, parameter: Parameter): void {
    const at = name.lastIndexOf('.');
    for (const [path, module] of this.named_modules())
      if (path === name.slice(0, Math.max(at, 0))) Object.assign(module, { [name.slice(at + 1)]: parameter });
  }

  /** Names that a model card gets on upload. */
  get model_tags(): string[] | null {
    return tagsOf.get(this) ?? null;
  }

  /** Adds one tag or several; those that are there already stay once. */
  add_model_tags(tags: string | readonly string[]): void {
    const list = typeof tags === 'string' ? [tags] : tags;
    if (!Array.isArray(list) || !list.every((tag) => typeof tag === 'string'))
      throw new TypeError('add_model_tags takes a text, or a list of texts');
    tagsOf.set(this, [...new Set([...(tagsOf.get(this) ?? []), ...list])]);
  }

  /** The parameter or buffer with that dotted name. @throws AttributeError */
  get_parameter_or_buffer(target: string): Parameter | Buffer {
    for (const [name, value] of [...this.named_state(), ...this.named_buffers()]) if (name === target) return value;
    throw new AttributeError(`'${target}' is neither a parameter nor a buffer of ${this.constructor.name}`);
  }

  /** One fused kernel serves every name, so the numbers stay. @throws ValueError for an unknown name */
  set_attn_implementation(attn_implementation: string): void {
    checkAttentionOf(this.constructor as typeof PreTrainedModel as never, { attn_implementation });
  }

  /** The model itself: its attention is fused always, as BetterTransformer's is. */
  to_bettertransformer(): this {
    return this;
  }

  /** The model itself: what BetterTransformer would change is never changed. */
  reverse_bettertransformer(): this {
    return this;
  }

  /** @throws RuntimeError `ERR_DISPOSED` when the weights have been given back */
  private refuseDisposed(): void {
    for (const [, parameter] of this.named_parameters()) {
      if (!parameter.isDisposed) return;
      const { name } = this.constructor;
      throw new RuntimeError(`this ${name} has been disposed; load it again with ${name}.from_pretrained`, {
        code: 'ERR_DISPOSED',
      });
    }
  }

  /** Encoders do not generate. */
  can_generate(): boolean {
    return false;
  }

  /** Gives the weights back. A call afterwards is an error. */
  async dispose(): Promise<void> {
    for (const [, parameter] of this.named_parameters()) parameter.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** What calling the model does, under its name in transformers.js. @throws as the call */
  _call(inputs: CallInputs): Promise<ModelOutput | unknown[]> {
    return this.invoke(inputs);
  }

  protected override async invoke(inputs: CallInputs, ...further: unknown[]): Promise<ModelOutput | unknown[]> {
    if (further.length > 0)
      throw new TypeError(`${this.constructor.name} takes one object: put the options of the call among its inputs`);
    const stream = currentStream();
    const given = isPromise(inputs) ? await inputs : inputs;
    const { inputs: copied, release } = copyInputs(this.constructor.name, given);
    let output: ModelOutput;
    try {
      output = await stream.run(() => this.compute(copied, (named) => this.forward(named)));
    } finally {
      release();
    }
    const isObject = (copied as ModelInputs).return_dict ?? this.config.use_return_dict;
    return isObject ? output : output.to_tuple();
  }

  /**
   * Runs `forward` on checked inputs as one call, on the stream that is current now, and brings what it returns into JS.
   * @internal for what computes something else with this model's modules
   * @throws what the call's inputs or kernels fail with; AbortError
   */
  async compute<O>(inputs: CallInputs, forward: (named: ModelInputs) => O): Promise<O> {
    this.refuseDisposed();
    const stream = currentStream();
    const given = (await inputs) as ModelInputs;
    const named = this.checkInputs(given);
    const { signal } = given;
    const call = new Call(signal);
    try {
      // Ids and masks are looked at in JS: those that exist only natively are brought here first.
      const unread = Object.values(named).filter((v): v is Tensor => v instanceof Tensor && !v.isRead && isIndex(v));
      await readTensors(unread, signal);
      await stream.ready();
      const output = call.run(() => stream.run(() => recorded(() => scope(() => forward(named)))));
      const tensors = tensorsOf(output);
      await call.run(() => readTensors(tensors, signal));
      for (const tensor of tensors) tensor.settle();
      return output;
    } finally {
      call.end();
    }
  }

  private checkInputs(inputs: ModelInputs): ModelInputs {
    const className = this.constructor.name;
    if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs))
      throw new TypeError(`${className} takes one object of named inputs, such as { input_ids, attention_mask }`);
    if (inputs instanceof Tensor)
      throw new TypeError(
        `${className} takes one object of named inputs, not a Tensor: { ${this.main_input_name}: tensor }`,
      );
    const known = [...(this.constructor as typeof PreTrainedModel).input_names, ...callOptions];
    const named: ModelInputs = {
      output_hidden_states: this.config.output_hidden_states,
      output_attentions: this.config.output_attentions,
    };
    for (const [name, value] of Object.entries(inputs)) {
      if (!known.includes(name)) throw unknownName('input', name, className, known);
      if (value instanceof Tensor) value.assertAlive(`${name} of ${className}`);
      if (value !== undefined && value !== null) named[name] = value;
    }
    checkOptionKinds(className, named, callOptionKinds);
    return named;
  }
}

function isPromise(inputs: CallInputs): inputs is PromiseLike<object> {
  return typeof (inputs as PromiseLike<object> | null)?.then === 'function';
}

function isIndex(tensor: Tensor): boolean {
  return tensor.type !== 'float32';
}

/** The tensors that a forward returns, by themselves, in arrays, or as fields. */
function tensorsOf(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsOf);
  return value instanceof ModelOutput ? Object.values(value).flatMap(tensorsOf) : [];
}

/** A field that walking the module's tree does not see. */
function hidden(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}
