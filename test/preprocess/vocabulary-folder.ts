import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenizerOptions } from '../../lib/preprocess';

/** The small vocabularies under test/goldens/vocabularies, and what Transformers 4.57.6 makes of folders with them. */
export const kVocabularies = join(__dirname, '../goldens/vocabularies');

export interface VocabularyCase {
  name: string;
  /** The class that Transformers chose. */
  class: string;
  files: Record<string, string>;
  json: Record<string, unknown>;
  options?: Record<string, unknown>;
  /** Of every text; of later cases those that differ from an earlier one's, whose number is `base`. */
  ids?: number[][];
  base?: number;
  differences?: Record<string, number[]>;
  calls: { text: string | string[]; options: TokenizerOptions; answer: Record<string, unknown> }[];
  tokens: Record<string, unknown>;
  added: Record<string, number>;
  size: [number, number];
  sides: [string, string];
  /** tokenizer.json, vocabulary and merges by their number, the character map by its hash. */
  head: Record<string, unknown>;
  /** Names of the files that saving writes. */
  saved: string[];
}

const kBeside = new Set(['texts.json', 'bytes.json']);

/** Families that have cases. */
export const kFamilies = readdirSync(kVocabularies)
  .filter((file) => file.endsWith('.json') && !kBeside.has(file))
  .map((file) => file.slice(0, -'.json'.length))
  .sort();

export function readVocabularyJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(kVocabularies, name), 'utf8')) as T;
}

/** The ids of every text in a case. */
export function idsOfCase(cases: readonly VocabularyCase[], golden: VocabularyCase): number[][] {
  if (golden.ids) return golden.ids;
  const base = idsOfCase(cases, cases[golden.base as number] as VocabularyCase);
  return base.map((ids, i) => golden.differences?.[i] ?? ids);
}

/** A folder with the vocabulary of a case and the JSON beside it. */
export function folderOfCase({ files, json }: Pick<VocabularyCase, 'files' | 'json'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vocabulary-'));
  for (const [name, source] of Object.entries(files)) copyFileSync(join(kVocabularies, source), join(folder, name));
  for (const [name, value] of Object.entries(json)) writeFileSync(join(folder, name), JSON.stringify(value));
  return folder;
}
