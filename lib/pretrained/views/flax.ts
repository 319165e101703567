import { NotImplementedError, TypeError, ValueError } from '../../errors';
import type { GenerateOptions } from '../../generation/generate';
import { warn } from '../../logging';
import type { IdInput } from '../../nn/ids';
import { checkOptionKinds, givenOptions, namedOptions } from '../../options';
import { type DType, isFloating, parseDtype } from '../../tensor/dtype';
import { withSeed } from '../../tensor/random';
import { currentStream } from '../../tensor/stream';
import { Tensor } from '../../tensor/tensor';
import { castModule } from '../casts';
import type { PretrainedConfig } from '../config';
import type { DecoderModel } from '../decoder-model';
import type { FromPretrainedOptions, LoadingInfo } from '../from-pretrained';
import { withoutInit } from '../init';
import { checkWeightType } from '../load-options';
import type { ModelLocation } from '../location';
import type { ModelOutput } from '../model-output';
import { type CallInputs, type ModelClass, PreTrainedModel } from '../pretrained-model';
import type { SavePretrainedOptions } from '../save-options';
import { paramsOf, requiredParams, type ShapeDtype, setParams, shapesOf, stateOf } from './flax-params';
import { castTree, copyTree, type FlaxMask, type FlaxTree, leavesOf } from './flax-tree';
import { loadFlaxShards, loadFlaxWeights } from './flax-weights';
import { type View, type ViewedClass, viewedMethods, viewOf } from './view';

/** Arguments of a constructor of Flax, behind the config. */
export interface FlaxArguments {
  /** Without effect: models take inputs of any shape. */
  input_shape?: readonly number[];
  /** Of the new weights; default 0. */
  seed?: number;
  /** What is computed in; default float32. */
  dtype?: string;
  /** false: no parameters are kept, and calls are given them. */
  _do_init?: boolean;
}

/** What `from_pretrained` of Flax' classes takes beside what PyTorch's takes. */
export type FlaxLoadOptions = FromPretrainedOptions & { _do_init?: boolean };

/** What `generate` of Flax' classes takes beside what PyTorch's takes. */
export type FlaxGenerateOptions = GenerateOptions & { params?: FlaxTree | null };

/** Whatever Flax keeps of a model beside its weights. */
interface FlaxState {
  /** Whether it was made without parameters. */
  isBare: boolean;
  /** Types of parameters, where they are not those of the computation. */
  types: Map<string, DType>;
  /** Models by the parameters that calls gave them, with the tensors that those were. */
  filled: WeakMap<FlaxTree, { model: PreTrainedModel; leaves: readonly Tensor[] }>;
}

const states = new WeakMap<object, FlaxState>();

function stateFor(model: object): FlaxState {
  const state = states.get(model) ?? { isBare: false, types: new Map(), filled: new WeakMap() };
  states.set(model, state);
  return state;
}

/** What classes of Flax have that PyTorch's have not, or otherwise. Source: transformers 4.35.2 modeling_flax_utils.py. */
export abstract class FlaxMethods {
  static readonly framework = 'flax';

  /**
   * As that of PyTorch's class; with `_do_init: false` a model without parameters, and those that were loaded.
   * @throws as that of PyTorch's class
   */
  static async from_pretrained<M extends PreTrainedModel>(
    this: ModelClass<M>,
    path: ModelLocation | null,
    options: FlaxLoadOptions & { _do_init: false },
  ): Promise<[M, FlaxTree]>;
  static async from_pretrained<M extends PreTrainedModel>(
    this: ModelClass<M>,
    path: ModelLocation | null,
    options: FlaxLoadOptions & { output_loading_info: true },
  ): Promise<[M, LoadingInfo]>;
  static async from_pretrained<M extends PreTrainedModel>(
    this: ModelClass<M>,
    path: ModelLocation | null,
    options?: FlaxLoadOptions | null,
  ): Promise<M>;
  static async from_pretrained<M extends PreTrainedModel>(
    this: ModelClass<M>,
    path: ModelLocation | null,
    given?: FlaxLoadOptions | null,
  ): Promise<M | [M, LoadingInfo] | [M, FlaxTree]> {
    const where = `${this.name}.from_pretrained`;
    const { _do_init = true, ...options } = givenOptions<FlaxLoadOptions>(given, where);
    checkOptionKinds(where, { _do_init }, { _do_init: 'boolean' });
    const load = PreTrainedModel.from_pretrained as (
      this: ModelClass<M>,
      path: ModelLocation | null,
      options: FromPretrainedOptions,
    ) => Promise<M>;
    if (_do_init) return load.call(this, path, options);
    if (options.output_loading_info)
      throw new TypeError(`${where} gives [model, params] without _do_init; leave output_loading_info out`);
    const loaded = await load.call(this, path, options);
    const model = withoutInit(() => new this(loaded.config as never));
    model.eval();
    stateFor(model).isBare = true;
    return [model, (loaded as unknown as FlaxMethods).params];
  }

