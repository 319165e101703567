import { NotImplementedError, TypeError, ValueError } from '../../errors';
import { type AddedToken, addedToken, contentOf, readSpecialToken, type SpecialToken } from './added-token';
import type { JsonObject, TokenizerFolder } from './folder';
import { kSpecialTokenNames, type SpecialTokenName, type SpecialTokens } from './special-tokens';
import type { Side } from './truncation';

/**
 * What a tokenizer is set up with: tokenizer_config.json, older folders' special_tokens_map.json and added_tokens.json,
 * and the options of the call, merged as Transformers 4.35.2 merges them in `_from_pretrained`.
 */
export interface TokenizerConfiguration {
  /** All members after merging. */
  init: JsonObject;
  /** Of these, the options of the call. */
  options: JsonObject;
  special: SpecialTokens;
  /** Tokens of the configuration by id. */
  addedTokens: Map<number, AddedToken>;
  model_max_length: number;
  padding_side: Side;
  truncation_side: Side;
  model_input_names: string[];
  clean_up_tokenization_spaces: boolean;
}

/** What a class sets where nothing else does. */
export interface ClassDefaults {
  model_input_names: readonly string[];
  special: SpecialTokens;
  /** Further members of its own, such as do_lower_case. */
  init: JsonObject;
  /**
   * Whether special tokens that are given as texts are matched in normalised texts, where the tokenizer is made of the
   * files of older libraries.
   */
  normalizesSpecial?: boolean;
  /** The further special tokens, where they are not those given or else those of `special`. */
  additional?(given: readonly SpecialToken[] | null, init: JsonObject): SpecialToken[];
}

/** Python's int(1e30): no limit. */
const kVeryLargeInteger = 1e30;

/** Members that all tokenizers take, besides their special tokens. */
export const kInitNames: readonly string[] = [
  ...kSpecialTokenNames,
  'additional_special_tokens',
  'extra_special_tokens',
  'model_max_length',
  'max_len',
  'padding_side',
  'truncation_side',
  'model_input_names',
  'clean_up_tokenization_spaces',
  'split_special_tokens',
  'chat_template',
];

/**
 * @param stored - tokenizer.json. Its `padding` and `truncation` do not act on calls; but the sides and the padding token
 *   that they name are used where the configuration names none, as in Transformers.
 * @param isConverted - whether the tokenizer is made of the files of older libraries
 */
export function configure(
  folder: TokenizerFolder,
  options: JsonObject,
  defaults: ClassDefaults,
  stored: JsonObject,
  isConverted = false,
): TokenizerConfiguration {
  const { init, addedTokens } = mergeFiles(folder, options);
  const merged: JsonObject = { ...storedDefaults(stored), ...defaults.init, ...init };
  if (merged['split_special_tokens'])
    throw new NotImplementedError(
      'split_special_tokens is not supported: special tokens in a text are always kept whole',
    );
  return {
    init,
    options,
    addedTokens,
    special: specialFor(merged, defaults, addedTokens, isConverted),
    model_max_length: readLength(merged['model_max_length'] ?? merged['max_len'] ?? kVeryLargeInteger),
    padding_side: readSide('padding_side', merged['padding_side'] ?? 'right'),
    truncation_side: readSide('truncation_side', merged['truncation_side'] ?? 'right'),
    model_input_names: readNames(merged['model_input_names'] ?? defaults.model_input_names),
    clean_up_tokenization_spaces: (merged['clean_up_tokenization_spaces'] as boolean | undefined) ?? true,
  };
}

function mergeFiles(
  folder: TokenizerFolder,
  options: JsonObject,
): Pick<TokenizerConfiguration, 'init' | 'addedTokens'> {
  const { tokenizer_class, added_tokens_decoder: decoder, ...config } = folder.config ?? {};
  const init: JsonObject = { ...config, ...options };
  const addedTokens = new Map<number, AddedToken>();
  if (decoder !== undefined) {
    for (const [id, token] of Object.entries(decoder as JsonObject)) addedTokens.set(Number(id), toAdded(token, id));
    return { init, addedTokens };
  }
  for (const [name, value] of Object.entries(folder.specialTokensMap ?? {})) {
    if (options[name]) continue;
    const known = name === 'additional_special_tokens' ? ((init[name] as unknown[] | null) ?? []) : null;
    init[name] = known && Array.isArray(value) ? unite(known, value.map(marked)) : marked(value);
  }
  const { named, additional } = readSpecialTokens(init, { named: {}, additional: [] }, addedTokens);
  const special = new Set([...Object.values(named), ...additional].map(contentOf));
  for (const [content, id] of Object.entries(folder.addedTokens ?? {}))
    addedTokens.set(id as number, addedToken(content, { special: special.has(content) }));
  return { init, addedTokens };
}

