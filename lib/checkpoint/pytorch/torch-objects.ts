/** What names, calls and persistent ids in a file of weights mean: tensors, storages and inert data, or a refusal. */
import type { PlainDType } from '../dtype';
import { quote } from '../fault';
import type { PickleMeaning } from './pickle';
import type { PickleFail } from './pickle-bytes';
import { describePickled, PickleDict, PickleList, PickleSet, PickleTuple, type PickleValue } from './pickle-values';
import { InertObject, PickledStorage, PickledTensor, ScriptModule, UnsupportedTensor } from './pickled-tensor';
import { TorchGlobal, torchGlobal } from './torch-globals';

/** No tensor has more dimensions; the limit that can be set is checked where the tensor has a name. */
const MOST_DIMENSIONS = 255;
/** Entries of a tensor's metadata: `conj` and `neg`. */
const MOST_METADATA = 8;
/** Pairs that are copied into dictionaries: one list can be given to any number of them. */
const MOST_PAIRS = 4_000_000;

/** Names whose errors are collected rather than thrown, for those who only look. */
export type ForbiddenNames = Set<string> | null;

export class TorchObjects implements PickleMeaning {
  /** Whatever storages the pickle has named. */
  readonly storages = new Map<string, PickledStorage>();
  private pairs = 0;

  constructor(
    protected readonly fail: PickleFail,
    private readonly forbidden: ForbiddenNames = null,
  ) {}

  global(module: string, name: string): PickleValue {
    const known = torchGlobal(module, name);
    if (known !== null) return known;
    const full = `${module}.${name}`;
    if (this.forbidden === null) {
      this.fail(
        'PICKLE_FORBIDDEN_GLOBAL',
        `it names ${quote(full)}, which is neither a tensor nor plain data and is never imported here; ` +
          'save the state_dict alone, without objects of other classes',
      );
    }
    (this.forbidden as Set<string>).add(full);
    return new TorchGlobal(full, { is: 'inert' });
  }

  call(callable: PickleValue, args: PickleTuple): PickleValue {
    if (!(callable instanceof TorchGlobal)) this.wrong(`${describePickled(callable)} is called`);
    const { name, role } = callable as TorchGlobal;
    switch (role.is) {
      case 'rebuild':
        return this.rebuild(name, role.version, args.items);
      case 'unsupported':
        return new UnsupportedTensor(role.kind);
      case 'tensor':
        return this.tensorArgument(name, args.items[0]);
      case 'module':
        return new ScriptModule();
      case 'identity':
        return args.items[0] ?? this.wrong(`${name} is given nothing`);
      case 'dict':
        return this.dict(name, args.items);
      case 'set':
        return this.set(args.items);
      case 'size':
        return new PickleTuple(this.ints(name, args.items[0] ?? new PickleTuple([])));
      case 'encode':
        return this.encode(args.items);
      case 'inert':
        return new InertObject(name);
      default:
        return this.wrong(`${name} is called`);
    }
  }

  build(object: PickleValue, state: PickleValue): void {
    // The state of a dictionary is `_metadata`, that of an inert object is ignored with it.
    if (object instanceof InertObject) return;
    if (object instanceof ScriptModule && state instanceof PickleDict) {
      object.attributes = state;
      return;
    }
    // Parameters of torch before 0.4: whether they are trained, and their hooks.
    if (object instanceof PickledTensor && state instanceof PickleTuple) return;
    if (object instanceof PickleDict && object.hasAttributes && state instanceof PickleDict) return;
    this.wrong(`a state is given to ${describePickled(object)}`);
  }

  persistent(id: PickleValue): PickleValue {
    const [kind, type, key, , elements, view] = id instanceof PickleTuple ? id.items : [];
    // Where the class of a whole module was written; it has been judged by its name.
    if (kind === 'module' && type instanceof TorchGlobal && type.role.is === 'inert') return type;
    if (kind !== 'storage' || typeof key !== 'string') return this.wrong('a persistent id is not that of a storage');
    if (!(type instanceof TorchGlobal) || type.role.is !== 'storage') {
      return this.wrong(`the class of storage ${quote(key)} is ${describePickled(type ?? null)}`);
    }
    if (!isCount(elements)) return this.wrong(`storage ${quote(key)} has no number of elements`);
    const { dtype, unsupported } = type.role;
    let root = this.storages.get(key);
    if (root === undefined) {
      root = new PickledStorage(key, dtype, elements, unsupported);
      this.storages.set(key, root);
    }
    if (root.dtype !== dtype || root.unsupported !== unsupported || root.elements !== elements) {
      return this.wrong(`storage ${quote(key)} is described in two ways`);
    }
    return view === undefined || view === null ? root : this.viewOf(root, view);
  }

  /** `(name, offset, number of elements)`: a part of a storage that is a storage of its own. */
  private viewOf({ key, dtype, elements, unsupported }: PickledStorage, view: PickleValue): PickledStorage {
    const [, offset, length] = view instanceof PickleTuple ? view.items : [];
    if (!isCount(offset) || !isCount(length)) return this.wrong(`a view of storage ${quote(key)} has no place in it`);
    return new PickledStorage(key, dtype, elements, unsupported, { offset, elements: length });
  }

