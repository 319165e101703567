import type { PreTrainedModel } from '../pretrained-model';
import { flaxWritings } from './flax';
import { tensorflowWritings } from './tensorflow-names';

/** A framework whose names and layouts weights are written in. */
export type WrittenFramework = 'PyTorch' | 'TensorFlow' | 'Flax';

/** How a weight lies in a file. */
export interface Writing {
  name: string;
  shape: readonly number[];
  /** Which axis of the PyTorch tensor each stored axis is; left out where they are the same. */
  axes?: readonly number[];
  /** The layers of Keras that hold it. */
  layers?: readonly string[];
}

/**
 * How each weight of a model is stored by another framework, by its name in `state_dict` and in that order. Names of a tied
 * weight but the first have none.
 *
 * @param inSafetensors - names are shorter there
 * @throws NotImplementedError `UNSUPPORTED_LAYOUT` for a head with a table of its own where the framework has no place for it
 */
export function writingsOf(
  model: PreTrainedModel,
  framework: Exclude<WrittenFramework, 'PyTorch'>,
  inSafetensors: boolean,
): Map<string, Writing> {
  return framework === 'TensorFlow' ? tensorflowWritings(model, inSafetensors) : flaxWritings(model, inSafetensors);
}
