import { add } from '../tensor/ops/elementwise';
import { linear } from '../tensor/ops/matmul';
import type { Tensor } from '../tensor/tensor';
import { type Activation, LearnedActivation } from './activation';
import { Module } from './module';
import { Parameter } from './parameter';

/** y = act(x · weightᵀ + bias) + residual; activation and residual are fused into the product. */
export class Linear extends Module {
  weight: Parameter;
  bias?: Parameter;

  constructor(
    readonly in_features: number,
    public out_features: number,
    options: { bias?: boolean | Parameter } = {},
  ) {
    super();
    this.weight = new Parameter([out_features, in_features], 'gemm');
    const bias = options.bias ?? true;
    if (bias) this.bias = bias === true ? new Parameter([out_features]) : bias;
  }

  /**
   * @param x - [..., K]
   * @param options.activation - applied before the residual is added
   * @param options.residual - [..., N]
   * @returns [..., N]
   */
  override forward(x: Tensor, options: { activation?: Activation; residual?: Tensor } = {}): Tensor {
    const { activation, residual } = options;
    const [weight, bias] = [this.weight.value, this.bias?.value ?? null];
    if (!(activation instanceof LearnedActivation))
      return linear(x, weight, bias, {
        ...(activation && { activation: activation.fused }),
        ...(residual && { residual }),
      });
    const y = activation.forward(linear(x, weight, bias));
    return residual ? add(y, residual) : y;
  }
}
