import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/** e^x over its sum along `dim`. @param x - float32 */
export function softmax(x: Tensor, dim = -1): Tensor {
  return run1('softmax', [x], [dim]);
}

/** Logarithm of softmax. @param x - float32 */
export function log_softmax(x: Tensor, dim = -1): Tensor {
  return run1('log_softmax', [x], [dim]);
}
