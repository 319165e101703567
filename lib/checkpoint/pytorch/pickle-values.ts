/** What a pickle is made of once read: plain data. None of it can act. */

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleFloat
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleSet
  | PickleObject;

/** Values that contain others know how deep those nest. */
export abstract class Nested {
  depth = 1;
}

/** A number with a point. A plain JavaScript number is a Python int. */
export class PickleFloat {
  constructor(readonly value: number) {}
}

export class PickleTuple extends Nested {
  constructor(readonly items: readonly PickleValue[]) {
    super();
  }
}

export class PickleList extends Nested {
  constructor(readonly items: PickleValue[] = []) {
    super();
  }
}

export class PickleSet extends Nested {
  constructor(readonly items: PickleValue[] = []) {
    super();
  }
}

/** A dict, OrderedDict, defaultdict or Counter: its pairs in the order in which they were set, equal keys included. */
export class PickleDict extends Nested {
  /** @param hasAttributes - whether a state can be given to it: not to a plain dict. */
  constructor(readonly hasAttributes = false) {
    super();
  }
  readonly keys: PickleValue[] = [];
  readonly values: PickleValue[] = [];
}

/** Anything else. What it stands for is decided by whoever makes it. */
export abstract class PickleObject {
  /** A few words for messages. */
  abstract readonly what: string;
}

/** A few words on `value` for messages. */
export function describePickled(value: PickleValue): string {
  if (value === null) return 'None';
  if (value instanceof PickleObject) return value.what;
  if (value instanceof PickleFloat) return 'a float';
  if (value instanceof PickleTuple) return 'a tuple';
  if (value instanceof PickleList) return 'a list';
  if (value instanceof PickleDict) return 'a dictionary';
  if (value instanceof PickleSet) return 'a set';
  switch (typeof value) {
    case 'boolean':
      return 'a bool';
    case 'string':
      return 'a string';
    case 'object':
      return 'bytes';
    default:
      return 'an int';
  }
}
