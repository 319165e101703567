import { TypeError, ValueError } from '../../errors';
import { refuseSurplus } from '../../options';
import { dimension } from '../dimension';
import type { TypedArray } from '../dtype';
import { describeValue, toElements } from '../elements';
import { as } from '../expression';
import { div, sub, unary } from '../ops/elementwise';
import { amax, sum } from '../ops/reduce';
import * as ops from '../ops/softmax';
import { computeFloating } from '../promote';
import { scope } from '../scope';
import { Tensor } from '../tensor';

/** Functions of vectors: of plain and typed arrays at once in JS, of Tensors natively. */

/** Numbers in JS. */
export type NumberArray = number[] | Exclude<TypedArray, BigInt64Array | BigUint64Array>;

/** What an array of fractions comes in: typed arrays of whole numbers become a Float32Array. */
export type FractionArray<T> = T extends number[] | Float32Array | Float64Array ? T : Float32Array;

function checkArray(op: string, x: unknown, dim: number): asserts x is NumberArray {
  if (!Array.isArray(x) && (!ArrayBuffer.isView(x) || /^Big|DataView/.test(x.constructor.name)))
    throw new TypeError(`${op} takes a Tensor or an array of numbers, not ${describeValue(x)}`);
  const array = x as NumberArray;
  if (array.length === 0) throw new ValueError(`${op} of an empty array`);
  if (Array.isArray(array)) {
    const at = array.findIndex((value) => typeof value !== 'number');
    if (at >= 0) throw new TypeError(`${op}: element ${at} is ${describeValue(array[at])}, not a number`);
  }
  if (dim !== -1 && dim !== 0) throw new ValueError(`${op}: an array has no dimension ${dim}`);
}

/** `values` in an array of the kind of `like`. */
function inKind<T>(like: T, values: number[]): FractionArray<T> {
  if (Array.isArray(like)) return values as FractionArray<T>;
  const wide = (like as { constructor: { name: string } }).constructor.name === 'Float64Array';
  return (wide ? Float64Array.from(values) : Float32Array.from(values)) as FractionArray<T>;
}

function largest(x: NumberArray): number {
  let top = -Infinity;
  for (let i = 0; i < x.length; i++) top = Math.max(top, x[i] as number);
  return top;
}

/**
 * e^x over its sum.
 * @param x - numbers; or a Tensor, along its dimension `dim`
 * @returns as many numbers in the same kind of array; or a Tensor of the shape of x
 */
export function softmax(x: Tensor, dim?: number): Tensor;
export function softmax<T extends NumberArray>(x: T): FractionArray<T>;
export function softmax(x: Tensor | NumberArray, dim = -1, ...surplus: never[]): Tensor | NumberArray {
  refuseSurplus('softmax', surplus);
  if (x instanceof Tensor) return alongDimension('softmax', x, dim);
  checkArray('softmax', x, dim);
  const top = largest(x);
  const exps = Array.from(x as ArrayLike<number>, (value) => Math.exp(value - top));
  const total = exps.reduce((a, b) => a + b, 0);
  return inKind(
    x,
    exps.map((value) => value / total),
  );
}

/**
 * The logarithm of softmax.
 * @param x - numbers; or a Tensor, along its dimension `dim`
 * @returns as many numbers in the same kind of array; or a Tensor of the shape of x
 */
export function log_softmax(x: Tensor, dim?: number): Tensor;
export function log_softmax<T extends NumberArray>(x: T): FractionArray<T>;
export function log_softmax(x: Tensor | NumberArray, dim = -1, ...surplus: never[]): Tensor | NumberArray {
  refuseSurplus('log_softmax', surplus);
  if (x instanceof Tensor) return alongDimension('log_softmax', x, dim);
  checkArray('log_softmax', x, dim);
  const top = largest(x);
  const values = Array.from(x as ArrayLike<number>, (value) => value - top);
  const logarithm = Math.log(values.reduce((total, value) => total + Math.exp(value), 0));
  return inKind(
    x,
    values.map((value) => value - logarithm),
  );
}

function alongDimension(op: 'softmax' | 'log_softmax', x: Tensor, dim: number): Tensor {
  const along = dimension(op, x, dim);
  return scope(() => {
    const computed = computeFloating(op, x.type);
    const values = as(x, computed);
    if (computed === 'float64') return softmax64(values, along, op === 'log_softmax');
    return as(op === 'softmax' ? ops.softmax(values, along) : ops.log_softmax(values, along), x.type);
  });
}

/** The kernels are for float32: in float64 it is composed. */
function softmax64(x: Tensor, dim: number, logarithm: boolean): Tensor {
  if (x.size === 0) return x.clone();
  const below = sub(x, amax(x, dim, true));
  const exps = unary('exp', below);
  const total = sum(exps, dim, true);
  return logarithm ? sub(below, unary('log', total)) : div(exps, total);
}

/** What dot and cos_sim take: numbers, or a Tensor that is one vector, such as [C] or [1, C]. */
export type Vector = Tensor | ArrayLike<number | bigint>;

function vectorOf(op: string, x: Vector): ArrayLike<number | bigint | boolean> {
  if (!(x instanceof Tensor)) {
    if (x === null || typeof x !== 'object' || typeof x.length !== 'number')
      throw new TypeError(`${op} takes Tensors and arrays of numbers, not ${describeValue(x)}`);
    return x;
  }
  if (x.dims.length === 0 || x.size !== x.dims[x.dims.length - 1])
    throw new ValueError(
      `${op} takes two vectors, and ${x} is more than one; take its rows, such as ${op}(a[0], b[0])`,
      {
        code: 'ERR_SHAPE',
      },
    );
  return toElements(x.type, x.data);
}

function pairOf(op: string, a: Vector, b: Vector): [Float64Array, Float64Array] {
  const [x, y] = [vectorOf(op, a), vectorOf(op, b)];
  if (x.length !== y.length)
    throw new ValueError(`${op}: the vectors have ${x.length} and ${y.length} elements`, { code: 'ERR_SHAPE' });
  return [Float64Array.from(x as ArrayLike<number>, Number), Float64Array.from(y as ArrayLike<number>, Number)];
}

function sumOfProducts(x: Float64Array, y: Float64Array): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += (x[i] as number) * (y[i] as number);
  return total;
}

/** Σ aᵢbᵢ; waits for elements of Tensors in place. */
export function dot(a: Vector, b: Vector, ...surplus: never[]): number {
  refuseSurplus('dot', surplus);
  return sumOfProducts(...pairOf('dot', a, b));
}

/** The cosine of the angle between a and b; 0 for a vector of zeros. Waits for elements of Tensors in place. */
export function cos_sim(a: Vector, b: Vector, ...surplus: never[]): number {
  refuseSurplus('cos_sim', surplus);
  const [x, y] = pairOf('cos_sim', a, b);
  const lengths = Math.sqrt(sumOfProducts(x, x)) * Math.sqrt(sumOfProducts(y, y));
  return lengths === 0 ? 0 : sumOfProducts(x, y) / lengths;
}
