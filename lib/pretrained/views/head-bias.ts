import { KeyError, NotImplementedError, TypeError, ValueError } from '../../errors';
import type { Linear } from '../../nn/linear';
import type { Module } from '../../nn/module';
import { Parameter } from '../../nn/parameter';
import { cast } from '../../tensor/ops/cast';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';
import type { PreTrainedModel } from '../pretrained-model';
import { ownersOf } from '../surgery/replace-module';

/** The bias of a language modelling head, as TensorFlow's classes give and take it. Source: transformers 4.35.2. */

/** Biases by the names of their attributes in TensorFlow. */
export type BiasMap = Record<string, Tensor>;

/** The part of the model that projects onto the vocabulary with a bias of its own; null where there is none. */
export function lmHeadOf(model: PreTrainedModel): Module | null {
  const output = model.get_output_embeddings();
  if (!output?.bias) return null;
  const [owner] = ownersOf(model, output);
  return owner === undefined || owner === model ? output : owner;
}

/** The head's bias under each of its names; null for a model without. */
export function headBias(model: PreTrainedModel): BiasMap | null {
  const found = biasOf(model);
  return found && Object.fromEntries(found.names.map((name) => [name, found.parameter.value]));
}

/**
 * Puts new numbers into the head's bias.
 * @throws NotImplementedError where there is none; KeyError for a name that is missing or unknown; ValueError for another
 *   shape, as the table has its own number of rows
 */
export function setHeadBias(model: PreTrainedModel, value: BiasMap): void {
  const { name } = model.constructor;
  const found = biasOf(model);
  if (found === null) throw new NotImplementedError(`${name} has no language modelling head with a bias to set`);
  if (value === null || typeof value !== 'object' || value instanceof Tensor)
    throw new TypeError(`set_bias takes biases by name, such as { ${found.names[0]}: tensor }`);
  const { names, parameter } = found;
  const wrong = [...Object.keys(value), ...names].find((key) => !names.includes(key) || !(key in value));
  if (wrong !== undefined)
    throw new KeyError(`set_bias of ${name} takes ${names.join(' and ')}, and '${wrong}' is missing or unknown`);
  for (const key of names) checkBias(name, key, value[key], parameter);
  // Of several names the last is what TensorFlow adds to the logits.
  scope(() => parameter.renew(cast(value[names.at(-1) as string] as Tensor, parameter.type)));
}

function checkBias(className: string, key: string, tensor: unknown, { dims }: Parameter): void {
  if (!(tensor instanceof Tensor)) throw new TypeError(`set_bias of ${className}: '${key}' is no Tensor`);
  if (String(tensor.dims) === String(dims)) return;
  throw new ValueError(
    `set_bias of ${className}: '${key}' has shape [${tensor.dims}], the head's bias has [${dims}]; ` +
      'resize_token_embeddings changes the size of both head and table',
    { code: 'ERR_SHAPE' },
  );
}

function biasOf(model: PreTrainedModel): { names: readonly string[]; parameter: Parameter } | null {
  const { final_logits_bias } = model as unknown as { final_logits_bias?: unknown };
  if (final_logits_bias instanceof Parameter) return { names: ['final_logits_bias'], parameter: final_logits_bias };
  const parameter = (model.get_output_embeddings() as Linear | null)?.bias;
  if (!parameter) return null;
  // TensorFlow's ALBERT has a second variable, which PyTorch ties to the first.
  return { names: model.config.model_type === 'albert' ? ['bias', 'decoder_bias'] : ['bias'], parameter };
}
