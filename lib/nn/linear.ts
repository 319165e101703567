import { linear } from '../tensor/ops/matmul';
import type { Tensor } from '../tensor/tensor';
import { Module } from './module';
import { Parameter } from './parameter';

/** y = act(x · weightᵀ + bias) + residual; activation and residual are fused into the product. */
export class Linear extends Module {
  weight: Parameter;
  bias?: Parameter;

  constructor(
    readonly in_features: number,
    readonly out_features: number,
    options: { bias?: boolean | Parameter } = {},
  ) {
    super();
    this.weight = new Parameter([out_features, in_features], 'gemm');
    const bias = options.bias ?? true;
    if (bias) this.bias = bias === true ? new Parameter([out_features]) : bias;
  }

  /**
   * @param x - [..., K]
   * @param options.activation - name in ACT2FN, applied before the residual is added
   * @param options.residual - [..., N]
   * @returns [..., N]
   */
  override forward(x: Tensor, options: { activation?: string; residual?: Tensor } = {}): Tensor {
    return linear(x, this.weight.value, this.bias?.value ?? null, options); // [..., K] → [..., N]
  }
}