  /** Marks this class as one that `auto_class` loads. @throws ValueError for a name that is no Auto class */
  static register_for_auto_class(auto_class = 'FlaxAutoModel'): void {
    PreTrainedModel.register_for_auto_class.call(this as unknown as typeof PreTrainedModel, auto_class);
  }

  /**
   * The parameters in one file, msgpack or safetensors, as it holds them: names, layouts and types are the file's.
   * @throws OSError `Unable to convert` for a damaged file, with `git-lfs` for its pointer; AbortError
   */
  static load_flax_weights(
    resolved_archive_file: string,
    options?: { signal?: AbortSignal } | null,
  ): Promise<FlaxTree> {
    const { signal } = namedOptions(options, 'load_flax_weights', { signal: 'any' });
    return loadFlaxWeights(resolved_archive_file, signal);
  }

  /** The parameters that several msgpack files hold parts of. @throws as `load_flax_weights` */
  static load_flax_sharded_weights(
    shard_files: readonly string[],
    options?: { signal?: AbortSignal } | null,
  ): Promise<FlaxTree> {
    const { signal } = namedOptions(options, 'load_flax_sharded_weights', { signal: 'any' });
    return loadFlaxShards(shard_files, signal);
  }

  /**
   * The parameters in Flax' names and layouts, and in the types that the checkpoint holds them in. Setting them puts others
   * in their place, whole or not at all.
   * @throws ValueError of a model that was made without them; ValueError for a tree that lacks some, or of other shapes
   */
  get params(): FlaxTree {
    const { isBare, types } = stateFor(this);
    if (isBare)
      throw new ValueError(
        '`params` cannot be accessed from model when the model is created with `_do_init=False`. You must call ' +
          '`init_weights` manually and store the params outside of the model and pass it explicitly where needed.',
        { code: 'ERR_NOT_INITIALIZED' },
      );
    return paramsOf(asModel(this), types);
  }

  set params(params: FlaxTree) {
    const { isBare, types } = stateFor(this);
    if (isBare)
      throw new ValueError(
        '`params` cannot be set from model when the model is created with `_do_init=False`. You store the params outside ' +
          'of the model.',
        { code: 'ERR_NOT_INITIALIZED' },
      );
    setParams(asModel(this), params, 'params');
    types.clear();
    for (const [name, tensor] of stateOf(asModel(this), params, 'params')) types.set(name, tensor.type);
  }

  /** The paths of the parameters, joined by '/'. */
  get required_params(): Set<string> {
    return requiredParams(asModel(this));
  }

  /** Shapes and types of the parameters by their paths. */
  get params_shape_tree(): Map<string, ShapeDtype> {
    return shapesOf(asModel(this), stateFor(this).types);
  }

  /**
   * New parameters, drawn with a seed; those that `params` has stay. Without arguments the model's own weights are drawn, as
   * by PyTorch's class.
   * @param rng - the seed
   * @param _input_shape - without effect: models take inputs of any shape
   */
  init_weights(rng: number, _input_shape?: readonly number[] | null, params?: FlaxTree | null): FlaxTree;
  init_weights(): void;
  init_weights(
    rng?: number,
    _input_shape?: readonly number[] | null,
    params: FlaxTree | null = null,
  ): FlaxTree | undefined {
    const model = asModel(this);
    if (rng === undefined) {
      viewedMethods(model).init_weights.call(model);
      return undefined;
    }
    const fresh = withoutInit(() => newLike(model));
    withSeed(rng, () => fresh.init_weights());
    const drawn = (fresh as unknown as FlaxMethods).params;
    return params === null ? drawn : merged(drawn, params);
  }

  /** @internal */
  adoptStoredTypes(stored: (name: string) => string | undefined): void {
    const { types } = stateFor(this);
    const small = new Set<string>();
    for (const [name, parameter] of asModel(this).named_parameters()) {
      const type = storedTypeOf(name, asModel(this), stored);
      if (type === null || type === parameter.type || !isFloating(type)) continue;
      types.set(name, type);
      if (type !== 'float32') small.add(type);
    }
    if (small.size > 0)
      warn(
        `parameters of ${this.constructor.name} are held as ${[...small].join(', ')}; to_fp32 makes float32 of them`,
      );
  }

