import { Conv1D } from '../../nn/conv1d';
import { Embedding } from '../../nn/embedding';
import { Linear } from '../../nn/linear';
import type { Module } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Parameter } from '../../nn/parameter';

/**
 * What frameworks tell apart when they name a weight: tables, what layer normalisation multiplies with and adds, matrices of
 * linear layers, matrices and biases of GPT-2's Conv1D, and all else.
 */
export type WeightKind = 'table' | 'scale' | 'shift' | 'matrix' | 'conv1d' | 'conv1d bias' | 'plain';

/** A weight of a model. */
export interface ModelWeight {
  /** Its name in `state_dict`. */
  name: string;
  kind: WeightKind;
  parameter: Parameter;
  /** The first name that this weight has, where it is tied to it; else null. */
  tiedTo: string | null;
}

/** Every weight of a model in the order of its `state_dict`. */
export function weightsOf(model: Module): ModelWeight[] {
  const owners = new Map<string, Module>(model.named_modules());
  const first = new Map<Parameter, string>();
  const weights: ModelWeight[] = [];
  for (const [name, parameter] of model.named_state()) {
    if (!(parameter instanceof Parameter)) continue;
    const point = name.lastIndexOf('.');
    const kind = kindOf(owners.get(name.slice(0, Math.max(0, point))), name.slice(point + 1));
    weights.push({ name, kind, parameter, tiedTo: first.get(parameter) ?? null });
    if (!first.has(parameter)) first.set(parameter, name);
  }
  return weights;
}

function kindOf(owner: Module | undefined, last: string): WeightKind {
  if (owner instanceof Conv1D) return last === 'weight' ? 'conv1d' : 'conv1d bias';
  if (owner instanceof LayerNorm) return last === 'weight' ? 'scale' : 'shift';
  if (last !== 'weight') return 'plain';
  if (owner instanceof Embedding) return 'table';
  if (owner instanceof Linear) return 'matrix';
  return 'plain';
}
