import { ValueError, TypeError as WrongType } from '../errors';

/**
 * JSON as Python's `json` module reads and writes it. JavaScript has one kind of number and Python two, and a config
 * that is loaded and saved must not turn `1.0` into `1`: objects read here remember which of their numbers were floats,
 * and the digits of integers beyond 2^53. `NaN`, `Infinity` and `-Infinity` are numbers, as there.
 */

/** `true`: a float, also when whole; a text: the digits of an integer that a JavaScript number cannot hold. */
type NumberKind = true | string;

const kinds = new WeakMap<object, Map<string, NumberKind>>();
const kMaxDepth = 500;

/** Says that the numbers under `keys` of `target` are floats: `1` is written as `1.0`. */
export function markFloats(target: object, keys: Iterable<string>): void {
  const own = kinds.get(target) ?? new Map<string, NumberKind>();
  for (const key of keys) own.set(key, true);
  kinds.set(target, own);
}

/** Whether the number under `key` of `target` is one that Python would call a float. */
export function isFloat(target: object, key: string): boolean {
  const value = (target as Record<string, unknown>)[key];
  return kinds.get(target)?.get(key) === true || (typeof value === 'number' && !Number.isInteger(value));
}

/** Gives `to[toKey]` what is known of the number `from[fromKey]`; an object not read from JSON knows nothing. */
export function passKind(from: object, fromKey: string, to: object, toKey: string): void {
  const known = kinds.get(from);
  if (!known) return;
  const kind = known.get(fromKey);
  const own = kinds.get(to) ?? new Map<string, NumberKind>();
  if (kind === undefined) own.delete(toKey);
  else own.set(toKey, kind);
  kinds.set(to, own);
}

/** A deep copy of plain objects and arrays; anything else is kept as it is. */
export function copyJson<T>(value: T): T {
  if (!isContainer(value)) return value;
  const copy = (Array.isArray(value) ? [] : {}) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) put(copy, key, copyJson(item));
  const known = kinds.get(value);
  if (known) kinds.set(copy, new Map(known));
  return copy as T;
}

