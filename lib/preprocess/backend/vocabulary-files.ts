import type { GgufVocabulary } from './messages';

/**
 * Vocabularies in the files of older libraries, and how they are put into a `tokenizer.json`. All of it can be cloned: the
 * files themselves are read on the tokenizer thread.
 */
export type VocabularyFiles = WordPieceFiles | ByteLevelFiles | SentencePieceFiles;

/** What stands around the vocabulary in `tokenizer.json`; its `model` has everything but `vocab` and `merges`. */
type Head = Record<string, unknown> & { model: Record<string, unknown> };

/** A token in each line of `vocab`. */
export interface WordPieceFiles {
  kind: 'word-piece';
  vocab: string;
  head: Head;
}

/** Ids by token in JSON, and two tokens to merge in each line. */
export interface ByteLevelFiles {
  kind: 'byte-level';
  vocab: string;
  merges: string;
  /** Whether the first line of `merges` is a merge, unless it tells the version; else it never is, nor is what follows the last line. */
  headless: boolean;
  head: Head;
}

/** A model that SentencePiece trained. */
export interface SentencePieceFiles {
  kind: 'sentence-piece';
  model: string;
  head: Head;
  /** Pieces before those of the file, of which the first `skipped` are left out, and behind them; scores with them. */
  before: readonly [string, number][];
  skipped: number;
  after: readonly [string, number][];
  /** In place of the file's first pieces, where not null; all that are named have the score 0. */
  named: readonly (string | null)[];
  /** Id of the unknown piece; null where the file says it. */
  unknown: number | null;
  byteFallback: boolean;
  /** Whether a piece that ends in a digit and a comma is the last choice (ALBERT). */
  splitsCommas: boolean;
}

/** What a tokenizer is made of, besides a `tokenizer.json`. */
export type Vocabulary = GgufVocabulary | VocabularyFiles;

/** The files' bytes by path. */
export type FileBytes = ReadonlyMap<string, Uint8Array>;

/** What the makers share. They run on the tokenizer thread, which has the source text of functions only. */
export interface MakerTools {
  /** @throws always: what is wrong with a file, and where */
  refuse(path: string, what: string): never;
  /** Lines as Python reads them: each ends in a line feed, a carriage return or both. */
  linesOf(path: string, files: FileBytes): string[];
  textOf(path: string, files: FileBytes): string;
  mergesFromScores(
    ids: ReadonlyMap<string, number>,
    scores: ReadonlyMap<string, number>,
    refuse: (what: string) => never,
  ): [string, string][];
  checkCharacterMap(map: Uint8Array, refuse: (what: string) => never): void;
  readSentencePiece(bytes: Uint8Array, refuse: (what: string) => never): SentencePieceModel;
}

/** A model of SentencePiece, as far as it decides how texts are cut. */
export interface SentencePieceModel {
  pieces: { text: string; score: number; type: number }[];
  /** 1: unigram, 2: BPE. */
  modelType: number;
  unknownId: number;
  unknownPiece: string;
  /** How characters are replaced; null where they stay. */
  characterMap: Uint8Array | null;
}

/** Most bytes of a vocabulary's file, and most tokens: ten times what the largest vocabularies have. */
export const kMostVocabularyBytes = 64 * 1024 * 1024;
