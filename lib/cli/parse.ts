import { parseArgs } from 'node:util';
import { nearest, ValueError } from '../errors';
import { errorMessage } from '../jobs/job-error';
import { type Command, envName, type OptionSpec, type Parsed, type Value } from './command';

/**
 * Parses what follows a command's name. A flag goes before its environment variable.
 * @throws ValueError `USAGE`
 */
export function parseCommand(command: Command, args: string[], env: Record<string, string | undefined>): Parsed {
  const { values, positionals } = parseFlags(command, args);
  const options: Record<string, Value> = {};
  for (const [name, spec] of Object.entries(command.options)) {
    const given = flagOf(command, name, spec, values) ?? fromEnv(name, spec, env);
    options[name] = given === undefined ? undefined : checked(command, name, spec, given);
    if (given === undefined && spec.required) throw usage(command, `--${name} is missing`);
  }
  checkPositionals(command, positionals);
  return { options, positionals, args };
}

/** An error about the command line, which says where the help is. */
export function usage(command: Command | null, message: string): ValueError {
  const help = command === null ? 'native-transformers --help' : `native-transformers ${command.name} --help`;
  return new ValueError(`${message} (see ${help})`, { code: 'USAGE' });
}

type Flags = Record<string, string | boolean | undefined>;

function parseFlags(command: Command, args: string[]): { values: Flags; positionals: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const [name, { type, short, negatable }] of Object.entries(command.options)) {
    options[name] = { type: type === 'boolean' ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) };
    if (negatable) options[`no-${name}`] = { type: 'boolean' };
  }
  checkNames(command, args, options);
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true }) as {
      values: Flags;
      positionals: string[];
    };
  } catch (error) {
    throw usage(command, errorMessage(error).replace(/\. .*$/s, ''));
  }
}

/** Unknown flags are named with the nearest known one, which parseArgs does not do. */
function checkNames(command: Command, args: string[], options: Record<string, { short?: string }>): void {
  const shorts = new Set(Object.values(options).map(({ short }) => short));
  const { tokens } = parseArgs({
    args,
    options: options as never,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const seen = new Set<string>();
  for (const token of tokens as { kind: string; name?: string; rawName?: string }[]) {
    if (token.kind !== 'option') continue;
    if (Object.hasOwn(options, token.name!) || shorts.has(token.name)) {
      // The last would win, and the one before would do nothing.
      if (seen.has(token.name!)) throw usage(command, `${token.rawName} is given twice`);
      seen.add(token.name!);
      continue;
    }
    const names = Object.keys(options);
    const begun = names.filter((name) => name.startsWith(token.name!));
    const guess = begun.length === 1 ? (begun[0] as string) : nearest(token.name!, names);
    const hint = guess === null ? '' : `; did you mean --${guess}?`;
    throw usage(command, `${command.name} has no option ${token.rawName}${hint}`);
  }
}

function flagOf(command: Command, name: string, spec: OptionSpec, values: Flags): string | boolean | undefined {
  const negated = spec.negatable && values[`no-${name}`] === true;
  if (negated && values[name] === true) throw usage(command, `--${name} and --no-${name} contradict each other`);
  if (negated) return false;
  return values[name];
}

function fromEnv(
  name: string,
  spec: OptionSpec,
  env: Record<string, string | undefined>,
): string | boolean | undefined {
  const text = env[envName(name)];
  if (text === undefined || text === '') return undefined;
  if (spec.type !== 'boolean') return text;
  if (['1', 'true', 'yes', 'on'].includes(text.toLowerCase())) return true;
  if (['0', 'false', 'no', 'off'].includes(text.toLowerCase())) return false;
  throw new ValueError(`${envName(name)} must be 1 or 0, got '${text}'`, { code: 'USAGE' });
}

function checked(command: Command, name: string, spec: OptionSpec, value: string | boolean): Value {
  if (typeof value === 'boolean') return value;
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    const guess = nearest(value, spec.choices);
    const hint = guess === null ? '' : `; did you mean ${guess}?`;
    throw usage(command, `--${name} must be one of ${spec.choices.join(', ')}, got '${value}'${hint}`);
  }
  if (spec.type !== 'integer') return value;
  if (!/^[1-9]\d{0,14}$/.test(value)) throw usage(command, `--${name} must be a whole number above 0, got '${value}'`);
  return Number(value);
}

function checkPositionals(command: Command, positionals: string[]): void {
  const { positional } = command;
  if (positional === null && positionals.length > 0) {
    throw usage(command, `${command.name} takes no arguments, got '${positionals[0]}'`);
  }
  if (positional === null) return;
  if (positionals.length === 0 && !positional.optional) throw usage(command, `${positional.name} is missing`);
  const most = positional.second ? 2 : 1;
  if (positionals.length > most && !positional.many) {
    const names = positional.second ? `${positional.name} and ${positional.second.name}` : `one ${positional.name}`;
    throw usage(command, `${command.name} takes ${names}, got '${positionals[most]}' too`);
  }
}
