import { run1 } from '../dispatch';
import { type DType, dtypeNumber } from '../dtype';
import type { Tensor } from '../tensor';

/** The same numbers as another dtype: round to nearest even; float16 overflows to infinity; NaN is kept. */
export function cast(x: Tensor, type: DType): Tensor {
  return x.type === type ? x : run1('cast', [x], [dtypeNumber(type)]);
}
