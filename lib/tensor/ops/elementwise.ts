import { ValueError } from '../../errors';
import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';
import { activationOp } from './activation';

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
export const gt = (a: Operand, b: Operand): Tensor => binary('gt', a, b);

/** a where the condition holds, else b; all broadcast. @param condition - bool */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return run1('where', [condition, a, b]);
}
