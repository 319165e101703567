import { Worker } from 'node:worker_threads';
import { ImportError, RuntimeError } from '../../errors';
import { byteLevelFile } from './byte-level-file';
import { checkCharacterMap } from './check-character-map';
import { ggufFile } from './gguf-file';
import { mergesFromScores } from './merges-from-scores';
import type { Answer, Reply, Request } from './messages';
import { readSentencePiece } from './read-sentence-piece';
import { sentencePieceFile } from './sentence-piece-file';
import { threadMain } from './thread-main';
import { kMostVocabularyBytes } from './vocabulary-files';
import { wordPieceFile } from './word-piece-file';

/** An error that the tokenizer thread answered. */
export class ThreadFault extends Error {
  override name = 'ThreadFault';
  constructor(
    /** Name of the error class on the thread. */
    readonly kind: string,
    message: string,
    readonly code: string | null,
  ) {
    super(message);
  }
}

function resolvePackage(): string {
  try {
    return require.resolve('tokenizers');
  } catch (error) {
    throw new ImportError("the npm package 'tokenizers' is not installed; `npm install tokenizers@0.23.2` adds it", {
      cause: error,
    });
  }
}

/** The thread's program: the source texts of functions, none of which uses anything from outside. */
function threadSource(): string {
  const functions = {
    ggufFile,
    wordPieceFile,
    byteLevelFile,
    sentencePieceFile,
    mergesFromScores,
    readSentencePiece,
    checkCharacterMap,
  };
  const members = Object.entries(functions).map(([name, made]) => `${name}: ${made.toString()}`);
  return `(${threadMain.toString()})({${[...members, `mostBytes: ${kMostVocabularyBytes}`].join(',')}})`;
}

/**
 * The thread on which the npm package `tokenizers` lives. Its encodings are freed by the garbage collector of the
 * thread that made them, thousands at a time: on the event loop's own thread that stops it for 60 to 100 ms, and loading
 * a large vocabulary for seconds. Here, with a small young generation, it stops nobody.
 */
export class TokenizerThread {
  private readonly worker: Worker;
  private readonly pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  private lastId = 0;
  private ended: RuntimeError | null = null;

  constructor() {
    this.worker = new Worker(threadSource(), {
      eval: true,
      execArgv: [],
      workerData: { tokenizers: resolvePackage() },
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    this.worker.unref(); // an idle tokenizer does not keep the process
    this.worker.on('message', (reply: Reply) => this.settle(reply));
    this.worker.on('error', (error) => this.end(String(error.message)));
    this.worker.on('exit', () => this.end('it was stopped'));
  }

  /** Asks the thread; rejects with a `ThreadFault` for its errors, with a `RuntimeError` when the thread has ended. */
  request<K extends keyof Request>(operation: K, payload: Request[K]): Promise<Answer[K]> {
    return new Promise((resolve, reject) => {
      if (this.ended) {
        reject(this.ended);
        return;
      }
      const id = ++this.lastId;
      if (this.pending.size === 0) this.worker.ref();
      this.pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.worker.postMessage({ id, operation, payload });
    });
  }

  /** Ends the thread; what it was asked for is rejected. */
  stop(): void {
    this.end('it was stopped');
    void this.worker.terminate();
  }

  get alive(): boolean {
    return this.ended === null;
  }

  private settle(reply: Reply): void {
    const waiting = this.pending.get(reply.id);
    if (waiting === undefined) return;
    this.pending.delete(reply.id);
    if (this.pending.size === 0) this.worker.unref();
    if ('error' in reply) waiting.reject(new ThreadFault(reply.error.name, reply.error.message, reply.error.code));
    else waiting.resolve(reply.value);
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.ended = new RuntimeError(`the tokenizer thread has ended (${reason}); load the tokenizer again`, {
      code: 'ERR_TOKENIZER_THREAD',
    });
    for (const { reject } of this.pending.values()) reject(this.ended);
    this.pending.clear();
  }
}
