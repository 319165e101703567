import { type Dialect, type Reading, reversed } from '../../pretrained/dialects/dialect';
import { TENSORFLOW_NAMES, type TensorflowNames } from '../../pretrained/dialects/tensorflow-names';
import { isSlot, numbered, walk } from '../../pretrained/dialects/tensorflow1';

const NAMES: Readonly<Record<string, string[]>> = {
  kernel: ['weight'],
  scale: ['weight'],
  embedding: ['weight'],
  self_attention: ['layer', '0', 'SelfAttention'],
  enc_dec_attention: ['layer', '1', 'EncDecAttention'],
  dense_relu_dense: ['layer', '2', 'DenseReluDense'],
  // Which of the two a place has, the walk finds.
  rms_norm: ['layer_norm', 'final_layer_norm'],
  logits: ['lm_head'],
};

/**
 * The variables of the original T5 release (mesh TensorFlow), such as `encoder/block_000/layer_000/SelfAttention/q`; all but
 * tables are transposed. Source: transformers 4.35 load_tf_weights_in_t5.
 */
export const tensorflow1T5: Dialect = {
  framework: 'TensorFlow 1',
  reshapes: false,
  read(stored, shape, target): Reading | null {
    const parts = stored.split('/');
    const last = parts.at(-1) as string;
    if (isSlot(parts) || last.includes('_slot_')) return null;
    const path = parts.flatMap((part) => (/^wi_\d$/.test(part) ? [part] : (NAMES[part] ?? numbered(part))));
    if (parts[0] === 'decoder' && parts[1] === 'logits') path.shift();
    if (path.at(-1) !== 'weight') path.push('weight');
    const name = walk(path, target);
    if (name === null) return { name: stored };
    return last === 'embedding' ? { name } : { name, axes: reversed(shape.length) };
  },
};

/** T5's encoder and decoder are layers of their own, and so is the table that they share. */
export const tensorflowT5: TensorflowNames = {
  ...TENSORFLOW_NAMES,
  isPrefixed: false,
  unscoped: { 'shared.weight': { name: 'shared/shared/embeddings:0', layer: 'shared' } },
  mayUntieHead: true,
};
