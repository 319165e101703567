import { isUtf8 } from 'node:buffer';
import { nearest, ValueError } from '../../errors';
import { inputError } from '../job-error';
import type { ByteWindow } from './byte-window';
import { csvRecord } from './csv-record';
import { LineSplitter, TOO_LONG } from './lines';
import { type BadRow, type InputRow, notUtf8, type RowFormat, type RowReader, tooLong } from './row';

const LF = 0x0a;
const CR = 0x0d;

export interface CsvFormat extends RowFormat {
  /** One ASCII character. */
  delimiter: string;
  /** Whether the first record names the columns; by default it does unless `textField` is an index. */
  header: boolean;
  /** Whether a file without the id column is an error. */
  idRequired: boolean;
}

/** Columns of one file: where the text and the id stand, and what each column is called. */
export interface CsvColumns {
  /** Null where the file has no header: then rows may be of any width that holds the text. */
  width: number | null;
  text: number;
  id: number | null;
  name(column: number): string;
}

type Taken = { fields: string[] } | { bad: (row: number) => BadRow };

/**
 * Comma-separated values: a record may span lines inside quotes, blank lines are none. A record whose quotes are wrong
 * costs its first line only.
 */
export class CsvReader implements RowReader {
  readonly #format: CsvFormat;
  readonly #delimiter: number;
  readonly #columns: CsvColumns;
  readonly #lines: LineSplitter;
  #fault: ((row: number) => BadRow) | null = null;

  constructor(format: CsvFormat, columns: CsvColumns) {
    this.#format = format;
    this.#delimiter = format.delimiter.charCodeAt(0);
    this.#columns = columns;
    this.#lines = new LineSplitter(format.maxRowBytes);
  }

  readonly #tooLong = (row: number): BadRow => tooLong(row, this.#format.maxRowBytes);

  next(window: ByteWindow, row: number): InputRow | BadRow | null {
    const taken = this.#take(window);
    if (taken === null) return null;
    return 'bad' in taken ? taken.bad(row) : this.#row(taken.fields, row);
  }

  #take(window: ByteWindow): Taken | null {
    if (this.#fault !== null) return this.#passLine(window);
    if (!skipBlankLines(window)) return null;
    const { buffer, start, end } = window;
    const record = csvRecord(buffer, start, end, window.eof, this.#delimiter);
    if ('fault' in record) {
      if (record.fault === 'short' && end - start <= this.#format.maxRowBytes) return null;
      this.#fault = record.quoted ? wrongQuotes(record.fault, this.#format.maxRowBytes) : this.#tooLong;
      return this.#passLine(window);
    }
    window.start = record.next;
    if (record.next - start > this.#format.maxRowBytes + 2) {
      return { bad: this.#tooLong };
    }
    return isUtf8(buffer.subarray(start, record.next)) ? { fields: record.fields } : { bad: notUtf8 };
  }

  #passLine(window: ByteWindow): Taken | null {
    const line = this.#lines.next(window);
    if (line === null) return null;
    const bad = line === TOO_LONG ? this.#tooLong : this.#fault!;
    this.#fault = null;
    return { bad };
  }

  #row(fields: string[], row: number): InputRow | BadRow {
    const { width, text: textAt, id: idAt } = this.#columns;
    const id = idAt !== null && idAt < fields.length ? JSON.stringify(fields[idAt]) : null;
    if (width !== null && fields.length !== width) {
      const message = `the record has ${fields.length} fields, the header ${width}`;
      return { row, id, code: 'INVALID_CSV', message };
    }
    const text = fields[textAt];
    if (text === undefined) {
      const message = `there is no column ${textAt}; the record has ${fields.length} fields`;
      return { row, id, code: 'MISSING_TEXT', message };
    }
    return {
      row,
      id,
      text,
      json: this.#format.adds === null ? null : this.#openObject(fields, row, this.#format.adds),
    };
  }

  #openObject(fields: string[], row: number, adds: readonly string[]): string {
    const members: string[] = [];
    for (const [column, value] of fields.entries()) {
      const name = this.#columns.name(column);
      if (adds.includes(name)) this.#format.onReplaced?.(name, row);
      else members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    }
    return `{${members.join(',')}`;
  }
}

