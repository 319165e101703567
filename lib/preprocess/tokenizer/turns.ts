import { performance } from 'node:perf_hooks';
import { throwIfAborted } from '../../errors';

/** Milliseconds for which a loop over many rows may hold the event loop. */
const kTurnMs = 3;

/** Lets other events in between the rounds of a long loop, and stops it when its call is aborted. */
export class TurnTaker {
  private due = performance.now() + kTurnMs;

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** To be awaited after every round; takes a new turn of the event loop when this one was long enough. */
  next(): Promise<void> | undefined {
    if (performance.now() < this.due) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      throwIfAborted(this.signal);
      this.due = performance.now() + kTurnMs;
    });
  }
}
