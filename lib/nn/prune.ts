import { ValueError } from '../errors';
import { index_select } from '../tensor/ops/embedding';
import { Tensor } from '../tensor/tensor';
import { Linear } from './linear';
import type { Module } from './module';
import type { Parameter } from './parameter';

/** Removing heads from attention: which rows or columns stay, and layers that keep those only. */

/** What attention of a family must have for `prune_heads`. */
export interface PrunableAttention {
  /** Heads that are left. */
  readonly num_attention_heads: number;
  /** D */
  readonly attention_head_size: number;
  /** Heads that are gone, by their first numbers. */
  readonly pruned_heads: Set<number>;
  /** Removes heads by their first numbers; those that are gone already are passed over. */
  prune_heads(heads: Iterable<number>): void;
}

/** A layer that multiplies with its weight as it is stored, [K, N]: GPT-2's Conv1D. */
export interface TransposedLayer extends Module {
  /** N */
  nf: number;
  weight: Parameter;
  bias: Parameter;
}

/**
 * The heads that are still there, and the rows of a projection that stay without them. The numbers of heads are those
 * of the whole model: each moves down by the pruned ones before it.
 * @param n_heads - heads that are left now
 * @param head_size - rows of each
 * @returns heads to remove, without those that are gone already; indices to keep, ascending
 */
export function find_pruneable_heads_and_indices(
  heads: Iterable<number>,
  n_heads: number,
  head_size: number,
  already_pruned_heads: ReadonlySet<number>,
): [heads: Set<number>, index: Int32Array] {
  const going = new Set([...heads].filter((head) => !already_pruned_heads.has(head)));
  const places = new Set<number>();
  for (const head of going) places.add(head - [...already_pruned_heads].filter((gone) => gone < head).length);
  const rows = Int32Array.from({ length: n_heads * head_size }, (_, i) => i);
  return [going, rows.filter((row) => !places.has(Math.trunc(row / head_size)))];
}

/**
 * A new layer with the rows (`dim` 0) or columns (1) of `index` only; the bias follows the rows.
 * @param index - ascending
 */
export function prune_linear_layer(layer: Linear, index: Int32Array, dim = 0): Linear {
  const [rows, columns] = cutDims(layer.weight.dims, index, dim);
  const pruned = new Linear(columns, rows, { bias: false });
  pruned.weight = cut(layer.weight, index, dim);
  if (layer.bias) pruned.bias = dim === 0 ? cut(layer.bias, index, 0) : copied(layer.bias);
  pruned.training = layer.training;
  return pruned;
}

/**
 * A new layer with the columns (`dim` 1) or rows (0) of `index` only; the bias follows the columns.
 * @param index - ascending
 */
export function prune_conv1d_layer<L extends TransposedLayer>(layer: L, index: Int32Array, dim = 1): L {
  const [nx, nf] = cutDims(layer.weight.dims, index, dim);
  const pruned = new (layer.constructor as new (nf: number, nx: number) => L)(nf, nx);
  pruned.weight = cut(layer.weight, index, dim);
  pruned.bias = dim === 1 ? cut(layer.bias, index, 0) : copied(layer.bias);
  pruned.training = layer.training;
  return pruned;
}

/** Either, by the layer's class. @throws ValueError for another layer */
export function prune_layer<L extends Linear | TransposedLayer>(layer: L, index: Int32Array, dim?: number): L {
  if (layer instanceof Linear) return prune_linear_layer(layer, index, dim ?? 0) as L;
  if ('nf' in layer) return prune_conv1d_layer(layer, index, dim ?? 1) as L;
  throw new ValueError(`Can't prune layer of class ${(layer as Module).constructor.name}`);
}

/**
 * Removes heads from an attention: cuts the layers that make its queries, keys and values along their results, and the
 * one that reads what the heads give along its inputs; gives the old weights back and adds the heads to `pruned_heads`.
 * @param fused - how many of queries, keys and values each maker makes, side by side: 3 for GPT-2's c_attn
 * @returns how many heads went
 */
export function pruneProjections<I extends Module, O extends Module>(
  attention: PrunableAttention,
  heads: Iterable<number>,
  [inner, makers]: [inner: I, makers: readonly (keyof I & string)[]],
  [outer, reader]: [outer: O, reader: keyof O & string],
  fused = 1,
): number {
  const { num_attention_heads, attention_head_size, pruned_heads } = attention;
  const [going, index] = find_pruneable_heads_and_indices(
    heads,
    num_attention_heads,
    attention_head_size,
    pruned_heads,
  );
  if (going.size === 0) return 0;
  const width = num_attention_heads * attention_head_size;
  const made = Int32Array.from({ length: fused * index.length }, (_, i) => {
    const part = Math.floor(i / index.length);
    return part * width + (index[i % index.length] as number);
  });
  for (const maker of makers) replacePruned(inner, maker, made, true);
  replacePruned(outer, reader, index, false);
  for (const head of going) pruned_heads.add(head);
  return going.size;
}

/**
 * What an attention still needs of a bias that all layers share.
 * @param bias - [1, H, T, S], for all heads that there were
 */
export function keptBias(bias: Tensor, { num_attention_heads, pruned_heads }: PrunableAttention): Tensor {
  if (pruned_heads.size === 0) return bias;
  const all = Int32Array.from({ length: num_attention_heads + pruned_heads.size }, (_, head) => head);
  return index_select(
    bias,
    1,
    new Tensor(
      'int32',
      all.filter((head) => !pruned_heads.has(head)),
    ),
  );
}

function replacePruned<M extends Module>(owner: M, name: keyof M & string, index: Int32Array, isMaker: boolean): void {
  const old = owner[name] as Linear | TransposedLayer;
  Object.assign(owner, { [name]: prune_layer(old, index, isMaker === old instanceof Linear ? 0 : 1) });
  old.weight.dispose();
  old.bias?.dispose();
}

function cutDims(dims: readonly number[], index: Int32Array, dim: number): [number, number] {
  const cut = [...dims] as [number, number];
  cut[dim] = index.length;
  return cut;
}

function cut(parameter: Parameter, index: Int32Array, dim: number): Parameter {
  const dims = parameter.dims.map((d, i) => (i === dim ? index.length : d));
  if (!parameter.isLoaded) return parameter.alike(dims);
  return parameter.alike(dims, index_select(parameter.value, dim, new Tensor('int32', index)));
}

function copied(parameter: Parameter): Parameter {
  return cut(
    parameter,
    Int32Array.from({ length: parameter.dims[0] as number }, (_, i) => i),
    0,
  );
}