/**
 * Takes the header record from the window, with `fill` for more bytes; null when the file is empty.
 * @throws OSError `INPUT_CORRUPT` when it cannot be read, `NO_SUCH_COLUMN` when the text or id column is not in it
 */
export async function readColumns(
  file: string,
  window: ByteWindow,
  fill: () => Promise<boolean>,
  format: CsvFormat,
): Promise<CsvColumns | null> {
  const delimiter = format.delimiter.charCodeAt(0);
  for (;;) {
    if (skipBlankLines(window)) {
      const record = csvRecord(window.buffer, window.start, window.end, window.eof, delimiter);
      if (!('fault' in record)) {
        const bytes = window.buffer.subarray(window.start, record.next);
        if (!isUtf8(bytes)) throw inputError('INPUT_CORRUPT', `the header of ${file} is not UTF-8; convert the file`);
        window.start = record.next;
        return headerColumns(file, record.fields, format);
      }
      if (record.fault === 'quote' || window.end - window.start > format.maxRowBytes) {
        throw inputError('INPUT_CORRUPT', `the header of ${file} is not a CSV record: its quotes do not match`);
      }
    }
    if (!(await fill()) && window.start === window.end) return null;
  }
}

/**
 * The columns of a file without a header.
 * @throws ValueError when a column is named all the same
 */
export function indexColumns(format: CsvFormat): CsvColumns {
  if (!isIndex(format.textField)) throw namedColumn('text', format.textField);
  if (format.idRequired && !isIndex(format.idField)) throw namedColumn('id', format.idField);
  const text = Number(format.textField);
  const id = isIndex(format.idField) ? Number(format.idField) : null;
  const names = new Map([[text, 'text']]);
  if (id !== null && id !== text) names.set(id, 'id');
  return { width: null, text, id, name: (column) => names.get(column) ?? `column${column}` };
}

/** Whether a field is named by its place, from 0. */
export function isIndex(field: string): boolean {
  return /^(0|[1-9]\d{0,5})$/.test(field);
}

function headerColumns(file: string, header: string[], format: CsvFormat): CsvColumns {
  const double = header.find((name, column) => header.indexOf(name) !== column);
  if (double !== undefined) {
    throw inputError(
      'INPUT_CORRUPT',
      `the header of ${file} names the column '${double}' twice: make its names unique`,
    );
  }
  const text = find(header, format.textField);
  if (text === null) throw noColumn(file, header, format.textField, 'text');
  const id = find(header, format.idField);
  if (id === null && format.idRequired) throw noColumn(file, header, format.idField, 'id');
  return { width: header.length, text, id, name: (column) => header[column]! };
}

function namedColumn(role: 'text' | 'id', field: string): Error {
  const message = `a CSV file without a header has no column '${field}': give --${role}-field a number, from 0`;
  return new ValueError(message, { code: 'NO_SUCH_COLUMN' });
}

function find(header: string[], field: string): number | null {
  const named = header.indexOf(field);
  if (named >= 0) return named;
  return isIndex(field) && Number(field) < header.length ? Number(field) : null;
}

function noColumn(file: string, header: string[], field: string, role: 'text' | 'id'): Error {
  const guess = nearest(field, header);
  const hint =
    guess === null ? `its columns are ${header.map((name) => `'${name}'`).join(', ')}` : `did you mean '${guess}'?`;
  return inputError(
    'NO_SUCH_COLUMN',
    `${file} has no column '${field}' for the ${role}; ${hint} (--${role}-field NAME or INDEX)`,
  );
}

function wrongQuotes(fault: 'short' | 'quote', maxRowBytes: number): (row: number) => BadRow {
  const what = fault === 'short' ? `a quote is still open after ${maxRowBytes} bytes` : 'the quotes do not match';
  return (row) => ({ row, id: null, code: 'INVALID_CSV', message: `${what}; the record's first line is passed over` });
}

/** Moves over blank lines; false when the window has nothing else. */
function skipBlankLines(window: ByteWindow): boolean {
  const { buffer } = window;
  while (window.start < window.end) {
    const byte = buffer[window.start];
    if (byte === LF) window.start++;
    else if (byte === CR && window.start + 1 < window.end && buffer[window.start + 1] === LF) window.start += 2;
    else return byte !== CR || window.start + 1 < window.end || window.eof;
  }
  return false;
}
