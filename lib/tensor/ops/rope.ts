import { run1 } from '../dispatch';
import type { Tensor } from '../tensor';

/**
 * Rotary positions (arXiv:2104.09864): pairs of each head turned by position · inv_freq[i].
 * @param x - [N, H·D] float32
 * @param positions - [N] int32 or int64
 * @param options.heads - H
 * @param options.rotary_dim - elements of a head that turn; D when left out
 * @param options.inv_freq - [rotary_dim / 2] float32; theta^(-2i / rotary_dim) when left out
 * @param options.scaling - factor on what is turned
 * @param options.interleaved - neighbours are pairs, not the halves
 */
export function rotary_embedding(
  x: Tensor,
  positions: Tensor,
  options: {
    heads: number;
    theta?: number;
    rotary_dim?: number;
    interleaved?: boolean;
    inv_freq?: Tensor;
    scaling?: number;
  },
): Tensor {
  const { heads, theta = 10000, interleaved = false, inv_freq = null, scaling = 1 } = options;
  const rotary_dim = options.rotary_dim ?? (x.dims[1] as number) / heads;
  return run1('rotary_embedding', [x, positions, inv_freq], [heads, theta, rotary_dim, interleaved ? 1 : 0, scaling]);
}
