/** What a command is: one description from which parsing, help and environment names are made. */

import type { Readable, Writable } from 'node:stream';

export interface OptionSpec {
  /** `integer` options are whole numbers above 0. */
  type: 'string' | 'boolean' | 'integer';
  short?: string;
  /** Name of the value in the help. */
  value?: string;
  choices?: readonly string[];
  /** What happens without it, for the help. */
  default?: string;
  /** A boolean that `--no-NAME` turns off. */
  negatable?: boolean;
  required?: boolean;
  help: string;
}

export interface PositionalSpec {
  name: string;
  help: string;
  many: boolean;
  optional?: boolean;
  /** An argument that may follow. */
  second?: { name: string; help: string };
}

/** Where a command reads and writes; tests give their own. */
export interface Terminal {
  stdin: Readable;
  stdout: Writable & { columns?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  env: Record<string, string | undefined>;
}

export type Value = string | number | boolean | undefined;

/** A command line after parsing: every value checked, environment variables filled in. */
export interface Parsed {
  options: Record<string, Value>;
  positionals: string[];
  /** As they were typed. */
  args: readonly string[];
}

export interface Command {
  name: string;
  /** One line. */
  summary: string;
  positional: PositionalSpec | null;
  options: Record<string, OptionSpec>;
  /** Real command lines, with what they are for. */
  examples: readonly { line: string; what: string }[];
  /** @returns the exit code */
  run(parsed: Parsed, terminal: Terminal): Promise<number>;
}

/** The environment variable that stands for an option: `--text-field` is `NATIVE_TRANSFORMERS_TEXT_FIELD`. */
export function envName(option: string): string {
  return `NATIVE_TRANSFORMERS_${option.toUpperCase().replaceAll('-', '_')}`;
}
