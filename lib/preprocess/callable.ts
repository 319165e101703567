/**
 * A class whose instances are functions: calling one runs its `_call`. What an ordinary function would have, `name` and
 * `length` among it, is taken off, so that the names are free for the class.
 */
export abstract class Callable {
  constructor() {
    const instance = ((...args: unknown[]) => (instance as unknown as Callable)._call(...args)) as unknown as Callable;
    Object.setPrototypeOf(instance, new.target.prototype);
    Reflect.deleteProperty(instance, 'name');
    Reflect.deleteProperty(instance, 'length');
    // biome-ignore lint/correctness/noConstructorReturn: the instance is the function
    return instance;
  }

  abstract _call(...args: unknown[]): unknown;
}
