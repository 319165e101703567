import { NotImplementedError, TypeError, ValueError } from '../../errors';
import type { HubOptions } from '../../hub/options';
import { warnOnce } from '../../logging';
import type { Embedding } from '../../nn/embedding';
import type { Linear } from '../../nn/linear';
import type { Module } from '../../nn/module';
import { checkOptionKinds, givenOptions, namedOptions } from '../../options';
import type { Tensor } from '../../tensor/tensor';
import { scopeOf } from '../dialects/tensorflow-names';
import { initializerRange, truncatedNormal } from '../init';
import { type LoadIntoOptions, loadInto, openFor } from '../load-into';
import type { Mismatch } from '../load-plan';
import type { IncompatibleKeys } from '../load-state-dict';
import { ModelOutput } from '../model-output';
import { type ModelInputs, PreTrainedModel } from '../pretrained-model';
import type { SavePretrainedOptions } from '../save-options';
import type { ResizeOptions } from '../surgery/resize-embeddings';
import { type DatasetBatch, type DatasetOptions, prepareDataset, type TensorFlowDataset } from './dataset';
import { type BiasMap, headBias, lmHeadOf, setHeadBias } from './head-bias';
import { loadRepoCheckpoint, type Restorable } from './repo-checkpoint';
import { dummyInputs, inputSignature, servedOutput, type TensorSpec } from './serving';
import { openTensorflowShards, tensorflowIndex } from './tensorflow-shards';
import { type ModelCardOptions, writeTrainingCard } from './training-card';
import { type View, type ViewedClass, viewedMethods, viewOf } from './view';

/** Names that a file of weights lacks, names that the model lacks, and what has another shape in both. */
export type LoadedNames = [missing: string[], unexpected: string[], mismatched: Mismatch[]];

/** What `save_pretrained` of TensorFlow's classes takes beside what PyTorch's takes; all of it is refused. */
export type TensorFlowSaveOptions = SavePretrainedOptions & {
  saved_model?: boolean | null;
  version?: unknown;
  signatures?: unknown;
};

/** What classes of TensorFlow have that PyTorch's have not, or otherwise. Source: transformers 4.35.2 modeling_tf_utils.py. */
export abstract class TensorFlowMethods {
  static readonly framework = 'tf';

  /** Marks this class as one that `auto_class` loads. @throws ValueError for a name that is no Auto class */
  static register_for_auto_class(auto_class = 'TFAutoModel'): void {
    PreTrainedModel.register_for_auto_class.call(this as unknown as typeof PreTrainedModel, auto_class);
  }

  /** Small inputs of the shapes of `input_signature`. */
  get dummy_inputs(): { input_ids: Tensor } & Record<string, Tensor> {
    return dummyInputs(asModel(this)) as { input_ids: Tensor };
  }

  /** Shapes and types of the inputs of a saved model. */
  get input_signature(): Record<string, TensorSpec> {
    return inputSignature(asModel(this));
  }

  /** Nothing has to be built: weights are there from the start. */
  build(): void {}

  /** What a saved model of this class would answer. @throws as the call */
  async serving(inputs: ModelInputs): Promise<ModelOutput> {
    return this.serving_output((await asModel(this)({ ...inputs, return_dict: true } as ModelInputs)) as ModelOutput);
  }

  /** @throws as the call */
  eager_serving(inputs: ModelInputs): Promise<ModelOutput> {
    return this.serving(inputs);
  }

  /** Of an output what a saved model gives: tensors, and of states, probabilities what the config asks for. */
  serving_output(output: ModelOutput): ModelOutput {
    return output instanceof ModelOutput ? servedOutput(output, asModel(this).config) : output;
  }

  /** The bias of the language modelling head by its name in TensorFlow; null for a model without. */
  get_bias(): BiasMap | null {
    return headBias(asModel(this));
  }

  /**
   * Puts new numbers into the bias of the language modelling head.
   * @throws NotImplementedError where there is none; KeyError for names; ValueError for another shape
   */
  set_bias(value: BiasMap): void {
    setHeadBias(asModel(this), value);
  }

  /** The part of the model that projects onto the vocabulary, where it has a bias; null for a model without. */
  get_lm_head(): Module | null {
    return lmHeadOf(asModel(this));
  }

  /** Old name of `get_lm_head`. */
  get_output_layer_with_bias(): Module | null {
    warnOnce('FutureWarning: the method get_output_layer_with_bias is deprecated; use `get_lm_head`');
    return this.get_lm_head();
  }

