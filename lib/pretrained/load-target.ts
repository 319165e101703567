import { Parameter } from '../nn/parameter';
import type { LoadTarget } from './load-plan';
import type { ModelClass, PreTrainedModel } from './pretrained-model';

/** What the load plan needs to know of a model. */
export function loadTargetOf(
  ModelType: ModelClass,
  model: PreTrainedModel,
  key_mapping: Record<string, string> | null = null,
): LoadTarget {
  const parameters = new Map<string, Parameter>();
  for (const [name, value] of model.named_state()) if (value instanceof Parameter) parameters.set(name, value);
  const silentBuffers = new Set<string>();
  for (const [name, buffer] of model.named_buffers()) if (!buffer.persistent) silentBuffers.add(name);
  return {
    className: ModelType.name,
    parameters,
    silentBuffers,
    base_model_prefix: ModelType.base_model_prefix,
    ignoreMissing: ModelType._keys_to_ignore_on_load_missing,
    ignoreUnexpected: ModelType._keys_to_ignore_on_load_unexpected,
    ...(key_mapping && { key_mapping }),
    tensorflow1: ModelType.tensorflow1,
  };
}
