import { nearest } from '../errors';
import { errorCode, errorMessage } from '../jobs/job-error';
import type { Command, Terminal } from './command';
import { ExitCode, exitCodeOf } from './exit-code';
import { commandHelp, mainHelp } from './help';
import { parseCommand, usage } from './parse';

/** Runs one command line; gives the exit code, and never throws. */
export async function runCli(
  commands: readonly Command[],
  args: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<number> {
  try {
    return await dispatch(commands, args, terminal, version);
  } catch (error) {
    terminal.stderr.write(describe(error, terminal.env));
    return exitCodeOf(error);
  }
}

async function dispatch(
  commands: readonly Command[],
  args: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<number> {
  const [name, ...rest] = args;
  const { columns } = terminal.stdout;
  if (name === '--version' || name === '-v') return say(terminal, `${version}\n`);
  if (name === '--help' || name === '-h') return say(terminal, mainHelp(commands, version, columns));
  if (name === undefined) {
    terminal.stderr.write(mainHelp(commands, version, terminal.stderr.columns));
    return ExitCode.USAGE;
  }
  if (name === 'help') {
    const [about] = rest;
    if (about === undefined) return say(terminal, mainHelp(commands, version, columns));
    return say(terminal, commandHelp(find(commands, about), columns));
  }
  const command = find(commands, name);
  const flags = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (flags.includes('--help') || flags.includes('-h')) return say(terminal, commandHelp(command, columns));
  return command.run(parseCommand(command, rest, terminal.env), terminal);
}

function find(commands: readonly Command[], name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const guess = nearest(
    name,
    commands.map((command) => command.name),
  );
  const hint =
    guess === null ? `commands: ${commands.map((command) => command.name).join(', ')}` : `did you mean ${guess}?`;
  throw usage(null, `there is no ${name.startsWith('-') ? 'option' : 'command'} '${name}'; ${hint}`);
}

function say({ stdout }: Terminal, text: string): number {
  stdout.write(text);
  return ExitCode.OK;
}

/** One sentence and its code; the stack only of what is not ours, or when asked for. */
function describe(error: unknown, env: Record<string, string | undefined>): string {
  const code = errorCode(error);
  const line = `error: ${errorMessage(error)}${code === undefined || code === 'USAGE' ? '' : ` [${code}]`}\n`;
  const stack = (error as { stack?: string } | null)?.stack;
  const wanted = code === undefined || env['NATIVE_TRANSFORMERS_DEBUG'] === '1';
  return wanted && stack !== undefined ? `${line}${stack}\n` : line;
}
