import { TypeError, unknownName } from '../errors';
import type { Module } from '../nn/module';
import { type DType, parseDtype } from '../tensor/dtype';
import { cast } from '../tensor/ops/cast';
import { scope } from '../tensor/scope';
import { checkWeightType } from './load-options';

/** What `model.to(…)` was asked for. */
interface Move {
  dtype: DType | null;
  device: string | null;
}

/** What `model.to(…)` was asked for. A text is a device where it is named like one, else a dtype; there may be one of each. */
export function moveOptions(target: string | { dtype?: string; device?: string }, further?: string): Move {
  if (further !== undefined) return both(moveOptions(target), moveOptions(further), `to('${target}', '${further}')`);
  if (typeof target === 'string')
    return /^(cpu|cuda|mps|meta|wasm|webgpu|disk)(:\d+)?$/.test(target)
      ? { dtype: null, device: target }
      : { dtype: checkWeightType(parseDtype(target)), device: null };
  if (target === null || typeof target !== 'object')
    throw new TypeError(`to() takes a dtype such as 'bfloat16', a device, or both by name; not ${String(target)}`);
  for (const name of Object.keys(target))
    if (name !== 'dtype' && name !== 'device') throw unknownName('option', name, 'to', ['dtype', 'device']);
  const { dtype, device } = target;
  return { dtype: dtype === undefined ? null : checkWeightType(parseDtype(dtype)), device: device ?? null };
}

function both(a: Move, b: Move, where: string): Move {
  if ((a.dtype && b.dtype) || (a.device && b.device))
    throw new TypeError(`${where} names two of one kind: give a device and a dtype, such as to('cpu', 'float16')`);
  return { dtype: a.dtype ?? b.dtype, device: a.device ?? b.device };
}

/** Gives every parameter the type: nearest even, overflow to infinity. Calls that were made before see the old ones. */
export function castModule(module: Module, type: DType): void {
  for (const parameter of module.parameters()) {
    if (parameter.type === type) continue;
    if (parameter.isLoaded) scope(() => parameter.renew(cast(parameter.value, type)));
    parameter.type = type;
  }
}