/** What special_tokens_map.json has with rules is special. */
function marked(token: unknown): unknown {
  return token !== null && typeof token === 'object' && !Array.isArray(token) ? { ...token, special: true } : token;
}

function specialFor(
  init: JsonObject,
  defaults: ClassDefaults,
  addedTokens: ReadonlyMap<number, AddedToken>,
  isConverted: boolean,
): SpecialTokens {
  const { named, additional, given } = readSpecialTokens(init, defaults.special, addedTokens);
  if (isConverted && defaults.normalizesSpecial)
    for (const [name, token] of Object.entries(named))
      if (typeof token === 'string')
        named[name as SpecialTokenName] = addedToken(token, { special: true, normalized: true });
  return { named, additional: defaults.additional ? defaults.additional(given, init) : additional };
}

function toAdded(token: unknown, id: string): AddedToken {
  const read = readSpecialToken(token, `added_tokens_decoder[${id}]`);
  return typeof read === 'string' ? addedToken(read) : read;
}

function unite(known: unknown[], more: unknown[]): unknown[] {
  const content = (token: unknown): string => contentOf(readSpecialToken(token, 'additional_special_tokens'));
  const seen = new Set(known.map(content));
  return [...known, ...more.filter((token) => !seen.has(content(token)))];
}

function readSpecialTokens(
  init: JsonObject,
  defaults: SpecialTokens,
  addedTokens: ReadonlyMap<number, AddedToken>,
): SpecialTokens & { given: SpecialToken[] | null } {
  const rules = new Map([...addedTokens.values()].map((token) => [token.content, token]));
  const named = { ...defaults.named };
  for (const name of kSpecialTokenNames) {
    const value = init[name];
    if (value === null) delete named[name];
    else if (value !== undefined) {
      const token = readSpecialToken(value, name);
      named[name] = withRules(token, rules.get(contentOf(token)) ?? defaults.named[name]);
    }
  }
  const lists = [init['additional_special_tokens'], init['extra_special_tokens']].filter((list) => list != null);
  const listed = lists.flatMap((list) => Object.values(list as object));
  const given =
    lists.length === 0 ? null : listed.map((token, i) => readSpecialToken(token, `additional_special_tokens[${i}]`));
  return { named, additional: given ?? [...defaults.additional], given };
}

/** A plain string takes the matching rules that the configuration has for it, else its class for the attribute. */
function withRules(token: SpecialToken, rules: SpecialToken | undefined): SpecialToken {
  if (typeof token !== 'string' || rules === undefined || typeof rules === 'string') return token;
  return { ...rules, content: token };
}

function storedDefaults(stored: JsonObject): JsonObject {
  const pad = stored['padding'] as JsonObject | null | undefined;
  const cut = stored['truncation'] as JsonObject | null | undefined;
  return {
    ...(cut?.['direction'] ? { truncation_side: String(cut['direction']).toLowerCase() } : {}),
    ...(pad?.['direction'] ? { padding_side: String(pad['direction']).toLowerCase() } : {}),
    ...(pad?.['pad_token'] ? { pad_token: pad['pad_token'] } : {}),
  };
}

function readLength(value: unknown): number {
  if (typeof value === 'number' && value >= 1) return value;
  throw new ValueError(`model_max_length must be a positive number, got ${JSON.stringify(value)}`);
}

function readNames(value: unknown): string[] {
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return [...value];
  throw new TypeError(`model_input_names must be a list of names, got ${JSON.stringify(value)}`);
}

/** @throws ValueError for anything but 'left' and 'right' */
export function readSide(name: string, value: unknown): Side {
  if (value === 'left' || value === 'right') return value;
  throw new ValueError(`${name} must be 'left' or 'right', got ${JSON.stringify(value)}`);
}