  /** As that of PyTorch's class; `params` are saved in place of the model's own. */
  async save_pretrained(
    save_directory: string,
    given?: (SavePretrainedOptions & { params?: FlaxTree | null }) | null,
  ): Promise<void> {
    const { params, ...options } = givenOptions<SavePretrainedOptions & { params?: FlaxTree | null }>(
      given,
      `${this.constructor.name}.save_pretrained`,
    );
    const model = asModel(this);
    const state_dict = params ? { state_dict: stateOf(model, params, 'save_pretrained') } : null;
    await viewedMethods(model).save_pretrained.call(model, save_directory, { ...options, ...state_dict });
  }

  /**
   * A new tree whose floating tensors are bfloat16; others are the same tensors.
   * @param mask - a tree of the same names: false keeps a tensor; default all are cast
   * @throws TypeError for what is no tree of tensors; ValueError for a mask of other names
   */
  to_bf16(params: FlaxTree, mask: FlaxMask | null = null): FlaxTree {
    return castTree(params, 'bfloat16', mask, 'to_bf16');
  }

  /** As `to_bf16`, to float16. */
  to_fp16(params: FlaxTree, mask: FlaxMask | null = null): FlaxTree {
    return castTree(params, 'float16', mask, 'to_fp16');
  }

  /** As `to_bf16`, to float32. */
  to_fp32(params: FlaxTree, mask: FlaxMask | null = null): FlaxTree {
    return castTree(params, 'float32', mask, 'to_fp32');
  }

  /** A copy of a tree, which may be frozen; the copy may be changed, its tensors are the same. */
  unfreeze(params: FlaxTree): FlaxTree {
    return copyTree(params, 'unfreeze');
  }

  /** This model: there is nothing to compile ahead of a call. */
  lower(): this {
    return this;
  }

  /** @throws NotImplementedError: gradients come later */
  enable_gradient_checkpointing(): never {
    throw new NotImplementedError(
      'enable_gradient_checkpointing is not supported yet: models compute no gradients, and nothing else uses it',
      { code: 'ERR_NOT_SUPPORTED_YET' },
    );
  }

  /**
   * As that of PyTorch's class; `params` among the inputs or the options are gone on with in place of the model's own.
   * @throws as that of PyTorch's class; ValueError `ERR_NOT_INITIALIZED` of a model without parameters that is given none
   */
  async generate(
    inputs?: IdInput | FlaxGenerateOptions | null,
    options?: FlaxGenerateOptions | null,
    ...surplus: never[]
  ): Promise<Tensor> {
    const model = asModel(this);
    const { generate } = viewedMethods(model) as DecoderModel;
    if (!generate)
      throw new TypeError(
        `The current model class (${this.constructor.name}) is not compatible with \`generate\`, as it doesn't have a ` +
          'language modeling head. Use a class whose name ends in LMHeadModel or ForConditionalGeneration',
      );
    const [among, beside] = [withoutParams(inputs), withoutParams(options)];
    if (among.params && beside.params)
      throw new ValueError("'params' is given twice: among the inputs and among the options");
    const params = among.params ?? beside.params;
    if (!params && stateFor(this).isBare) throw notInitialized(this, 'generate({ ..., params })');
    const filled = (params ? filledWith(model, params) : model) as DecoderModel;
    if (params) filled.generation_config = (model as DecoderModel).generation_config;
    return generate.call(filled, among.rest as GenerateOptions, beside.rest as GenerateOptions, ...surplus);
  }

  /** @internal A call may give the parameters: `model({ input_ids, params })`. */
  protected async invoke(inputs: CallInputs, ...further: unknown[]): Promise<ModelOutput | unknown[]> {
    const model = asModel(this);
    if (typeof (inputs as PromiseLike<object> | null)?.then === 'function') {
      const stream = currentStream();
      const given = await inputs;
      return stream.run(() => this.invoke(given, ...further));
    }
    const { params, ...others } = { ...inputs } as { params?: FlaxTree | null };
    if (params) return PreTrainedModel.prototype._call.call(filledWith(model, params), others);
    if (!stateFor(this).isBare) return callable(viewedMethods(model)).invoke.call(model, inputs, ...further);
    throw notInitialized(this, 'a call { ..., params }');
  }
}

function notInitialized({ constructor: { name } }: FlaxMethods, what: string): ValueError {
  return new ValueError(`${name} was made without parameters: give ${what}`, { code: 'ERR_NOT_INITIALIZED' });
}

