import { Tensor } from '../tensor/tensor';
import type { Prompt } from './prompt';

/** Keys and values that steps hand on: a DynamicCache, or an EncoderDecoderCache. */
export interface KeyValueCache extends Disposable {
  /** Makes room at once for rows of `length` tokens. */
  reserve(batch: number, length: number): void;
}

/** One step of generation: the tokens that are new to the model. */
export interface StepInputs {
  /** [B, k]; they follow inputs_embeds where both are given */
  input_ids?: Tensor;
  /** [B, T, C] */
  inputs_embeds?: Tensor;
  /** [B, S] of all tokens so far */
  attention_mask: Tensor;
  position_ids: Tensor;
  past_key_values?: KeyValueCache;
  use_cache: boolean;
  signal?: AbortSignal;
}

/** Gives the likeliest token behind each row, [B]; the lowest of several. */
export type NextTokens = (inputs: StepInputs) => Promise<Int32Array>;

/** When a row ends, and what fills it then. */
export interface Ending {
  /** Tokens in a row at most, the prompt's ids included. */
  limit: number;
  ends: readonly number[];
  pad: number | null;
  /** Makes the cache; null to do without. */
  newCache: (() => KeyValueCache) | null;
  /** The token that every row must have behind `length` others, or null. */
  forced(length: number): number | null;
  /** @throws ValueError where the model has no place for the tokens so far: rows' lengths, padding not counted */
  checkRoom(length: number): void;
}

/** Room is taken at once for so many tokens behind the prompt; more is taken when they are there. */
const kReserve = 256;

/**
 * Greedy search: every row goes on with its likeliest token until it ends or is long enough; rows that have ended are
 * filled with padding until all have. Source: transformers generation/utils.py (4.57.6), _sample.
 * @returns [B, …] int64, the prompt's ids first
 */
export async function greedySearch(
  next: NextTokens,
  prompt: Prompt,
  { limit, ends, pad, newCache, forced, checkRoom }: Ending,
  signal?: AbortSignal,
): Promise<Tensor> {
  const rows = new Rows(prompt, limit);
  using cache = newCache?.() ?? null;
  cache?.reserve(prompt.batch, prompt.positions + Math.min(limit - prompt.length, kReserve));
  const ended = new Uint8Array(prompt.batch);
  while (rows.length < limit && ended.includes(0)) {
    checkRoom(rows.longest);
    const chosen = await next({
      ...rows.inputs(cache !== null),
      use_cache: cache !== null,
      ...(cache && { past_key_values: cache }),
      ...(signal && { signal }),
    });
    const wanted = forced(rows.length);
    const tokens = chosen.map((token, b) => (ended[b] ? (pad as number) : (wanted ?? token)));
    rows.append(tokens);
    for (const [b, token] of tokens.entries()) if (ends.includes(token)) ended[b] = 1;
  }
  return rows.result();
}

/** The tokens so far. */
class Rows {
  /** Ids in each row. */
  length: number;
  private ids: Int32Array[]; // of each row, with room for more
  private masks: Uint8Array[];
  private positions: number; // that the model sees: an embedded prompt's, then ids
  private seen = 0; // of these, in the cache
  private readonly longestPrompt: number;

  constructor(
    private readonly prompt: Prompt,
    limit: number,
  ) {
    const { batch, length, positions } = prompt;
    const more = Math.min(limit - length, kReserve);
    this.length = length;
    this.positions = positions;
    this.longestPrompt = longestRow(prompt);
    this.ids = Array.from({ length: batch }, (_, b) => {
      const row = new Int32Array(length + more);
      row.set(prompt.ids.subarray(b * length, (b + 1) * length));
      return row;
    });
    this.masks = Array.from({ length: batch }, (_, b) => {
      const row = new Uint8Array(positions + more).fill(1);
      row.set(prompt.mask.subarray(b * positions, (b + 1) * positions));
      return row;
    });
  }

  append(tokens: Int32Array): void {
    if (this.length === this.ids[0]?.length) this.grow();
    for (const [b, token] of tokens.entries()) (this.ids[b] as Int32Array)[this.length] = token;
    this.length++;
    this.positions++;
  }

  /** Room for as many tokens again. */
  private grow(): void {
    const more = this.length;
    this.ids = this.ids.map((row) => {
      const larger = new Int32Array(row.length + more);
      larger.set(row);
      return larger;
    });
    this.masks = this.masks.map((row) => {
      const larger = new Uint8Array(row.length + more).fill(1);
      larger.set(row);
      return larger;
    });
  }

  /** Tokens of the longest row, padding in front not counted. */
  get longest(): number {
    return this.longestPrompt + this.positions - this.prompt.positions;
  }

  /** What the model has not seen yet; all of it when no cache is kept. */
  inputs(cached: boolean): Omit<StepInputs, 'use_cache'> {
    const { inputs_embeds } = this.prompt;
    const first = cached ? this.seen : 0;
    const { positions } = this;
    this.seen = positions;
    const masks = this.masks.map((mask) => mask.subarray(0, positions));
    const common = {
      attention_mask: tensorOf(masks, positions),
      position_ids: tensorOf(
        masks.map((mask) => positionsOf(mask).subarray(first)),
        positions - first,
      ),
    };
    const embedded = inputs_embeds && first === 0 ? this.prompt.positions : 0;
    const count = positions - first - embedded; // ids that go in: the last of each row
    const ids = this.ids.map((row) => row.subarray(this.length - count, this.length));
    return {
      ...common,
      ...(count > 0 && { input_ids: tensorOf(ids, count) }),
      ...(inputs_embeds && embedded > 0 && { inputs_embeds }),
    };
  }

  result(): Tensor {
    const all = this.ids.map((row) => row.subarray(0, this.length));
    const values = BigInt64Array.from({ length: all.length * this.length }, (_, i) =>
      BigInt((all[Math.floor(i / this.length)] as Int32Array)[i % this.length] as number),
    );
    return new Tensor('int64', values, [all.length, this.length]);
  }
}

/** Tokens that the mask of a prompt keeps, in the row that has most. */
export function longestRow({ batch, mask, positions }: Prompt): number {
  const kept = (row: Uint8Array) => row.reduce((n, m) => n + m, 0);
  return Math.max(...Array.from({ length: batch }, (_, b) => kept(mask.subarray(b * positions, (b + 1) * positions))));
}

/** A row's positions: kept tokens count from 0, masked ones are 1. */
function positionsOf(mask: Uint8Array): Int32Array {
  let kept = 0;
  return Int32Array.from(mask, (m) => (m ? kept++ : 1));
}

function tensorOf(rows: readonly ArrayLike<number>[], length: number): Tensor {
  const values = new Int32Array(rows.length * length);
  for (const [b, row] of rows.entries()) values.set(row as Int32Array, b * length);
  return new Tensor('int32', values, [rows.length, length]);
}
