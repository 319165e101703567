import { NotImplementedError, TypeError, ValueError } from '../../errors';
import type { PrunableAttention } from '../../nn/prune';
import { scope } from '../../tensor/scope';
import type { PreTrainedModel } from '../pretrained-model';

/** Layer → heads to remove. */
export type HeadsToPrune = Readonly<Record<number, readonly number[]>> | ReadonlyMap<number, readonly number[]>;

/** Removes heads from the base model's attention. See `PreTrainedModel.prune_heads`. */
export function pruneHeads(model: PreTrainedModel, heads_to_prune: HeadsToPrune): void {
  const { config, base_model } = model;
  const layers = base_model.prunableAttention();
  if (!layers)
    throw new NotImplementedError(`${model.constructor.name} does not support prune_heads; nothing was changed`);
  const asked = readHeads(heads_to_prune);
  for (const [layer, heads] of asked) check(model, layers, layer, heads);
  for (const [layer, heads] of asked) {
    const union = new Set([...(config.pruned_heads[layer] ?? []), ...heads]);
    config.pruned_heads[layer] = [...union].sort((a, b) => a - b);
    scope(() => (layers[layer] as PrunableAttention).prune_heads(heads));
  }
}

function readHeads(heads_to_prune: HeadsToPrune): [number, readonly number[]][] {
  if (heads_to_prune === null || typeof heads_to_prune !== 'object')
    throw new TypeError('prune_heads takes an object of layers and their heads, such as { 0: [1, 3] }');
  const entries = Symbol.iterator in heads_to_prune ? [...heads_to_prune] : Object.entries(heads_to_prune);
  const byLayer = new Map<number, readonly number[]>();
  for (const [layer, heads] of entries) {
    if (!Array.isArray(heads))
      throw new TypeError(`prune_heads: layer ${layer} must have an array of heads, not ${typeof heads}`);
    // A layer may come as 0 and as '0': what stays of it is known only when both are seen.
    byLayer.set(Number(layer), [...(byLayer.get(Number(layer)) ?? []), ...heads]);
  }
  return [...byLayer];
}

/** @throws ValueError for a layer or head that is not there, and when no head would stay */
function check(model: PreTrainedModel, layers: PrunableAttention[], layer: number, heads: readonly number[]): void {
  const name = model.constructor.name;
  const attention = layers[layer];
  if (!attention || !Number.isInteger(layer))
    throw new ValueError(
      `prune_heads: ${name} has layers 0 to ${layers.length - 1}, not ${layer}; nothing was changed`,
    );
  const all = attention.num_attention_heads + attention.pruned_heads.size;
  for (const head of heads)
    if (!Number.isInteger(head) || head < 0 || head >= all)
      throw new ValueError(
        `prune_heads: layer ${layer} of ${name} has heads 0 to ${all - 1}, not ${String(head)}; nothing was changed`,
      );
  if (new Set([...attention.pruned_heads, ...heads]).size === all)
    throw new ValueError(
      `prune_heads: no head of layer ${layer} of ${name} would be left; at least one must stay; nothing was changed`,
    );
}
