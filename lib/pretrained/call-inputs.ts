import { reshape } from '../tensor/dispatch';
import { Tensor } from '../tensor/tensor';

/** What a call computes with, whatever its caller does to the inputs meanwhile. */
export interface CallCopy {
  inputs: object;
  /** Gives back what the copy holds natively. */
  release(): void;
}

/**
 * Copies the inputs of a call: arrays, typed arrays and the elements of tensors that are in JS. Native values do not
 * change; of those a further reference is taken, so that the caller may dispose of his.
 * @param className - names the model in errors
 * @throws RuntimeError `ERR_DISPOSED` naming the input
 */
export function copyInputs(className: string, inputs: object): CallCopy {
  const kept: Tensor[] = [];
  const release = () => {
    for (const tensor of kept) tensor.dispose();
  };
  if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs) || inputs instanceof Tensor)
    return { inputs, release }; // refused where the inputs are checked
  const copied = Object.entries(inputs).map(([name, value]) => [name, copy(`${name} of ${className}`, value, kept)]);
  return { inputs: Object.fromEntries(copied), release };
}

function copy(name: string, value: unknown, kept: Tensor[]): unknown {
  if (Array.isArray(value)) return value.map((item) => copy(name, item, kept));
  if (ArrayBuffer.isView(value)) return 'slice' in value ? (value as Uint8Array).slice() : value;
  if (!(value instanceof Tensor)) return value;
  value.assertAlive(name);
  if (value.isHost) return new Tensor(value.type, value.data.slice(), value.dims);
  const reference = reshape(value, value.dims);
  kept.push(reference);
  return reference;
}
