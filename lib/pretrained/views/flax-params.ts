import { ValueError } from '../../errors';
import { warn } from '../../logging';
import type { Parameter } from '../../nn/parameter';
import type { DType } from '../../tensor/dtype';
import { cast } from '../../tensor/ops/cast';
import { permute } from '../../tensor/ops/layout';
import { scope } from '../../tensor/scope';
import type { Tensor } from '../../tensor/tensor';
import { type Writing, writingsOf } from '../dialects/writing';
import type { PreTrainedModel } from '../pretrained-model';
import { type FlaxTree, leavesOf, treeOf } from './flax-tree';

/** A model's weights as the tree of parameters that Flax has of it, and the way back. */

/** The shape and type of a leaf. */
export interface ShapeDtype {
  shape: readonly number[];
  dtype: DType;
}

interface FlaxWeight extends Writing {
  parameter: Parameter;
  /** Its name in PyTorch. */
  of: string;
}

/** Types of leaves by their PyTorch names, where they are not those that the model computes with. */
export type LeafTypes = ReadonlyMap<string, DType>;

function weightsIn(model: PreTrainedModel): FlaxWeight[] {
  return Array.from(writingsOf(model, 'Flax', false), ([of, writing]) => ({
    ...writing,
    of,
    parameter: model.get_parameter(of),
  }));
}

/** The paths of a model's parameters in Flax, joined by '/'. */
export function requiredParams(model: PreTrainedModel): Set<string> {
  return new Set(weightsIn(model).map(({ name }) => name));
}

/** The weights in Flax' names and layouts. Those that lie there as here are the model's own tensors. */
export function paramsOf(model: PreTrainedModel, types: LeafTypes): FlaxTree {
  return treeOf(
    weightsIn(model).map(({ name, axes, of, parameter }) => {
      const turned = axes === undefined ? parameter.value : permute(parameter.value, axes);
      const type = types.get(of) ?? parameter.type;
      return [name.split('/'), turned.type === type ? turned : cast(turned, type)] as const;
    }),
  );
}

/** The shapes and types of `paramsOf`. */
export function shapesOf(model: PreTrainedModel, types: LeafTypes): Map<string, ShapeDtype> {
  return new Map(
    weightsIn(model).map(({ name, shape, of, parameter }) => [
      name,
      { shape: [...shape], dtype: types.get(of) ?? parameter.type },
    ]),
  );
}

/**
 * A tree's tensors by their PyTorch names, in PyTorch's layouts.
 * @throws ValueError for leaves that are missing or of another shape; others than the model's are passed over with a warning
 */
export function stateOf(model: PreTrainedModel, params: FlaxTree, where: string): Map<string, Tensor> {
  const leaves = leavesOf(params, where);
  const weights = weightsIn(model);
  const missing = weights.map(({ name }) => name).filter((name) => !leaves.has(name));
  if (missing.length > 0)
    throw new ValueError(
      `Some parameters are missing. Make sure that \`params\` of ${where} include the following parameters: ${missing.join(', ')}`,
      { code: 'ERR_STATE_DICT' },
    );
  const known = new Set(weights.map(({ name }) => name));
  const others = [...leaves.keys()].filter((name) => !known.has(name));
  if (others.length > 0)
    warn(`${where}: ${model.constructor.name} has no parameters ${others.join(', ')}; they are passed over`);
  return new Map(
    weights.map(({ name, shape, axes, of }) => {
      const leaf = leaves.get(name) as Tensor;
      if (String(leaf.dims) !== String(shape))
        throw new ValueError(`${where}: '${name}' has shape [${leaf.dims}], the model wants [${shape}]`, {
          code: 'ERR_SHAPE',
        });
      return [of, axes === undefined ? leaf : permute(leaf, inverse(axes))] as const;
    }),
  );
}

/** Puts a tree's tensors into the model, each in the type that the model computes with. */
export function setParams(model: PreTrainedModel, params: FlaxTree, where: string): void {
  for (const [of, tensor] of stateOf(model, params, where)) {
    const parameter = model.get_parameter(of);
    scope(() => parameter.renew(cast(tensor, parameter.type)));
  }
}

function inverse(axes: readonly number[]): number[] {
  const back: number[] = [];
  for (const [i, axis] of axes.entries()) back[axis] = i;
  return back;
}
