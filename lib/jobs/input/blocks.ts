/**
 * Cuts the input into shards, the unit of commit, and these into blocks, the unit of sorting and of memory. A shard ends
 * after a number of records; where it starts follows from where the one before it ended, so nothing is planned ahead.
 */

import { inputError, runChanged } from '../job-error';
import type { InputCursor, Position } from './cursor';
import { type BadRow, type InputRow, isBad } from './row';

/** The stretch of input that one shard holds. */
export interface Span {
  start: Position;
  end: Position;
  /** Number of its first record. */
  row: number;
  records: number;
  /** Of the input's bytes from start to end. */
  sha256: string;
  /** Whether the input ended here. */
  eof: boolean;
}

/** Rows that are sorted, computed and written together. */
export interface Block {
  shard: number;
  rows: InputRow[];
  bad: BadRow[];
  /** Bytes on disk that lie behind its last row. */
  bytesPassed: number;
  /** Set on the last block of a shard. */
  span: Span | null;
}

export interface BlockLimits {
  shardRows: number;
  blockRows: number;
  blockBytes: number;
}

/** The first block is small, so that the model soon has work; each next one is twice as long. */
const FIRST_BLOCK_ROWS = 64;

/** What earlier runs have left. */
export interface Committed {
  /** The span of a shard that has a receipt, else null. */
  span(shard: number): Promise<Span | null>;
  /** How many shards a finished run has; null while none is finished. */
  total: number | null;
  /** Hears of each shard that is passed over. */
  onSkip(span: Span): void;
}

/**
 * The blocks of all shards that have no receipt.
 * @throws ValueError `RUN_CHANGED` when the input is not the one that the receipts were made from
 */
export async function* readBlocks(
  cursor: InputCursor,
  limits: BlockLimits,
  committed: Committed,
  folder: string,
): AsyncGenerator<Block> {
  let blockRows = Math.min(FIRST_BLOCK_ROWS, limits.blockRows);
  let row = 0;
  let ended = committed.total === 0;
  for (let shard = 0; ; shard++) {
    const span = await committed.span(shard);
    if (span !== null) {
      await skip(cursor, span, folder);
      committed.onSkip(span);
      row += span.records;
      ended = span.eof || shard + 1 === committed.total;
      continue;
    }
    const reader = new ShardReader(cursor, shard, row, limits);
    for (;;) {
      const block = await reader.block(blockRows);
      if (block === null) return;
      if (ended) throw runChanged(folder, [`the input has rows behind row ${row - 1}, where it ended before`]);
      blockRows = Math.min(2 * blockRows, limits.blockRows);
      block.bytesPassed = cursor.bytesPassed;
      yield block;
      if (block.span === null) continue;
      row += block.span.records;
      break;
    }
  }
}

class ShardReader {
  readonly #cursor: InputCursor;
  readonly #shard: number;
  readonly #first: number;
  readonly #limits: BlockLimits;
  readonly #start: Position;
  #records = 0;

  constructor(cursor: InputCursor, shard: number, first: number, limits: BlockLimits) {
    this.#cursor = cursor;
    this.#shard = shard;
    this.#first = first;
    this.#limits = limits;
    this.#start = cursor.position;
    cursor.beginSpan();
  }

  /** The next block, closed by rows, by bytes, by the end of the shard or of the input; null when no record was left. */
  async block(maxRows: number): Promise<Block | null> {
    const block: Block = { shard: this.#shard, rows: [], bad: [], bytesPassed: 0, span: null };
    const room = Math.min(maxRows, this.#limits.shardRows - this.#records);
    let bytes = 0;
    for (let count = 0; count < room && bytes < this.#limits.blockBytes; ) {
      const record = this.#cursor.take(this.#first + this.#records);
      if (record === null) {
        if (await this.#cursor.advance()) continue;
        if (this.#records === 0) return null;
        block.span = this.#end(true);
        return block;
      }
      if (isBad(record)) block.bad.push(record);
      else {
        block.rows.push(record);
        bytes += record.text.length + (record.json?.length ?? 0);
      }
      this.#records++;
      count++;
    }
    if (this.#records === this.#limits.shardRows) block.span = this.#end(false);
    return block;
  }

  #end(eof: boolean): Span {
    const [start, end] = [this.#start, this.#cursor.position];
    return { start, end, row: this.#first, records: this.#records, sha256: this.#cursor.endSpan(), eof };
  }
}

async function skip(cursor: InputCursor, span: Span, folder: string): Promise<void> {
  const from = cursor.position;
  if (from.file !== span.start.file || from.offset !== span.start.offset) {
    throw inputError('RECEIPTS_DISAGREE', `the receipts of ${folder} do not follow each other: run with --overwrite`);
  }
  if (cursor.canJump(span.start, span.end)) return cursor.jump(span.end);
  cursor.beginSpan();
  const whole = await cursor.pass(span.end);
  if (cursor.endSpan() === span.sha256 && whole) return;
  const rows = `rows ${span.row} to ${span.row + span.records - 1}`;
  throw runChanged(folder, [`the input's ${rows} are not those that were read before`]);
}
