import { NotImplementedError, nearest } from '../errors';
import { activationNames, unary } from '../tensor/ops/elementwise';
import type { Tensor } from '../tensor/tensor';

/**
 * Checks the name of an activation, as configs give it (Transformers' ACT2FN).
 * @throws NotImplementedError naming the field and the nearest known name
 */
export function checkActivation(name: string, field: string): string {
  const known = activationNames();
  if (known.includes(name)) return name;
  const guess = nearest(name, known);
  throw new NotImplementedError(
    `config.${field} is '${name}', which is no activation that is known here${guess ? ` (did you mean '${guess}'?)` : ''}: ` +
      known.join(', '),
    { code: 'ERR_CONFIG_FIELD' },
  );
}

/** Applies the activation of that name. */
export function activate(name: string, x: Tensor): Tensor {
  return unary(name, x);
}
