import { TypeError } from '../../errors';
import type { TokenToAdd } from '../backend/messages';

/** A token outside of the model's vocabulary, or one of it that is never split; members as in `tokenizer.json`. */
export type AddedToken = TokenToAdd;

/** A special token as configurations have it: its text, or its text with the rules by which it is matched. */
export type SpecialToken = string | AddedToken;

/** Makes an added token; what `rules` leaves out is off, `normalized` is on unless the token is special. */
export function addedToken(content: string, rules: Partial<AddedToken> = {}): AddedToken {
  const special = rules.special ?? false;
  return {
    content,
    single_word: rules.single_word ?? false,
    lstrip: rules.lstrip ?? false,
    rstrip: rules.rstrip ?? false,
    normalized: rules.normalized ?? !special,
    special,
  };
}

/** Reads a special token from JSON: a string or an AddedToken object. @throws TypeError for anything else */
export function readSpecialToken(value: unknown, where: string): SpecialToken {
  if (typeof value === 'string') return value;
  const object = value as Partial<AddedToken> | null;
  if (object !== null && typeof object === 'object' && typeof object.content === 'string')
    return addedToken(object.content, object);
  throw new TypeError(`${where} must be a string or an object with 'content', not ${JSON.stringify(value)}`);
}

/** The text of a special token. */
export function contentOf(token: SpecialToken): string {
  return typeof token === 'string' ? token : token.content;
}
