import { RuntimeError } from '../errors';
import type { Module } from '../nn/module';
import type { Tensor } from '../tensor/tensor';

/** Which names of a `state_dict` share memory, and which of them a safetensors file holds. */

/** The memory that a tensor's elements lie in: those of one storage may share bytes. */
export function storageOf(tensor: Tensor): object {
  return tensor.isHost ? tensor.data.buffer : tensor.owner;
}

/**
 * The names that a format without sharing holds: of names that are one tensor, those that `tied` declares go, sorted, as
 * long as one stays. Different parts of one storage are kept.
 * @param tied - regular expressions, searched: `_tied_weights_keys`
 * @throws RuntimeError when names share bytes that nothing declares as tied
 */
export function withoutShared(state: ReadonlyMap<string, Tensor>, tied: readonly string[]): Map<string, Tensor> {
  const kept = new Map(state);
  for (const names of groups(state)) {
    for (const name of namesToDrop(names, tied)) kept.delete(name);
    const rest = names.filter((name) => kept.has(name));
    if (rest.length > 1) refuseOverlap(rest, state);
  }
  return kept;
}

/** Of the names of one tensor those that a format without sharing does not hold. */
export function namesToDrop(names: readonly string[], tied: readonly string[]): string[] {
  const expressions = tied.map((pattern) => new RegExp(pattern));
  const declared = [...names].sort().filter((name) => expressions.some((pattern) => pattern.test(name)));
  return declared.slice(0, names.length - 1);
}

/** Names of one storage, where there are several. */
function groups(state: ReadonlyMap<string, Tensor>): string[][] {
  const byStorage = new Map<object, string[]>();
  for (const [name, tensor] of state) {
    if (tensor.size === 0) continue;
    const storage = storageOf(tensor);
    byStorage.set(storage, [...(byStorage.get(storage) ?? []), name]);
  }
  return [...byStorage.values()].filter((names) => names.length > 1);
}

function refuseOverlap(names: readonly string[], state: ReadonlyMap<string, Tensor>): void {
  const areas = names
    .map((name) => ({ name, ...areaOf(state.get(name) as Tensor) }))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  for (let i = 1; i < areas.length; i++) {
    const [before, area] = [areas[i - 1] as (typeof areas)[0], areas[i] as (typeof areas)[0]];
    if (area.begin >= before.end) continue;
    throw new RuntimeError(
      `'${before.name}' and '${area.name}' share memory, and the model's _tied_weights_keys do not say so: a safetensors ` +
        'file would hold them twice and they would load as two tensors. Declare them there, or clone() one of them',
      { code: 'ERR_SHARED_TENSORS' },
    );
  }
}

function areaOf(tensor: Tensor): { begin: number; end: number } {
  if (!tensor.isHost) return { begin: 0, end: 1 };
  const { byteOffset, byteLength } = tensor.data;
  return { begin: byteOffset, end: byteOffset + byteLength };
}

/** The patterns of the model and, below their names, of the models inside it. */
export function tiedNames(model: Module): string[] {
  const patterns: string[] = [];
  for (const [path, module] of model.named_modules()) {
    const { _tied_weights_keys = [] } = module.constructor as { _tied_weights_keys?: readonly string[] };
    for (const pattern of _tied_weights_keys) patterns.push(path === '' ? pattern : `${path}.${pattern}`);
  }
  return patterns;
}
