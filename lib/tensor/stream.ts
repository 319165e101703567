import * as runtime from '../binding/runtime';
import { RuntimeError, TypeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { givenOptions } from '../options';

/** How a stream computes. */
export interface StreamOptions {
  /** Instruction set: one of `nativeInfo().levels`, or 'reference' for the slow twins of all kernels. */
  isa?: string | null;
  /** 1 keeps each op on one thread: for many streams at once. */
  threads?: 1 | null;
}

/** What waiting for a stream takes. */
export interface WaitOptions {
  /** Stops the wait; the promise rejects with an `AbortError`. What is recorded runs on. */
  signal?: AbortSignal;
}

/**
 * A stream runs its ops in order on the process' compute threads; several streams run at once. The current stream is
 * ambient and synchronous: `stream.run(() => …)`.
 */
export class Stream {
  /** @internal */
  readonly id: number;
  private closed = false;

  /** @throws TypeError for what is no option; ValueError when this CPU lacks `isa` or `threads` is not 1 */
  constructor(options?: StreamOptions | null) {
    const { isa, threads, ...unknown } = givenOptions<StreamOptions>(options, 'Stream', '{ threads: 1 }');
    for (const name of Object.keys(unknown)) throw unknownName('option', name, 'Stream', ['isa', 'threads']);
    if (isa !== undefined && isa !== null && typeof isa !== 'string')
      throw new TypeError(`isa of a Stream names an instruction set; it cannot be a ${typeof isa}`);
    if (threads !== undefined && threads !== null && threads !== 1)
      throw new ValueError(
        `threads of a Stream is 1, or left out for all; got ${String(threads)}. NATIVE_TRANSFORMERS_THREADS sets how many there are`,
      );
    this.id = runtime.createStream(isa ?? '', threads === 1);
  }

  /**
   * Calls `f` with this as the current stream: what `f` records before it returns, or before its first `await`, runs here.
   * Model calls are recorded on the stream that was current when they were made.
   * @throws RuntimeError after dispose()
   */
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
  async synchronize(options?: WaitOptions | null): Promise<void> {
    const signal = signalOf(options, 'synchronize');
    await runtime.fence(this.id, 0, signal);
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

/** The signal of a call whose options have nothing else. @throws TypeError for another option; AbortError */
export function signalOf(options: WaitOptions | null | undefined, where: string): AbortSignal | undefined {
  const { signal, ...unknown } = givenOptions<WaitOptions>(options, where, '{ signal }');
  for (const name of Object.keys(unknown)) throw unknownName('option', name, where, ['signal']);
  throwIfAborted(signal);
  return signal ?? undefined;
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
