import { AbortError, ImportError, OSError, RuntimeError, ValueError } from '../../errors';
import { inLanes, rangesOf } from './lanes';
import type { Answer, EncodedTexts, Request, TokenizerFile, TokenToAdd } from './messages';
import { ThreadFault, TokenizerThread } from './thread';
import type { Vocabulary } from './vocabulary-files';

/** The tokens of one text: a range of the chunk that the text was encoded in. */
export interface TokenRange {
  chunk: EncodedTexts;
  start: number;
  stop: number;
}

/** What `encode` is to bring besides ids. */
export type Wanted = Pick<Request['encode'], 'offsets' | 'words' | 'tokens' | 'trims'>;

/** Texts go to the thread in chunks, so that an aborted call stops soon and no message holds up the event loop. */
const kChunkTexts = 256;
const kChunkCharacters = 1 << 17;

let shared: TokenizerThread | null = null;
let openTokenizers = 0;
let lastHandle = 0;

/** The thread that all tokenizers of this process (or worker) share; it ends with the last of them. */
function acquireThread(): TokenizerThread {
  if (!shared?.alive) {
    shared = new TokenizerThread();
    openTokenizers = 0;
  }
  openTokenizers++;
  return shared;
}

function releaseHandle({ thread, handle }: { thread: TokenizerThread; handle: number }): void {
  if (!thread.alive) return;
  if (thread === shared && --openTokenizers === 0) thread.stop();
  else thread.request('close', { handle }).catch(() => {});
}

const unreachable = new FinalizationRegistry(releaseHandle);

/** One tokenizer of the npm package `tokenizers`, on the tokenizer thread: plain encoding and decoding. */
export class Backend {
  private readonly held: { thread: TokenizerThread; handle: number };
  private disposed = false;

  constructor() {
    this.held = { thread: acquireThread(), handle: ++lastHandle };
    unreachable.register(this, this.held, this);
  }

  /** Reads a `tokenizer.json`. @throws OSError when it cannot be read, ValueError when it is no such file */
  async open(path: string, signal?: AbortSignal): Promise<TokenizerFile> {
    try {
      return await this.request('open', { path }, signal);
    } catch (error) {
      throw readingFailed(path, error);
    }
  }

  /** Takes a vocabulary in another format, of `path`, in place of a `tokenizer.json`. @throws ValueError when it is damaged */
  async adopt(path: string, vocabulary: Vocabulary, signal?: AbortSignal): Promise<TokenizerFile> {
    try {
      return await this.request('adopt', { vocabulary }, signal);
    } catch (error) {
      throw readingFailed(path, error);
    }
  }

