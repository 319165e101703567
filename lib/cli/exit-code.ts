import { errorCode } from '../jobs/job-error';

/** What the process says to whoever started it. docs: the table in the README's command line section. */
export const ExitCode = {
  OK: 0,
  /** Something that may go well the next time: disk full, out of memory, a failing model. */
  FAILED: 1,
  /** The command line cannot be understood. */
  USAGE: 2,
  /** Finished, but rows went to errors/; only with --fail-on-errors. */
  ROWS_FAILED: 3,
  /** Input, checkpoint or output folder that will not do, now or later. */
  BAD_INPUT: 65,
  /** The compute library or device is not there. */
  UNAVAILABLE: 69,
  /** Another process works in the folder. */
  LOCKED: 75,
  /** 128 + the signal: drained, the same command goes on. */
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;

const RETRIABLE = new Set([
  'DISK_FULL',
  'RECEIPT_GONE',
  'MODEL_CONTRACT',
  'ERR_RUNTIME',
  'ERR_OUT_OF_MEMORY',
  'ERR_QUEUE_FULL',
]);
const USAGE = new Set(['USAGE', 'ERR_OPTION_VALUE']);

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  const code = errorCode(error);
  if (code === undefined) return ExitCode.FAILED;
  if (USAGE.has(code)) return ExitCode.USAGE;
  if (code === 'RUN_LOCKED') return ExitCode.LOCKED;
  if (code === 'ABORT_ERR') return ExitCode.INTERRUPTED;
  if (RETRIABLE.has(code)) return ExitCode.FAILED;
  const name = (error as { name?: unknown }).name;
  if (name === 'ImportError') return ExitCode.UNAVAILABLE;
  return BAD_INPUT_ERRORS.has(String(name)) ? ExitCode.BAD_INPUT : ExitCode.FAILED;
}

/** The package's own classes that speak of what it was given. */
const BAD_INPUT_ERRORS = new Set([
  'ValueError',
  'TypeError',
  'KeyError',
  'OSError',
  'CheckpointError',
  'NotImplementedError',
]);
