import { CONV2D_AXES, type Dialect, type Reading, reversed } from './dialect';

/** Last levels that are called otherwise in PyTorch. */
const LAST: Readonly<Record<string, string>> = {
  kernel: 'weight',
  embeddings: 'weight',
  gamma: 'weight',
  beta: 'bias',
  moving_mean: 'running_mean',
  moving_variance: 'running_var',
  pointwise_kernel: 'pointwise.weight',
  depthwise_kernel: 'depthwise.weight',
};

/**
 * TensorFlow 2 (Keras): names are paths that end in ':0' and, in a single HDF5 file, begin with the model's scope; kernels
 * are [in, out], while GPT-2's Conv1D is called `weight` and lies as in PyTorch. Source: transformers 4.35
 * modeling_tf_pytorch_utils.py.
 *
 * @param scoped - whether names begin with the model's scope
 */
export function tensorflow(scoped: boolean): Dialect {
  return {
    framework: 'TensorFlow',
    reshapes: true,
    read(stored, shape): Reading {
      // Sharded files and safetensors drop the scope, but not from names that contain 'model.'.
      const levels = levelsOf(stored, scoped || stored.includes('model.'));
      const last = levels.pop() as string;
      const name = [...levels, LAST[last] ?? last].join('.');
      const axes = axesOf(last, levels, shape.length);
      return axes ? { name, axes } : { name };
    },
  };
}

function levelsOf(stored: string, scoped: boolean): string[] {
  const path = stored
    .replace(/:0$/, '')
    .replace(/[^/]*___([^/]*)/g, '$1')
    .replaceAll('_._', '/')
    .replace(/\/+/g, '/');
  const levels = path.split('/');
  return scoped && levels.length > 1 ? levels.slice(1) : levels;
}

/** How the axes of a TensorFlow weight become PyTorch's; null where they are the same. */
function axesOf(last: string, levels: readonly string[], rank: number): readonly number[] | null {
  if (last === 'kernel' && rank === 4) return CONV2D_AXES;
  const isReversed =
    last === 'kernel' ||
    last === 'pointwise_kernel' ||
    last === 'depthwise_kernel' ||
    levels.some((level) => level === 'emb_projs' || level === 'out_projs');
  return isReversed && rank > 1 ? reversed(rank) : null;
}
