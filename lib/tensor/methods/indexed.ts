import type { Tensor } from '../tensor';

/**
 * What gives a tensor its `tensor[i]`. Only a name that neither the tensor nor its classes have comes as far as this
 * prototype, so that all other property reads are those of a plain object. It has no effect on writes that define
 * private fields; public fields of subclasses would be slow.
 */
function Base(): void {}
Base.prototype = new Proxy(Object.create(Object.prototype), {
  get(target, key, receiver) {
    const index = typeof key === 'string' ? Number(key) : Number.NaN;
    if (Number.isInteger(index) && String(index) === key) return (receiver as Tensor)._getitem(index);
    return Reflect.get(target, key, receiver);
  },
  set(target, key, value, receiver) {
    if (typeof key === 'string' && Number.isInteger(Number(key))) return false; // a TypeError: tensors are not assigned to
    return Reflect.set(target, key, value, receiver);
  },
});

/** `tensor[i]` is `tensor._getitem(i)`; a negative i counts from the end. */
export const Indexed = Base as unknown as abstract new () => { readonly [index: number]: Tensor };
