import type { FormatRows, JobModel } from '../jobs/engine';
import { type JobResult, runJob } from '../jobs/job';
import { inputError } from '../jobs/job-error';
import { grouped } from '../jobs/numbers';
import type { JobEvent, Progress } from '../jobs/progress';
import type { Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { jobOptions } from './job-options';
import { type LogStyle, type ProgressLog, progressLog } from './progress-log';

/** What a batch command needs from the rooms below. */
export interface BatchParts {
  /** As in `embed`. */
  verb: string;
  model: Promise<JobModel>;
  formatRows: FormatRows;
}

/** Runs a job from the command line: progress, signals, the last words and the exit code. */
export async function runBatchCommand(parts: BatchParts, parsed: Parsed, terminal: Terminal): Promise<number> {
  const log = progressLog(parsed.options['log'] as LogStyle | undefined, parts.verb, terminal);
  const signals = new DrainOnSignal();
  let progress: (() => Progress) | null = null;
  const onEvent = (event: JobEvent) => {
    if (event.type === 'start') progress = event.progress;
    log.event(event);
  };
  try {
    const { stdin } = terminal;
    const { model, formatRows } = parts;
    const result = await runJob({ ...jobOptions(parsed), model, formatRows, stdin, drain: signals.drain, onEvent });
    const now = (progress as (() => Progress) | null)?.() ?? null;
    if (result.drained) return sayHowToResume(parts.verb, parsed, result, log, signals.exitCode);
    sayDone(parsed, result, now, log);
    terminal.stdout.write(`${result.manifest}\n`);
    if (result.fault !== null) throw nothingUsable(result, parsed);
    return result.failed > 0 && parsed.options['fail-on-errors'] === true ? ExitCode.ROWS_FAILED : ExitCode.OK;
  } finally {
    signals.close();
    log.close();
    await parts.model.then((model) => model.dispose?.()).catch(() => {});
  }
}

/** The first signal drains, the second one ends the process; what is committed is safe either way. */
class DrainOnSignal {
  readonly #controller = new AbortController();
  #signal: 'SIGINT' | 'SIGTERM' = 'SIGINT';

  constructor() {
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  get drain(): AbortSignal {
    return this.#controller.signal;
  }

  get exitCode(): number {
    return this.#signal === 'SIGINT' ? ExitCode.INTERRUPTED : ExitCode.TERMINATED;
  }

  readonly #onSignal = (signal: NodeJS.Signals) => {
    if (this.drain.aborted) process.exit(this.exitCode);
    this.#signal = signal as 'SIGINT' | 'SIGTERM';
    this.#controller.abort();
  };

  close(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}

function sayHowToResume(verb: string, parsed: Parsed, result: JobResult, log: ProgressLog, exitCode: number): number {
  const command = ['native-transformers', verb, ...parsed.args.filter((arg) => arg !== '--overwrite')]
    .map(quote)
    .join(' ');
  const input = parsed.positionals.includes('-') ? ', with the same standard input,' : '';
  const sentence =
    `stopped: ${grouped(result.rows + result.failed)} rows are safe in ${parsed.options['output']}. ` +
    `The same command${input} goes on from there:\n  ${command}`;
  log.end('drained', sentence, { rows: result.rows, failed: result.failed, resume: command });
  return exitCode;
}

function sayDone(parsed: Parsed, result: JobResult, progress: Progress | null, log: ProgressLog): void {
  const { rows, failed } = result;
  const output = String(parsed.options['output']);
  const seconds = progress?.seconds ?? 0;
  const perSecond = seconds > 0 ? progress!.rows / seconds : 0;
  const rate = seconds > 0 ? ` in ${seconds.toFixed(1)} s, ${grouped(perSecond)} rows/s` : ', nothing left to do';
  const bad = failed > 0 ? `, ${grouped(failed)} failed (${output}/errors)` : '';
  const sentence = `done: ${grouped(rows)} rows${bad}${rate}. Report: ${output}/report.html`;
  log.end('done', sentence, { rows, failed, seconds, rows_per_second: Number(perSecond.toFixed(1)) });
}

/** The error of a run that is finished with every row in errors/: what the first row lacks is what they all lack. */
function nothingUsable({ failed, fault }: JobResult, parsed: Parsed): Error {
  const output = String(parsed.options['output']);
  const { code, message } = fault as NonNullable<JobResult['fault']>;
  const option = code === 'MISSING_TEXT' ? '. Name the field of the text with --text-field, and add --overwrite' : '';
  return inputError(
    'NO_USABLE_ROWS',
    `not one of ${grouped(failed)} rows could be used (${output}/errors). The first: ${message} [${code}]${option}`,
  );
}

/** An argument as a POSIX shell wants it. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