  private rebuild(name: string, version: string, args: readonly PickleValue[]): PickleValue {
    if (version === 'parameter') return this.tensorArgument(name, args[0]);
    if (version === 'from_type') return this.fromType(args);
    const [storage, offset, size, stride, , , dtypeOrMetadata, last] = args;
    if (!(storage instanceof PickledStorage)) return this.wrong(`${name} is given ${describePickled(storage ?? null)}`);
    if (version === 'plain' && args.length !== 4) return this.wrong(`${name} is given ${args.length} arguments`);
    const metadata = version === 'v3' ? last : dtypeOrMetadata;
    if (storage.unsupported !== null) return new UnsupportedTensor(`a tensor of ${storage.unsupported}`);
    if (metadata instanceof PickleDict && metadata.values.length > MOST_METADATA) {
      return this.wrong(`${name} is given metadata of ${metadata.values.length} entries`);
    }
    if (metadata instanceof PickleDict && metadata.values.includes(true)) {
      return new UnsupportedTensor('a conjugated or negated view');
    }
    const dtype = version === 'v3' ? this.dtypeArgument(name, storage, dtypeOrMetadata) : storage.dtype;
    if (dtype === undefined) return new UnsupportedTensor('a tensor of an element type that weights do not have');
    if (dtype === null) return this.wrong(`${name} is given bytes without a type`);
    if (typeof offset !== 'number') return this.wrong(`${name} is given ${describePickled(offset ?? null)} as offset`);
    return new PickledTensor(storage, dtype, offset, this.ints(name, size), this.ints(name, stride));
  }

  /** The element type of a tensor over bytes; undefined for one that is not read. */
  private dtypeArgument(name: string, storage: PickledStorage, value?: PickleValue): PlainDType | undefined {
    if (!(value instanceof TorchGlobal) || value.role.is !== 'dtype') {
      return this.wrong(`${name} is given ${describePickled(value ?? null)} as element type`);
    }
    const { dtype } = value.role;
    if (storage.dtype !== null && storage.dtype !== dtype) {
      return this.wrong(`${name} is given elements of ${storage.dtype} as ${value.name}`);
    }
    return dtype ?? undefined;
  }

  /** `_rebuild_from_type_v2(function, type, args, state)`: what the function makes, if the type adds nothing to it. */
  private fromType([callable, type, args]: readonly PickleValue[]): PickleValue {
    const rebuilds = callable instanceof TorchGlobal && ['rebuild', 'unsupported'].includes(callable.role.is);
    if (!rebuilds || !(args instanceof PickleTuple)) return this.wrong('_rebuild_from_type_v2 is given no tensor');
    if ((callable as TorchGlobal).name === 'torch._tensor._rebuild_from_type_v2')
      return this.wrong('it rebuilds itself');
    if (!(type instanceof TorchGlobal) || type.role.is !== 'tensor') {
      return this.wrong(`a tensor has the class ${describePickled(type ?? null)}`);
    }
    return this.call(callable as TorchGlobal, args);
  }

  private tensorArgument(name: string, value: PickleValue | undefined): PickleValue {
    if (value instanceof PickledTensor || value instanceof UnsupportedTensor) return value;
    return this.wrong(`${name} is given ${describePickled(value ?? null)}, not a tensor`);
  }

  /** OrderedDict(), OrderedDict([(key, value)…]), defaultdict(factory), Counter({…}). */
  private dict(name: string, args: readonly PickleValue[]): PickleDict {
    const dict = new PickleDict(true);
    const content = name === 'collections.defaultdict' ? args[1] : args[0];
    if (content === undefined) return dict;
    if (content instanceof PickleDict) {
      this.countPairs(content.keys.length);
      for (const key of content.keys) dict.keys.push(key);
      for (const value of content.values) dict.values.push(value);
      dict.depth = content.depth;
      return dict;
    }
    if (!(content instanceof PickleList)) this.wrong(`${name} is made of ${describePickled(content)}`);
    const { items: pairs, depth } = content as PickleList;
    this.pairs += pairs.length;
    if (this.pairs > MOST_PAIRS)
      this.fail('PICKLE_TOO_LARGE', `it makes dictionaries of more than ${MOST_PAIRS} pairs`);
    for (const pair of pairs) {
      const items = pair instanceof PickleTuple || pair instanceof PickleList ? pair.items : [];
      if (items.length !== 2) this.wrong(`${name} is made of something else than pairs`);
      dict.keys.push(items[0] as PickleValue);
      dict.values.push(items[1] as PickleValue);
    }
    dict.depth = depth;
    return dict;
  }

  private countPairs(count: number): void {
    this.pairs += count;
    if (this.pairs > MOST_PAIRS)
      this.fail('PICKLE_TOO_LARGE', `it makes dictionaries of more than ${MOST_PAIRS} pairs`);
  }

  private set([content]: readonly PickleValue[]): PickleSet {
    if (content === undefined) return new PickleSet();
    if (!(content instanceof PickleList)) return this.wrong(`a set is made of ${describePickled(content)}`);
    const set = new PickleSet(content.items);
    set.depth = content.depth;
    return set;
  }

  /** `_codecs.encode(text, 'latin1')`, which is how protocol 2 writes bytes. Nothing needs them, so none are made. */
  private encode([text, encoding]: readonly PickleValue[]): InertObject {
    if (typeof text !== 'string' || encoding !== 'latin1') return this.wrong('_codecs.encode is not given latin1 text');
    return new InertObject('bytes');
  }

  /** The ints of a tuple; the tuple's own, which never change. */
  private ints(name: string, value: PickleValue | undefined): readonly number[] {
    const items = value instanceof PickleTuple ? value.items : null;
    if (items !== null && items.length > MOST_DIMENSIONS) {
      this.fail('TOO_MANY_DIMENSIONS', `${name} is given a size or stride of ${items.length} dimensions`);
    }
    if (items?.every((item) => typeof item === 'number')) return items as readonly number[];
    return this.wrong(`${name} is given a size or stride that is no tuple of ints below 2^53`);
  }

  protected wrong(message: string): never {
    this.fail('PICKLE_TYPE_ERROR', message);
  }
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && value >= 0;
}
