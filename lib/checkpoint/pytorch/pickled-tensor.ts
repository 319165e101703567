import type { PlainDType } from '../dtype';
import { type PickleDict, PickleObject } from './pickle-values';

/** A storage that a pickle names: a run of elements in a member of the archive. */
export class PickledStorage extends PickleObject {
  readonly what = 'a storage';
  constructor(
    /** Name of the member below `data/`. */
    readonly key: string,
    /** Type of the elements; null for bytes that the tensor gives a type. */
    readonly dtype: PlainDType | null,
    /** Elements; bytes where the type is null. */
    readonly elements: number,
    /** Why no weight can be in it, or null. */
    readonly unsupported: string | null = null,
    /** The part of the storage that is meant, in elements, where it is not all: files of torch before 1.6 have such views. */
    readonly view: { offset: number; elements: number } | null = null,
  ) {
    super();
  }
}

/** A tensor as the pickle describes it: a view of a storage, in elements. Nothing of it has been checked. */
export class PickledTensor extends PickleObject {
  readonly what = 'a tensor';
  constructor(
    readonly storage: PickledStorage,
    readonly dtype: PlainDType,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {
    super();
  }
}

/** A tensor that cannot be a weight: quantized, sparse and the like. */
export class UnsupportedTensor extends PickleObject {
  readonly what: string;
  constructor(
    /** What it is, such as 'a sparse tensor'. */
    readonly kind: string,
  ) {
    super();
    this.what = kind;
  }
}

/** A module of TorchScript: what lies in its attributes; its code is never looked at. */
export class ScriptModule extends PickleObject {
  readonly what = 'a TorchScript module';
  attributes: PickleDict | null = null;
}

/** A class, function, dtype or object that may stand in a file of weights and means nothing to them. */
export class InertObject extends PickleObject {
  constructor(readonly what: string) {
    super();
  }
}
