import type { Vocabulary } from './vocabulary-files';

/** What the tokenizer thread is asked and what it answers. All of it can be cloned; typed arrays are handed over. */

/** A token outside of the model's vocabulary, with the members that `tokenizer.json` gives it. */
export interface TokenToAdd {
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** A vocabulary: token i is `text` from `ends[i - 1]` to `ends[i]`, its id `ids[i]`. */
export interface StoredVocabulary {
  text: string;
  ends: Uint32Array;
  ids: Uint32Array;
}

/** `tokenizer.json` with its vocabulary apart. */
export interface TokenizerFile {
  head: Record<string, unknown>;
  vocabulary: StoredVocabulary;
}

/** A vocabulary as a GGUF file holds it, each list of texts as bytes: a length of eight bytes before each text. */
export interface GgufVocabulary {
  kind: 'gguf';
  path: string;
  /** What stands around the vocabulary in `tokenizer.json`. */
  head: Record<string, unknown>;
  tokens: { bytes: Uint8Array; length: number };
  merges: { bytes: Uint8Array; length: number } | null;
  /** Of each token, where there are no merges. */
  scores: Float32Array | null;
  /** Whether tokens are spelled in the characters that stand for bytes. */
  byteLevel: boolean;
}

/** Tokens of several texts, one text behind the other: text i ends before `ends[i]`. No special tokens around them. */
export interface EncodedTexts {
  ids: Int32Array;
  ends: Int32Array;
  /** [start, end] of every token in UTF-16 units of its text. */
  offsets: Int32Array | null;
  /** The same for a token that is the first of its row; null where that makes no difference. */
  firstOffsets: Int32Array | null;
  /** Index of the word every token belongs to; -1 for none. */
  words: Int32Array | null;
  tokens: string[] | null;
}

/** Requests by operation. `handle` is the number the caller gave the tokenizer when it opened it. */
export interface Request {
  /** Reads `path`. */
  open: { handle: number; path: string };
  /** Makes of a vocabulary in another format what `open` reads. */
  adopt: { handle: number; vocabulary: Vocabulary };
  /** Makes the tokenizer of what was read, members in `changes` replaced; answers the ids of `tokens` and of `names`. */
  build: { handle: number; changes: Record<string, unknown>; tokens: TokenToAdd[]; names: string[] };
  /**
   * `trims` has an entry for each byte-level post-processor that takes spaces out of the offsets: whether it leaves the
   * space that the pre-tokenizer put before the text.
   */
  encode: { handle: number; texts: string[]; offsets: boolean; words: boolean; tokens: boolean; trims: boolean[] };
  decode: { handle: number; ids: Int32Array; ends: Int32Array; skipSpecialTokens: boolean };
  /** Puts the tokens of each list together. */
  join: { handle: number; lists: string[][] };
  /** The text of the `tokenizer.json` that a vocabulary amounts to, members in `changes` replaced. */
  text: { handle: number; vocabulary: Vocabulary; changes: Record<string, unknown> };
  close: { handle: number };
}

/** Answers by operation. */
export interface Answer {
  open: TokenizerFile;
  adopt: TokenizerFile;
  build: { tokens: (number | null)[]; names: (number | null)[] };
  encode: EncodedTexts;
  decode: string[];
  join: string[];
  text: string;
  close: null;
}

/** One message from the thread. */
export type Reply =
  | { id: number; value: unknown }
  | { id: number; error: { name: string; message: string; code: string | null } };
