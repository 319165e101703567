import { AbortError } from '../errors';
import type { Terminal } from './command';
import { ExitCode } from './exit-code';

/**
 * Runs a command that SIGINT and SIGTERM stop.
 * @param left - what such a stop leaves, for whoever made it
 * @returns the exit code
 */
export async function withInterrupts(
  { stderr }: Terminal,
  left: string,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  let by: NodeJS.Signals | null = null;
  const stop = (signal: NodeJS.Signals) => {
    by = signal;
    controller.abort(new AbortError(signal, `stopped by ${signal}`));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (by === null) throw error;
    stderr.write(`stopped: ${left}\n`);
    return by === 'SIGINT' ? ExitCode.INTERRUPTED : ExitCode.TERMINATED;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
