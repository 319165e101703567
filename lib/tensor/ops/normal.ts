import { run1 } from '../dispatch';
import { drawSeed } from '../random';
import type { Tensor } from '../tensor';

/**
 * Independent numbers of the normal distribution, drawn on the compute threads; `set_seed` makes them repeat.
 * @returns float32 of shape `dims`
 */
export function normal(dims: readonly number[], mean = 0, std = 1): Tensor {
  return run1('normal', [], [...drawSeed(), mean, std, ...dims]);
}
