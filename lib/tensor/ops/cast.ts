import { run1 } from '../dispatch';
import { type DType, dtypeNumber } from '../dtype';
import type { Tensor } from '../tensor';

/** A new tensor with the same numbers as `type`: round to nearest even; float16 overflows to infinity; NaN is kept. */
export function cast(x: Tensor, type: DType): Tensor {
  return run1('cast', [x], [dtypeNumber(type)]);
}
