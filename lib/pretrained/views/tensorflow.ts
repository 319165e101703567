import { PreTrainedModel } from '../pretrained-model';
import { type View, type ViewedClass, viewOf } from './view';

/** What classes of TensorFlow have that PyTorch's have not, or otherwise. Source: transformers 4.35.2 modeling_tf_utils.py. */
export abstract class TensorFlowMethods {
  static readonly framework = 'tf';
}

/** TensorFlow's class of a model: it looks for TensorFlow's files, and computes what the model computes. */
export function tfView<T extends ViewedClass>(Viewed: T): View<T, typeof TensorFlowMethods> {
  return viewOf(Viewed, TensorFlowMethods);
}

/** Any class of TensorFlow. */
export abstract class TFPreTrainedModel extends tfView(PreTrainedModel) {}
