import { ValueError } from '../../errors';
import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';
import { activationNumber, activationOp } from './activation';

export { activationNames } from './activation';

/** An elementwise function by name: an activation of ACT2FN, or exp, log, sqrt, tanh … */
export function unary(name: string, x: Tensor): Tensor {
  const op = activationOp(name);
  return op === 'none' ? x : run1(op, [x]);
}

/** @param b - a Tensor that broadcasts with `a`, or a number */
export type Operand = Tensor | number;

function binary(name: string, a: Operand, b: Operand): Tensor {
  if (typeof a === 'number') {
    if (typeof b === 'number') throw new ValueError(`${name} of two numbers: one of them must be a Tensor`);
    return run1(name, [b, null], [a, 1]);
  }
  return typeof b === 'number' ? run1(name, [a, null], [b, 0]) : run1(name, [a, b]);
}

/** a + b with NumPy's broadcasting; both of one dtype. */
export const add = (a: Operand, b: Operand): Tensor => binary('add', a, b);
export const sub = (a: Operand, b: Operand): Tensor => binary('sub', a, b);
export const mul = (a: Operand, b: Operand): Tensor => binary('mul', a, b);
export const div = (a: Operand, b: Operand): Tensor => binary('div', a, b);
export const maximum = (a: Operand, b: Operand): Tensor => binary('maximum', a, b);
export const minimum = (a: Operand, b: Operand): Tensor => binary('minimum', a, b);
/** a to the power b. A negative power of a whole number is 0, but for the bases 1 and -1. */
export const pow = (a: Operand, b: Operand): Tensor => binary('pow', a, b);
/** The remainder of a / b with the sign of b, as torch.remainder. Whole numbers by zero fail when read. */
export const remainder = (a: Operand, b: Operand): Tensor => binary('remainder', a, b);

/** a = b, elementwise with broadcasting. @returns bool */
export const eq = (a: Operand, b: Operand): Tensor => binary('eq', a, b);
export const ne = (a: Operand, b: Operand): Tensor => binary('ne', a, b);
export const lt = (a: Operand, b: Operand): Tensor => binary('lt', a, b);
export const le = (a: Operand, b: Operand): Tensor => binary('le', a, b);
export const gt = (a: Operand, b: Operand): Tensor => binary('gt', a, b);
export const ge = (a: Operand, b: Operand): Tensor => binary('ge', a, b);
/** Whether both are not zero. @returns bool */
export const logical_and = (a: Operand, b: Operand): Tensor => binary('logical_and', a, b);
export const logical_or = (a: Operand, b: Operand): Tensor => binary('logical_or', a, b);

/** Whether x is zero. @returns bool */
export function logical_not(x: Tensor): Tensor {
  return run1('logical_not', [x]);
}

/** x limited to [min, max]; null is no limit. NaN stays NaN. */
export function clamp(x: Tensor, min: number | null, max: number | null = null): Tensor {
  return run1('clamp', [x], [min ?? Number.NaN, max ?? Number.NaN]);
}

/**
 * The gate of GeGLU and SwiGLU (arXiv:2002.05202): activation(first half) · second half of the last axis.
 * @param x - [..., 2F] float32
 * @param options.swapped - first half · activation(second half)
 * @returns [..., F]
 */
export function gated(x: Tensor, activation: string, options: { swapped?: boolean } = {}): Tensor {
  return run1('gated', [x], [activationNumber(activation), options.swapped ? 1 : 0]);
}

/** a where the condition holds, else b; all broadcast. @param condition - bool */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return run1('where', [condition, a, b]);
}
