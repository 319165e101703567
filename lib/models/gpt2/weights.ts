import type { Dialect, Reading } from '../../pretrained/dialects/dialect';

const NAMES: Readonly<Record<string, string>> = {
  w: 'weight',
  g: 'weight',
  b: 'bias',
  wte: 'wte.weight',
  wpe: 'wpe.weight',
};

/**
 * The variables of the original GPT-2 release, such as `model/h0/attn/c_attn/w`, with a leading axis of one; none is
 * transposed. They are those of the headless network. Source: transformers 4.35 load_tf_weights_in_gpt2.
 */
export const tensorflow1Gpt2: Dialect = {
  framework: 'TensorFlow 1',
  reshapes: true,
  read(stored): Reading {
    const parts = stored.replace(/^model\//, '').split('/');
    return { name: parts.map((part) => NAMES[part] ?? part.replace(/^([A-Za-z]+)(\d+)$/, '$1.$2')).join('.') };
  },
};
