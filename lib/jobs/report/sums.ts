import type { Receipt } from '../run/receipt';

/** Adds up receipts. What it keeps does not grow with the number of rows. */
export class ReportSums {
  rows = 0;
  failed = 0;
  tokens = 0;
  seconds = 0;
  parts = 0;
  bytes = 0;
  withoutId = 0;
  readonly codes = new Map<string, number>();
  readonly labels = new Map<string, number>();
  readonly lengths = new Map<number, number>();
  readonly timeline = new WorkingTime();

  add(receipt: Receipt): void {
    this.rows += receipt.rows;
    this.failed += receipt.failed;
    this.tokens += receipt.tokens;
    this.seconds += receipt.seconds;
    this.parts++;
    for (const { bytes } of receipt.files) this.bytes += bytes;
    this.withoutId += receipt.without_id;
    for (const [code, count] of Object.entries(receipt.codes)) addTo(this.codes, code, count);
    for (const [label, count] of Object.entries(receipt.labels)) addTo(this.labels, label, count);
    for (const [length, count] of receipt.lengths) addTo(this.lengths, length, count);
    for (const [second, rows, tokens] of receipt.timeline) this.timeline.add(second, rows, tokens);
  }
}

function addTo<Key>(into: Map<Key, number>, key: Key, count: number): void {
  into.set(key, (into.get(key) ?? 0) + count);
}

const MAX_BINS = 256;
/** A longer silence is time between two processes, and is left out. */
const SILENCE_SECONDS = 60;

/** Rows and tokens over the seconds in which the job ran, in bins that grow with the length of the job. */
export class WorkingTime {
  /** Seconds in a bin. */
  width = 1;
  bins: { rows: number; tokens: number }[] = [];
  #last: number | null = null;
  #silence = 0;

  add(second: number, rows: number, tokens: number): void {
    if (this.#last === null) this.#silence = second;
    else if (second - this.#last > SILENCE_SECONDS) this.#silence += second - this.#last - 1;
    this.#last = Math.max(this.#last ?? second, second);
    const at = Math.max(0, Math.floor((second - this.#silence) / this.width));
    while (this.bins.length <= at) this.bins.push({ rows: 0, tokens: 0 });
    this.bins[at]!.rows += rows;
    this.bins[at]!.tokens += tokens;
    while (this.bins.length > MAX_BINS) this.#coarsen();
  }

  #coarsen(): void {
    this.width *= 2;
    const coarse: typeof this.bins = [];
    for (const [at, { rows, tokens }] of this.bins.entries()) {
      if (at % 2 === 0) coarse.push({ rows, tokens });
      else {
        coarse.at(-1)!.rows += rows;
        coarse.at(-1)!.tokens += tokens;
      }
    }
    this.bins = coarse;
  }
}
