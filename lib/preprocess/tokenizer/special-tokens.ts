import { TypeError } from '../../errors';
import { Callable } from '../callable';
import { type AddedToken, addedToken, contentOf, readSpecialToken, type SpecialToken } from './added-token';
import type { Vocabulary } from './vocabulary';

/** Attributes that name one special token, in Transformers' order. */
export const kSpecialTokenNames = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;
export type SpecialTokenName = (typeof kSpecialTokenNames)[number];

/** Special tokens by attribute, and the further ones. */
export interface SpecialTokens {
  named: Partial<Record<SpecialTokenName, SpecialToken>>;
  additional: SpecialToken[];
}

type TokenProperties = { [K in SpecialTokenName]: string | null } & {
  [K in SpecialTokenName as `${K}_id`]: number | null;
};

/** `cls_token`, `cls_token_id` and their like: what a tokenizer's special tokens are, and their ids. */
export interface SpecialTokensMixin extends TokenProperties {}
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the properties are defined below, from the list of names
export abstract class SpecialTokensMixin extends Callable {
  /** @internal */
  readonly special: SpecialTokens;
  /** @internal */
  readonly vocabulary: Vocabulary;

  constructor(special: SpecialTokens, vocabulary: Vocabulary) {
    super();
    this.special = special;
    this.vocabulary = vocabulary;
  }

  get additional_special_tokens(): string[] {
    return this.special.additional.map(contentOf);
  }

  set additional_special_tokens(tokens: SpecialToken[]) {
    this.special.additional = tokens.map((token, i) => readSpecialToken(token, `additional_special_tokens[${i}]`));
  }

  get additional_special_tokens_ids(): (number | null)[] {
    return this.additional_special_tokens.map((token) => this.idOrUnknown(token));
  }

  /** Attribute → token text, of those that are set. */
  get special_tokens_map(): Record<string, string | string[]> {
    const map: Record<string, string | string[]> = {};
    for (const name of kSpecialTokenNames) if (this[name] !== null) map[name] = this[name];
    if (this.special.additional.length > 0) map['additional_special_tokens'] = this.additional_special_tokens;
    return map;
  }

  /** The texts of all special tokens, each once. */
  get all_special_tokens(): string[] {
    return [...new Set(Object.values(this.special_tokens_map).flat())];
  }

  get all_special_ids(): (number | null)[] {
    return this.all_special_tokens.map((token) => this.idOrUnknown(token));
  }

  /** Id of a token; of the unknown token, where there is one, for a token that the vocabulary does not have. */
  protected idOrUnknown(token: string): number | null {
    const unknown = this.special.named.unk_token;
    return this.vocabulary.idOf(token) ?? (unknown === undefined ? null : this.vocabulary.idOf(contentOf(unknown)));
  }
}

for (const name of kSpecialTokenNames) {
  Object.defineProperty(SpecialTokensMixin.prototype, name, {
    configurable: true,
    get(this: SpecialTokensMixin): string | null {
      const token = this.special.named[name];
      return token === undefined ? null : contentOf(token);
    },
    set(this: SpecialTokensMixin, value: unknown) {
      if (value === null || value === undefined) delete this.special.named[name];
      else this.special.named[name] = readSpecialToken(value, name);
    },
  });
  Object.defineProperty(SpecialTokensMixin.prototype, `${name}_id`, {
    configurable: true,
    get(this: SpecialTokensMixin): number | null {
      const token = this[name];
      return token === null ? null : this.idOrUnknown(token);
    },
    set(this: SpecialTokensMixin, id: number | null) {
      const token = id === null ? null : this.vocabulary.tokenOf(id);
      if (id !== null && token === null) throw new TypeError(`${name}_id ${id} is no token of the vocabulary`);
      this[name] = token;
    },
  });
}

/** A special token as the class wants it added to the vocabulary. */
export function asSpecial(token: SpecialToken): AddedToken {
  return typeof token === 'string' ? addedToken(token, { special: true }) : { ...token, special: true };
}
