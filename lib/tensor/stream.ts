import * as runtime from '../binding/runtime';
import { RuntimeError } from '../errors';

/**
 * A stream runs its ops in order on the process' compute threads; several streams run at once. The current stream is
 * ambient and synchronous: `stream.run(() => …)`.
 */
export class Stream {
  /** @internal */
  readonly id: number;
  private closed = false;

  /**
   * @param options.isa - instruction set: one of `nativeInfo().levels`, or 'reference' for the slow twins of all kernels
   * @param options.threads - 1 keeps each op on one thread: for many streams at once
   * @throws ValueError when this CPU lacks `isa`
   */
  constructor(options: { isa?: string; threads?: 1 } = {}) {
    this.id = runtime.createStream(options.isa ?? '', options.threads === 1);
  }

  /** Calls `f` with this as the current stream. `f` must not be async. @throws RuntimeError after dispose() */
  run<T>(f: () => T): T {
    if (this.closed) throw new RuntimeError('this stream has been disposed', { code: 'ERR_STREAM_CLOSED' });
    const previous = current;
    current = this;
    try {
      return f();
    } finally {
      current = previous;
    }
  }

  /** Resolves when everything recorded so far has run. */
  async synchronize(): Promise<void> {
    await runtime.fence(this.id, 0);
  }

  /** Resolves when few enough commands and bytes wait to run. */
  async ready(): Promise<void> {
    await runtime.whenBelow(this.id, kCommandBound, kByteBound);
  }

  /** @internal The stream on which this one's values are read: itself, or the standard one after its end. */
  get reader(): Stream {
    return this.closed ? standardStream() : this;
  }

  /** Ends the stream: what is queued is aborted, and what has run can still be read. */
  dispose(): void {
    if (this.closed) return;
    if (current === this) throw new RuntimeError('a stream cannot be disposed while it is the current one');
    this.closed = true;
    runtime.closeStream(this.id);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A call waits until no more than this is queued before it records its own commands. */
const kCommandBound = 4096;
const kByteBound = 4 * 2 ** 30;

let current: Stream | null = null;
let standard: Stream | null = null;

function standardStream(): Stream {
  standard ??= new Stream();
  return standard;
}

/** The stream that ops are recorded on now. */
export function currentStream(): Stream {
  return current ?? standardStream();
}
