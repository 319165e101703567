import { TypeError } from './errors';

/**
 * The options of a call: none when they are null or left out, and among them no name whose value is undefined, which
 * is as good as left out.
 * @param where - the call, for errors
 * @param example - options that are often meant, for errors
 * @throws TypeError when they are no object
 */
export function givenOptions<O extends object>(options: O | null | undefined, where: string, example?: string): O {
  if (options === undefined || options === null) return {} as O;
  if (typeof options !== 'object' || Array.isArray(options))
    throw new TypeError(
      `the options of ${where} must be an object,${example ? ` such as ${example},` : ''} not ${kind(options)}`,
    );
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O;
}

function kind(value: unknown): string {
  return Array.isArray(value) ? 'a list' : `a ${typeof value} (${String(value)})`;
}
