import { type Command, envName, type OptionSpec } from './command';
import { exitCodeMeanings } from './exit-code';

/** Where the terminal is wider, or is none. */
const kWidest = 100;
const kNarrowest = 50;

/** What `native-transformers --help` prints. @param columns - of the terminal */
export function mainHelp(commands: readonly Command[], version: string, columns: number = kWidest): string {
  const width = widthIn(columns);
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  const example = commands[0]!.examples[0]!;
  return [
    `native-transformers ${version}: Hub checkpoints on native kernels`,
    '',
    'Usage: native-transformers COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...table(rows, width),
    '',
    'Example:',
    `  ${example.line}`,
    '',
    'Exit codes:',
    ...table(exitCodeMeanings, width),
    '',
    ...wrap('native-transformers COMMAND --help shows the options of a command. --version prints the version.', width),
    '',
  ].join('\n');
}

/** What `native-transformers COMMAND --help` prints. @param columns - of the terminal */
export function commandHelp(command: Command, columns: number = kWidest): string {
  const width = widthIn(columns);
  const { name, summary, positional, options, examples } = command;
  const argument =
    positional === null
      ? ''
      : ` ${positional.name}${positional.many ? '...' : ''}${positional.second ? ` [${positional.second.name}]` : ''}`;
  const optionRows = Object.entries(options).map(
    ([option, spec]) => [flag(option, spec), describe(option, spec)] as const,
  );
  return [
    ...wrap(summary, width),
    '',
    `Usage: native-transformers ${name}${positional?.optional ? ` [${argument.trim()}]` : argument} [OPTIONS]`,
    ...(positional === null
      ? []
      : [
          '',
          ...table(
            [positional, positional.second ?? []].flat().map(({ name, help }) => [name, help] as const),
            width,
          ),
        ]),
    ...(optionRows.length === 0 ? [] : ['', 'Options:', ...table(optionRows, width)]),
    '',
    examples.length === 1 ? 'Example:' : 'Examples:',
    ...examples.flatMap(({ line, what }) => [`  # ${what}`, `  ${line}`]),
    '',
  ].join('\n');
}

function flag(name: string, { type, short, value, negatable }: OptionSpec): string {
  const long = `--${negatable ? '[no-]' : ''}${name}`;
  const takes = type === 'boolean' ? '' : ` ${value ?? (type === 'integer' ? 'N' : 'TEXT')}`;
  return `${short === undefined ? '' : `-${short}, `}${long}${takes}`;
}

function describe(name: string, spec: OptionSpec): string {
  const notes = [
    spec.required ? 'required' : null,
    spec.choices === undefined ? null : `one of ${spec.choices.join(', ')}`,
    spec.default === undefined ? null : `default: ${spec.default}`,
    `env: ${envName(name)}`,
  ].filter((note) => note !== null);
  return `${spec.help} [${notes.join('; ')}]`;
}

function widthIn(columns: number): number {
  return Math.max(kNarrowest, Math.min(kWidest, columns));
}

function table(rows: readonly (readonly [string, string])[], width: number): string[] {
  const left = Math.min(30, Math.max(...rows.map(([name]) => name.length)));
  return rows.flatMap(([name, text]) => {
    const lines = wrap(text, width - left - 4);
    const head = name.length > left ? [`  ${name}`] : [];
    const first = name.length > left ? ''.padEnd(left) : name.padEnd(left);
    return [...head, ...lines.map((line, at) => `  ${at === 0 ? first : ''.padEnd(left)}  ${line}`)];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
