import { nearest, TypeError, unknownName, ValueError } from '../../errors';
import type { Side, TruncationStrategy } from './truncation';

/** Options of a tokenizer call. `null` stands for the default everywhere. */
export interface TokenizerOptions {
  /** Second text of each sample: a string for a string, a list for a list. */
  text_pair?: string | readonly string[] | readonly (readonly string[])[] | null;
  /** Whether to put the special tokens around the texts (default true). */
  add_special_tokens?: boolean | null;
  /** true or 'longest': up to the longest row; 'max_length': up to max_length; false or 'do_not_pad' (default). */
  padding?: boolean | PaddingStrategy | null;
  /** true or 'longest_first', 'only_first', 'only_second'; false or 'do_not_truncate' (default). */
  truncation?: boolean | TruncationStrategy | null;
  /** Most tokens of a row, special tokens included. */
  max_length?: number | null;
  /** Tokens that overflowing windows share (default 0). */
  stride?: number | null;
  /** Texts are lists of words (default false). */
  is_split_into_words?: boolean | null;
  /** Rounds the padded length up to a multiple. */
  pad_to_multiple_of?: number | null;
  /** Side of the padding; the tokenizer's `padding_side` by default. */
  padding_side?: Side | null;
  /** Side from which tokens are cut; the tokenizer's `truncation_side` by default. */
  truncation_side?: Side | null;
  /** Tensors (default true) or arrays. */
  return_tensor?: boolean | null;
  return_token_type_ids?: boolean | null;
  return_attention_mask?: boolean | null;
  /** Further rows for what truncation cut off, with `overflow_to_sample_mapping`. */
  return_overflowing_tokens?: boolean | null;
  return_special_tokens_mask?: boolean | null;
  /** [start, end] of every token in its text, in UTF-16 units. */
  return_offsets_mapping?: boolean | null;
  return_length?: boolean | null;
  /** Whether to warn (default true). */
  verbose?: boolean | null;
  signal?: AbortSignal | null;
}

export type PaddingStrategy = 'longest' | 'max_length' | 'do_not_pad';

/** A call's options with defaults and strategies settled. */
export interface CallPlan {
  addSpecialTokens: boolean;
  padding: PaddingStrategy;
  truncation: TruncationStrategy;
  maxLength: number | null;
  /** Whether the caller gave max_length. */
  maxLengthGiven: boolean;
  stride: number;
  splitIntoWords: boolean;
  padToMultipleOf: number | null;
  paddingSide: Side;
  truncationSide: Side;
  returnTensor: boolean;
  returnOverflowingTokens: boolean;
  /** Columns of the result, in order. */
  columns: Column[];
  signal: AbortSignal | undefined;
  /** Warns once per tokenizer and topic, unless the call is not verbose. */
  warnAbout(topic: string, message: string): void;
}

export type Column =
  | 'input_ids'
  | 'token_type_ids'
  | 'attention_mask'
  | 'special_tokens_mask'
  | 'offset_mapping'
  | 'length';

/** What a plan takes from the tokenizer. */
export interface CallDefaults {
  padding_side: Side;
  truncation_side: Side;
  model_max_length: number;
  model_input_names: readonly string[];
  /** Warns once per tokenizer and `topic`. */
  warnAbout(topic: string, message: string): void;
}

/** A model_max_length beyond this stands for "no limit". */
const kLargeInteger = 1e20;

const kBooleans = [
  'add_special_tokens',
  'is_split_into_words',
  'return_tensor',
  'return_token_type_ids',
  'return_attention_mask',
  'return_overflowing_tokens',
  'return_special_tokens_mask',
  'return_offsets_mapping',
  'return_length',
  'verbose',
] as const;
const kIntegers = { max_length: 1, stride: 0, pad_to_multiple_of: 1 } as const;
const kStrategies = {
  padding: ['longest', 'max_length', 'do_not_pad'],
  truncation: ['longest_first', 'only_first', 'only_second', 'do_not_truncate'],
  padding_side: ['left', 'right'],
  truncation_side: ['left', 'right'],
} as const;

/** Names of all call options. */
export const kCallOptions: readonly string[] = [
  'text_pair',
  ...kBooleans,
  ...Object.keys(kIntegers),
  ...Object.keys(kStrategies),
  'signal',
];

/**
 * Settles the options of a call, as `_get_padding_truncation_strategies` of Transformers 4.35.2 does.
 * @param where - name of the call, for messages
 * @throws TypeError for unknown names and wrong types, ValueError for values that do not go together
 */
