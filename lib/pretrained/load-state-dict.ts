import { RuntimeError, TypeError } from '../errors';
import type { Module } from '../nn/module';
import { Parameter } from '../nn/parameter';
import { namedOptions } from '../options';
import { cast } from '../tensor/ops/cast';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';

/** Tensors by name. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** Names that a state dict lacks, and names that the module lacks. */
export interface IncompatibleKeys {
  missing_keys: string[];
  unexpected_keys: string[];
}

/** Copies tensors into a module's parameters. See `ModuleUtilsMixin.load_state_dict`. */
export function loadStateDict(
  module: Module,
  state: StateDict,
  options?: { strict?: boolean } | null,
): IncompatibleKeys {
  if (state === null || typeof state !== 'object') throw new TypeError('load_state_dict takes tensors by name');
  const given = namedOptions(options, 'load_state_dict', { strict: 'boolean' });
  const tensors = new Map(Symbol.iterator in state ? state : Object.entries(state));
  const parameters = new Map<string, Parameter>();
  for (const [name, value] of module.named_state()) if (value instanceof Parameter) parameters.set(name, value);

  const missing_keys = [...parameters.keys()].filter((name) => !tensors.has(name));
  const unexpected_keys = [...tensors.keys()].filter((name) => !parameters.has(name));
  const problems = mismatches(tensors, parameters);
  if (given.strict ?? true) {
    if (unexpected_keys.length > 0) problems.unshift(`Unexpected key(s) in state_dict: ${quoted(unexpected_keys)}.`);
    if (missing_keys.length > 0) problems.unshift(`Missing key(s) in state_dict: ${quoted(missing_keys)}.`);
  }
  if (problems.length > 0)
    throw new RuntimeError(
      `Error(s) in loading state_dict for ${module.constructor.name}:\n\t${problems.join('\n\t')}`,
      { code: 'ERR_STATE_DICT' },
    );
  for (const [name, tensor] of tensors) {
    const parameter = parameters.get(name);
    if (parameter) scope(() => parameter.renew(cast(tensor, parameter.type)));
  }
  return { missing_keys, unexpected_keys };
}

function mismatches(tensors: Map<string, Tensor>, parameters: Map<string, Parameter>): string[] {
  const problems: string[] = [];
  for (const [name, tensor] of tensors) {
    if (!(tensor instanceof Tensor)) throw new TypeError(`load_state_dict: '${name}' is no Tensor`);
    const wanted = parameters.get(name)?.dims;
    if (wanted && (wanted.length !== tensor.dims.length || wanted.some((d, i) => d !== tensor.dims[i])))
      problems.push(
        `size mismatch for ${name}: copying a param with shape [${tensor.dims}] from checkpoint, the shape in current ` +
          `model is [${wanted}].`,
      );
  }
  return problems;
}

function quoted(names: string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
