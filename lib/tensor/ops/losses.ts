import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/**
 * Mean cross entropy over the rows whose label is not -100; NaN when there are none, as in PyTorch.
 * @param logits - [N, C] float32
 * @param labels - [N] int64
 * @returns a scalar
 */
export function cross_entropy(logits: Tensor, labels: Tensor): Tensor {
  return run1('cross_entropy', [logits, labels], [-100]);
}

/** Mean of (a - b)². @returns a scalar */
export function mse_loss(a: Tensor, b: Tensor): Tensor {
  return run1('mse_loss', [a, b]);
}

/** Mean binary cross entropy of sigmoid(logits) and targets of the same shape. @returns a scalar */
export function binary_cross_entropy_with_logits(logits: Tensor, target: Tensor): Tensor {
  return run1('binary_cross_entropy_with_logits', [logits, target]);
}
