import type { Module } from '../../nn/module';
import { CONV2D_AXES, type Dialect, type Reading, reversed, wantedShape } from './dialect';
import { type ModelWeight, weightsOf } from './model-weights';
import type { Writing } from './writing';

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
  readOther: (stored) => stored.replaceAll('/', '.'),
};

/** How each weight of a model is stored by Flax, by its name in `state_dict`: tied ones once. */
export function flaxWritings(model: Module, inSafetensors: boolean): Map<string, Writing> {
  const writings = new Map<string, Writing>();
  for (const weight of weightsOf(model))
    if (weight.tiedTo === null) writings.set(weight.name, writingOf(weight, inSafetensors ? '.' : '/'));
  return writings;
}

function writingOf({ name, kind, parameter: { dims } }: ModelWeight, separator: string): Writing {
  const parts = name.split('.');
  const last = parts.pop() as string;
  const joined = (end: string) => [...parts, end].join(separator);
  if (kind === 'table') return { name: joined('embedding'), shape: dims };
  if (kind === 'scale') return { name: joined('scale'), shape: dims };
  if (kind === 'matrix' || kind === 'conv1d')
    return { name: joined('kernel'), shape: [...dims].reverse(), axes: reversed(dims.length) };
  return { name: joined(last), shape: dims };
}
