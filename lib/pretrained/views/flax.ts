import { PreTrainedModel } from '../pretrained-model';
import { type View, type ViewedClass, viewOf } from './view';

/** What classes of Flax have that PyTorch's have not, or otherwise. Source: transformers 4.35.2 modeling_flax_utils.py. */
export abstract class FlaxMethods {
  static readonly framework = 'flax';
}

/** Flax' class of a model: it looks for Flax' files, and computes what the model computes. */
export function flaxView<T extends ViewedClass>(Viewed: T): View<T, typeof FlaxMethods> {
  return viewOf(Viewed, FlaxMethods);
}

/** Any class of Flax. */
export abstract class FlaxPreTrainedModel extends flaxView(PreTrainedModel) {}
