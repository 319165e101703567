/** Messages for people: levels, one hook for all of them, and "once per process per text". */

import { TypeError } from './errors';

export const LogLevel = Object.freeze({ DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, NONE: 50 });

/** Receives every message at or above the level. */
export type LogHook = (level: number, message: string) => void;

const state: { level: number; hook: LogHook | null; seen: Set<string> } = {
  level: LogLevel.WARNING,
  hook: null,
  seen: new Set(),
};

/** Sets the lowest level that is shown (default `LogLevel.WARNING`). @throws TypeError for what is no number */
export function setLogLevel(level: number): void {
  if (typeof level !== 'number' || Number.isNaN(level))
    throw new TypeError(
      `a log level is a number, not ${typeof level === 'string' ? `'${level}'` : String(level)}: ` +
        `${Object.keys(LogLevel)
          .map((name) => `LogLevel.${name}`)
          .join(', ')}`,
    );
  state.level = level;
}

/** The lowest level that is shown. */
export function getLogLevel(): number {
  return state.level;
}

/** Sends messages to `hook` in place of standard error; null restores standard error. Returns the previous hook. */
export function setLogHook(hook: LogHook | null): LogHook | null {
  if (hook !== null && typeof hook !== 'function')
    throw new TypeError(`a log hook is a function of a level and a message, or null, not a ${typeof hook}`);
  const previous = state.hook;
  state.hook = hook;
  return previous;
}

function emit(level: number, message: string): void {
  if (level < state.level) return;
  if (state.hook) state.hook(level, message);
  else process.stderr.write(`native-transformers: ${message}\n`);
}

export function info(message: string): void {
  emit(LogLevel.INFO, message);
}

export function warn(message: string): void {
  emit(LogLevel.WARNING, message);
}

/** Warns once per process per text. */
export function warnOnce(message: string): void {
  if (state.seen.has(message)) return;
  if (LogLevel.WARNING >= state.level) state.seen.add(message);
  emit(LogLevel.WARNING, message);
}

export function error(message: string): void {
  emit(LogLevel.ERROR, message);
}
