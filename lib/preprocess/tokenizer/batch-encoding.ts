import { TypeError, ValueError } from '../../errors';
import type { Tensor } from '../../tensor/tensor';
import type { Row } from './rows';
import { sizeOf } from './rows';
import type { Side } from './truncation';

/** The columns of a result: Tensors, arrays of rows, or for a single text with `return_tensor: false` one row. */
export interface EncodingColumns<T, Offsets = T, Lengths = T> {
  /** [B, T] */
  input_ids: T;
  /** [B, T]: 1 for tokens, 0 for padding. */
  attention_mask: T;
  /** [B, T]: which of the two texts a token belongs to. */
  token_type_ids?: T;
  /** [B, T]: 1 for special tokens and padding. */
  special_tokens_mask?: T;
  /** [B, T, 2]: where a token starts and ends in its text, in UTF-16 units. */
  offset_mapping?: Offsets;
  /** [B] */
  length?: Lengths;
  /** [B]: the sample a row comes from. */
  overflow_to_sample_mapping?: Lengths;
}

/** How the rows of a result lie in it. */
export interface Geometry {
  rows: readonly Row[];
  /** Length that rows were padded to. */
  target: number | null;
  side: Side;
}

/** The result of a tokenizer call: an object of its columns, ready for `model(…)`. */
export class BatchEncoding {
  readonly #geometry: Geometry;

  constructor(columns: Record<string, unknown>, geometry: Geometry) {
    this.#geometry = geometry;
    Object.assign(this, columns);
  }

  /** Index of the word that every token of a row belongs to; null for special tokens and padding. */
  word_ids(batch_index = 0): (number | null)[] {
    return this.#perToken(batch_index, (segment, i) => {
      const word = 'special' in segment ? -1 : ((segment.chunk.words as Int32Array)[segment.start + i] as number);
      return word < 0 ? null : word;
    });
  }

  /** For every token of a row, which of the two texts it is from; null for special tokens and padding. */
  sequence_ids(batch_index = 0): (number | null)[] {
    return this.#perToken(batch_index, (segment) => ('special' in segment ? null : segment.sequence));
  }

  #perToken<T>(index: number, value: (segment: Row['segments'][number], i: number) => T): (T | null)[] {
    const { rows, target, side } = this.#geometry;
    const row = rows[index];
    if (row === undefined) throw new ValueError(`there is no row ${index}; the batch has ${rows.length}`);
    const tokens: (T | null)[] = row.segments.flatMap((segment) =>
      Array.from({ length: sizeOf(segment) }, (_, i) => value(segment, i)),
    );
    const padding: null[] = new Array(Math.max(0, (target ?? 0) - row.length)).fill(null);
    return side === 'left' ? [...padding, ...tokens] : [...tokens, ...padding];
  }
}

/** Names under which people look for columns on a result they have not awaited. */
const kColumns = [
  'input_ids',
  'attention_mask',
  'token_type_ids',
  'special_tokens_mask',
  'offset_mapping',
  'length',
  'overflow_to_sample_mapping',
  'word_ids',
  'sequence_ids',
];

/** Makes reading a column of a promise an error that says `await`. */
export function guardAgainstNoAwait<T>(promise: Promise<T>, names: Iterable<string>): Promise<T> {
  for (const name of new Set([...kColumns, ...names]))
    Object.defineProperty(promise, name, {
      get() {
        throw new TypeError(
          `${name} was read from a promise: a tokenizer call has to be awaited, as in (await tokenizer(text)).${name}`,
          {
            code: 'ERR_NOT_AWAITED',
          },
        );
      },
    });
  return promise;
}

export type TensorEncoding = BatchEncoding & EncodingColumns<Tensor>;
export type RowEncoding = BatchEncoding & EncodingColumns<number[], [number, number][], number[]>;
export type ListEncoding = BatchEncoding & EncodingColumns<number[][], [number, number][][], number[]>;
