import { layer_norm, rms_norm } from '../tensor/ops/norm';
import type { Tensor } from '../tensor/tensor';
import { Module } from './module';
import { Parameter } from './parameter';

/** Layer normalisation over the last axis (arXiv:1607.06450). */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias?: Parameter;

  constructor(
    size: number,
    readonly eps: number,
    options: { bias?: boolean } = {},
  ) {
    super();
    this.weight = new Parameter([size]);
    if (options.bias ?? true) this.bias = new Parameter([size]);
  }

  /** @param x - [..., C] */
  override forward(x: Tensor): Tensor {
    return layer_norm(x, [x.dims[x.dims.length - 1] as number], {
      weight: this.weight.value,
      bias: this.bias?.value ?? null,
      eps: this.eps,
    });
  }
}

/** Root mean square normalisation over the last axis (arXiv:1910.07467). */
export class RMSNorm extends Module {
  readonly weight: Parameter;

  constructor(
    size: number,
    readonly variance_epsilon: number,
  ) {
    super();
    this.weight = new Parameter([size]);
  }

  /** @param x - [..., C] */
  override forward(x: Tensor): Tensor {
    return rms_norm(x, this.weight.value, this.variance_epsilon);
  }
}
