import type { TokenRange } from '../backend/backend';
import type { EncodedTexts } from '../backend/messages';
import type { TemplatePiece } from './post-processor';
import type { Span, Spans } from './truncation';

/** A stretch of a row: tokens of one of the texts, or special tokens. */
export type Segment =
  | { sequence: 0 | 1; chunk: EncodedTexts; start: number; stop: number; typeId: number }
  | { special: { ids: number[]; tokens: string[] }; typeId: number };

/** One row of a result before padding: a sample, or one window over it. */
export interface Row {
  /** Index of the sample. */
  sample: number;
  length: number;
  segments: Segment[];
}

/** A piece of the template with what it holds in the first row and in the windows. */
interface Alternatives {
  kept: Segment;
  overflow: Segment[];
}

/**
 * The rows of one sample: the kept tokens, then every window over the rest. With windows over both texts each of one
 * meets each of the other, in the order in which tokenizers merges encodings.
 */
export function layOut(
  sample: number,
  texts: readonly TokenRange[],
  spans: readonly Spans[],
  template: readonly TemplatePiece[],
  { addSpecialTokens, overflow }: { addSpecialTokens: boolean; overflow: boolean },
): Row[] {
  const pieces: Alternatives[] = [];
  for (const piece of template) {
    if ('special' in piece) {
      if (addSpecialTokens) pieces.push({ kept: piece, overflow: [] });
      continue;
    }
    const { sequence } = piece;
    const range = texts[sequence] as TokenRange;
    const { kept, overflow: windows } = spans[sequence] as Spans;
    const segment = ([start, stop]: Span, typeId: number): Segment => ({
      sequence,
      chunk: range.chunk,
      start: range.start + start,
      stop: range.start + stop,
      typeId,
    });
    pieces.push({
      kept: segment(kept, piece.typeId),
      overflow: overflow
        ? windows.map((window) => segment(window, addSpecialTokens ? piece.overflowTypeId : sequence))
        : [],
    });
  }
  return merge(pieces).map((segments) => ({ sample, segments, length: lengthOf(segments) }));
}

function merge(pieces: Alternatives[]): Segment[][] {
  let first: Segment[] = [];
  let others: Segment[][] = [];
  for (const { kept, overflow } of pieces) {
    others = [
      ...others.flatMap((other) => [[...other, kept], ...overflow.map((window) => [...other, window])]),
      ...overflow.map((window) => [...first, window]),
    ];
    first = [...first, kept];
  }
  return [first, ...others];
}

function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + sizeOf(segment), 0);
}

/** Number of tokens of a segment. */
export function sizeOf(segment: Segment): number {
  return 'special' in segment ? segment.special.ids.length : segment.stop - segment.start;
}

/** Joins texts that were encoded word by word: their words are numbered, their offsets count from each word's start. */
export function joinWords(words: readonly TokenRange[]): TokenRange {
  const size = words.reduce((sum, { start, stop }) => sum + stop - start, 0);
  const pick = (key: 'offsets' | 'firstOffsets'): Int32Array | null =>
    words.some(({ chunk }) => chunk[key]) ? new Int32Array(2 * size) : null;
  const joined: EncodedTexts = {
    ids: new Int32Array(size),
    ends: Int32Array.of(size),
    offsets: pick('offsets'),
    firstOffsets: pick('firstOffsets'),
    words: new Int32Array(size),
    tokens: words.some(({ chunk }) => chunk.tokens) ? [] : null,
  };
  let at = 0;
  words.forEach(({ chunk, start, stop }, word) => {
    joined.ids.set(chunk.ids.subarray(start, stop), at);
    joined.words?.fill(word, at, at + stop - start);
    for (const key of ['offsets', 'firstOffsets'] as const)
      if (chunk[key]) joined[key]?.set(chunk[key].subarray(2 * start, 2 * stop), 2 * at);
    if (chunk.tokens) joined.tokens?.push(...chunk.tokens.slice(start, stop));
    at += stop - start;
  });
  return { chunk: joined, start: 0, stop: size };
}
