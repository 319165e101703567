import { TypeError, ValueError } from '../errors';
import { type DType, isFloating } from './dtype';
import { cast } from './ops/cast';
import * as ops from './ops/elementwise';
import { canCast, computeFloating, computeType, floatingType, type Operand, resultType } from './promote';
import { scope } from './scope';
import { Tensor } from './tensor';

/**
 * Elementwise expressions with PyTorch's type rules around kernels that know few types: operands are brought to the
 * type that is computed in, and the result to the type that it must have.
 */

type Binary = (a: Tensor, b: Tensor | number) => Tensor;

/** The tensor itself when it has that type. */
export function as(x: Tensor, type: DType): Tensor {
  return x.type === type ? x : cast(x, type);
}

/** Throws unless `x` is a Tensor. */
export function assertTensor(op: string, x: unknown): asserts x is Tensor {
  if (!(x instanceof Tensor))
    throw new TypeError(
      `${op} takes a Tensor, not ${x === null ? 'null' : Array.isArray(x) ? 'an array' : `a ${typeof x}`}`,
    );
}

/** `operand` for a kernel that computes in `type`. */
function operandAs(op: string, operand: Operand, type: DType): Tensor | number {
  if (operand instanceof Tensor) return as(operand, type);
  const number = Number(operand);
  if (isFloating(type)) return number;
  const fits = type === 'int32' ? number === (number | 0) : BigInt.asIntN(64, BigInt(operand)) === BigInt(operand);
  if (!fits) throw new ValueError(`${op}: ${operand} is not a number of type '${type}'`, { code: 'ERR_DTYPE' });
  return Number.isSafeInteger(number) ? number : new Tensor('int64', [operand], []);
}

/** op(a, b) in the type that torch.result_type gives; quotients of whole numbers are float32. */
export function arithmetic(name: string, op: Binary, a: Tensor, b: Operand): Tensor {
  return scope(() => {
    const type = resultType(name, [a, b]);
    if (name === 'sub' && [a, b].some(isBool))
      throw new TypeError("sub does not take bool, as in PyTorch; use .to('int32')", { code: 'ERR_DTYPE' });
    const computed = computeType(name, type);
    const result = op(as(a, computed), operandAs(name, b, computed));
    return as(result, name === 'div' ? floatingType(type) : type);
  });
}

const isBool = (operand: Operand) => typeof operand === 'boolean' || (operand as Tensor).type === 'bool';

/** A comparison of a and b in their common type. @returns bool */
export function comparison(name: string, op: Binary, a: Tensor, b: Operand): Tensor {
  return scope(() => {
    const type = resultType(name, [a, b]);
    const wide = !(b instanceof Tensor) && !isFloating(type); // any whole number may be compared with
    const computed = wide && computeType(name, type) === 'int32' ? 'int64' : computeType(name, type);
    return op(as(a, computed), operandAs(name, b, computed));
  });
}

/** A function with whole results for whole numbers: their type is kept. */
export function unaryKept(name: string, x: Tensor): Tensor {
  if (x.type === 'bool') throw new TypeError(`${name} does not take bool; use .to('int32')`, { code: 'ERR_DTYPE' });
  return scope(() => as(ops.unary(name, as(x, computeType(name, x.type))), x.type));
}

/** A function with fractions as results: whole numbers become float32. */
export function unaryFloating(name: string, x: Tensor): Tensor {
  return scope(() => {
    const type = floatingType(x.type);
    return as(ops.unary(name, as(x, computeFloating(name, type))), type);
  });
}

/** x limited to [min, max], in their common type; null is no limit. */
export function clamp(x: Tensor, min: Operand | null = null, max: Operand | null = null): Tensor {
  if (min === null && max === null) throw new ValueError('clamp: at least one of min and max must be given');
  return scope(() => {
    const type = resultType(
      'clamp',
      [x, min, max].filter((operand) => operand !== null),
    );
    const computed = computeType('clamp', type);
    const limit = (operand: Operand | null) => (operand === null ? null : operandAs('clamp', operand, computed));
    const [value, low, high] = [as(x, computed), limit(min), limit(max)];
    return as(isPlain(low) && isPlain(high) ? ops.clamp(value, low, high) : limited(value, low, high), type);
  });
}

const isPlain = (limit: Tensor | number | null): limit is number | null =>
  limit === null || (typeof limit === 'number' && !Number.isNaN(limit));

function limited(x: Tensor, min: Tensor | number | null, max: Tensor | number | null): Tensor {
  const raised = min === null ? x : ops.maximum(x, min);
  return max === null ? raised : ops.minimum(raised, max);
}

/** Computes and writes what comes out into `target`. @throws TypeError, ValueError when it does not fit in */
export function inPlace(op: string, target: Tensor, compute: () => Tensor): Tensor {
  const array = target.writable();
  const result = scope(() => {
    const result = compute();
    if (result.dims.length !== target.dims.length || result.dims.some((d, i) => d !== target.dims[i]))
      throw new ValueError(`${op}: a result of shape [${result.dims}] cannot be written into ${target}`, {
        code: 'ERR_SHAPE',
      });
    if (!canCast(result.type, target.type))
      throw new TypeError(`${op}: a result of type '${result.type}' cannot be written into ${target}`, {
        code: 'ERR_DTYPE',
      });
    return as(result, target.type);
  });
  array.set(result.data as never);
  return target;
}
