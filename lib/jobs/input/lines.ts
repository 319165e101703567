import { isUtf8 } from 'node:buffer';
import type { ByteWindow } from './byte-window';
import { type BadRow, type InputRow, notUtf8, type RowFormat, type RowReader, tooLong } from './row';

const LF = 0x0a;
const CR = 0x0d;

/** Stands for a line that was longer than allowed and has been passed over. */
export const TOO_LONG = Symbol('too long');

/** Cuts a window into lines, without their ends (LF or CRLF); an unterminated last line counts. */
export class LineSplitter {
  readonly #maxBytes: number;
  #searched = 0;
  #passing = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  next(window: ByteWindow): Buffer | typeof TOO_LONG | null {
    const at = window.indexOf(LF, window.start + this.#searched);
    if (at >= 0) return this.#take(window, at, at + 1);
    const pending = window.end - window.start;
    if (window.eof) return pending > 0 || this.#passing ? this.#take(window, window.end, window.end) : null;
    if (pending > this.#maxBytes) {
      this.#passing = true;
      window.start = window.end;
    }
    this.#searched = window.end - window.start;
    return null;
  }

  #take(window: ByteWindow, end: number, next: number): Buffer | typeof TOO_LONG {
    const start = window.start;
    const passed = this.#passing || end - start > this.#maxBytes;
    window.start = next;
    this.#searched = 0;
    this.#passing = false;
    if (passed) return TOO_LONG;
    return window.buffer.subarray(start, end > start && window.buffer[end - 1] === CR ? end - 1 : end);
  }
}

/** Plain text: every line is a row, an empty one too. */
export class PlainReader implements RowReader {
  readonly #format: RowFormat;
  readonly #lines: LineSplitter;

  constructor(format: RowFormat) {
    this.#format = format;
    this.#lines = new LineSplitter(format.maxRowBytes);
  }

  next(window: ByteWindow, row: number): InputRow | BadRow | null {
    const line = this.#lines.next(window);
    if (line === null) return null;
    if (line === TOO_LONG) return tooLong(row, this.#format.maxRowBytes);
    if (!isUtf8(line)) return notUtf8(row);
    const text = line.toString('utf8');
    return { row, text, id: null, json: this.#format.adds === null ? null : `{"text":${JSON.stringify(text)}` };
  }
}
