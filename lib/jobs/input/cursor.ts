import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { AbortError } from '../../errors';
import { inputError } from '../job-error';
import { ByteWindow } from './byte-window';
import { type CsvFormat, CsvReader, indexColumns, isIndex, readColumns } from './csv';
import type { Input, InputFormat } from './inputs';
import { JsonlReader } from './jsonl';
import { PlainReader } from './lines';
import type { BadRow, InputRow, RowReader } from './row';
import { type ByteSource, openFile, openGzip, openStream } from './source';

/** A place between two records. Offsets count inflated bytes. */
export interface Position {
  file: number;
  offset: number;
}

/** How all inputs are read; `header: null` lets the text field decide. */
export type CursorFormat = Omit<CsvFormat, 'delimiter' | 'header'> & { header: boolean | null };

interface Opened {
  window: ByteWindow;
  rows: RowReader;
}

/** Reads the records of all inputs in order, and keeps the hash of the bytes it passes. */
export class InputCursor {
  readonly #inputs: readonly Input[];
  readonly #format: CursorFormat;
  readonly #stdin: Readable;
  readonly #onFormat: (input: Input, format: InputFormat) => void;
  #file = 0;
  #opened: Opened | null = null;
  #resumeAt = 0;
  #hash: Hash | null = null;
  #takenBefore = 0;
  #closed = false;

  /** @param onFormat hears of a format that the first bytes decided */
  constructor(
    inputs: readonly Input[],
    format: CursorFormat,
    stdin: Readable,
    onFormat: (input: Input, format: InputFormat) => void = () => {},
  ) {
    this.#inputs = inputs;
    this.#format = format;
    this.#stdin = stdin;
    this.#onFormat = onFormat;
  }

  get position(): Position {
    return { file: this.#file, offset: this.#opened === null ? this.#resumeAt : this.#opened.window.offset };
  }

  /** Bytes on disk that lie behind the cursor. */
  get bytesPassed(): number {
    return this.#takenBefore + (this.#opened?.window.source.taken ?? 0);
  }

  /** Starts the hash of a stretch of input. */
  beginSpan(): void {
    this.#opened?.window.absorb(this.#hash);
    this.#hash = createHash('sha256');
  }

  /** SHA-256 of the bytes passed since `beginSpan`. */
  endSpan(): string {
    this.#opened?.window.absorb(this.#hash);
    const sum = this.#hash!.digest('hex');
    this.#hash = null;
    return sum;
  }

  /** The next record where it is in memory already, else null: then `advance` and ask again. */
  take(row: number): InputRow | BadRow | null {
    return this.#opened === null ? null : this.#opened.rows.next(this.#opened.window, row);
  }

  /** Brings more bytes into memory; false when all inputs are at their end. */
  async advance(): Promise<boolean> {
    if (this.#opened === null) return this.#openNext();
    const { window } = this.#opened;
    if (window.eof) return this.#leave();
    await this.#fill(window);
    // what a closed source gives last looks like the end of the input, and is not
    if (this.#closed) throw new AbortError();
    return true;
  }

  /** Whether every input between two places can be read from any byte. */
  canJump(from: Position, to: Position): boolean {
    return this.#inputs.slice(from.file, to.file + 1).every(({ gzip, bytes }) => !gzip && bytes !== null);
  }

  /** Goes on at `to` without reading what lies between. */
  async jump(to: Position): Promise<void> {
    await this.#opened?.window.source.close();
    this.#opened = null;
    for (; this.#file < to.file; this.#file++) this.#takenBefore += this.#inputs[this.#file]!.bytes ?? 0;
    this.#resumeAt = to.offset;
  }

  /** Reads up to `to` without making rows; false when the input ends before. */
  async pass(to: Position): Promise<boolean> {
    for (;;) {
      if (this.#opened !== null) {
        const { window } = this.#opened;
        if (this.#file === to.file) window.start = Math.min(window.end, window.start + to.offset - window.offset);
        else window.start = window.end;
      }
      const { file, offset } = this.position;
      if (file === to.file && offset === to.offset) return true;
      if (file > to.file || !(await this.advance())) return false;
    }
  }

  /** Lets go of the open input; a read under way ends. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#opened?.window.source.close();
  }

  async #leave(): Promise<boolean> {
    const { window } = this.#opened!;
    window.absorb(this.#hash);
    if (this.#file + 1 >= this.#inputs.length) return false;
    await window.source.close();
    this.#takenBefore += this.#inputs[this.#file]!.bytes ?? 0;
    this.#opened = null;
    this.#file++;
    this.#resumeAt = 0;
    return this.#openNext();
  }

  async #openNext(): Promise<boolean> {
    const input = this.#inputs[this.#file];
    if (this.#closed) throw new AbortError();
    if (input === undefined) return false;
    const offset = this.#resumeAt;
    const window = new ByteWindow(await this.#open(input, 0), 0);
    try {
      const rows = await this.#prepare(input, window);
      if (offset === 0) {
        this.#opened = { window, rows };
        return true;
      }
      await window.source.close();
      this.#opened = { window: new ByteWindow(await this.#open(input, offset), offset), rows };
      return true;
    } catch (error) {
      await window.source.close();
      throw error;
    }
  }

  async #open(input: Input, offset: number): Promise<ByteSource> {
    if (input.path === '-') return openStream('standard input', this.#stdin);
    if (input.bytes === null) return openStream(input.path, createReadStream(input.path));
    return input.gzip ? openGzip(input.path) : openFile(input.path, offset);
  }

  /** Passes a byte order mark and a CSV header, and chooses the reader. */
  async #prepare(input: Input, window: ByteWindow): Promise<RowReader> {
    while (window.end - window.start < 3 && (await this.#fill(window)));
    const { buffer } = window;
    if (buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) window.start = 3;
    const format = input.format ?? this.#sniff(input, window);
    if (format === 'lines') return new PlainReader(this.#format);
    if (format === 'jsonl') return new JsonlReader(this.#format);
    const csv = { ...this.#format, delimiter: input.delimiter, header: this.#hasHeader() };
    if (!csv.header) return new CsvReader(csv, indexColumns(csv));
    const columns = await readColumns(input.path, window, () => this.#fill(window), csv);
    return columns === null ? new PlainReader(this.#format) : new CsvReader(csv, columns);
  }

  #hasHeader(): boolean {
    return this.#format.header ?? !isIndex(this.#format.textField);
  }

  #sniff(input: Input, window: ByteWindow): InputFormat {
    const head = window.buffer.subarray(window.start, window.end).toString('latin1').trimStart();
    if (head.startsWith('[') && input.path.toLowerCase().endsWith('.json')) {
      throw inputError('INPUT_FORMAT', `${input.path} holds one JSON array: write one object a line (JSONL)`);
    }
    const format = head.startsWith('{') ? 'jsonl' : 'lines';
    this.#onFormat(input, format);
    return format;
  }

  async #fill(window: ByteWindow): Promise<boolean> {
    window.absorb(this.#hash);
    return window.fill();
  }
}
