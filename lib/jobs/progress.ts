import type { Receipt } from './run/receipt';

/** What a job tells while it runs. */
export type JobEvent =
  | { type: 'start'; output: string; inputs: string[]; committedShards: number; progress: () => Progress }
  | { type: 'committed'; receipt: Receipt }
  | { type: 'note'; message: string };

/** Where a job stands. Rates are those of the last half minute. */
export interface Progress {
  /** Rows that the model has seen in this process. */
  rows: number;
  /** Rows that went to errors/, by this process. */
  failed: number;
  /** Rows of earlier processes that were passed over. */
  skipped: number;
  /** Rows behind a receipt, those of earlier processes included. */
  committed: number;
  tokens: number;
  rowsPerSecond: number;
  tokensPerSecond: number;
  /** Share of the input that is done; null where its length is unknown. */
  share: number | null;
  /** By tokens; null while nothing can be said. */
  etaSeconds: number | null;
  /** Since the first row was read. */
  seconds: number;
}

const WINDOW_SECONDS = 30;
const MAX_STRETCHES = 240;

/** Counts what a job does, from the first row read. */
export class Meter {
  readonly #totalBytes: number | null;
  readonly #recent: { at: number; rows: number; tokens: number }[] = [];
  #timeline: [number, number, number][] = [];
  #stretch = 1;
  #firstRow: number | null = null;
  #lastCommit: number | null = null;
  #rows = 0;
  #failed = 0;
  #skipped = 0;
  #committed = 0;
  #tokens = 0;
  #bytesSkipped = 0;
  #bytesTokenised = 0;
  #tokensTokenised = 0;

  /** @param totalBytes of all inputs on disk; null where one is a stream */
  constructor(totalBytes: number | null) {
    this.#totalBytes = totalBytes;
  }

  skipped(rows: number, bytesPassed: number): void {
    this.#skipped += rows;
    this.#committed += rows;
    this.#bytesSkipped = bytesPassed;
  }

  firstRowRead(): void {
    this.#firstRow ??= now();
  }

  tokenised(tokens: number, bytesPassed: number): void {
    this.#tokensTokenised += tokens;
    this.#bytesTokenised = bytesPassed - this.#bytesSkipped;
  }

  computed(rows: number, tokens: number): void {
    this.#rows += rows;
    this.#tokens += tokens;
    this.#remember();
    this.#extend(rows, tokens);
  }

  failed(rows: number): void {
    this.#failed += rows;
  }

  committed(rows: number): void {
    this.#committed += rows;
    this.#lastCommit = now();
  }

  /** Seconds since the last commit, or since the first row. */
  sinceCommit(): number {
    return now() - (this.#lastCommit ?? this.#firstRow ?? now());
  }

  /** The stretches since the last call. */
  takeTimeline(): [number, number, number][] {
    const taken = this.#timeline;
    this.#timeline = [];
    this.#stretch = 1;
    return taken;
  }

  progress(): Progress {
    const tokensPerSecond = this.#rate('tokens');
    const remaining = this.#tokensRemaining();
    const done = this.#tokensDone();
    return {
      rows: this.#rows,
      failed: this.#failed,
      skipped: this.#skipped,
      committed: this.#committed,
      tokens: this.#tokens,
      rowsPerSecond: this.#rate('rows'),
      tokensPerSecond,
      share: remaining === null ? null : done / Math.max(1, done + remaining),
      etaSeconds: remaining === null || tokensPerSecond === 0 ? null : remaining / tokensPerSecond,
      seconds: this.#firstRow === null ? 0 : now() - this.#firstRow,
    };
  }

  /** Tokens of the whole input, guessed from the part that is tokenised, less those computed. */
  #tokensRemaining(): number | null {
    if (this.#totalBytes === null) return null;
    const bytesLeft = Math.max(0, this.#totalBytes - this.#bytesSkipped - this.#bytesTokenised);
    if (this.#bytesTokenised <= 0) return bytesLeft === 0 ? 0 : null;
    return this.#tokensTokenised - this.#tokens + bytesLeft * this.#tokensPerByte();
  }

  #tokensDone(): number {
    return this.#tokens + this.#bytesSkipped * this.#tokensPerByte();
  }

  #tokensPerByte(): number {
    return this.#bytesTokenised <= 0 ? 0 : this.#tokensTokenised / this.#bytesTokenised;
  }

  #remember(): void {
    const at = now();
    const last = this.#recent.at(-1);
    if (last !== undefined && at - last.at < 0.25) {
      last.rows = this.#rows;
      last.tokens = this.#tokens;
      return;
    }
    this.#recent.push({ at, rows: this.#rows, tokens: this.#tokens });
    while (this.#recent[1] !== undefined && at - this.#recent[1].at > WINDOW_SECONDS) this.#recent.shift();
  }

  #rate(what: 'rows' | 'tokens'): number {
    const first = this.#recent.length < 2 ? { at: this.#firstRow ?? now(), rows: 0, tokens: 0 } : this.#recent[0]!;
    const elapsed = now() - first.at;
    return elapsed <= 0 ? 0 : ((what === 'rows' ? this.#rows : this.#tokens) - first[what]) / elapsed;
  }

  #extend(rows: number, tokens: number): void {
    const second = Math.floor(Date.now() / 1000 / this.#stretch) * this.#stretch;
    const last = this.#timeline.at(-1);
    if (last !== undefined && last[0] >= second) {
      last[1] += rows;
      last[2] += tokens;
      return;
    }
    this.#timeline.push([second, rows, tokens]);
    if (this.#timeline.length > MAX_STRETCHES) this.#coarsen();
  }

  /** Halves the timeline, so that a part that takes hours does not make its receipt long. */
  #coarsen(): void {
    this.#stretch *= 2;
    const coarse: [number, number, number][] = [];
    for (const [second, rows, tokens] of this.#timeline) {
      const start = Math.floor(second / this.#stretch) * this.#stretch;
      const last = coarse.at(-1);
      if (last?.[0] === start) {
        last[1] += rows;
        last[2] += tokens;
      } else coarse.push([start, rows, tokens]);
    }
    this.#timeline = coarse;
  }
}

function now(): number {
  return performance.now() / 1000;
}
