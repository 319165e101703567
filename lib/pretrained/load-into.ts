import type { ClassFramework } from '../checkpoint/framework-files';
import { openCheckpoint } from '../checkpoint/open';
import type { CheckpointSource } from '../checkpoint/source';
import { RuntimeError } from '../errors';
import { inTurns } from '../turns';
import { translate } from './dialects/translate';
import { fillParameters } from './fill-parameters';
import type { LoadingInfo } from './from-pretrained';
import { type LoadTarget, planSource } from './load-plan';
import { loadTargetOf } from './load-target';
import type { ModelClass, PreTrainedModel } from './pretrained-model';

/** How weights are brought into a model that is there already. */
export interface LoadIntoOptions {
  /** Leaves tensors of other shapes out, and the model's as they are; an error otherwise. */
  ignore_mismatched_sizes?: boolean;
  /** Names on one side only are an error. */
  strict?: boolean;
  signal?: AbortSignal;
}

/** Opens weights for a model, under the names and in the layouts of PyTorch. */
export type OpenFor = (target: LoadTarget) => Promise<CheckpointSource>;

/** Opens a file or an index of shards, of any framework that the class takes. */
export function openFor(path: string, framework: ClassFramework, signal?: AbortSignal): OpenFor {
  return async (target) => {
    const source = await openCheckpoint(path, { framework, from_tf: framework === 'tf', ...(signal && { signal }) });
    try {
      return await inTurns(translate(source, target), signal);
    } catch (error) {
      await source.close();
      throw error;
    }
  };
}

/**
 * Fills a model's weights from a checkpoint, each in the type that it has; what the checkpoint lacks stays as it is. Names
 * and shapes are checked before anything is loaded.
 * @returns names as the model has them
 * @throws RuntimeError for other shapes, and names on one side where `strict`; CheckpointError; AbortError
 */
export async function loadInto(model: PreTrainedModel, open: OpenFor, options: LoadIntoOptions): Promise<LoadingInfo> {
  const { name } = model.constructor;
  const target = loadTargetOf(model.constructor as unknown as ModelClass, model);
  await using source = await open(target);
  const plan = planSource(source, target, {
    ignore_mismatched_sizes: options.ignore_mismatched_sizes ?? false,
  });
  const { steps, missing_keys, unexpected_keys, mismatched_keys } = await inTurns(plan, options.signal);
  if (options.strict && (missing_keys.length > 0 || unexpected_keys.length > 0))
    throw new RuntimeError(
      `Error(s) in loading state_dict for ${name}${listed('Missing', missing_keys)}${listed('Unexpected', unexpected_keys)}`,
      { code: 'ERR_STATE_DICT' },
    );
  const fillings = steps.map(({ source: stored, parameter }) => [stored, parameter] as const);
  await fillParameters(source, [[source, fillings]], options.signal);
  return { missing_keys, unexpected_keys, mismatched_keys, error_msgs: [] };
}

function listed(title: string, keys: readonly string[]): string {
  return keys.length === 0 ? '' : `\n${title} key(s): ${keys.map((key) => `"${key}"`).join(',')}.`;
}

/**
 * What `load_tf_weights` of a class is: brings the original TensorFlow 1 release of a model into `model`.
 * @param _config - Transformers passes it; the model knows its own
 * @param path - the checkpoint: its prefix, such as `model.ckpt`, or its index
 * @returns the model; what the checkpoint lacks stays as it is
 */
export async function loadTensorFlow1<M extends PreTrainedModel>(model: M, _config: unknown, path: string): Promise<M> {
  await loadInto(model, openFor(path, 'tf'), {});
  return model;
}
