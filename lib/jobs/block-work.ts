import type { EmbedModel, JobModel, TokenRow } from './engine';
import type { Block } from './input/blocks';
import type { BadRow, InputRow } from './input/row';
import type { Result } from './output/writer';

/** A block whose rows have all been computed or given up, ready to be written. */
export interface DoneBlock {
  block: Block;
  /** Rows with a result, in input order. */
  rows: InputRow[];
  /** Token counts of `rows`. */
  lengths: Int32Array;
  result: Result;
  /** All failed rows of the block, in input order. */
  bad: BadRow[];
}

/** A block between reading and writing: its token rows, and the results as they come in. */
export class BlockWork {
  readonly block: Block;
  /** Null for rows that could not be tokenised. */
  readonly tokens: readonly (TokenRow | null)[];
  /** Token counts, -1 for rows that could not be tokenised. */
  readonly lengths: Int32Array;
  /** False when the block was abandoned. */
  readonly finished: Promise<boolean>;
  readonly #result: Result;
  readonly #failed: Uint8Array;
  readonly #failures: BadRow[];
  #batchesLeft = 0;
  #settle!: (finished: boolean) => void;

  constructor(block: Block, tokens: readonly (TokenRow | null)[], failures: BadRow[], model: JobModel) {
    this.block = block;
    this.tokens = tokens;
    this.lengths = Int32Array.from(tokens, (row) => (row === null ? -1 : row.length));
    this.#failed = Uint8Array.from(tokens, (row) => (row === null ? 1 : 0));
    this.#failures = failures;
    this.#result = emptyResult(model, tokens.length);
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  expect(batches: number): void {
    this.#batchesLeft = batches;
    if (batches === 0) this.#settle(true);
  }

  batchDone(): void {
    if (--this.#batchesLeft === 0) this.#settle(true);
  }

  abandon(): void {
    this.#settle(false);
  }

  /** Takes the vectors of `rows`; a vector that is not finite fails its row. */
  storeVectors(rows: readonly number[], values: Float32Array): void {
    if (this.#result.kind !== 'vectors') return;
    const { dim, vectors } = this.#result;
    for (const [at, row] of rows.entries()) {
      const vector = values.subarray(at * dim, (at + 1) * dim);
      if (allFinite(vector)) vectors.set(vector, row * dim);
      else this.fail(row, 'NON_FINITE', 'the model gave a vector with NaN or infinity');
    }
  }

  /** Takes the labels of `rows`; a score that is not finite fails its row. */
  storeLabels(rows: readonly number[], values: { labels: Int32Array; scores: Float32Array }): void {
    if (this.#result.kind !== 'labels') return;
    for (const [at, row] of rows.entries()) {
      this.#result.labels[row] = values.labels[at]!;
      this.#result.scores[row] = values.scores[at]!;
      if (!Number.isFinite(values.scores[at]))
        this.fail(row, 'NON_FINITE', 'the model gave a score that is not finite');
    }
  }

  fail(row: number, code: string, message: string): void {
    this.#failed[row] = 1;
    const { row: number, id } = this.block.rows[row]!;
    this.#failures.push({ row: number, id, code, message });
  }

  done(): DoneBlock {
    const bad = [...this.block.bad, ...this.#failures].sort((a, b) => a.row - b.row);
    const { block, lengths } = this;
    if (this.#failures.length === 0) return { block, rows: block.rows, lengths, result: this.#result, bad };
    const kept = block.rows.flatMap((_, row) => (this.#failed[row] === 0 ? [row] : []));
    return {
      block,
      rows: kept.map((row) => block.rows[row]!),
      lengths: Int32Array.from(kept, (row) => lengths[row]!),
      result: pick(this.#result, kept),
      bad,
    };
  }
}

/** A result for `rows` rows, all zero; of none it tells the columns. */
export function emptyResult(model: JobModel, rows: number): Result {
  if (model.task === 'classify') {
    const { labels: names } = model;
    return { kind: 'labels', names, labels: new Int32Array(rows), scores: new Float32Array(rows) };
  }
  const { dim } = model as EmbedModel;
  return { kind: 'vectors', dim, vectors: new Float32Array(rows * dim) };
}

function pick(result: Result, rows: readonly number[]): Result {
  if (result.kind === 'labels') {
    const labels = Int32Array.from(rows, (row) => result.labels[row]!);
    return { ...result, labels, scores: Float32Array.from(rows, (row) => result.scores[row]!) };
  }
  const { dim } = result;
  const vectors = new Float32Array(rows.length * dim);
  for (const [at, row] of rows.entries()) vectors.set(result.vectors.subarray(row * dim, (row + 1) * dim), at * dim);
  return { kind: 'vectors', dim, vectors };
}

function allFinite(values: Float32Array): boolean {
  // one sum instead of a test for each: NaN and infinity times zero stay NaN
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at]! * 0;
  return sum === 0;
}
