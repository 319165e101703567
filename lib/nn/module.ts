import { AttributeError } from '../errors';
import { scope } from '../tensor/scope';
import { Buffer, Parameter } from './parameter';

/**
 * A node of the model's tree. Its fields are the checkpoint's key segments: walking them in the order in which they
 * were assigned gives the `state_dict`, own parameters and buffers first, then children.
 */
export class Module {
  /** True in a freshly built module; `from_pretrained` ends with `eval()`. */
  declare training: boolean;
  /** True once its weights were given or drawn: `init_weights` passes it over. */
  declare _is_hf_initialized: boolean;

  /** Subclasses whose instances are functions (`await model(inputs)`) set this. */
  protected static readonly callable: boolean = false;

  constructor() {
    const self = (new.target as typeof Module).callable ? callable(this) : this;
    hide(self, 'training', true);
    hide(self, '_is_hf_initialized', false);
    const forward = self.forward;
    if (forward) hide(self, 'forward', (...args: never[]) => scope(() => forward.apply(self, args)));
    // biome-ignore lint/correctness/noConstructorReturn: a callable module is a function with this prototype
    return self;
  }

  /** Computes the module. Synchronous; the tensors it makes and does not return are freed behind their last reader. */
  forward?(...args: never[]): unknown;

  /** What `await module(…)` does, where the class is callable. */
  protected invoke?(...args: never[]): unknown;

  /** The modules that are fields of this one, with their names. */
  *named_children(): Generator<[name: string, module: Module]> {
    for (const [name, value] of Object.entries(this)) if (value instanceof Module) yield [name, value];
  }

  *children(): Generator<Module> {
    for (const [, module] of this.named_children()) yield module;
  }

  /** This module and all below it, with dotted names; this one's name is ''. */
  *named_modules(prefix = ''): Generator<[name: string, module: Module]> {
    yield [prefix, this];
    for (const [name, child] of this.named_children()) yield* child.named_modules(join(prefix, name));
  }

  /** This module and all below it. */
  *modules(): Generator<Module> {
    for (const [, module] of this.named_modules()) yield module;
  }

  /** Parameters and persistent buffers in `state_dict` order. Tied parameters appear under each of their names. */
  *named_state(prefix = ''): Generator<[name: string, value: Parameter | Buffer]> {
    for (const [name, value] of Object.entries(this)) if (value instanceof Parameter) yield [join(prefix, name), value];
    for (const [name, value] of Object.entries(this))
      if (value instanceof Buffer && value.persistent) yield [join(prefix, name), value];
    for (const [name, child] of this.named_children()) yield* child.named_state(join(prefix, name));
  }

  /** Distinct parameters with their first name. */
  *named_parameters(): Generator<[name: string, parameter: Parameter]> {
    const seen = new Set<Parameter>();
    for (const [name, value] of this.named_state()) {
      if (!(value instanceof Parameter) || seen.has(value)) continue;
      seen.add(value);
      yield [name, value];
    }
  }

  /** Distinct parameters. */
  *parameters(): Generator<Parameter> {
    for (const [, parameter] of this.named_parameters()) yield parameter;
  }

  /** All buffers, also those that checkpoints do not hold. */
  *named_buffers(prefix = ''): Generator<[name: string, buffer: Buffer]> {
    for (const [name, value] of Object.entries(this)) if (value instanceof Buffer) yield [join(prefix, name), value];
    for (const [name, child] of this.named_children()) yield* child.named_buffers(join(prefix, name));
  }

  *buffers(): Generator<Buffer> {
    for (const [, buffer] of this.named_buffers()) yield buffer;
  }

  /** The module with that dotted name; this one for ''. @throws AttributeError */
  get_submodule(target: string): Module {
    for (const [name, module] of this.named_modules()) if (name === target) return module;
    throw new AttributeError(`${this.constructor.name} has no module '${target}'`);
  }

  /** The parameter with that dotted name. @throws AttributeError */
  get_parameter(target: string): Parameter {
    for (const [name, value] of this.named_state()) if (name === target && value instanceof Parameter) return value;
    throw new AttributeError(`${this.constructor.name} has no parameter '${target}'`);
  }

  /** The buffer with that dotted name. @throws AttributeError */
  get_buffer(target: string): Buffer {
    for (const [name, buffer] of this.named_buffers()) if (name === target) return buffer;
    throw new AttributeError(`${this.constructor.name} has no buffer '${target}'`);
  }

  /** Calls `f` with every module below this one, and with this one last. */
  apply(f: (module: Module) => void): this {
    for (const module of this.children()) module.apply(f);
    f(this);
    return this;
  }

  /** Sets training or evaluation mode, recursively. */
  train(mode = true): this {
    for (const [, module] of this.named_modules()) module.training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }
}

/** A numbered list of modules: its keys are '0', '1', … */
export class ModuleList<T extends Module> extends Module {
  [index: number]: T;

  constructor(modules: Iterable<T> = []) {
    super();
    for (const module of modules) this.append(module);
  }

  get length(): number {
    let n = 0;
    for (const _ of this.named_children()) n++;
    return n;
  }

  append(module: T): this {
    this[this.length] = module;
    return this;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const module of this.children()) yield module as T;
  }
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

/** A property that walking the fields does not see. */
function hide(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

function callable(module: Module): Module {
  const f = ((...args: never[]) =>
    (f as unknown as { invoke(...a: never[]): unknown }).invoke(...args)) as unknown as Module;
  return Object.setPrototypeOf(f, Object.getPrototypeOf(module)) as Module;
}