/** What is given to `generate`, without the parameters that may be among it. */
function withoutParams(given: unknown): { params?: FlaxTree | null; rest: unknown } {
  const isNamed = given !== null && typeof given === 'object' && !Array.isArray(given) && !(given instanceof Tensor);
  if (!isNamed || !('params' in given)) return { rest: given };
  const { params, ...rest } = given as { params?: FlaxTree | null };
  return { ...(params && { params }), rest };
}

/** A class with Flax' methods, which can also be made with Flax' arguments. */
export type FlaxView<T extends ViewedClass> = View<T, typeof FlaxMethods> &
  (new (
    config: ConstructorParameters<T>[0],
    options: FlaxArguments,
  ) => InstanceType<T>);

/** Flax' class of a model: it looks for Flax' files, and computes what the model computes. */
export function flaxView<T extends ViewedClass>(Viewed: T): FlaxView<T> {
  return viewOf(Viewed, FlaxMethods, construct) as FlaxView<T>;
}

/** Any class of Flax. */
export abstract class FlaxPreTrainedModel extends flaxView(PreTrainedModel) {}

/** Makes a model with the arguments of Flax, or with PyTorch's. */
function construct(
  make: (...args: unknown[]) => PreTrainedModel,
  [config, first, ...rest]: unknown[],
): PreTrainedModel {
  if (first === null || typeof first !== 'object') return make(config, first, ...rest);
  const {
    seed = 0,
    dtype,
    _do_init = true,
  } = namedOptions<FlaxArguments>(first as FlaxArguments, 'the constructor', {
    input_shape: 'list',
    seed: 'number',
    dtype: 'string',
    _do_init: 'boolean',
  });
  const model = _do_init ? withSeed(seed, () => make(config)) : withoutInit(() => make(config));
  stateFor(model).isBare = !_do_init;
  if (dtype !== undefined) computeIn(model, checkWeightType(parseDtype(dtype)));
  return model;
}

/** Flax computes in that type, and keeps the parameters in float32. */
function computeIn(model: PreTrainedModel, type: DType): void {
  const { types } = stateFor(model);
  for (const [name, parameter] of model.named_parameters())
    if (parameter.type !== type) types.set(name, parameter.type);
  castModule(model, type);
}

/** The model that these are the methods of. */
function asModel(methods: FlaxMethods): PreTrainedModel {
  return methods as unknown as PreTrainedModel;
}

function newLike(model: PreTrainedModel): PreTrainedModel {
  return new (model.constructor as new (config: PretrainedConfig) => PreTrainedModel)(model.config);
}

/** The calls of a class, which are not for others to make. */
function callable(methods: PreTrainedModel): { invoke(...given: unknown[]): Promise<ModelOutput | unknown[]> } {
  return methods as unknown as { invoke(...given: unknown[]): Promise<ModelOutput | unknown[]> };
}

/**
 * A model of the same class and config with those parameters, and in its types: the one of the call before, where they are
 * the same tensors, and none can have been written to since.
 */
function filledWith(model: PreTrainedModel, params: FlaxTree): PreTrainedModel {
  const { filled } = stateFor(model);
  const leaves = [...leavesOf(params, 'a call').values()];
  const known = filled.get(params);
  const isSame = known?.leaves.length === leaves.length && known.leaves.every((leaf, i) => leaf === leaves[i]);
  if (known && isSame && !leaves.some((leaf) => leaf.isHost)) return known.model;
  const made = withoutInit(() => newLike(model));
  const types = [...model.parameters()].map(({ type }) => type);
  for (const parameter of made.parameters()) parameter.type = types.shift() ?? parameter.type;
  setParams(made, params, 'a call');
  made.eval();
  filled.set(params, { model: made, leaves });
  return made;
}

function merged(drawn: FlaxTree, given: FlaxTree): FlaxTree {
  const kept = leavesOf(given, 'init_weights');
  const walk = (branch: FlaxTree, prefix: string): FlaxTree =>
    Object.fromEntries(
      Object.entries(branch).map(([name, value]) => {
        const path = prefix + name;
        return [name, leaves.has(path) ? (kept.get(path) ?? value) : walk(value as FlaxTree, `${path}/`)];
      }),
    ) as FlaxTree;
  const leaves = leavesOf(drawn, 'init_weights');
  return walk(drawn, '');
}

/** The type of a weight in its checkpoint, which may have it with the base model's prefix or without. */
function storedTypeOf(
  name: string,
  model: PreTrainedModel,
  stored: (name: string) => string | undefined,
): DType | null {
  const prefix = `${(model.constructor as typeof PreTrainedModel).base_model_prefix}.`;
  const type = stored(name) ?? stored(prefix + name) ?? stored(name.replace(prefix, ''));
  return (type as DType | undefined) ?? null;
}
