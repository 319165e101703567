import { TypeError, unknownName } from '../errors';
import type { ModelClass } from './pretrained-model';

/**
 * What a model's constructor gets behind the config: `values` in their order, and those of `named` that are its arguments.
 * @param known - what else could have been meant by a name that is none
 * @throws TypeError for a name that is no argument, for more values than there are arguments, and for one given twice
 */
export function constructorArguments(
  { name: className, constructor_args: names }: ModelClass,
  values: readonly unknown[],
  named: Readonly<Record<string, unknown>>,
  known: readonly string[],
): unknown[] {
  if (values.length > names.length)
    throw new TypeError(
      `${className}.__init__() takes ${names.length === 0 ? 'no arguments' : names.join(', ')} behind the config, but ` +
        `model_args has ${values.length} values`,
    );
  const all = [...values];
  for (const [name, value] of Object.entries(named)) {
    const index = names.indexOf(name);
    if (index < 0)
      throw unknownName('keyword argument', name, `${className}.__init__()`, new Set([...known, ...names]));
    if (index in all) throw new TypeError(`${className}.__init__() got ${name} twice: as an option, and in model_args`);
    all[index] = value;
  }
  return all;
}
