import { errorCode } from '../jobs/job-error';

/** What the process says to whoever started it. */
export const ExitCode = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  ROWS_FAILED: 3,
  BAD_INPUT: 65,
  UNAVAILABLE: 69,
  LOCKED: 75,
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;

/** The same for people. */
export const exitCodeMeanings: readonly (readonly [string, string])[] = [
  ['0', 'done'],
  ['1', 'failed, and may go well the next time: disk full, out of memory, a failing model, no connection'],
  ['2', 'the command line cannot be understood'],
  ['3', 'done, but rows went to errors/ (with --fail-on-errors only)'],
  ['65', 'input, checkpoint, repository or output folder that will not do; done, but not one row could be used'],
  ['69', 'the native build is missing or broken'],
  ['75', 'another process works in the output folder'],
  ['130', 'stopped by SIGINT after the running batches; the same command goes on'],
  ['143', 'the same, by SIGTERM'],
];

const RETRIABLE = new Set([
  'DISK_FULL',
  'RECEIPT_GONE',
  'MODEL_CONTRACT',
  'ERR_RUNTIME',
  'ERR_OUT_OF_MEMORY',
  'ERR_QUEUE_FULL',
  'ERR_HUB_CONNECTION',
  'ERR_HUB_TIMEOUT',
  'ERR_HUB_HTTP',
  'ERR_HUB_INTEGRITY',
  'ERR_HUB_LOCAL_ENTRY_NOT_FOUND',
]);
const USAGE = new Set(['USAGE', 'ERR_OPTION_VALUE']);

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  const code = errorCode(error);
  if (code === undefined) return ExitCode.FAILED;
  if (USAGE.has(code)) return ExitCode.USAGE;
  if (code === 'RUN_LOCKED' || code === 'SAVE_IN_PROGRESS') return ExitCode.LOCKED;
  if (code === 'ABORT_ERR') return ExitCode.INTERRUPTED;
  if (RETRIABLE.has(code)) return ExitCode.FAILED;
  if (code.startsWith('ERR_HUB_')) return ExitCode.BAD_INPUT;
  const name = (error as { name?: unknown }).name;
  if (name === 'ImportError') return ExitCode.UNAVAILABLE;
  if (code === 'ERR_STATE_DICT') return ExitCode.BAD_INPUT; // the checkpoint's names do not fit: they never will
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
