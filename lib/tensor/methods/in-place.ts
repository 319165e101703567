import { refuseSurplus } from '../../options';
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
  add_(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.add_', surplus);
    return inPlace('add_', this, () => this.add(other));
  }

  sub_(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.sub_', surplus);
    return inPlace('sub_', this, () => this.sub(other));
  }

  mul_(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.mul_', surplus);
    return inPlace('mul_', this, () => this.mul(other));
  }

  div_(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.div_', surplus);
    return inPlace('div_', this, () => this.div(other));
  }

  remainder_(this: Tensor, other: Operand, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.remainder_', surplus);
    return inPlace('remainder_', this, () => this.remainder(other));
  }

  clamp_(this: Tensor, min: Operand | null = null, max: Operand | null = null, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.clamp_', surplus);
    return inPlace('clamp_', this, () => this.clamp(min, max));
  }

  neg_(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.neg_', surplus);
    return inPlace('neg_', this, () => this.neg());
  }

  round_(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.round_', surplus);
    return inPlace('round_', this, () => this.round());
  }

  sigmoid_(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.sigmoid_', surplus);
    return inPlace('sigmoid_', this, () => this.sigmoid());
  }

  map_(this: Tensor, callback: Parameters<Tensor['map']>[0], ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.map_', surplus);
    const mapped = this.map(callback); // outside of any scope: it runs what the caller wrote
    return inPlace('map_', this, () => mapped);
  }

  normalize_(this: Tensor, p = 2, dim = 1, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.normalize_', surplus);
    return inPlace('normalize_', this, () => this.normalize(p, dim));
  }
}
