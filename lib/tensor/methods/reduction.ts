import * as reductions from '../reductions';
import type { Tensor } from '../tensor';
import { InPlaceMethods } from './in-place';

/** Sums and the like along one dimension, or of all elements when `dim` is null. */
export abstract class ReductionMethods extends InPlaceMethods {
  /** Whole numbers and bool give int64. */
  sum(this: Tensor, dim: number | null = null, keepdim = false): Tensor {
    return reductions.sum(this, dim, keepdim);
  }

  /** NaN of nothing. @throws TypeError for whole numbers, as in PyTorch */
  mean(this: Tensor, dim: number | null = null, keepdim = false): Tensor {
    return reductions.mean(this, dim, keepdim);
  }

  /** The largest element; NaN wins. @throws ValueError of nothing */
  max(this: Tensor, dim: number | null = null, keepdim = false): Tensor {
    return reductions.max(this, dim, keepdim);
  }

  /** The smallest element; NaN wins. @throws ValueError of nothing */
  min(this: Tensor, dim: number | null = null, keepdim = false): Tensor {
    return reductions.min(this, dim, keepdim);
  }

  /** Index of the largest element, the first of equal ones. @returns int64 */
  argmax(this: Tensor, dim: number | null = null, keepdim = false): Tensor {
    return reductions.argmax(this, dim, keepdim);
  }

  /** Index of the smallest element, the first of equal ones. @returns int64 */
  argmin(this: Tensor, dim: number | null = null, keepdim = false): Tensor {
    return reductions.argmin(this, dim, keepdim);
  }

  /**
   * (Σ |x|^p)^(1/p)
   * @param p - any number, Infinity for the largest magnitude, 0 for the count of what is not 0, or 'fro', which is 2
   * @throws TypeError for whole numbers, as in PyTorch
   */
  norm(this: Tensor, p: number | 'fro' = 'fro', dim: number | null = null, keepdim = false): Tensor {
    return reductions.norm(this, p, dim, keepdim);
  }

  /** Divided by the p-norm along `dim`, or by 1e-12 where the norm is below, as torch.nn.functional.normalize. */
  normalize(this: Tensor, p = 2, dim = 1): Tensor {
    return reductions.normalize(this, p, dim);
  }
}
