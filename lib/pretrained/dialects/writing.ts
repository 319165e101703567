import { NotImplementedError } from '../../errors';
import type { PreTrainedModel } from '../pretrained-model';
import { architectureOf } from '../views/view';
import { flaxWritings } from './flax';
import { isWrittenBy } from './framework-classes';
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
 * @throws NotImplementedError `UNSUPPORTED_LAYOUT` when the framework has no such class, or none whose head has a table of its own
 */
export function writingsOf(
  model: PreTrainedModel,
  framework: Exclude<WrittenFramework, 'PyTorch'>,
  inSafetensors: boolean,
): Map<string, Writing> {
  const className = architectureOf(model.constructor.name);
  if (!isWrittenBy(framework, className))
    throw new NotImplementedError(
      `${framework} has no class for ${className}: Transformers never had one, so nothing could read such files`,
      { code: 'UNSUPPORTED_LAYOUT' },
    );
  return framework === 'TensorFlow' ? tensorflowWritings(model, inSafetensors) : flaxWritings(model, inSafetensors);
}
