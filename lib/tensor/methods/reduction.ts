import { refuseSurplus } from '../../options';
import * as reductions from '../reductions';
import type { Tensor } from '../tensor';
import { InPlaceMethods } from './in-place';

/** Sums and the like along one dimension, or of all elements when `dim` is null. */
export abstract class ReductionMethods extends InPlaceMethods {
  /** Whole numbers and bool give int64. */
  sum(this: Tensor, dim: number | null = null, keepdim = false, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.sum', surplus);
    return reductions.sum(this, dim, keepdim);
  }

  /** NaN of nothing. @throws TypeError for whole numbers, as in PyTorch */
  mean(this: Tensor, dim: number | null = null, keepdim = false, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.mean', surplus);
    return reductions.mean(this, dim, keepdim);
  }

  /** The largest element; NaN wins. @throws ValueError of nothing */
  max(this: Tensor, dim: number | null = null, keepdim = false, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.max', surplus);
    return reductions.max(this, dim, keepdim);
  }

  /** The smallest element; NaN wins. @throws ValueError of nothing */
  min(this: Tensor, dim: number | null = null, keepdim = false, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.min', surplus);
    return reductions.min(this, dim, keepdim);
  }

  /** Index of the largest element, the first of equal ones. @returns int64 */
  argmax(this: Tensor, dim: number | null = null, keepdim = false, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.argmax', surplus);
    return reductions.argmax(this, dim, keepdim);
  }

  /** Index of the smallest element, the first of equal ones. @returns int64 */
  argmin(this: Tensor, dim: number | null = null, keepdim = false, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.argmin', surplus);
    return reductions.argmin(this, dim, keepdim);
  }

  /**
   * (Σ |x|^p)^(1/p)
   * @param p - any number, Infinity for the largest magnitude, 0 for the count of what is not 0, or 'fro', which is 2
   * @throws TypeError for whole numbers, as in PyTorch
   */
  norm(
    this: Tensor,
    p: number | 'fro' = 'fro',
    dim: number | null = null,
    keepdim = false,
    ...surplus: never[]
  ): Tensor {
    refuseSurplus('Tensor.norm', surplus);
    return reductions.norm(this, p, dim, keepdim);
  }

  /** Divided by the p-norm along `dim`, or by 1e-12 where the norm is below, as torch.nn.functional.normalize. */
  normalize(this: Tensor, p = 2, dim = 1, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.normalize', surplus);
    return reductions.normalize(this, p, dim);
  }
}
