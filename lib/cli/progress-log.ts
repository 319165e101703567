import type { JobEvent, Progress } from '../jobs/progress';
import { LogLevel, setLogHook } from '../logging';
import type { Terminal } from './command';
import { progressLine } from './progress-line';

export type LogStyle = 'pretty' | 'json' | 'quiet';

/** Tells on stderr how a job goes. */
export interface ProgressLog {
  event(event: JobEvent): void;
  /** One last word. */
  end(name: string, sentence: string, facts: Record<string, unknown>): void;
  close(): void;
}

const REDRAW_MS = 200;
const REPORT_MS = 10_000;

/** A line that is redrawn on a terminal, JSON lines elsewhere, unless `style` says otherwise. */
export function progressLog(style: LogStyle | undefined, verb: string, { stderr, env }: Terminal): ProgressLog {
  const isTerminal = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const chosen = style ?? (isTerminal && !env['CI'] ? 'pretty' : 'json');
  const log =
    chosen === 'json' ? new JsonLog(stderr) : new PrettyLog(stderr, verb, chosen === 'quiet', isTerminal, env);
  const previous = setLogHook((level, message) => log.note(message, level >= LogLevel.WARNING ? 'warning' : 'note'));
  return {
    event: (event) => log.event(event),
    end: (name, sentence, facts) => log.end(name, sentence, facts),
    close: () => {
      log.close();
      setLogHook(previous);
    },
  };
}

class JsonLog {
  readonly #stderr: Terminal['stderr'];
  #timer: NodeJS.Timeout | undefined;

  constructor(stderr: Terminal['stderr']) {
    this.#stderr = stderr;
  }

  event(event: JobEvent): void {
    if (event.type === 'note') this.note(event.message, 'note');
    if (event.type !== 'start') return;
    const { output, inputs, committedShards, progress } = event;
    this.#line('start', { output, inputs, committed_parts: committedShards });
    this.#timer = setInterval(() => this.#line('progress', progressFacts(progress())), REPORT_MS).unref();
  }

  note(message: string, event: string): void {
    this.#line(event, { message });
  }

  end(name: string, sentence: string, facts: Record<string, unknown>): void {
    this.#line(name, { message: sentence, ...facts });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #line(event: string, facts: Record<string, unknown>): void {
    this.#stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...facts })}\n`);
  }
}

class PrettyLog {
  readonly #stderr: Terminal['stderr'];
  readonly #verb: string;
  readonly #quiet: boolean;
  readonly #redraws: boolean;
  readonly #colour: boolean;
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  constructor(stderr: Terminal['stderr'], verb: string, quiet: boolean, redraws: boolean, env: Terminal['env']) {
    this.#stderr = stderr;
    this.#verb = verb;
    this.#quiet = quiet;
    this.#redraws = redraws;
    this.#colour = redraws && !env['NO_COLOR'];
  }

  event(event: JobEvent): void {
    if (event.type === 'note') this.note(event.message, 'note');
    if (event.type !== 'start' || this.#quiet) return;
    if (event.committedShards > 0) this.note(`going on behind ${event.committedShards} finished parts`, 'note');
    const draw = () => this.#draw(event.progress());
    this.#timer = setInterval(draw, this.#redraws ? REDRAW_MS : REPORT_MS).unref();
  }

  note(message: string, event: string): void {
    if (this.#quiet && event !== 'warning') return;
    this.#erase();
    this.#stderr.write(`${event}: ${message}\n`);
  }

  end(_name: string, sentence: string): void {
    this.close();
    if (!this.#quiet) this.#stderr.write(`${sentence}\n`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #draw(progress: Progress): void {
    const line = progressLine(this.#verb, progress, this.#stderr.columns ?? 100, this.#colour);
    this.#erase();
    this.#stderr.write(this.#redraws ? line : `${line}\n`);
    this.#drawn = this.#redraws;
  }

  #erase(): void {
    if (this.#drawn) this.#stderr.write('\r\x1b[2K');
    this.#drawn = false;
  }
}

function progressFacts(progress: Progress): Record<string, unknown> {
  return {
    rows: progress.rows,
    failed: progress.failed,
    skipped: progress.skipped,
    committed: progress.committed,
    tokens: progress.tokens,
    rows_per_second: round(progress.rowsPerSecond),
    tokens_per_second: round(progress.tokensPerSecond),
    share: progress.share === null ? null : Number(progress.share.toFixed(4)),
    eta_seconds: progress.etaSeconds === null ? null : Math.round(progress.etaSeconds),
    seconds: round(progress.seconds),
  };
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
