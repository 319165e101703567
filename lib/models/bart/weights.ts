import { TENSORFLOW_NAMES, type TensorflowNames } from '../../pretrained/dialects/tensorflow-names';

/** BART numbers its layers with a point, and its shared table names itself twice. */
export const tensorflowBart: TensorflowNames = {
  ...TENSORFLOW_NAMES,
  joint: '.',
  unscoped: {
    'model.shared.weight': { name: 'model.shared/model.shared/embeddings:0', layer: 'model' },
    final_logits_bias: { name: 'final_logits_bias:0', layer: 'final_logits_bias' },
  },
};
