import { NotImplementedError, TypeError } from '../errors';
import { Embedding } from '../nn/embedding';
import { Linear } from '../nn/linear';
import type { Module } from '../nn/module';
import type { Parameter } from '../nn/parameter';
import type { PrunableAttention } from '../nn/prune';
import { normal } from '../tensor/ops/normal';
import type { Tensor } from '../tensor/tensor';
import { initializeModules, initializeParameter, initializerRange, isWithoutInit } from './init';
import { ModuleUtilsMixin } from './module-mixin';
import type { PreTrainedModel } from './pretrained-model';
import { type HeadsToPrune, pruneHeads } from './surgery/prune-heads';
import { replaceModule, replaceOutput } from './surgery/replace-module';
import { type ResizeOptions, resizeTokenEmbeddings } from './surgery/resize-embeddings';
import { tieOutput } from './surgery/tie-weights';

/** A module that ties weights of its own. */
interface Tying {
  _tie_weights?(): void;
}

/** What changes a model's weights and their shapes: embeddings, ties, heads, starting values. */
export abstract class SurgeryMixin extends ModuleUtilsMixin {
  /** Rows of the input table, once `resize_token_embeddings` has set it. */
  declare vocab_size: number;

  /** The table of input embeddings. @throws NotImplementedError where there is none */
  get_input_embeddings(this: PreTrainedModel): Embedding {
    if (this.base_model !== this) return this.base_model.get_input_embeddings();
    throw new NotImplementedError(`${this.constructor.name} has no input embeddings`);
  }

  /** Puts another table in place of the input embeddings; `tie_weights` ties the output projection to it. */
  set_input_embeddings(this: PreTrainedModel, value: Embedding): void {
    if (!((value as unknown) instanceof Embedding))
      throw new TypeError('set_input_embeddings takes an Embedding: new Embedding(rows, width)');
    replaceModule(this, this.get_input_embeddings(), value);
  }

  /** The projection onto the vocabulary, or null. */
  get_output_embeddings(): Linear | null {
    return null;
  }

  /** Puts another projection in place; a bias that the head knows by a second name follows it. */
  set_output_embeddings(this: PreTrainedModel, value: Linear): void {
    if (!((value as unknown) instanceof Linear))
      throw new TypeError('set_output_embeddings takes a Linear: new Linear(width, rows)');
    const old = this.get_output_embeddings();
    if (!old) throw new NotImplementedError(`${this.constructor.name} has no output embeddings that could be set`);
    replaceOutput(this, old, value);
  }

  /** @throws NotImplementedError unless the family has it */
  get_position_embeddings(): Embedding {
    throw new NotImplementedError(`get_position_embeddings is not implemented for ${this.constructor.name}`);
  }

  /** @throws NotImplementedError unless the family has it */
  resize_position_embeddings(_new_num_position_embeddings: number): void {
    throw new NotImplementedError(`resize_position_embeddings is not implemented for ${this.constructor.name}`);
  }

  /**
   * Makes the output projection's weight the input table, in this model and those inside it, where the config says so.
   * A bias is cut, or gets zeros, to fit; with `config.torchscript` the weight is a copy.
   */
  tie_weights(this: PreTrainedModel): void {
    for (const module of this.modules()) {
      if (module instanceof SurgeryMixin) tieOutput(module as PreTrainedModel);
      (module as Tying)._tie_weights?.();
    }
  }

  /**
   * Gives the input table another number of rows, and the output projection and its bias with it; sets
   * `config.vocab_size`. Rows are cut or added at the end. The tensors are made on the compute threads: calls that were
   * made before see the old ones, calls from now on the new ones.
   * @param new_num_tokens - rows; null keeps their number, for `pad_to_multiple_of` to round up
   * @param options.mean_resizing - new rows are drawn around the mean of the old ones (default), or as in a new model
   * @returns the input embeddings; with both sizes null they are untouched
   * @throws ValueError for sizes that cannot be, TypeError, RuntimeError `ERR_OUT_OF_MEMORY`: nothing is changed then.
   *   Source: transformers 4.57.6 and 5.18.0, modeling_utils.py
   */
  resize_token_embeddings(
    this: PreTrainedModel,
    new_num_tokens: number | null = null,
    options?: ResizeOptions | null,
  ): Embedding {
    return resizeTokenEmbeddings(this, new_num_tokens, options);
  }

  /**
   * Removes heads of the base model's attention, and records them in `config.pruned_heads`: a model made from that
   * config, or loaded with it, lacks them too. Heads that are gone already are passed over.
   * @param heads_to_prune - layer → heads, by the numbers they had in the whole model
   * @throws NotImplementedError where the family cannot; ValueError for a layer or head that is not there, and when no
   *   head of a layer would be left. Nothing is changed then
   */
  prune_heads(this: PreTrainedModel, heads_to_prune: HeadsToPrune): void {
    pruneHeads(this, heads_to_prune);
  }

  /** @internal Each layer's attention, where heads can be pruned. Base models override it. */
  prunableAttention(): PrunableAttention[] | null {
    return null;
  }

  /**
   * Draws the weights that no checkpoint gave, from generators that `set_seed` seeds, and ties what the config ties.
   * Modules whose `_is_hf_initialized` is true are passed over.
   */
  init_weights(this: PreTrainedModel): void {
    this.pruneConfigured();
    initializeModules(this);
    this.tie_weights();
  }

  /** Starting values of a parameter that a checkpoint lacks, float32. Families override what differs. @internal */
  _init_weights(name: string, parameter: Parameter, owner: Module): Tensor {
    return initializeParameter(name, parameter, owner, this.config);
  }

  /**
   * New rows for behind a table, for an output projection or for its bias, where they are not drawn around the mean;
   * null is zeros. Families override what differs. @internal
   */
  _init_rows(_owner: Embedding | Linear, dims: readonly number[]): Tensor | null {
    return dims.length === 1 ? null : normal(dims, 0, initializerRange(this.config));
  }

  /** Every concrete class calls this last in its constructor: it draws the weights, unless they are to be loaded. */
  protected post_init(this: PreTrainedModel): void {
    this.pruneConfigured();
    this.tie_weights();
    if (!isWithoutInit()) this.init_weights();
    this.takeGradientCheckpointing();
  }

  /** @internal Removes the heads that the config says are gone. */
  pruneConfigured(this: PreTrainedModel): void {
    const { pruned_heads } = this.config;
    if (pruned_heads && Object.keys(pruned_heads).length > 0) this.prune_heads(pruned_heads);
  }
}
