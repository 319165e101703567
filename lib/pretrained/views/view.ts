import type { PreTrainedModel } from '../pretrained-model';

// biome-ignore lint/suspicious/noExplicitAny: TypeScript wants mixins to take any arguments
type AnyArguments = any[];

/** A class of models that a view can be made of. */
export type ViewedClass = abstract new (...args: AnyArguments) => PreTrainedModel;

/** A class of models with the methods, and the static ones, of `M`. */
export type View<T extends ViewedClass, M extends abstract new () => object> = Omit<M, 'prototype'> &
  T &
  (new (
    ...args: AnyArguments
  ) => InstanceType<M>);

/** Makes a model by calling `make` with the arguments of PyTorch's class; `args` are those that were given. */
type Construct = (make: (...args: unknown[]) => PreTrainedModel, args: unknown[]) => PreTrainedModel;

/**
 * The rule by which another framework's class is made of PyTorch's: it is that class, computes what that class computes, and
 * has the methods of `Methods` in place of those of the same name. Classes made of the view are its equals in `instanceof`:
 * as in the framework itself, a head's instance is one of its family's base class.
 */
export function viewOf<T extends ViewedClass, M extends abstract new () => object>(
  Viewed: T,
  Methods: M,
  construct: Construct = (make, args) => make(...args),
): View<T, M> {
  // A function and not a class: only so can what `make` makes come in the middle of a constructor.
  const Made = function (this: unknown, ...args: unknown[]): PreTrainedModel {
    const type = new.target as unknown as ViewedClass;
    const make = (...passed: unknown[]) => Reflect.construct(Viewed, passed, type) as PreTrainedModel;
    return construct(make, args);
  };
  Object.setPrototypeOf(Made, Viewed);
  Made.prototype = Object.create(Viewed.prototype, { constructor: { value: Made } });
  copyMembers(Methods.prototype, Made.prototype);
  Object.defineProperty(Made.prototype, viewed, { value: Viewed.prototype });
  copyMembers(Methods, Made);
  const { framework } = Made as unknown as { framework: string };
  Object.defineProperty(Made, Symbol.hasInstance, {
    value(this: object, value: unknown): boolean {
      if (Object.getPrototypeOf(this) !== Made) return Function.prototype[Symbol.hasInstance].call(this, value);
      return value instanceof Viewed && value.framework === framework;
    },
  });
  return Made as unknown as View<T, M>;
}

const viewed = Symbol('viewed');

/** The methods of the class that a model's class is a view of: what `super` would be. */
export function viewedMethods(model: PreTrainedModel): PreTrainedModel {
  return (model as unknown as Record<symbol, PreTrainedModel>)[viewed] as PreTrainedModel;
}

/** Copies what a class, or its prototype, has of its own: the same for every view, so it is listed once. */
function copyMembers(from: object, to: object): void {
  const members = listed.get(from) ?? membersOf(from);
  listed.set(from, members);
  Object.defineProperties(to, members);
}

const listed = new WeakMap<object, PropertyDescriptorMap>();

function membersOf(from: object): PropertyDescriptorMap {
  const members: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(from);
  for (const name of ['constructor', 'prototype', 'name', 'length']) delete members[name];
  return members;
}

/** The name that PyTorch's class has: configs and model cards name architectures so. */
export function architectureOf(className: string): string {
  return className.replace(/^(TF|Flax)(?=[A-Z])/, '');
}
