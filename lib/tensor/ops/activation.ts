import { nativeInfo } from '../../binding/runtime';
import { ValueError } from '../../errors';

/** Other names of the same function in Transformers' ACT2FN. */
const aliases: Record<string, string> = {
  gelu_python: 'gelu',
  gelu_fast: 'gelu_new',
  gelu_pytorch_tanh: 'gelu_new',
  gelu_python_tanh: 'gelu_new',
  gelu_accurate: 'gelu_new',
  swish: 'silu',
  linear: 'none',
};

let names: string[] | null = null;

function native(): string[] {
  names ??= nativeInfo().activations;
  return names;
}

/** The op or functor that computes an activation of that name. */
export function activationOp(name: string): string {
  return aliases[name] ?? name;
}

/** Every activation that is known here, under all of its names. */
export function activationNames(): string[] {
  return [...native().filter((name) => name !== 'none'), ...Object.keys(aliases)].sort();
}

/** The number by which native code knows an activation. @throws ValueError */
export function activationNumber(name: string): number {
  const number = native().indexOf(activationOp(name));
  if (number < 0) throw new ValueError(`'${name}' is not an activation; known: ${activationNames().join(', ')}`);
  return number;
}
