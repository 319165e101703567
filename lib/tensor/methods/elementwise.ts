import { TypeError, ValueError } from '../../errors';
import { refuseSurplus } from '../../options';
import { isBits, toElement } from '../elements';
import * as expression from '../expression';
import * as ops from '../ops/elementwise';
import type { Operand } from '../promote';
import { Tensor } from '../tensor';
import { Indexed } from './indexed';

/**
 * Elementwise methods. Operands broadcast as in NumPy; result types are those of torch.result_type, a whole JS number
 * counting as an integer. All throw ValueError `ERR_SHAPE` for shapes that do not broadcast, and TypeError `ERR_DTYPE`.
 */
export abstract class ElementwiseMethods extends Indexed {
  add(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.add', surplus);
    return expression.arithmetic('add', ops.add, this, other);
  }

  sub(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.sub', surplus);
    return expression.arithmetic('sub', ops.sub, this, other);
  }

  mul(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.mul', surplus);
    return expression.arithmetic('mul', ops.mul, this, other);
  }

  /** Quotients of whole numbers are float32. */
  div(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.div', surplus);
    return expression.arithmetic('div', ops.div, this, other);
  }

  /** What is left of the division, with the sign of `other`. Whole numbers by zero are an error. */
  remainder(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.remainder', surplus);
    if ((other === 0 || other === 0n) && !this.type.includes('float'))
      throw new ValueError(`remainder: division of ${this} by zero`);
    return expression.arithmetic('remainder', ops.remainder, this, other);
  }

  pow(this: Tensor, exponent: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.pow', surplus);
    return expression.arithmetic('pow', ops.pow, this, exponent);
  }

  /** this = other. @returns bool */
  eq(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.eq', surplus);
    return expression.comparison('eq', ops.eq, this, other);
  }

  /** this ≠ other. @returns bool */
  ne(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.ne', surplus);
    return expression.comparison('ne', ops.ne, this, other);
  }

  /** this < other. @returns bool */
  lt(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.lt', surplus);
    return expression.comparison('lt', ops.lt, this, other);
  }

  /** this ≤ other. @returns bool */
  le(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.le', surplus);
    return expression.comparison('le', ops.le, this, other);
  }

  /** this > other. @returns bool */
  gt(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.gt', surplus);
    return expression.comparison('gt', ops.gt, this, other);
  }

  /** this ≥ other. @returns bool */
  ge(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.ge', surplus);
    return expression.comparison('ge', ops.ge, this, other);
  }

  /** Limited to [min, max]; null is no limit, and a min above max gives max. NaN stays NaN. */
  clamp(this: Tensor, min: Operand | null = null, max: Operand | null = null, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.clamp', surplus);
    return expression.clamp(this, min, max);
  }

  neg(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.neg', surplus);
    return expression.unaryKept('neg', this);
  }

  abs(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.abs', surplus);
    return expression.unaryKept('abs', this);
  }

  /** To the nearest whole number; halves to the even one. */
  round(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.round', surplus);
    return expression.unaryKept('round', this);
  }

  floor(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.floor', surplus);
    return expression.unaryKept('floor', this);
  }

  ceil(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.ceil', surplus);
    return expression.unaryKept('ceil', this);
  }

  /** 1 / (1 + e^-x) */
  sigmoid(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.sigmoid', surplus);
    return expression.unaryFloating('sigmoid', this);
  }

  tanh(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.tanh', surplus);
    return expression.unaryFloating('tanh', this);
  }

  exp(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.exp', surplus);
    return expression.unaryFloating('exp', this);
  }

  /** Natural logarithm. */
  log(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.log', surplus);
    return expression.unaryFloating('log', this);
  }

  sqrt(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.sqrt', surplus);
    return expression.unaryFloating('sqrt', this);
  }

  /**
   * A tensor of the same type with what `callback` makes of each element of `data`; it waits for the elements in place.
   * @throws TypeError for types whose data are bits, such as float16
   */
  map(
    this: Tensor,
    callback: (element: number | bigint, index: number, data: Tensor['data']) => number | bigint | boolean,
    ...surplus: never[]
  ): Tensor {
    refuseSurplus('Tensor.map', surplus);
    const { data, type } = this;
    if (isBits(type)) throw new TypeError(`map: the data of ${this} are bits; use .to('float32').map(…).to('${type}')`);
    this.assertAlive();
    const mapped = data.slice();
    for (let i = 0; i < data.length; i++)
      mapped[i] = toElement(type, callback(data[i] as number | bigint, i, data), i) as never;
    return new Tensor(type, mapped, this.dims);
  }
}
