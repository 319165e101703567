import { ValueError } from '../../errors';
import { Tensor } from '../../tensor/tensor';
import type { TurnTaker } from '../../turns';
import type { CallPlan, Column } from './call-options';
import type { Row } from './rows';
import { sizeOf } from './rows';

/** What fills the padded places of a row. */
export interface Padding {
  id: number;
  typeId: number;
}

/** Numbers of one row in the columns of one or two numbers a token. */
export type Values = number[] | [number, number][];

/** Length that rows are padded to, or null when they stay as they are. */
export function paddedLength(rows: readonly Row[], plan: CallPlan): number | null {
  if (plan.padding === 'do_not_pad') return null;
  let length = plan.maxLength as number;
  if (plan.padding === 'longest') length = rows.reduce((longest, row) => Math.max(longest, row.length), 0);
  const multiple = plan.padToMultipleOf ?? 1;
  return Math.ceil(length / multiple) * multiple;
}

/** A column as int64 Tensor: [B, T], offsets [B, T, 2], lengths [B]. `length` is the common length of the rows. */
export async function tensorColumn(
  column: Column,
  rows: readonly Row[],
  length: number,
  padding: Padding,
  plan: CallPlan,
  turns: TurnTaker,
): Promise<Tensor> {
  if (column === 'length') return int64Tensor(new Array(rows.length).fill(length), [rows.length]);
  const depth = column === 'offset_mapping' ? 2 : 1;
  const data = new BigInt64Array(rows.length * length * depth);
  const low = new Int32Array(data.buffer); // every number here is non-negative and fits in its low half
  const fill = fillerOf(column, padding);
  for (const [i, row] of rows.entries()) {
    const start = i * length + (plan.paddingSide === 'left' ? length - row.length : 0);
    let at = 2 * depth * start;
    forEachNumber(column, row, (value) => {
      low[at] = value;
      at += 2;
    });
    if (fill !== 0)
      for (let t = 0; t < length - row.length; t++)
        low[2 * (plan.paddingSide === 'left' ? i * length + t : i * length + row.length + t)] = fill;
    await turns.next();
  }
  return new Tensor('int64', data, depth === 2 ? [rows.length, length, 2] : [rows.length, length]);
}

/** A column as one array a row. */
export async function listColumn(
  column: Column,
  rows: readonly Row[],
  target: number | null,
  padding: Padding,
  plan: CallPlan,
  turns: TurnTaker,
): Promise<(Values | number)[]> {
  const lists: (Values | number)[] = [];
  for (const row of rows) {
    lists.push(listRow(column, row, target, padding, plan));
    await turns.next();
  }
  return lists;
}

export function int64Tensor(values: readonly number[], dims: number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

function listRow(column: Column, row: Row, target: number | null, padding: Padding, plan: CallPlan): Values | number {
  const missing = Math.max(0, (target ?? 0) - row.length);
  if (column === 'length') return row.length + missing;
  const numbers: number[] = [];
  forEachNumber(column, row, (value) => numbers.push(value));
  const pad: number[] = new Array(missing * (column === 'offset_mapping' ? 2 : 1)).fill(fillerOf(column, padding));
  const padded = plan.paddingSide === 'left' ? [...pad, ...numbers] : [...numbers, ...pad];
  return column === 'offset_mapping' ? inPairs(padded) : padded;
}

function inPairs(numbers: readonly number[]): [number, number][] {
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i] as number, numbers[2 * i + 1] as number]);
}

function fillerOf(column: Column, padding: Padding): number {
  if (column === 'input_ids') return padding.id;
  if (column === 'token_type_ids') return padding.typeId;
  return column === 'special_tokens_mask' ? 1 : 0;
}

/** Calls `put` with the numbers of a row, in order; two a token for offsets. */
function forEachNumber(column: Column, row: Row, put: (value: number) => void): void {
  for (const segment of row.segments) {
    const size = sizeOf(segment);
    if ('special' in segment) {
      if (column === 'input_ids') for (const id of segment.special.ids) put(id);
      else if (column === 'offset_mapping') for (let i = 0; i < 2 * size; i++) put(0);
      else for (let i = 0; i < size; i++) put(column === 'token_type_ids' ? segment.typeId : 1);
      continue;
    }
    const { chunk, start, stop } = segment;
    if (column === 'input_ids') for (let i = start; i < stop; i++) put(chunk.ids[i] as number);
    else if (column === 'offset_mapping') putOffsets(segment, put);
    else {
      const value = column === 'token_type_ids' ? segment.typeId : column === 'attention_mask' ? 1 : 0;
      for (let i = 0; i < size; i++) put(value);
    }
  }
}

function putOffsets(
  { chunk, start, stop }: Extract<Row['segments'][number], { start: number }>,
  put: (value: number) => void,
): void {
  const offsets = chunk.offsets as Int32Array;
  const first = chunk.firstOffsets ?? offsets;
  for (let i = start; i < stop; i++) {
    const from = i === start ? first : offsets;
    put(from[2 * i] as number);
    put(from[2 * i + 1] as number);
  }
}

/** The one length that all rows have, padded to `target`. @throws ValueError when they differ */
export function commonLength(rows: readonly Row[], target: number | null): number {
  const lengths = new Set(rows.map((row) => Math.max(row.length, target ?? 0)));
  if (lengths.size === 1) return [...lengths][0] as number;
  const sorted = [...lengths].sort((a, b) => a - b);
  throw new ValueError(
    `the rows have different lengths (${sorted[0]} to ${sorted.at(-1)} tokens), which one Tensor cannot hold; ` +
      'pass padding: true (and truncation: true where they may be too long), or return_tensor: false for arrays',
    { code: 'ERR_RAGGED' },
  );
}
