import { NotImplementedError } from '../../errors';
import { namedOptions } from '../../options';
import { PreTrainedModel } from '../pretrained-model';
import { castTree, copyTree, type FlaxMask, type FlaxTree } from './flax-tree';
import { loadFlaxShards, loadFlaxWeights } from './flax-weights';
import { type View, type ViewedClass, viewOf } from './view';

/** What classes of Flax have that PyTorch's have not, or otherwise. Source: transformers 4.35.2 modeling_flax_utils.py. */
export abstract class FlaxMethods {
  static readonly framework = 'flax';

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
}

/** Flax' class of a model: it looks for Flax' files, and computes what the model computes. */
export function flaxView<T extends ViewedClass>(Viewed: T): View<T, typeof FlaxMethods> {
  return viewOf(Viewed, FlaxMethods);
}

/** Any class of Flax. */
export abstract class FlaxPreTrainedModel extends flaxView(PreTrainedModel) {}