export function planCall(options: TokenizerOptions, defaults: CallDefaults, where: string): CallPlan {
  checkOptions(options, where);
  const warnAbout = (topic: string, message: string): void => {
    if (options.verbose ?? true) defaults.warnAbout(topic, message);
  };
  const settled = settleStrategies(options, defaults, warnAbout);
  if (options.pad_to_multiple_of && settled.padding === 'do_not_pad')
    warnAbout('pad_to_multiple_of', 'pad_to_multiple_of does nothing without padding; pass padding: true');
  return {
    ...settled,
    maxLengthGiven: (options.max_length ?? null) !== null,
    addSpecialTokens: options.add_special_tokens ?? true,
    stride: options.stride ?? 0,
    splitIntoWords: options.is_split_into_words ?? false,
    padToMultipleOf: options.pad_to_multiple_of ?? null,
    paddingSide: options.padding_side ?? defaults.padding_side,
    truncationSide: options.truncation_side ?? defaults.truncation_side,
    returnTensor: options.return_tensor ?? true,
    returnOverflowingTokens: options.return_overflowing_tokens ?? false,
    columns: chooseColumns(options, defaults.model_input_names),
    signal: options.signal ?? undefined,
    warnAbout,
  };
}

function chooseColumns(options: TokenizerOptions, modelInputNames: readonly string[]): Column[] {
  const columns: Column[] = ['input_ids'];
  if (options.return_token_type_ids ?? modelInputNames.includes('token_type_ids')) columns.push('token_type_ids');
  if (options.return_attention_mask ?? modelInputNames.includes('attention_mask')) columns.push('attention_mask');
  if (options.return_special_tokens_mask) columns.push('special_tokens_mask');
  if (options.return_offsets_mapping) columns.push('offset_mapping');
  if (options.return_length) columns.push('length');
  return columns;
}

function settleStrategies(
  options: TokenizerOptions,
  { model_max_length }: CallDefaults,
  warnAbout: (topic: string, message: string) => void,
): Pick<CallPlan, 'padding' | 'truncation' | 'maxLength'> {
  let maxLength = options.max_length ?? null;
  let padding = paddingStrategy(options.padding ?? false);
  let truncation = truncationStrategy(options.truncation ?? false);
  const leftOpen = (options.truncation ?? null) === null && (options.padding ?? false) === false;

  if (maxLength !== null && leftOpen) {
    warnAbout(
      'implicit truncation',
      'max_length was given without truncation, so the texts are truncated to it (longest_first); pass truncation: true to say so',
    );
    truncation = 'longest_first';
  } else if (maxLength !== null && padding === 'longest' && truncation === 'do_not_truncate') {
    warnAbout(
      'unused max_length',
      "max_length does nothing with padding: true and no truncation; pass padding: 'max_length' or truncation: true",
    );
  }

  if (maxLength === null && (padding === 'max_length' || truncation !== 'do_not_truncate')) {
    if (model_max_length > kLargeInteger) {
      warnAbout(
        'no maximum length',
        'padding or truncation to the maximum length was asked for, but neither max_length nor the tokenizer sets one; it is left out',
      );
      if (padding === 'max_length') padding = 'do_not_pad';
      truncation = 'do_not_truncate';
    } else maxLength = model_max_length;
  }

  const multiple = options.pad_to_multiple_of ?? 1;
  if (truncation !== 'do_not_truncate' && padding !== 'do_not_pad' && maxLength !== null && maxLength % multiple !== 0)
    throw new ValueError(
      `truncation and padding are both on, but max_length ${maxLength} is not a multiple of pad_to_multiple_of ${multiple}`,
    );
  return { padding, truncation, maxLength };
}

function paddingStrategy(padding: boolean | PaddingStrategy): PaddingStrategy {
  if (typeof padding === 'string') return padding;
  return padding ? 'longest' : 'do_not_pad';
}

function truncationStrategy(truncation: boolean | TruncationStrategy): TruncationStrategy {
  if (typeof truncation === 'string') return truncation;
  return truncation ? 'longest_first' : 'do_not_truncate';
}

function checkOptions(options: TokenizerOptions, where: string): void {
  for (const name of Object.keys(options))
    if (!kCallOptions.includes(name)) throw unknownName('option', name, where, kCallOptions);
  for (const name of kBooleans) {
    const value = options[name] ?? null;
    if (value !== null && typeof value !== 'boolean')
      throw new TypeError(`${name} must be true or false, got ${JSON.stringify(value)}`);
  }
  for (const [name, least] of Object.entries(kIntegers)) {
    const value = options[name as keyof typeof kIntegers] ?? null;
    if (value !== null && (!Number.isSafeInteger(value) || value < least))
      throw new ValueError(`${name} must be an integer of at least ${least}, got ${JSON.stringify(value)}`);
  }
  for (const [name, known] of Object.entries(kStrategies)) {
    const value = options[name as keyof typeof kStrategies] ?? null;
    if (value === null || (typeof value === 'boolean' && !name.endsWith('_side'))) continue;
    if (!(known as readonly unknown[]).includes(value)) throw unknownValue(name, value, known);
  }
}

function unknownValue(name: string, value: unknown, known: readonly string[]): ValueError {
  const guess = typeof value === 'string' ? nearest(value, known) : null;
  const hint = guess === null ? `it can be ${known.map((k) => `'${k}'`).join(', ')}` : `did you mean '${guess}'?`;
  return new ValueError(`${name} cannot be ${JSON.stringify(value)}; ${hint}`);
}