  /** The path of the head in TensorFlow's names; null for a model without a bias. */
  get_prefix_bias_name(): string | null {
    warnOnce('FutureWarning: the method get_prefix_bias_name is deprecated; use `get_bias`');
    return prefixBiasName(asModel(this), this.get_lm_head());
  }

  /**
   * Gives the input table, and a head's own table and bias, another number of rows: new ones as in a new model of
   * TensorFlow, with `mean_resizing` around the mean of the old ones.
   * @throws as that of PyTorch's class
   */
  resize_token_embeddings(new_num_tokens: number | null = null, options?: ResizeOptions | null): Embedding {
    const { resize_token_embeddings } = viewedMethods(asModel(this));
    return resize_token_embeddings.call(asModel(this), new_num_tokens, { mean_resizing: false, ...options });
  }

  /** New rows lie within two deviations of 0; new numbers of a bias are 0. @internal */
  _init_rows(_owner: Embedding | Linear, dims: readonly number[]): Tensor | null {
    return dims.length === 1 ? null : truncatedNormal(dims, initializerRange(asModel(this).config), 2);
  }

  /** @throws NotImplementedError: classes of TensorFlow never could */
  prune_heads(_heads_to_prune: object): never {
    const { name } = this.constructor;
    throw new NotImplementedError(
      `${name} cannot prune heads; prune the model as ${name.replace(/^TF/, '')}, and save it`,
    );
  }

  /** @internal Heads that the config says are gone were pruned elsewhere: the weights lack them. */
  pruneConfigured(): void {
    const { pruned_heads } = asModel(this).config;
    if (pruned_heads && Object.keys(pruned_heads).length > 0)
      viewedMethods(asModel(this)).prune_heads.call(asModel(this), pruned_heads);
  }

  /**
   * Loads a file of weights, HDF5 or safetensors, into this model; what the file lacks stays as it is.
   * @returns names as the model has them: what the file lacks, what the model lacks, and [name, shape in the file, shape in
   *   the model]
   * @throws RuntimeError for other shapes, unless `ignore_mismatched_sizes`; CheckpointError; AbortError
   */
  async load_tf_weights(resolved_archive_file: string, options?: LoadIntoOptions | null): Promise<LoadedNames> {
    const given = intoOptions('load_tf_weights', options);
    return namesOf(loadInto(asModel(this), openFor(fileOf(resolved_archive_file), 'tf', given.signal), given));
  }

  /** As `load_tf_weights`, of several HDF5 files that are one checkpoint. */
  async load_tf_sharded_weights(
    shard_files: readonly string[],
    options?: LoadIntoOptions | null,
  ): Promise<LoadedNames> {
    const given = intoOptions('load_tf_sharded_weights', options);
    return namesOf(loadInto(asModel(this), openTensorflowShards(shard_files, given.signal), given));
  }

  /**
   * Loads the shards in a folder, which `tf_model.h5.index.json` lists, into this model.
   * @param options.strict - names on one side only are an error (default)
   * @throws ValueError `Can't find a checkpoint index`; RuntimeError; CheckpointError; AbortError
   */
  async load_sharded_checkpoint(folder: string, options?: LoadIntoOptions | null): Promise<IncompatibleKeys> {
    const given = { strict: true, ...intoOptions('load_sharded_checkpoint', options) };
    const index = await tensorflowIndex(fileOf(folder));
    const { missing_keys, unexpected_keys } = await loadInto(asModel(this), openFor(index, 'tf', given.signal), given);
    return { missing_keys, unexpected_keys };
  }

  /** What `load_repo_checkpoint` restores: an object of the program's own. */
  declare optimizer?: Restorable | null;

  /**
   * Restores what Keras saved while it trained: this model's weights, and the optimizer's state by `optimizer.set_weights`.
   * @param repo_path_or_name - a folder or repository with `checkpoint/weights.h5` and `checkpoint/extra_data.pickle`
   * @param options - those of downloads
   * @returns the epoch after which it was saved
   * @throws RuntimeError without `optimizer`; FileNotFoundError naming the file; CheckpointError; what the Hub throws
   */
  async load_repo_checkpoint(repo_path_or_name: string, options?: HubOptions | null): Promise<{ epoch: number }> {
    const hub = givenOptions(options, 'load_repo_checkpoint');
    return loadRepoCheckpoint(asModel(this), this.optimizer, repo_path_or_name, hub);
  }

