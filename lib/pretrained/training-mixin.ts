import { NotImplementedError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import type { PreTrainedModel } from './pretrained-model';
import { SurgeryMixin } from './surgery-mixin';

/** What only training needs. Nothing computes gradients yet: what would have to is an error that says so. */
export abstract class TrainingMixin extends SurgeryMixin {
  static readonly supports_gradient_checkpointing: boolean = false;

  /** Whether any module recomputes activations in its backward pass. */
  get is_gradient_checkpointing(): boolean {
    return false;
  }

  /** @throws ValueError where the family has no such thing; NotImplementedError: gradients come later */
  gradient_checkpointing_enable(_gradient_checkpointing_kwargs: object | null = null): void {
    const { name, supports_gradient_checkpointing } = this.constructor as typeof TrainingMixin;
    if (!supports_gradient_checkpointing) throw new ValueError(`${name} does not support gradient checkpointing.`);
    throw notYet('gradient_checkpointing_enable');
  }

  /** Turns off what is never on. */
  gradient_checkpointing_disable(): void {}

  /**
   * @internal Old configs ask for gradient checkpointing by a field, which goes where the class has it. It acts in training
   * alone, so a model that computes no gradients gives the same without.
   */
  takeGradientCheckpointing(this: PreTrainedModel): void {
    const { supports_gradient_checkpointing } = this.constructor as typeof TrainingMixin;
    if (!supports_gradient_checkpointing || !this.config['gradient_checkpointing']) return;
    delete this.config['gradient_checkpointing'];
    warnOnce(
      'config.gradient_checkpointing is set aside: it acts in training, and models compute no gradients here yet',
    );
  }

  /** @throws NotImplementedError: gradients come later */
  enable_input_require_grads(this: PreTrainedModel): void {
    throw notYet('enable_input_require_grads');
  }

  /** Turns off what is never on. */
  disable_input_require_grads(): void {}
}

function notYet(what: string): NotImplementedError {
  return new NotImplementedError(`${what} is not supported yet: models compute no gradients`, {
    code: 'ERR_NOT_SUPPORTED_YET',
  });
}
