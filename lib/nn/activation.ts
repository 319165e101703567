import { NotImplementedError, nearest, ValueError } from '../errors';
import { cast } from '../tensor/ops/cast';
import { activationNames, add, gated, gt, maximum, minimum, mul, sub, unary, where } from '../tensor/ops/elementwise';
import { slice } from '../tensor/ops/layout';
import type { Tensor } from '../tensor/tensor';
import { Module } from './module';
import { Parameter } from './parameter';

/** An activation without parameters: a product applies it in its own pass. */
export interface FusedActivation {
  /** Its name in ACT2FN. */
  readonly fused: string;
}

/** Transformers' ACT2FN: a function, or a module with learned parameters of its own. */
export type Activation = FusedActivation | LearnedActivation;

/** An activation with learned parameters. */
export abstract class LearnedActivation extends Module {
  abstract override forward(x: Tensor): Tensor;

  /** The number that a parameter of that name starts from. */
  abstract initial(name: string): number;
}

/** x where it is positive, weight · x elsewhere (arXiv:1502.01852). */
class PReLU extends LearnedActivation {
  readonly weight = new Parameter([1]);

  override forward(x: Tensor): Tensor {
    return add(maximum(x, 0), mul(minimum(x, 0), cast(this.weight.value, 'float32')));
  }

  override initial(): number {
    return 0.25;
  }
}

/**
 * The expanded integral of the exponential linear unit (arXiv:2411.13010). Upstream holds its four numbers in bfloat16
 * whatever the model's dtype is, and works out the slopes in it.
 */
class XIELUActivation extends LearnedActivation {
  readonly alpha_p = new Parameter([1]);
  readonly alpha_n = new Parameter([1]);
  readonly beta = new Parameter([]);
  readonly eps = new Parameter([]);

  override forward(x: Tensor): Tensor {
    const [alpha_p, alpha_n, beta, eps] = [this.alpha_p, this.alpha_n, this.beta, this.eps].map((p) =>
      inBfloat16(p.value),
    ) as [Tensor, Tensor, Tensor, Tensor];
    const positive = mul(mul(x, x), inBfloat16(unary('softplus', alpha_p)));
    const slope = inBfloat16(add(inBfloat16(unary('softplus', alpha_n)), beta));
    const negative = mul(sub(sub(unary('exp', minimum(x, eps)), 1), x), slope);
    return add(where(gt(x, 0), positive, negative), mul(x, beta));
  }

  override initial(name: string): number {
    const beta = 0.5;
    const start = { alpha_p: Math.log(Math.expm1(0.8)), alpha_n: Math.log(Math.expm1(0.8 - beta)), beta, eps: -1e-6 };
    return start[name as keyof typeof start];
  }
}

/** float32 numbers rounded to what bfloat16 can hold. */
function inBfloat16(x: Tensor): Tensor {
  return cast(cast(x, 'bfloat16'), 'float32');
}

/**
 * The activation that a config names.
 * @param field - the config's field, for errors
 * @throws NotImplementedError naming the field and the nearest known name; ValueError when it names none
 */
export function createActivation(name: string | null, field: string): Activation {
  if (typeof name !== 'string')
    throw new ValueError(`config.${field} is ${JSON.stringify(name)}; expected an activation's name, such as 'gelu'`, {
      code: 'ERR_CONFIG_TYPE',
    });
  if (name === 'prelu') return new PReLU();
  if (name === 'xielu') return new XIELUActivation();
  const known = activationNames();
  if (known.includes(name)) return { fused: name };
  const guess = nearest(name, [...known, 'prelu', 'xielu']);
  throw new NotImplementedError(
    `config.${field} is '${name}', which is no activation that is known here` +
      `${guess ? ` (did you mean '${guess}'?)` : ''}: ${known.join(', ')}, prelu, xielu`,
    { code: 'ERR_CONFIG_FIELD' },
  );
}

/** Applies an activation on its own. */
export function activate(activation: Activation, x: Tensor): Tensor {
  return activation instanceof Module ? activation.forward(x) : unary(activation.fused, x);
}

/** The gate of GeGLU and its kin (arXiv:2002.05202): activation(first half) · second half. @param x - [N, 2F] */
export function gate(activation: Activation, x: Tensor): Tensor {
  if (!(activation instanceof Module)) return gated(x, activation.fused);
  const width = x.dims[1] as number;
  return mul(activation.forward(slice(x, 1, 0, width / 2)), slice(x, 1, width / 2, width));
}
