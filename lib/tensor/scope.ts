import { release } from '../binding/runtime';
import { Tensor } from './tensor';

/**
 * A scope frees the tensors made inside it, except those it returns. Scopes are synchronous; every module's forward
 * opens one, so temporaries never reach the garbage collector.
 */

class Scope {
  readonly tensors: Tensor[] = [];
  constructor(readonly outer: Scope | null) {}
}

let current: Scope | null = null;

/** Remembers `tensor` in the open scope; false when there is none. */
export function keepInScope(tensor: Tensor): boolean {
  if (!current) return false;
  current.tensors.push(tensor);
  return true;
}

/** Calls `f` and frees every tensor made in it that is not part of what it returns. */
export function scope<T>(f: () => T): T {
  const own = new Scope(current);
  current = own;
  let result: T | undefined;
  try {
    result = f();
    return result;
  } finally {
    current = own.outer;
    const kept = new Set<Tensor>();
    collect(result, kept);
    const handles = [];
    for (const tensor of own.tensors) {
      if (kept.has(tensor)) tensor.escape();
      else {
        const handle = tensor.detach();
        if (handle) handles.push(handle);
      }
    }
    release(handles);
  }
}

/** Every tensor in `value`: a tensor, or arrays and plain objects of them. */
function collect(value: unknown, into: Set<Tensor>): void {
  if (value instanceof Tensor) into.add(value);
  else if (Array.isArray(value)) for (const item of value) collect(item, into);
  else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))
    for (const item of Object.values(value)) collect(item, into);
}
