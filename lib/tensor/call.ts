import * as runtime from '../binding/runtime';
import { throwIfAborted } from '../errors';

/**
 * One call of the user's. Every command that is recorded while it is current carries its token: when it fails or its
 * signal fires, its remaining commands are skipped, and no other call is touched.
 */
export class Call {
  readonly id: number;
  readonly signal: AbortSignal | undefined;
  private readonly onAbort = () => runtime.abortCall(this.id);

  /** @throws AbortError when `signal` has been aborted already */
  constructor(signal?: AbortSignal) {
    throwIfAborted(signal);
    this.id = runtime.beginCall();
    this.signal = signal;
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  /** Calls `f` with this as the current call. `f` must not be async. */
  run<T>(f: () => T): T {
    const previous = current;
    current = this;
    try {
      return f();
    } finally {
      current = previous;
    }
  }

  /** Forgets the token; commands in flight keep it. */
  end(): void {
    this.signal?.removeEventListener('abort', this.onAbort);
    runtime.endCall(this.id);
  }
}

let current: Call | null = null;

/** The call that is being recorded, or null. */
export function currentCall(): Call | null {
  return current;
}