  /** The text of the `tokenizer.json` that a vocabulary amounts to, members in `changes` replaced. @throws as `adopt` */
  async text(
    path: string,
    vocabulary: Vocabulary,
    changes: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<string> {
    try {
      return await this.request('text', { vocabulary, changes }, signal);
    } catch (error) {
      throw readingFailed(path, error);
    }
  }

  /** Makes the tokenizer of the file that `open` read. Resolves to the ids of `tokens` and of `names`. */
  async build(
    path: string,
    changes: Record<string, unknown>,
    tokens: TokenToAdd[],
    names: string[],
    signal?: AbortSignal,
  ): Promise<Answer['build']> {
    try {
      return await this.request('build', { changes, tokens, names }, signal);
    } catch (error) {
      throw buildingFailed(path, error);
    }
  }

  /** Encodes every text, without special tokens. */
  async encode(texts: readonly string[], wanted: Wanted, signal?: AbortSignal): Promise<TokenRange[]> {
    const chunks = await inLanes(
      splitTexts(texts),
      ([start, stop]) => this.request('encode', { texts: texts.slice(start, stop), ...wanted }, signal),
      signal,
    );
    const ranges: TokenRange[] = [];
    for (const chunk of chunks) {
      let start = 0;
      for (const stop of chunk.ends) {
        ranges.push({ chunk, start, stop });
        start = stop;
      }
    }
    return ranges;
  }

  /** Decodes every list of ids. */
  async decode(lists: readonly Int32Array[], skipSpecialTokens: boolean, signal?: AbortSignal): Promise<string[]> {
    const texts = await inLanes(
      rangesOf(lists.length, kChunkTexts),
      ([start, stop]) =>
        this.request('decode', { ...concatenate(lists.slice(start, stop)), skipSpecialTokens }, signal),
      signal,
    );
    return texts.flat();
  }

  /** Puts the tokens of every list together, as the decoder does. */
  async join(lists: readonly string[][], signal?: AbortSignal): Promise<string[]> {
    const texts = await inLanes(
      rangesOf(lists.length, kChunkTexts),
      ([start, stop]) => this.request('join', { lists: lists.slice(start, stop) }, signal),
      signal,
    );
    return texts.flat();
  }

  /** Gives the tokenizer's memory back; later calls reject. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    unreachable.unregister(this);
    releaseHandle(this.held);
  }

  private async request<K extends 'open' | 'adopt' | 'build' | 'encode' | 'decode' | 'join' | 'text'>(
    operation: K,
    payload: Omit<Request[K], 'handle'>,
    signal?: AbortSignal,
  ) {
    if (this.disposed) throw new RuntimeError('this tokenizer was disposed', { code: 'ERR_DISPOSED' });
    const { thread, handle } = this.held;
    try {
      return await abortable(thread.request(operation, { ...payload, handle } as Request[K]), signal);
    } catch (error) {
      if (!(error instanceof ThreadFault) || ['open', 'adopt', 'build', 'text'].includes(operation)) throw error;
      throw new RuntimeError(`the tokenizer could not ${operation}: ${error.message}`, {
        code: 'ERR_TOKENIZER',
        cause: error,
      });
    }
  }
}

/** Rejects as soon as `signal` is aborted; what the thread still answers is dropped. */
function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new AbortError(signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function splitTexts(texts: readonly string[]): [start: number, stop: number][] {
  const chunks: [number, number][] = [];
  let start = 0;
  let characters = 0;
  texts.forEach((text, i) => {
    if (i > start && (i - start === kChunkTexts || characters + text.length > kChunkCharacters)) {
      chunks.push([start, i]);
      start = i;
      characters = 0;
    }
    characters += text.length;
  });
  if (start < texts.length) chunks.push([start, texts.length]);
  return chunks;
}

function concatenate(lists: Int32Array[]): { ids: Int32Array; ends: Int32Array } {
  const ends = new Int32Array(lists.length);
  let size = 0;
  lists.forEach((list, i) => {
    ends[i] = size += list.length;
  });
  const ids = new Int32Array(size);
  lists.forEach((list, i) => {
    ids.set(list, (ends[i] as number) - list.length);
  });
  return { ids, ends };
}

function readingFailed(path: string, error: unknown): unknown {
  if (!(error instanceof ThreadFault)) return error;
  if (error.kind === 'VocabularyFault')
    return new ValueError(error.message, { code: 'ERR_TOKENIZER_FILE', cause: error });
  if (error.kind === 'FileFault') return new OSError(error.message, { cause: error });
  if (error.kind === 'SyntaxError' || error.kind === 'TypeError')
    return new ValueError(`${path} is not a tokenizer file: ${error.message}`, { code: 'ERR_JSON', cause: error });
  return new OSError(`${path} cannot be read: ${error.message}`, { cause: error });
}

function buildingFailed(path: string, error: unknown): unknown {
  if (!(error instanceof ThreadFault)) return error;
  if (error.kind === 'VocabularyFault' || error.kind === 'FileFault') return readingFailed(path, error);
  if (error.kind === 'TokenizerFault')
    return new ValueError(`${path} is no tokenizer that can be used: ${error.message}`, {
      code: 'ERR_TOKENIZER_FILE',
      cause: error,
    });
  if (error.code === 'MODULE_NOT_FOUND' || /native binding/i.test(error.message))
    return new ImportError(
      `the npm package 'tokenizers' does not run here (${process.platform}-${process.arch}): ${error.message}`,
      { cause: error },
    );
  return new ValueError(`the tokenizers library does not accept ${path}: ${error.message}`, {
    code: 'ERR_TOKENIZER_FILE',
    cause: error,
  });
}
