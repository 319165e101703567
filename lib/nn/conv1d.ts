import { add } from '../tensor/ops/elementwise';
import { linear } from '../tensor/ops/matmul';
import type { Tensor } from '../tensor/tensor';
import { type Activation, LearnedActivation } from './activation';
import { Module } from './module';
import { Parameter } from './parameter';

/**
 * y = act(x · weight + bias) + residual: a linear layer whose weight is stored [in, out], as GPT and GPT-2 have it.
 * Source: transformers pytorch_utils.Conv1D.
 */
export class Conv1D extends Module {
  weight: Parameter;
  bias: Parameter;

  /**
   * @param nf - outputs
   * @param nx - inputs
   */
  constructor(
    readonly nf: number,
    readonly nx: number,
  ) {
    super();
    this.weight = new Parameter([nx, nf], 'conv1d');
    this.bias = new Parameter([nf]);
  }

  /**
   * @param x - [..., nx]
   * @param options.activation - applied before the residual is added
   * @param options.residual - [..., nf]
   * @returns [..., nf]
   */
  override forward(x: Tensor, options: { activation?: Activation; residual?: Tensor } = {}): Tensor {
    const { activation, residual } = options;
    const [weight, bias] = [this.weight.value, this.bias.value];
    if (!(activation instanceof LearnedActivation))
      return linear(x, weight, bias, {
        transposed: true,
        ...(activation && { activation: activation.fused }),
        ...(residual && { residual }),
      });
    const y = activation.forward(linear(x, weight, bias, { transposed: true }));
    return residual ? add(y, residual) : y;
  }
}
