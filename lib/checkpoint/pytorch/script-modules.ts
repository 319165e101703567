/** The tensors of a TorchScript archive: attributes of modules in modules, under the paths that a state dict gives them. */
import type { HeaderLimits } from '../header-limits';
import { PickledTensor, ScriptModule, UnsupportedTensor } from './pickled-tensor';
import type { Fail } from './state-dict';

/** Tensors and those that cannot be read, by path. Whatever else a module holds is no part of its state. */
export function scriptTensors(
  root: ScriptModule,
  limits: HeaderLimits,
  fail: Fail,
): Map<string, PickledTensor | UnsupportedTensor> {
  const tensors = new Map<string, PickledTensor | UnsupportedTensor>();
  let modules = 0;
  let nameBytes = 0;
  const walk = (module: ScriptModule, prefix: string, depth: number): void => {
    if (depth > limits.depth) fail('PICKLE_TOO_LARGE', `its modules nest deeper than ${limits.depth}`);
    // A module may stand under any number of names, or in itself.
    if (++modules > limits.tensors) fail('PICKLE_TOO_LARGE', `it holds more than ${limits.tensors} modules`);
    const { keys = [], values = [] } = module.attributes ?? {};
    for (const [i, key] of keys.entries()) {
      const value = values[i];
      if (typeof key !== 'string') continue;
      const path = prefix + key;
      if (path.length > limits.nameBytes) fail('NAME_TOO_LONG', `a name has more than ${limits.nameBytes} characters`);
      if (value instanceof ScriptModule) walk(value, `${path}.`, depth + 1);
      if (!(value instanceof PickledTensor || value instanceof UnsupportedTensor)) continue;
      // One module under two names in one under two names, and so on, has twice as many paths at each level.
      nameBytes += path.length;
      if (nameBytes > limits.headerBytes)
        fail('PICKLE_TOO_LARGE', `the names of its tensors have more than ${limits.headerBytes} characters together`);
      if (tensors.has(path)) fail('DUPLICATE_NAME', `two of its tensors are called ${path}`, path);
      if (tensors.size === limits.tensors) fail('TOO_MANY_TENSORS', `it holds more than ${limits.tensors} tensors`);
      tensors.set(path, value);
    }
  };
  walk(root, '', 1);
  return tensors;
}
