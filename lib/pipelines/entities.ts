import type { PreTrainedTokenizer } from '../preprocess';
import { best } from './scores';

/**
 * From scores of tokens to entities of a text. Upstream: transformers pipelines/token_classification.py (5.18.0).
 */

/** How tokens become entities: not at all, by their labels, or word by word first. */
export const aggregationStrategies = ['none', 'simple', 'first', 'average', 'max'] as const;

export type AggregationStrategy = (typeof aggregationStrategies)[number];

/** A token of a text with a score for each label. */
export interface ScoredToken {
  word: string;
  scores: Float64Array;
  /** Place in the row of tokens, special ones counted. */
  index: number;
  /** Where it is in the text, in UTF-16 units. */
  start: number;
  end: number;
  /** Whether it goes on with the word of the token before. */
  isSubword: boolean;
}

/** A token or a word with its label. */
export interface LabelledToken {
  entity: string;
  score: number;
  index: number;
  word: string;
  start: number;
  end: number;
}

/** Neighbours of one label as one; `words` are put together later. */
export interface EntityGroup {
  entity_group: string;
  score: number;
  words: string[];
  start: number;
  end: number;
}

/** Whether a token goes on with a word: by the model's mark, or, where it has none, by the space before it. */
export function isSubword(
  tokenizer: PreTrainedTokenizer,
  text: string,
  word: string,
  start: number,
  end: number,
): boolean {
  if (tokenizer.subwordPrefix !== null) return codePoints(word) !== codePoints(text.slice(start, end));
  return start > 0 && text[start - 1] !== ' ' && text[start] !== ' ';
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Each token with its best label. */
export function labelTokens(tokens: readonly ScoredToken[], labelOf: (id: number) => string): LabelledToken[] {
  return tokens.map(({ word, scores, index, start, end }) => {
    const id = best(scores);
    return { entity: labelOf(id), score: scores[id] as number, index, word, start, end };
  });
}

/** Each word with one label, by `strategy`. `words` of the result are tokens, to be put together. */
export function labelWords(
  tokens: readonly ScoredToken[],
  strategy: 'first' | 'average' | 'max',
  labelOf: (id: number) => string,
): (Omit<LabelledToken, 'word' | 'index'> & { words: string[] })[] {
  return wordsOf(tokens).map((word) => {
    const scores = scoresOfWord(word, strategy);
    const id = best(scores);
    return {
      entity: labelOf(id),
      score: scores[id] as number,
      words: word.map((token) => token.word),
      start: (word[0] as ScoredToken).start,
      end: (word[word.length - 1] as ScoredToken).end,
    };
  });
}

function wordsOf(tokens: readonly ScoredToken[]): ScoredToken[][] {
  const words: ScoredToken[][] = [];
  for (const token of tokens) {
    const last = words[words.length - 1];
    if (last && token.isSubword) last.push(token);
    else words.push([token]);
  }
  return words;
}

function scoresOfWord(word: readonly ScoredToken[], strategy: 'first' | 'average' | 'max'): Float64Array {
  const first = (word[0] as ScoredToken).scores;
  if (strategy === 'first') return first;
  if (strategy === 'average')
    return first.map((_, id) => word.reduce((sum, { scores }) => sum + (scores[id] as number), 0) / word.length);
  const tops = word.map(({ scores }) => scores[best(scores)] as number);
  return (word[best(tops)] as ScoredToken).scores;
}

/** The B or I of a label, and its tag; a label without either counts as I. */
function splitLabel(label: string): { begins: boolean; tag: string } {
  if (label.startsWith('B-') || label.startsWith('I-')) return { begins: label[0] === 'B', tag: label.slice(2) };
  return { begins: false, tag: label };
}

/** Puts neighbours of one tag together; a B begins a group of its own. */
export function groupEntities(
  entities: readonly { entity: string; score: number; word: string; start: number; end: number }[],
): EntityGroup[] {
  const groups: (typeof entities)[number][][] = [];
  for (const entity of entities) {
    const last = groups[groups.length - 1];
    const { begins, tag } = splitLabel(entity.entity);
    if (last && !begins && tag === splitLabel((last[last.length - 1] as typeof entity).entity).tag) last.push(entity);
    else groups.push([entity]);
  }
  return groups.map((group) => {
    const [first] = group as [(typeof entities)[number]];
    return {
      entity_group: first.entity.slice(first.entity.indexOf('-') + 1),
      score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
      words: group.map(({ word }) => word),
      start: first.start,
      end: (group[group.length - 1] as typeof first).end,
    };
  });
}

/** Of entities that overlap, as those of overlapping windows do, the longest, then the one with the best score. */
export function dropOverlaps<E extends { start: number; end: number; score: number }>(entities: readonly E[]): E[] {
  const kept: E[] = [];
  for (const entity of [...entities].sort((a, b) => a.start - b.start)) {
    const last = kept[kept.length - 1];
    if (!last || entity.start < last.start || entity.start >= last.end) {
      kept.push(entity);
      continue;
    }
    const longer = entity.end - entity.start - (last.end - last.start);
    if (longer > 0 || (longer === 0 && entity.score > last.score)) kept[kept.length - 1] = entity;
  }
  return kept;
}
