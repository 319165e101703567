import { TypeError, unknownName } from './errors';

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

/** What the value of an option may be; null is as good as none. */
export type OptionKind = 'boolean' | 'string' | 'number' | 'function' | 'list' | 'object';

const kindNames: Record<OptionKind, string> = {
  boolean: 'true or false',
  string: 'a text',
  number: 'a number',
  function: 'a function',
  list: 'a list',
  object: 'an object',
};

/**
 * Checks the options of a call of which `kinds` says what they may be: in JS nearly every value can pass for another.
 * @throws TypeError naming the option, what it must be and what it is
 */
export function checkOptionKinds(where: string, options: object, kinds: Readonly<Record<string, OptionKind>>): void {
  for (const [name, value] of Object.entries(options)) {
    const wanted = Object.hasOwn(kinds, name) ? (kinds[name] as OptionKind) : null;
    if (wanted === null || value === null || value === undefined || kindOf(value) === wanted) continue;
    throw new TypeError(`${name} of ${where} must be ${kindNames[wanted]}, not ${kind(value)}`);
  }
}

/**
 * The options of a call that has these alone: `givenOptions`, each of a name and a kind that `kinds` says; 'any' for what
 * is checked elsewhere.
 * @throws TypeError naming the option
 */
export function namedOptions<O extends object>(
  options: O | null | undefined,
  where: string,
  kinds: Readonly<Record<keyof O & string, OptionKind | 'any'>>,
): O {
  const given = givenOptions(options, where);
  const known = Object.keys(kinds);
  for (const name of Object.keys(given)) if (!known.includes(name)) throw unknownName('option', name, where, known);
  const checked = Object.entries<OptionKind | 'any'>(kinds).filter(([, wanted]) => wanted !== 'any');
  checkOptionKinds(where, given, Object.fromEntries(checked) as Record<string, OptionKind>);
  return given;
}

/**
 * JS drops arguments behind the last that a function has; here they are an error.
 * @param surplus - what came behind them
 * @throws TypeError unless all of it is undefined
 */
export function refuseSurplus(where: string, surplus: readonly unknown[]): void {
  const first = surplus.find((value) => value !== undefined);
  if (first === undefined) return;
  throw new TypeError(
    `${where} got an argument more than it takes, ${kind(first)}; options are one object, the last argument`,
  );
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : typeof value;
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object' || typeof value === 'function')
    return Array.isArray(value) ? 'a list' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
  return `a ${typeof value} (${String(value)})`;
}
