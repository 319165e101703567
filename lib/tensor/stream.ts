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

  /** Calls `f` with this as the current stream. `f` must not be async. */
  run<T>(f: () => T): T {
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

  /** Ends the stream; what is queued is aborted. */
  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    if (current === this) throw new RuntimeError('a stream cannot be disposed while it is the current one');
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

/** The stream that ops are recorded on now. */
export function currentStream(): Stream {
  if (current) return current;
  standard ??= new Stream();
  return standard;
}
