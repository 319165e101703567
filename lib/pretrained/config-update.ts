import { ValueError } from '../errors';

/** What `update_from_string` reads. */

const kTrue = ['true', '1', 'y', 'yes'];
const kFalse = ['false', '0', 'n', 'no'];

/** The pairs of a text such as `n_layer=10,use_cache=false`. @throws ValueError for a part that is no pair */
export function parseUpdates(text: string): [string, string][] {
  return text.split(',').map((part) => {
    const [name, value, ...more] = part.split('=');
    if (name === undefined || value === undefined || more.length > 0)
      throw new ValueError(`'${part}' is not of the form name=value`);
    return [name, value];
  });
}

/**
 * What `text` says in the type of the field's present value.
 * @param isReal - whether a number is a float
 * @throws ValueError when it says no such value, or the field holds something else than text, number or boolean
 */
export function parseLike(name: string, current: unknown, isReal: boolean, text: string): string | number | boolean {
  if (typeof current === 'string') return text;
  if (typeof current === 'boolean') return parseBoolean(name, text);
  if (typeof current !== 'number')
    throw new ValueError(
      `You can only update int, float, bool or string values in the config, got ${text} for key ${name}`,
    );
  const pattern = isReal ? /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i : /^\s*[+-]?\d+\s*$/;
  if (!pattern.test(text)) throw new ValueError(`'${text}' is no ${isReal ? 'number' : 'whole number'} (key ${name})`);
  const number = Number(text);
  if (!Number.isFinite(number) || (!isReal && !Number.isSafeInteger(number)))
    throw new ValueError(`'${text}' is larger than a number can be in a config (key ${name})`);
  return number;
}

function parseBoolean(name: string, text: string): boolean {
  if (kTrue.includes(text.toLowerCase())) return true;
  if (kFalse.includes(text.toLowerCase())) return false;
  throw new ValueError(`can't derive true or false from ${text} (key ${name})`);
}
