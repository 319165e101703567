/**
 * What a batch job needs of a model. The job knows files, rows and receipts; the model knows tokens, vectors and streams.
 * A job calls `tokenize` for slices of rows in input order, sorts what comes back by length, cuts it into batches under a
 * token budget, and keeps `concurrency` calls of `run` in flight.
 */

/** One tokenised text as the model wants it back; the job reads `length` only, the number of tokens after truncation. */
export interface TokenRow {
  readonly length: number;
}

/** What every call of a model takes. */
export interface CallOptions {
  signal?: AbortSignal;
}

interface ModelOfRows<Row extends TokenRow> {
  /** Everything that decides the numbers that come out: weights, tokenizer, pooling, truncation, dtype. JSON values. */
  readonly fingerprint: Record<string, unknown>;
  /** How many batches should be in flight at once: one a core, each on its own stream. */
  readonly concurrency: number;
  /** Tokens in one batch when the user names no budget. */
  readonly batchTokens: number;
  /** Token rows for `texts`, in their order. Rejects when one of them cannot be tokenised; the job then tries each alone. */
  tokenize(texts: readonly string[], options: CallOptions): Promise<Row[]>;
  /** Gives weights and streams back. */
  dispose?(): Promise<void>;
}

/** Texts in, vectors out. */
export interface EmbedModel<Row extends TokenRow = TokenRow> extends ModelOfRows<Row> {
  readonly task: 'embed';
  /** Length of one vector. */
  readonly dim: number;
  /** Vectors of `rows`, row-major `[rows.length, dim]`. */
  run(rows: readonly Row[], options: CallOptions): Promise<Float32Array>;
}

/** The best label of each row: its index in `labels`, and its score. Both are as long as the batch. */
export interface Classified {
  labels: Int32Array;
  scores: Float32Array;
}

/** Texts in, one label and its score out. */
export interface ClassifyModel<Row extends TokenRow = TokenRow> extends ModelOfRows<Row> {
  readonly task: 'classify';
  /** Names of the labels, by index. */
  readonly labels: readonly string[];
  run(rows: readonly Row[], options: CallOptions): Promise<Classified>;
}

// The job hands a model's own rows back to it and nothing else, so any Row will do.
// biome-ignore lint/suspicious/noExplicitAny: a method parameter is contravariant in Row
export type JobModel = EmbedModel<any> | ClassifyModel<any>;

/**
 * Text of `rows` rows of floats, made off the JS thread. Row i gives the UTF-8 bytes
 * `prefixes[prefixEnds[i-1] .. prefixEnds[i]]`, then its `dim` values as shortest float32 decimals with a comma between
 * them, then `suffix`. Rejects on a value that is not finite. None of the arrays may change until the promise settles.
 */
export type FormatRows = (
  vectors: Float32Array,
  rows: number,
  dim: number,
  prefixes: Uint8Array,
  prefixEnds: Float64Array,
  suffix: Uint8Array,
) => Promise<Uint8Array>;
