import { CONV2D_AXES, type Dialect, type Reading, reversed, wantedShape } from './dialect';

/**
 * Flax: names are paths in a tree, joined by '/' in msgpack files and by '.' in safetensors; kernels are [in, out], and so
 * is everything that multiplies, GPT-2's Conv1D reversed too. Source: transformers 4.35 modeling_flax_pytorch_utils.py.
 */
export const flax: Dialect = {
  framework: 'Flax',
  reshapes: false,
  read(stored, shape, target): Reading {
    const parts = stored.split(stored.includes('/') ? '/' : '.');
    const isStatistics = parts[0] === 'batch_stats';
    if (isStatistics || parts[0] === 'params') parts.shift();
    const last = parts.pop() as string;
    const named = (name: string) => [...parts, name].join('.');
    if (wantedShape(target, named(last)) !== undefined) return { name: named(last) };
    if (last === 'kernel')
      return { name: named('weight'), axes: shape.length === 4 ? CONV2D_AXES : reversed(shape.length) };
    if (last === 'scale' || last === 'embedding') return { name: named('weight') };
    if (last === 'mean' || last === 'var') return { name: named(`running_${last}`) };
    return { name: named(last) };
  },
};
