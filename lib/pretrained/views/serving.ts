import { stack } from '../../tensor/functions/join';
import { Tensor } from '../../tensor/tensor';
import type { PretrainedConfig } from '../config';
import { ModelOutput } from '../model-output';
import type { PreTrainedModel } from '../pretrained-model';

/** What a saved model of TensorFlow takes and gives. Source: transformers 4.35.2 modeling_tf_utils.py. */

/** The shape and type of an input; null is any length. */
export interface TensorSpec {
  shape: (number | null)[];
  dtype: 'int32';
  name: string;
}

const served = ['input_ids', 'attention_mask', 'token_type_ids', 'decoder_input_ids', 'decoder_attention_mask'];

/** The inputs that a saved model takes, by name: those of multiple choice have an axis more. */
export function inputSignature(model: PreTrainedModel): Record<string, TensorSpec> {
  const { name, input_names } = model.constructor as typeof PreTrainedModel;
  const isGPT2 = model.config.model_type === 'gpt2';
  const isDouble = name.endsWith('DoubleHeadsModel');
  const rank = isDouble || name.endsWith('ForMultipleChoice') ? 3 : 2;
  const names = served.filter((input) => input_names.includes(input) && !(isGPT2 && input === 'token_type_ids'));
  const specs = names.map((input) => spec(input, rank));
  if (isDouble) specs.push(spec('mc_token_ids', 2));
  return Object.fromEntries(specs.map((each) => [each.name, each]));
}

function spec(name: string, rank: number): TensorSpec {
  return { shape: new Array<null>(rank).fill(null), dtype: 'int32', name };
}

/** Small inputs of those shapes: ones, but types of tokens 0, and BART's ids 2, as 1 is its padding. */
export function dummyInputs(model: PreTrainedModel): Record<string, Tensor> {
  const isBart = model.config.model_type === 'bart';
  const filler = (name: string) => (name === 'token_type_ids' ? 0 : isBart && name.endsWith('input_ids') ? 2 : 1);
  return Object.fromEntries(
    Object.values(inputSignature(model)).map(({ name, shape }) => {
      const dims = shape.map((_, axis): number => (axis === 0 ? 1 : 2));
      const size = dims.reduce((n, d) => n * d, 1);
      return [name, new Tensor('int32', new Int32Array(size).fill(filler(name)), dims)];
    }),
  );
}

/**
 * What of an output a saved model gives: tensors, and lists of tensors of one shape as one tensor. States and probabilities
 * only where the config asks for them; a cache never.
 */
export function servedOutput(output: ModelOutput, config: PretrainedConfig): ModelOutput {
  const fields: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(output)) {
    if (name.endsWith('hidden_states') && !config.output_hidden_states) continue;
    if (name.endsWith('attentions') && !config.output_attentions) continue;
    if (value instanceof Tensor) fields[name] = value;
    else if (areAlike(value)) fields[name] = stack(value);
  }
  return new ModelOutput(fields);
}

function areAlike(value: unknown): value is Tensor[] {
  if (!Array.isArray(value) || !value.every((each) => each instanceof Tensor) || value.length === 0) return false;
  const [first] = value as [Tensor];
  return value.every((each) => String(each.dims) === String(first.dims));
}
