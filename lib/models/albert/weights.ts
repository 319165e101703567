import { TENSORFLOW_NAMES, type TensorflowNames } from '../../pretrained/dialects/tensorflow-names';

/** The bias of the head is two variables, of which TensorFlow adds the one that PyTorch ties. */
export const tensorflowAlbert: TensorflowNames = { ...TENSORFLOW_NAMES, untied: ['predictions.decoder.bias'] };
