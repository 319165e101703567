import { randomBytes } from 'node:crypto';
import type { DoneBlock } from './block-work';
import type { FormatRows } from './engine';
import type { Span } from './input/blocks';
import type { BadRow, InputRow } from './input/row';
import { lengthBucket } from './lengths';
import type { OutputFormat } from './options';
import { PartFile } from './output/part-file';
import { type FormatWriter, formatWriter, hasRowsFile, type Result } from './output/writer';
import type { Meter } from './progress';
import { syncFolder } from './run/durable';
import type { RunFolder } from './run/folder';
import { type Receipt, shardName } from './run/receipt';

/** Where and how parts are written. */
export interface PartOptions {
  folder: RunFolder;
  format: OutputFormat;
  /** A result without rows, for its columns. */
  columns: Result;
  formatRows: FormatRows | undefined;
  meter: Meter;
}

/** Writes one shard under a name of its own, and commits it with a receipt. */
export class ShardWriter {
  readonly #options: PartOptions;
  readonly #shard: number;
  readonly #attempt = randomBytes(4).toString('hex');
  readonly #counts = new ShardCounts();
  #data: PartFile | null = null;
  #writer: FormatWriter | null = null;
  #rowsFile: PartFile | null = null;
  #errors: PartFile | null = null;

  constructor(shard: number, options: PartOptions) {
    this.#shard = shard;
    this.#options = options;
  }

  async write(done: DoneBlock): Promise<void> {
    const writer = await this.#open();
    await writer.write(done.rows, done.result);
    if (this.#rowsFile !== null) await this.#rowsFile.append(rowLines(done.rows));
    if (done.bad.length > 0) {
      this.#errors ??= await PartFile.create(this.#options.folder.path, `errors/${shardName(this.#shard)}.jsonl`);
      await this.#errors.append(errorLines(done.bad));
    }
    this.#counts.add(done);
  }

  /** Puts everything on the disk, then the receipt, which makes it count. */
  async commit(span: Span): Promise<Receipt> {
    const { folder, meter } = this.#options;
    await (await this.#open()).finish();
    const files = [await this.#data!.finish()];
    if (this.#rowsFile !== null) files.push(await this.#rowsFile.finish());
    const errors = this.#errors === null ? null : await this.#errors.finish();
    await syncFolder(folder.parts);
    if (errors !== null) await syncFolder(folder.errors);
    const receipt: Receipt = {
      shard: this.#shard,
      attempt: this.#attempt,
      rows: this.#counts.rows,
      failed: this.#counts.failed,
      files,
      errors,
      input: span,
      tokens: this.#counts.tokens,
      seconds: meter.sinceCommit(),
      codes: Object.fromEntries(this.#counts.codes),
      labels: Object.fromEntries(this.#counts.labels),
      without_id: this.#counts.withoutId,
      lengths: [...this.#counts.lengths].sort(([a], [b]) => a - b),
      timeline: meter.takeTimeline(),
    };
    if (await folder.commit(receipt)) return receipt;
    // another process was first: its files count, and of ours those go that bear our own name
    await this.#data!.abandon();
    return (await folder.receipt(this.#shard)) ?? receipt;
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    for (const file of [this.#data, this.#rowsFile, this.#errors]) await file?.abandon();
  }

  async #open(): Promise<FormatWriter> {
    if (this.#writer !== null) return this.#writer;
    const { folder, format, columns, formatRows } = this.#options;
    const name = `parts/${shardName(this.#shard)}`;
    this.#data = await PartFile.create(folder.path, `${name}.${this.#attempt}.${format}`);
    if (hasRowsFile(format)) this.#rowsFile = await PartFile.create(folder.path, `${name}.rows.jsonl`);
    this.#writer = formatWriter(format, this.#data, columns, formatRows);
    return this.#writer;
  }
}

class ShardCounts {
  rows = 0;
  failed = 0;
  tokens = 0;
  withoutId = 0;
  readonly codes = new Map<string, number>();
  readonly labels = new Map<string, number>();
  readonly lengths = new Map<number, number>();

  add({ rows, bad, lengths, result }: DoneBlock): void {
    this.rows += rows.length;
    this.failed += bad.length;
    for (const { id } of rows) if (id === null) this.withoutId++;
    for (const { code } of bad) count(this.codes, code);
    for (const length of lengths) {
      this.tokens += length;
      count(this.lengths, lengthBucket(length));
    }
    if (result.kind === 'labels') for (const label of result.labels) count(this.labels, result.names[label]!);
  }
}

function count<Key>(into: Map<Key, number>, key: Key): void {
  into.set(key, (into.get(key) ?? 0) + 1);
}

function rowLines(rows: readonly InputRow[]): Uint8Array {
  return Buffer.from(rows.map(({ row, id }) => `{"row":${row},"id":${id}}\n`).join(''));
}

function errorLines(bad: readonly BadRow[]): Uint8Array {
  const lines = bad.map(({ row, id, code, message }) => {
    return `{"row":${row},"id":${id},"code":${JSON.stringify(code)},"message":${JSON.stringify(message)}}\n`;
  });
  return Buffer.from(lines.join(''));
}
