import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenizerOptions } from '../../lib/preprocess';

/** The tiny tokenizers under test/goldens/tokenizers, and what Transformers 4.35.2 answers with them. */
export const kTokenizers = join(__dirname, '../goldens/tokenizers');
export const kNames = readdirSync(kTokenizers, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

export interface GoldenCall {
  text: string | string[] | string[][];
  options: TokenizerOptions;
  set?: Record<string, string>;
  from_pretrained?: Record<string, unknown>;
  only?: string;
}

export type GoldenAnswer = { error: string } | Record<string, unknown>;

export const inputs = readGolden<{ hard_texts: string[]; calls: GoldenCall[]; tokenized: string[] }>('inputs.json');

export function readGolden<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(kTokenizers, ...path), 'utf8')) as T;
}
