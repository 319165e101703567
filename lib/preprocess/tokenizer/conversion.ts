import { join } from 'node:path';
import { OSError, ValueError } from '../../errors';
import type { VocabularyFiles } from '../backend/vocabulary-files';
import type { AddedToken } from './added-token';
import { contentOf } from './added-token';
import type { JsonObject, TokenizerFolder } from './folder';
import type { SpecialTokenName, SpecialTokens } from './special-tokens';
import type { IdOf } from './template';

/** What decides how the files of older libraries become a tokenizer. */
export interface Settings {
  /** Members of the configuration, the class's own included. */
  init: JsonObject;
  special: SpecialTokens;
  addedTokens: ReadonlyMap<number, AddedToken>;
}

/**
 * How a class makes a tokenizer where there is no tokenizer.json: as Transformers 4.57.6 does, which builds the slow
 * tokenizer of these files and converts it (convert_slow_tokenizer.py).
 */
export interface Conversion {
  /** Names of the files, all of which must be there. */
  files: readonly string[];
  /** @param paths - of `files`, in their order */
  vocabulary(paths: readonly string[], settings: Settings): VocabularyFiles;
  /** What is put around texts. */
  postProcessor(settings: Settings, idOf: IdOf, path: string): JsonObject;
  /** Tokens that `postProcessor` names besides the special ones. */
  fixedTokens?: readonly string[];
  /** Whether what is put around texts is decided by the configuration, also where there is a tokenizer.json. */
  alwaysPostProcesses?: boolean;
  /** Whether the files are taken, also where there is a tokenizer.json. */
  prefersFiles?(configured: JsonObject): boolean;
}

/** The files of a folder that make a tokenizer of the class. @throws OSError when one of them is missing */
export function conversionPaths(
  conversion: Conversion,
  className: string,
  path: string,
  folder: TokenizerFolder,
): string[] {
  const missing = conversion.files.filter((name) => !folder.names.includes(name));
  if (missing.length === 0) return conversion.files.map((name) => join(folder.path, name));
  const shown = folder.names.length === 0 ? 'nothing' : folder.names.slice(0, 20).sort().join(', ');
  throw new OSError(
    `there is neither tokenizer.json nor ${missing.join(' and ')} in '${path}', which a ${className} is made of; ` +
      `it holds ${shown}${folder.names.length > 20 ? ', …' : ''}`,
    { code: 'ERR_NO_TOKENIZER' },
  );
}

/** A setting that is on, off or, as null, left to the tokenizer. @throws ValueError for anything else */
export function flag(init: JsonObject, name: string): boolean | null {
  const value = init[name] ?? null;
  if (value === null || typeof value === 'boolean') return value;
  throw new ValueError(
    `${name} must be true, false or null, got ${typeof value === 'string' ? `'${value}'` : typeof value}`,
  );
}

/** The text of a special token. */
export function textOf({ special }: Settings, name: SpecialTokenName): string | undefined {
  const token = special.named[name];
  return token === undefined ? undefined : contentOf(token);
}

/** Around the members that a conversion names: those that every `tokenizer.json` has, in its order. */
export function headOf(members: {
  normalizer: JsonObject | null;
  pre_tokenizer: JsonObject | null;
  decoder: JsonObject;
  model: JsonObject;
}): JsonObject & { model: JsonObject } {
  const { normalizer, pre_tokenizer, decoder, model } = members;
  const around = { version: '1.0', truncation: null, padding: null, added_tokens: [] };
  return { ...around, normalizer, pre_tokenizer, post_processor: null, decoder, model };
}

/** BPE over bytes, around its vocabulary and merges. */
export const BYTE_LEVEL_MODEL: JsonObject = {
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: '',
  end_of_word_suffix: '',
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
};

/** How pieces of SentencePiece become text again, but for the space at its start. */
export const PIECE_DECODERS: readonly JsonObject[] = [
  { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
];

/** Takes away the space at the start. */
export const STRIP_DECODER: JsonObject = { type: 'Strip', content: ' ', start: 1, stop: 0 };
