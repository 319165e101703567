import { inPlace } from '../expression';
import type { Operand } from '../promote';
import type { Tensor } from '../tensor';
import { ElementwiseMethods } from './elementwise';

/**
 * Methods that write their result into the tensor itself, and into every view that shares its elements. They wait for
 * the elements in place, keep the tensor's type, and return the tensor. A result of a higher kind (a fraction for whole
 * numbers) or another shape is an error; so is a parameter of a model.
 */
export abstract class InPlaceMethods extends ElementwiseMethods {
  add_(this: Tensor, other: Operand): Tensor {
    return inPlace('add_', this, () => this.add(other));
  }

  sub_(this: Tensor, other: Operand): Tensor {
    return inPlace('sub_', this, () => this.sub(other));
  }

  mul_(this: Tensor, other: Operand): Tensor {
    return inPlace('mul_', this, () => this.mul(other));
  }

  div_(this: Tensor, other: Operand): Tensor {
    return inPlace('div_', this, () => this.div(other));
  }

  remainder_(this: Tensor, other: Operand): Tensor {
    return inPlace('remainder_', this, () => this.remainder(other));
  }

  clamp_(this: Tensor, min: Operand | null = null, max: Operand | null = null): Tensor {
    return inPlace('clamp_', this, () => this.clamp(min, max));
  }

  neg_(this: Tensor): Tensor {
    return inPlace('neg_', this, () => this.neg());
  }

  round_(this: Tensor): Tensor {
    return inPlace('round_', this, () => this.round());
  }

  sigmoid_(this: Tensor): Tensor {
    return inPlace('sigmoid_', this, () => this.sigmoid());
  }

  map_(this: Tensor, callback: Parameters<Tensor['map']>[0]): Tensor {
    const mapped = this.map(callback); // outside of any scope: it runs what the caller wrote
    return inPlace('map_', this, () => mapped);
  }

  normalize_(this: Tensor, p = 2, dim = 1): Tensor {
    return inPlace('normalize_', this, () => this.normalize(p, dim));
  }
}