  /**
   * Writes the draft of a model card, README.md, with a header that the Hub reads; one that is there is replaced.
   * @throws TypeError for what is no text; OSError
   */
  async create_model_card(output_dir: string, model_name: string, options?: ModelCardOptions | null): Promise<void> {
    const text = 'any' as const;
    const given = namedOptions<ModelCardOptions>(options, 'create_model_card', {
      language: text,
      license: text,
      tags: text,
      finetuned_from: text,
      tasks: text,
      dataset_tags: text,
      dataset: text,
      dataset_args: text,
    });
    await writeTrainingCard(asModel(this), output_dir, model_name, given);
  }

  /**
   * Batches of a data set as this model takes them: columns that are none of its inputs are left out, rows are padded where
   * a tokenizer is given, labels come apart.
   * @param dataset - rows, or columns by name
   * @throws TypeError for another data set, and for options; ValueError for columns that do not fit each other
   */
  prepare_tf_dataset(dataset: TensorFlowDataset, options?: DatasetOptions | null): AsyncIterable<DatasetBatch> {
    return prepareDataset(asModel(this), dataset, options);
  }

  /**
   * As that of PyTorch's class, in TensorFlow's names and layouts: `tf_model.h5`, with `safe_serialization` safetensors.
   * @throws NotImplementedError for `saved_model`: programs of TensorFlow are not written
   */
  async save_pretrained(save_directory: string, given?: TensorFlowSaveOptions | null): Promise<void> {
    const model = asModel(this);
    const where = `${model.constructor.name}.save_pretrained`;
    const { saved_model, version, signatures, ...options } = givenOptions<TensorFlowSaveOptions>(given, where);
    checkOptionKinds(where, { saved_model }, { saved_model: 'boolean' });
    if (saved_model)
      throw new NotImplementedError(`${where} writes weights; saved_model, a program of TensorFlow, is not written`);
    if ((version ?? signatures) != null)
      throw new ValueError(`version and signatures of ${where} are those of a saved_model, which is not written`, {
        code: 'ERR_OPTION_VALUE',
      });
    await viewedMethods(model).save_pretrained.call(model, save_directory, options);
  }

  /** @throws NotImplementedError: gradients come later */
  compile(..._settings: unknown[]): never {
    throw trains('compile');
  }

  /** @throws NotImplementedError: gradients come later */
  train_step(_data: unknown): never {
    throw trains('train_step');
  }

  /** @throws NotImplementedError: it goes with `compile` */
  test_step(_data: unknown): never {
    throw trains('test_step');
  }

  /** @throws NotImplementedError: a call with labels has a `loss` */
  compute_loss(..._arguments: unknown[]): never {
    throw trains('compute_loss');
  }
}

/** TensorFlow's class of a model: it looks for TensorFlow's files, and computes what the model computes. */
export function tfView<T extends ViewedClass>(Viewed: T): View<T, typeof TensorFlowMethods> {
  return viewOf(Viewed, TensorFlowMethods);
}

/** Any class of TensorFlow. */
export abstract class TFPreTrainedModel extends tfView(PreTrainedModel) {}

/** The model that these are the methods of. */
function asModel(methods: TensorFlowMethods): PreTrainedModel {
  return methods as unknown as PreTrainedModel;
}

function trains(method: string): NotImplementedError {
  return new NotImplementedError(
    `${method} is not supported yet: it trains as Keras does, and models compute no gradients here. A call with labels ` +
      "gives the model's own loss; train with the Trainer of Transformers",
    { code: 'ERR_NOT_SUPPORTED_YET' },
  );
}

function intoOptions(where: string, options: LoadIntoOptions | null | undefined): LoadIntoOptions {
  return namedOptions(options, where, { ignore_mismatched_sizes: 'boolean', strict: 'boolean', signal: 'any' });
}

function fileOf(path: unknown): string {
  if (typeof path === 'string') return path;
  throw new TypeError(`weights are loaded from a path, not from ${path === null ? 'null' : `a ${typeof path}`}`);
}

async function namesOf(loading: ReturnType<typeof loadInto>): Promise<LoadedNames> {
  const { missing_keys, unexpected_keys, mismatched_keys } = await loading;
  return [missing_keys, unexpected_keys, mismatched_keys];
}

/** ALBERT's class alone has none. */
function prefixBiasName(model: PreTrainedModel, head: Module | null): string | null {
  if (head === null || model.config.model_type === 'albert') return null;
  for (const [path, module] of model.named_modules())
    if (module === head)
      return `${scopeOf(model.constructor.name)}/${path.replace(/^cls\b/, 'mlm___cls').replaceAll('.', '/')}`;
  return null;
}
