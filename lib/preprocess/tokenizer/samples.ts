import { TypeError, ValueError } from '../../errors';

/** What a tokenizer call takes as text: one text, several, several pairs; with is_split_into_words, lists of words. */
export type TextInput = string | readonly string[] | readonly (readonly string[])[];

/** One text or its words; a sample has one or, with its pair, two. */
export type Text = string | readonly string[];

/** The samples of a call. They are taken apart one by one, so that long lists do not hold up the event loop. */
export interface Samples {
  length: number;
  /** Whether the call was made with a list of samples. */
  batched: boolean;
  at(i: number): readonly Text[];
}

/**
 * Takes the arguments of a call apart into samples.
 * @throws TypeError, ValueError for other shapes, naming the item
 */
export function toSamples(text: unknown, pair: unknown, splitIntoWords: boolean): Samples {
  if (text === null || text === undefined) throw new ValueError('text may not be null or undefined');
  if (splitIntoWords ? isWords(text) : typeof text === 'string') {
    const sample = oneSample(text as Text, pair, splitIntoWords);
    return { length: 1, batched: false, at: () => sample };
  }
  if (!Array.isArray(text)) throw wrongType('text', text, splitIntoWords);
  if (text.length === 0) throw new ValueError('the list of texts is empty');
  if (pair === null || pair === undefined) return batchSamples(text, splitIntoWords);
  if (!Array.isArray(pair)) throw new TypeError('text_pair must be a list, since text is one');
  if (pair.length !== text.length)
    throw new ValueError(`text has ${text.length} items, but text_pair has ${pair.length}`);
  for (const [i, item] of text.entries()) checkText(item, `text[${i}]`, splitIntoWords);
  for (const [i, item] of pair.entries()) checkText(item, `text_pair[${i}]`, splitIntoWords);
  return { length: text.length, batched: true, at: (i) => [text[i], pair[i]] };
}

/** Samples without a list of pairs. A list of two texts inside a list of texts is a pair. */
function batchSamples(items: readonly unknown[], splitIntoWords: boolean): Samples {
  const isPair = (item: unknown): boolean => !splitIntoWords && isWords(item) && item.length === 2;
  items.forEach((item, i) => {
    if (!isPair(item)) checkText(item, `text[${i}]`, splitIntoWords);
  });
  const at = (i: number): readonly Text[] => {
    const item = items[i];
    return isPair(item) ? (item as string[]) : [item as Text];
  };
  return { length: items.length, batched: true, at };
}

/** An empty pair of a single text counts as none, as in Transformers. */
function oneSample(text: Text, pair: unknown, splitIntoWords: boolean): readonly Text[] {
  if (pair === null || pair === undefined) return [text];
  if (!splitIntoWords && Array.isArray(pair))
    throw new TypeError('text_pair must be a string, since text is one, got a list');
  const checked = checkText(pair, 'text_pair', splitIntoWords);
  return checked.length === 0 ? [text] : [text, checked];
}

function checkText(item: unknown, name: string, splitIntoWords: boolean): Text {
  if (splitIntoWords ? isWords(item) : typeof item === 'string') return item as Text;
  throw wrongType(name, item, splitIntoWords);
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}

function wrongType(name: string, value: unknown, splitIntoWords: boolean): TypeError {
  const expected = splitIntoWords
    ? 'a list of words, or a list of such lists, with is_split_into_words'
    : 'a string or a list of strings';
  const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  const hint = !splitIntoWords && isWords(value) ? ' (for lists of words pass is_split_into_words: true)' : '';
  return new TypeError(`${name} must be ${expected}, got ${found}${hint}`);
}
