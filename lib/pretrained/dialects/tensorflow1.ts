import type { DialectTarget } from './dialect';

/** Parts of names that mark what an optimizer keeps beside the weights. */
const SLOTS: ReadonlySet<string> = new Set([
  'adam_v',
  'adam_m',
  'AdamWeightDecayOptimizer',
  'AdamWeightDecayOptimizer_1',
  'global_step',
]);

/** Whether a variable is no weight: an optimizer's slot, or the count of steps. */
export function isSlot(parts: readonly string[]): boolean {
  return parts.some((part) => SLOTS.has(part));
}

/** `layer_11` as `['layer', '11']`, `block_000` as `['block', '0']`; any other part as it is. */
export function numbered(part: string): string[] {
  const [, name, index] = /^([A-Za-z]+)_(\d+)$/.exec(part) ?? [];
  return name === undefined ? [part] : [name, String(Number(index))];
}

/**
 * Walks a model's names along the parts of a variable's name. A part that leads nowhere is stepped over: variables of
 * TensorFlow 1 have scopes that models lack.
 *
 * @returns the name of a weight; null where the walk does not end at one
 */
export function walk(parts: readonly string[], { shapes }: Pick<DialectTarget, 'shapes'>): string | null {
  let at = '';
  for (const part of parts) {
    const next = at === '' ? part : `${at}.${part}`;
    if (leadsOn(shapes, next)) at = next;
  }
  return shapes.has(at) ? at : null;
}

/** Every prefix of the names, once for each model. */
const prefixes = new WeakMap<ReadonlyMap<string, unknown>, Set<string>>();

function leadsOn(shapes: ReadonlyMap<string, readonly number[]>, path: string): boolean {
  let known = prefixes.get(shapes);
  if (known === undefined) {
    known = new Set();
    for (const name of shapes.keys()) {
      const levels = name.split('.');
      for (let n = 1; n <= levels.length; n++) known.add(levels.slice(0, n).join('.'));
    }
    prefixes.set(shapes, known);
  }
  return known.has(path);
}
