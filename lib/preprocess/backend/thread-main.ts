import type { AddedToken, Encoding, Tokenizer } from 'tokenizers';
import type { Answer, EncodedTexts, Reply, Request, StoredVocabulary, TokenizerFile, TokenToAdd } from './messages';
import type { FileBytes, MakerTools, Vocabulary } from './vocabulary-files';

/**
 * Everything that runs on the tokenizer thread. The thread is started from the source text of this function, so that it
 * needs no file of its own: nothing outside the function may be used in it but types. What it needs is handed to it.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function threadMain(
  makers: Pick<MakerTools, 'mergesFromScores' | 'readSentencePiece' | 'checkCharacterMap'> & {
    ggufFile: typeof import('./gguf-file').ggufFile;
    wordPieceFile: typeof import('./word-piece-file').wordPieceFile;
    byteLevelFile: typeof import('./byte-level-file').byteLevelFile;
    sentencePieceFile: typeof import('./sentence-piece-file').sentencePieceFile;
    mostBytes: number;
  },
): void {
  const { parentPort, workerData } = require('node:worker_threads') as typeof import('node:worker_threads');
  const { readFile, stat } = require('node:fs/promises') as typeof import('node:fs/promises');
  const port = parentPort as import('node:worker_threads').MessagePort;
  // biome-ignore lint/suspicious/noExplicitAny: the members of a JSON file
  type Json = Record<string, any>;

  let loaded: typeof import('tokenizers') | null = null;
  const files = new Map<number, Json>();
  /** What those were made of that were not read from a tokenizer.json. */
  const converted = new Map<number, Vocabulary>();
  const tokenizers = new Map<number, Tokenizer>();

  /** An answer and the buffers that go with it instead of being copied. */
  type Result<T> = [value: T, transfer: ArrayBufferLike[]];

  const operations = {
    async open({ handle, path }: Request['open']): Promise<Result<TokenizerFile>> {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
      const file = JSON.parse(text) as Json;
      if (file === null || typeof file !== 'object' || file.model === null || typeof file.model !== 'object')
        throw new SyntaxError("it has no object named 'model'");
      return store(handle, file);
    },

    async adopt({ handle, vocabulary }: Request['adopt']): Promise<Result<TokenizerFile>> {
      converted.set(handle, vocabulary);
      return store(handle, await fileOf(vocabulary, false));
    },

    async build({ handle, changes, tokens, names }: Request['build']): Promise<Result<Answer['build']>> {
      const file = { ...files.get(handle), ...changes } as Json;
      files.delete(handle);
      const source = converted.get(handle);
      converted.delete(handle);
      const tokenizer = await made(file, source);
      if (tokens.length > 0) tokenizer.addAddedTokens(tokens.map(toAdd));
      tokenizers.set(handle, tokenizer);
      const idOf = (token: string): number | null => tokenizer.tokenToId(token);
      return [{ tokens: tokens.map(({ content }) => idOf(content)), names: names.map(idOf) }, []];
    },

    async encode({ handle, texts, offsets, words, tokens, trims }: Request['encode']): Promise<Result<EncodedTexts>> {
      const encodings = await tokenizerOf(handle).encodeBatch(texts, { addSpecialTokens: false });
      const lists = encodings.map((encoding) => encoding.getIds());
      const encoded: EncodedTexts = {
        ...concatenate(lists),
        offsets: null,
        firstOffsets: null,
        words: null,
        tokens: null,
      };
      const size = encoded.ids.length;
      if (words) {
        encoded.words = new Int32Array(size);
        let at = 0;
        for (const encoding of encodings) for (const word of encoding.getWordIds()) encoded.words[at++] = word ?? -1;
      }
      if (tokens) encoded.tokens = encodings.flatMap((encoding) => encoding.getTokens());
      if (offsets) {
        encoded.offsets = new Int32Array(2 * size);
        if (trims.includes(true)) encoded.firstOffsets = new Int32Array(2 * size);
        let at = 0;
        encodings.forEach((encoding, i) => {
          writeOffsets(texts[i] as string, encoding, trims, encoded, 2 * at);
          at += encoding.getLength();
        });
      }
      const arrays = [encoded.ids, encoded.ends, encoded.offsets, encoded.firstOffsets, encoded.words];
      return [encoded, arrays.flatMap((array) => (array ? [array.buffer] : []))];
    },

    async decode({ handle, ids, ends, skipSpecialTokens }: Request['decode']): Promise<Result<string[]>> {
      const lists: number[][] = [];
      let start = 0;
      for (const end of ends) {
        lists.push(Array.from(ids.subarray(start, end)));
        start = end;
      }
      return [await tokenizerOf(handle).decodeBatch(lists, skipSpecialTokens), []];
    },

    async join({ handle, lists }: Request['join']): Promise<Result<string[]>> {
      const decoder = tokenizerOf(handle).getDecoder();
      return [lists.map((tokens) => (decoder ? decoder.decode(tokens) : tokens.join(' '))), []];
    },

    async text({ vocabulary, changes }: Request['text']): Promise<Result<string>> {
      const file = { ...(await fileOf(vocabulary, true)), ...changes };
      return [JSON.stringify(file, null, vocabulary.kind === 'gguf' ? 0 : 2), []];
    },

    async close({ handle }: Request['close']): Promise<Result<null>> {
      files.delete(handle);
      converted.delete(handle);
      tokenizers.delete(handle);
      return [null, []];
    },
  };

  const tools: MakerTools = {
    mergesFromScores: makers.mergesFromScores,
    readSentencePiece: makers.readSentencePiece,
    checkCharacterMap: makers.checkCharacterMap,
    refuse(path, what) {
      throw Object.assign(new Error(`'${path}' is no vocabulary that can be used: ${cutShort(what)}`), {
        name: 'VocabularyFault',
      });
    },
    textOf(path, files) {
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(files.get(path));
      } catch {
        return tools.refuse(path, 'it is not UTF-8');
      }
    },
    linesOf(path, files) {
      const lines = tools.textOf(path, files).split(/\r\n|\r|\n/);
      if (lines.at(-1) === '') lines.pop();
      return lines;
    },
  };

  /** @param source - what the file was made of, where it was not read */
  async function made(file: Json, source: Vocabulary | undefined): Promise<Tokenizer> {
    if (source !== undefined && file.model.type === 'Unigram') return withExactScores(file);
    checkNormalizer(file.normalizer);
    const { merges, ...model } = file.model;
    if (!Array.isArray(merges)) return library().Tokenizer.fromString(JSON.stringify(file));
    const fault = faultOf(merges, model);
    if (fault !== null) {
      if (source?.kind === 'byte-level') await fileOf(source, true); // says it with its line
      refuseFile(fault);
    }
    return library().Tokenizer.fromString(JSON.stringify({ ...file, model: { ...model, merges: inLines(merges) } }));
  }

  function refuseFile(what: string): never {
    throw Object.assign(new Error(cutShort(what)), { name: 'TokenizerFault' });
  }

  /** What is said of a token, which can be a whole file. */
  function cutShort(what: string): string {
    const most = 600;
    return what.length > most ? `${what.slice(0, most)}…` : what;
  }

  /** A normalizer, which may have others in it: the library ends the process at a damaged map, and where it replaces nothing. */
  function checkNormalizer(normalizer: Json | null | undefined): void {
    if (Array.isArray(normalizer?.normalizers)) for (const step of normalizer.normalizers) checkNormalizer(step);
    if (normalizer?.type === 'Replace' && normalizer.pattern?.String === '')
      refuseFile('its normalizer replaces the empty text (pattern)');
    if (normalizer?.type !== 'Precompiled') return;
    const { precompiled_charsmap: text } = normalizer;
    const map = Buffer.from(typeof text === 'string' ? text : '', 'base64');
    if (map.length === 0 || map.toString('base64') !== text)
      refuseFile('its character map (precompiled_charsmap) is no Base64');
    tools.checkCharacterMap(map, refuseFile);
  }

  /** The first merge into a token that there is not: the library ends the process at it. Of all else it says what is wrong. */
  function faultOf(merges: unknown[], { vocab, continuing_subword_prefix: prefix }: Json): string | null {
    const cut = typeof prefix === 'string' ? Buffer.byteLength(prefix) : 0;
    for (const merge of merges) {
      const [left, right, ...more] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
      if (typeof left !== 'string' || typeof right !== 'string' || more.length > 0) continue;
      if (typeof merge === 'string' && left.startsWith('#version')) continue;
      const token = left + (cut === 0 ? right : Buffer.from(right).subarray(cut).toString());
      const isThere = typeof vocab?.[token] === 'number' && cut <= Buffer.byteLength(right);
      if (!isThere)
        return `it merges ${JSON.stringify(left)} and ${JSON.stringify(right)}, and has no token ${JSON.stringify(token)}`;
    }
    return null;
  }

  /** Merges as lines of two tokens, which the library reads faster than pairs; as they are where a line would be another pair. */
  function inLines(merges: unknown[]): unknown[] {
    const lines = new Array<string>(merges.length);
    for (let i = 0; i < merges.length; i++) {
      const merge = merges[i];
      const [left, right, ...more] = Array.isArray(merge) ? merge : [];
      if (typeof left !== 'string' || typeof right !== 'string' || more.length > 0) return merges;
      if (left.includes(' ') || right.includes(' ') || left.startsWith('#version')) return merges;
      lines[i] = `${left} ${right}`;
    }
    return lines;
  }

  /**
   * The `tokenizer.json` that a vocabulary amounts to.
   * @param isChecked - whether what the library refuses, too, is looked for
   */
  async function fileOf(vocabulary: Vocabulary, isChecked: boolean): Promise<Json> {
    switch (vocabulary.kind) {
      case 'gguf':
        return makers.ggufFile(vocabulary, tools);
      case 'word-piece':
        return makers.wordPieceFile(vocabulary, await readAll(vocabulary.vocab), tools);
      case 'byte-level':
        return makers.byteLevelFile(vocabulary, await readAll(vocabulary.vocab, vocabulary.merges), tools, isChecked);
      case 'sentence-piece':
        return makers.sentencePieceFile(vocabulary, await readAll(vocabulary.model), tools);
    }
  }

  async function readAll(...paths: string[]): Promise<FileBytes> {
    const files = new Map<string, Uint8Array>();
    for (const path of paths) {
      try {
        const found = await stat(path);
        if (!found.isFile()) tools.refuse(path, 'it is a folder, a device or a pipe');
        const { size } = found;
        if (size > makers.mostBytes) tools.refuse(path, `it has ${size} bytes, and ${makers.mostBytes} are the most`);
        files.set(path, await readFile(path));
      } catch (error) {
        if ((error as Error).name === 'VocabularyFault') throw error;
        throw Object.assign(new Error(`'${path}' cannot be read: ${(error as Error).message}`), { name: 'FileFault' });
      }
    }
    return files;
  }

  /**
   * A unigram model whose scores are the numbers of the file. The library's reader of JSON may move a number by half a unit of
   * its last place, by which it chooses among pieces that are equally good.
   */
  function withExactScores(file: Json): Tokenizer {
    const { vocab, unk_id, byte_fallback } = file.model;
    const empty = { type: 'Unigram', unk_id: null, vocab: [], byte_fallback };
    const tokenizer = library().Tokenizer.fromString(JSON.stringify({ ...file, model: empty, added_tokens: [] }));
    tokenizer.setModel(library().Unigram.init(vocab, { unkId: unk_id, byteFallback: byte_fallback }));
    if (file.added_tokens.length > 0) tokenizer.addAddedTokens(file.added_tokens.map(toAdd));
    return tokenizer;
  }

  /** Loaded when it is first needed, so that a failure is an answer. */
  function library(): typeof import('tokenizers') {
    loaded ??= require(workerData.tokenizers) as typeof import('tokenizers');
    return loaded;
  }

  function toAdd(token: TokenToAdd): AddedToken {
    const { AddedToken } = library();
    return new AddedToken(token.content, token.special, {
      singleWord: token.single_word,
      leftStrip: token.lstrip,
      rightStrip: token.rstrip,
      normalized: token.normalized,
    });
  }

  /** Keeps a file until it is built; what JS needs to know of it. */
  function store(handle: number, file: Json): Result<TokenizerFile> {
    files.set(handle, file);
    const { vocab, merges, ...model } = file.model;
    const vocabulary = storeVocabulary(vocab);
    return [{ head: { ...file, model }, vocabulary }, [vocabulary.ends.buffer, vocabulary.ids.buffer]];
  }

  function tokenizerOf(handle: number): Tokenizer {
    const tokenizer = tokenizers.get(handle);
    if (tokenizer === undefined) throw new Error('this tokenizer was disposed');
    return tokenizer;
  }

  function storeVocabulary(vocab: unknown): StoredVocabulary {
    if (vocab === null || typeof vocab !== 'object') throw new SyntaxError("its model has no 'vocab'");
    // A key and a number each: pairs of both take an object of 256,000 tokens five times as long.
    const tokens: string[] = Array.isArray(vocab)
      ? vocab.map((piece) => String(Array.isArray(piece) ? piece[0] : piece))
      : Object.keys(vocab);
    const idOf = Array.isArray(vocab)
      ? (_: string, i: number) => i
      : (token: string) => (vocab as Json)[token] as number;
    const ends = new Uint32Array(tokens.length);
    const ids = new Uint32Array(tokens.length);
    let length = 0;
    tokens.forEach((token, i) => {
      length += token.length;
      ends[i] = length;
      ids[i] = idOf(token, i);
    });
    return { text: tokens.join(''), ends, ids };
  }

  function concatenate(lists: number[][]): { ids: Int32Array; ends: Int32Array } {
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

  /** Writes the offsets of one text, in UTF-16 units. `trims` as in tokenizers' process_offsets (byte level). */
  function writeOffsets(text: string, encoding: Encoding, trims: boolean[], out: EncodedTexts, at: number): void {
    const offsets = encoding.getOffsets() as [number, number][];
    const tokens = trims.length > 0 ? encoding.getTokens() : null;
    const units = utf16Positions(text);
    const write = (into: Int32Array, first: boolean): void => {
      offsets.forEach((offset, i) => {
        let [start, end] = offset;
        if (tokens) for (const prefix of trims) [start, end] = trim(tokens[i] as string, start, end, prefix, first);
        into[at + 2 * i] = units ? (units[start] as number) : start;
        into[at + 2 * i + 1] = units ? (units[end] as number) : end;
      });
    };
    write(out.offsets as Int32Array, false);
    if (out.firstOffsets) write(out.firstOffsets, true);
  }

  function trim(token: string, start: number, end: number, prefix: boolean, first: boolean): [number, number] {
    let leading = 0;
    while (leading < token.length && isSpace(token, leading)) leading++;
    let trailing = 0;
    while (trailing < token.length && isSpace(token, token.length - 1 - trailing)) trailing++;
    if (leading > 0) {
      if (prefix && (first || start === 0)) leading--; // that space was put there by the tokenizer
      start = Math.min(start + leading, end);
    }
    if (trailing > 0 && end >= trailing) end = Math.max(end - trailing, start);
    return [start, end];
  }

  /** Unicode White_Space, and the character that stands for a space in byte-level vocabularies. */
  function isSpace(token: string, i: number): boolean {
    return /[\u0120\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/.test(token[i] as string);
  }

  /** Position in UTF-16 units of every code point and of the end; null where both counts are the same. */
  function utf16Positions(text: string): Int32Array | null {
    if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return null;
    const positions = new Int32Array(text.length + 1);
    let points = 0;
    let units = 0;
    for (const character of text) {
      positions[points++] = units;
      units += character.length;
    }
    positions[points] = units;
    return positions;
  }

  port.on(
    'message',
    async ({ id, operation, payload }: { id: number; operation: keyof typeof operations; payload: never }) => {
      let reply: Reply;
      try {
        const [value, transfer] = await operations[operation](payload);
        port.postMessage({ id, value }, transfer as ArrayBuffer[]);
        return;
      } catch (error) {
        const { name, message, code } = error as Error & { code?: string };
        reply = {
          id,
          error: { name: String(name), message: String(message), code: code === undefined ? null : String(code) },
        };
      }
      port.postMessage(reply);
    },
  );
}
