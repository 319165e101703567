import { AbortError } from '../errors';
import { ExitCode } from './exit-code';

/** Runs a command that SIGINT and SIGTERM stop: what is unfinished stays for the next run. @returns the exit code */
export async function withInterrupts(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
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
    return by === 'SIGINT' ? ExitCode.INTERRUPTED : ExitCode.TERMINATED;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
