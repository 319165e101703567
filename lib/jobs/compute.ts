/** The two calls of a model, with a way out for rows that it cannot take. */

import { RuntimeError } from '../errors';
import type { BlockWork } from './block-work';
import type { JobModel, TokenRow } from './engine';
import type { BadRow, InputRow } from './input/row';
import { errorCode, errorMessage } from './job-error';

const SLICE_ROWS = 256;
const SLICE_CHARS = 64 * 1024;
const MAX_FAILURES_IN_A_ROW = 16;

/** Tells a poisoned row from a model that fails on every row: the second ends the job. */
export class FailureGuard {
  #inARow = 0;

  succeeded(): void {
    this.#inARow = 0;
  }

  /** @throws `error` itself when too many rows have failed with none between that went well */
  failed(error: unknown): void {
    if (++this.#inARow >= MAX_FAILURES_IN_A_ROW) throw error;
  }
}

/** Token rows in order, null where a row failed and is in `failures`. */
export async function tokenizeRows(
  model: JobModel,
  rows: readonly InputRow[],
  failures: BadRow[],
  guard: FailureGuard,
  signal: AbortSignal,
): Promise<(TokenRow | null)[]> {
  const tokens: (TokenRow | null)[] = [];
  let pending: Promise<(TokenRow | null)[]> | null = null;
  for (const slice of slices(rows)) {
    const next: Promise<(TokenRow | null)[]> = tokenizeSlice(model, slice, failures, guard, signal);
    next.catch(() => {});
    // one slice is tokenised while the one before it is taken over
    if (pending !== null) for (const row of await pending) tokens.push(row);
    pending = next;
  }
  if (pending !== null) for (const row of await pending) tokens.push(row);
  return tokens;
}

async function tokenizeSlice(
  model: JobModel,
  slice: readonly InputRow[],
  failures: BadRow[],
  guard: FailureGuard,
  signal: AbortSignal,
): Promise<(TokenRow | null)[]> {
  try {
    const tokens = await model.tokenize(
      slice.map(({ text }) => text),
      { signal },
    );
    if (tokens.length !== slice.length) throw contract(`tokenize gave ${tokens.length} rows for ${slice.length} texts`);
    guard.succeeded();
    return tokens;
  } catch (error) {
    if (signal.aborted || errorCode(error) === 'MODEL_CONTRACT') throw error;
    if (slice.length === 1) {
      guard.failed(error);
      failures.push(failure(slice[0]!, error, 'TOKENIZE_FAILED'));
      return [null];
    }
    const tokens: (TokenRow | null)[] = [];
    for (const row of slice) tokens.push(...(await tokenizeSlice(model, [row], failures, guard, signal)));
    return tokens;
  }
}

/** Runs some rows of a block and keeps what comes; a batch that fails is tried again in halves, down to one row. */
export async function runBatch(
  model: JobModel,
  work: BlockWork,
  rows: readonly number[],
  guard: FailureGuard,
  signal: AbortSignal,
): Promise<void> {
  try {
    await runWhole(model, work, rows, signal);
    guard.succeeded();
  } catch (error) {
    if (signal.aborted || errorCode(error) === 'MODEL_CONTRACT') throw error;
    if (rows.length === 1) {
      guard.failed(error);
      const { code, message } = failure(work.block.rows[rows[0]!]!, error, 'RUN_FAILED');
      work.fail(rows[0]!, code, message);
      return;
    }
    const half = rows.length >> 1;
    await runBatch(model, work, rows.slice(0, half), guard, signal);
    await runBatch(model, work, rows.slice(half), guard, signal);
  }
}

async function runWhole(model: JobModel, work: BlockWork, rows: readonly number[], signal: AbortSignal): Promise<void> {
  const tokens = rows.map((row) => work.tokens[row]!);
  if (model.task === 'embed') {
    const vectors = await model.run(tokens, { signal });
    if (vectors.length !== rows.length * model.dim) {
      throw contract(`run gave ${vectors.length} numbers for ${rows.length} vectors of ${model.dim}`);
    }
    work.storeVectors(rows, vectors);
    return;
  }
  const classified = await model.run(tokens, { signal });
  const { labels, scores } = classified;
  if (labels.length !== rows.length || scores.length !== rows.length) {
    throw contract(`run gave ${labels.length} labels and ${scores.length} scores for ${rows.length} rows`);
  }
  work.storeLabels(rows, classified);
}

function* slices(rows: readonly InputRow[]): Generator<InputRow[]> {
  let slice: InputRow[] = [];
  let chars = 0;
  for (const row of rows) {
    slice.push(row);
    chars += row.text.length;
    if (slice.length < SLICE_ROWS && chars < SLICE_CHARS) continue;
    yield slice;
    slice = [];
    chars = 0;
  }
  if (slice.length > 0) yield slice;
}

function failure({ row, id }: InputRow, error: unknown, code: string): BadRow {
  return { row, id, code: errorCode(error) ?? code, message: errorMessage(error).slice(0, 300) };
}

function contract(message: string): RuntimeError {
  return new RuntimeError(message, { code: 'MODEL_CONTRACT' });
}
