import { type Dialect, type Reading, reversed } from '../../pretrained/dialects/dialect';
import { TENSORFLOW_NAMES, type TensorflowNames } from '../../pretrained/dialects/tensorflow-names';
import { isSlot, numbered, walk } from '../../pretrained/dialects/tensorflow1';

const NAMES: Readonly<Record<string, string>> = {
  kernel: 'weight',
  gamma: 'weight',
  output_weights: 'weight',
  beta: 'bias',
  output_bias: 'bias',
  squad: 'classifier',
};

/**
 * The variables of the original BERT release, such as `bert/encoder/layer_0/attention/self/query/kernel`. Those that name
 * no weight of the model keep their own names. Source: transformers 4.35 load_tf_weights_in_bert.
 */
export const tensorflow1Bert: Dialect = {
  framework: 'TensorFlow 1',
  reshapes: false,
  read(stored, shape, target): Reading | null {
    const parts = stored.split('/');
    if (isSlot(parts)) return null;
    const last = parts.at(-1) as string;
    const path = parts.flatMap(numbered).map((part) => NAMES[part] ?? part);
    if (last.endsWith('_embeddings')) path.push('weight');
    const name = walk(path, target);
    if (name === null) return { name: stored };
    return last === 'kernel' ? { name, axes: reversed(shape.length) } : { name };
  },
};

/** The two heads of pre-training are two layers of Keras. */
export const tensorflowBert: TensorflowNames = {
  ...TENSORFLOW_NAMES,
  beginnings: { 'cls.predictions': 'mlm___cls.predictions', 'cls.seq_relationship': 'nsp___cls.seq_relationship' },
};
