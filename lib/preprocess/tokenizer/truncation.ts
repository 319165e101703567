import { ValueError } from '../../errors';

/**
 * Which tokens of a text, or of a text and its pair, stay in a row, and which go into further rows. The arithmetic is
 * that of tokenizers 0.15 (src/utils/truncation.rs, Encoding::truncate), which Transformers 4.35 works on.
 */

export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
export type Side = 'left' | 'right';

/** A range of tokens, `stop` not included. */
export type Span = [start: number, stop: number];

/** What is kept of one text, and the windows over the rest of it. */
export interface Spans {
  kept: Span;
  overflow: Span[];
}

export interface Limit {
  /** Tokens that fit in a row beside the special ones. */
  room: number;
  strategy: TruncationStrategy;
  /** Tokens that each window repeats from the one before. */
  stride: number;
  side: Side;
}

/**
 * Truncates the texts of one sample.
 * @param lengths - number of tokens of the text, and of its pair
 * @throws ValueError when the strategy cannot reach the limit, or `stride` leaves no progress
 */
export function truncate(lengths: readonly number[], limit: Limit): Spans[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (limit.strategy === 'do_not_truncate' || total <= limit.room)
    return lengths.map((length): Spans => ({ kept: [0, length], overflow: [] }));
  return lengthsToKeep(lengths, total, limit).map((keep, i) => windows(lengths[i] as number, keep, limit));
}

function lengthsToKeep(lengths: readonly number[], total: number, { room, strategy }: Limit): number[] {
  const [first, second] = lengths as [number, number | undefined];
  if (room === 0) return lengths.map(() => 0);
  if (strategy === 'longest_first') return second === undefined ? [room] : shareRoom(first, second, room);
  const target = strategy === 'only_first' ? 0 : 1;
  const length = lengths[target];
  if (length === undefined)
    throw new ValueError("truncation 'only_second' needs a second text: pass text_pair, or truncation: true", {
      code: 'ERR_TRUNCATION',
    });
  const keep = length - (total - room);
  if (keep <= 0)
    throw new ValueError(
      `truncation '${strategy}' would have to take ${total - room} of the ${length} tokens of the ` +
        `${target === 0 ? 'first' : 'second'} text to leave ${room}; use 'longest_first' or a larger max_length`,
      { code: 'ERR_TRUNCATION' },
    );
  return lengths.map((n, i) => (i === target ? keep : n));
}

/** The longer text gives first; when both have to, they end with half of the room each. */
function shareRoom(first: number, second: number, room: number): number[] {
  let shorter = Math.min(first, second);
  let longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = Math.floor(room / 2);
    longer = shorter + (room % 2);
  }
  return first > second ? [longer, shorter] : [shorter, longer];
}

/** Splits `length` tokens into windows of at most `size`, the first at the side that is kept. */
function windows(length: number, size: number, { stride, side }: Limit): Spans {
  if (size >= length) return { kept: [0, length], overflow: [] };
  if (size === 0) return { kept: [0, 0], overflow: [[0, length]] };
  if (stride >= size)
    throw new ValueError(
      `stride must be less than the ${size} tokens that are left of a truncated text, got ${stride}`,
      {
        code: 'ERR_TRUNCATION',
      },
    );
  const spans: Span[] = [];
  if (side === 'right') {
    for (let start = 0; ; start += size - stride) {
      spans.push([start, Math.min(start + size, length)]);
      if (start + size >= length) break;
    }
  } else {
    for (let stop = length; ; stop -= size - stride) {
      spans.push([Math.max(stop - size, 0), stop]);
      if (stop <= size) break;
    }
  }
  const [kept, ...overflow] = spans as [Span, ...Span[]];
  return { kept, overflow };
}
