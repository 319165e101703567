import { ValueError } from '../../errors';
import type { JsonObject } from './folder';

/** A place in a row: a text ('A' or 'B') or a special token, and its type. */
export type Place = readonly [what: { text: 'A' | 'B' } | { token: string }, type: number];

/** What is put around one text and around a pair, by the names of tokens. */
export interface Template {
  single: readonly Place[];
  pair: readonly Place[];
}

export type IdOf = (token: string) => number | null;

/**
 * Reads a template as Transformers writes them: '[CLS] $A [SEP] $B:1 [SEP]:1', a name in braces standing for the token
 * that `tokens` has for it.
 */
export function templateOf(single: string, pair: string, tokens: Readonly<Record<string, string>> = {}): Template {
  const placesOf = (text: string): Place[] =>
    text
      .split(' ')
      .filter((place) => place !== '')
      .map((place) => {
        const [, name = '', type = '0'] = /^(.*?)(?::(\d))?$/.exec(place) ?? [];
        if (name === '$A' || name === '$B') return [{ text: name === '$A' ? 'A' : 'B' }, Number(type)];
        return [{ token: tokens[name] ?? name }, Number(type)];
      });
  return { single: placesOf(single), pair: placesOf(pair) };
}

/** The template as a post-processor of `tokenizer.json`. @throws ValueError for a token that there is not */
export function templateProcessing({ single, pair }: Template, idOf: IdOf, path: string): JsonObject {
  const special_tokens: JsonObject = {};
  const pieceOf = ([what, type_id]: Place): JsonObject => {
    if ('text' in what) return { Sequence: { id: what.text, type_id } };
    const { token } = what;
    special_tokens[token] = { id: token, ids: [idIn(idOf, token, path)], tokens: [token] };
    return { SpecialToken: { id: token, type_id } };
  };
  return { type: 'TemplateProcessing', single: single.map(pieceOf), pair: pair.map(pieceOf), special_tokens };
}

/** @throws ValueError where there is neither such a token nor an unknown one */
export function idIn(idOf: IdOf, token: string, path: string): number {
  const id = idOf(token);
  if (id !== null) return id;
  throw new ValueError(`'${path}' has no token '${token}', which is put around texts`, { code: 'ERR_TOKENIZER_FILE' });
}