/** Equality by content, as Python's `==` has it: 1 equals true, undefined counts as null. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (isContainer(a) && isContainer(b)) {
    if (Array.isArray(a) !== Array.isArray(b)) return false;
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key], b[key]))
    );
  }
  return plainOf(a) === plainOf(b);
}

function plainOf(value: unknown): unknown {
  return typeof value === 'boolean' ? Number(value) : (value ?? null);
}

/** Whether `value` is an array or an object without a class of its own. */
export function isContainer(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

/**
 * Text of `value` with keys sorted by code point, two spaces of indent, and every character beyond printable ASCII escaped.
 * @param integerKeyed - names whose objects have integer keys, which sort by number
 * @throws TypeError for a value that JSON cannot hold
 */
export function formatJson(
  value: unknown,
  integerKeyed: ReadonlySet<string> = new Set(),
  indent = '',
  key = '',
): string {
  if (!isContainer(value)) return formatScalar(value, key);
  const inner = `${indent}  `;
  const item = (name: string) => {
    const kind = kinds.get(value)?.get(name);
    const content = value[name];
    if (typeof content === 'number' && kind !== undefined) return formatNumber(content, kind);
    return formatJson(content, integerKeyed, inner, name);
  };
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((_, i) => inner + item(String(i))).join(',\n')}\n${indent}]`;
  }
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  if (names.length === 0) return '{}';
  names.sort(integerKeyed.has(key) ? (a, b) => Number(a) - Number(b) : byCodePoint);
  return `{\n${names.map((name) => `${inner}${formatString(name)}: ${item(name)}`).join(',\n')}\n${indent}}`;
}

function formatScalar(value: unknown, key: string): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return formatString(value);
  if (typeof value === 'number') return formatNumber(value, undefined);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  const type = (value as object).constructor?.name ?? typeof value;
  throw new WrongType(
    `the field '${key}' holds a ${type}, which JSON cannot hold; use plain objects, arrays and numbers`,
  );
}

function formatString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function formatNumber(value: number, kind: NumberKind | undefined): string {
  if (typeof kind === 'string' && Number(kind) === value) return kind;
  if (Number.isInteger(value) && kind !== true && !Object.is(value, -0)) return BigInt(value).toString();
  return formatFloat(value);
}

/** Python's `repr` of a float: the shortest digits that give it back, with an exponent below 1e-4 and from 1e16. */
export function formatFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa, power] = Math.abs(value).toExponential().split('e') as [string, string];
  const sign = value < 0 ? '-' : '';
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  const digits = mantissa.replace('.', '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/**
 * The value that `text` says: JSON, and Python's three words for numbers that are not finite.
 * @throws ValueError with line and column of the first fault
 */
export function parseJson(text: string): unknown {
  return new Reader(text).document();
}

const kSpecialFloats = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): unknown {
    const value = this.value(0, null, '');
    this.space();
    if (this.at < this.text.length) this.fail('more text behind the value');
    return value;
  }

  private value(depth: number, owner: Map<string, NumberKind> | null, key: string): unknown {
    if (depth > kMaxDepth) this.fail(`more than ${kMaxDepth} values inside each other`);
    this.space();
    const first = this.text[this.at];
    if (first === '{') return this.object(depth);
    if (first === '[') return this.array(depth);
    if (first === '"') return this.string();
    const word = this.match(/true|false|null|NaN|-?Infinity/y);
    if (word === null) return this.number(owner, key);
    return kSpecialFloats.get(word) ?? JSON.parse(word);
  }

  private object(depth: number): unknown {
    const result: Record<string, unknown> = {};
    const own = new Map<string, NumberKind>();
    this.at++;
    for (let more = !this.accept('}'); more; more = this.more('}')) {
      this.space();
      if (this.text[this.at] !== '"') this.fail('a key in double quotes is missing');
      const key = this.string();
      if (!this.accept(':')) this.fail("':' is missing");
      own.delete(key);
      put(result, key, this.value(depth + 1, own, key));
    }
    kinds.set(result, own);
    return taggedFloat(result) ?? result;
  }

  private array(depth: number): unknown[] {
    const result: unknown[] = [];
    const own = new Map<string, NumberKind>();
    this.at++;
    for (let more = !this.accept(']'); more; more = this.more(']'))
      result.push(this.value(depth + 1, own, String(result.length)));
    kinds.set(result, own);
    return result;
  }

  private number(owner: Map<string, NumberKind> | null, key: string): number {
    const token = this.match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    if (token === null) return this.fail('a value is missing');
    const value = Number(token);
    if (/[.eE]/.test(token)) {
      owner?.set(key, true);
      return value;
    }
    if (!Number.isSafeInteger(value)) owner?.set(key, token);
    return value === 0 ? 0 : value;
  }

  private string(): string {
    let end = this.at + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    const token = this.text.slice(this.at, end + 1);
    try {
      const value = JSON.parse(token) as string;
      this.at = end + 1;
      return value;
    } catch {
      return this.fail('a text has a wrong escape or a control character, or does not end');
    }
  }

  /** After a member: true when another follows, false at the end of the container. */
  private more(close: string): boolean {
    if (this.accept(',')) return true;
    return this.accept(close) ? false : this.fail(`',' or '${close}' is missing`);
  }

  private accept(character: string): boolean {
    this.space();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private space(): void {
    this.match(/[ \t\n\r]*/y);
  }

  private match(sticky: RegExp): string | null {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text);
    if (!found) return null;
    this.at += found[0].length;
    return found[0];
  }

  private fail(what: string): never {
    const before = this.text.slice(0, this.at).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new ValueError(`line ${before.length}, column ${column}: ${what}`, { code: 'ERR_JSON' });
  }
}

/** Transformers 5 writes a number that is not finite as {"__float__": "Infinity"}. */
function taggedFloat(value: Record<string, unknown>): number | null {
  const tag = value['__float__'];
  if (typeof tag !== 'string' || Object.keys(value).length !== 1) return null;
  return kSpecialFloats.get(tag) ?? null;
}
