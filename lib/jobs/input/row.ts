/** One input record, as a row that can be tokenised or as the reason why not. */

import type { ByteWindow } from './byte-window';

/** A record with a text. */
export interface InputRow {
  /** Number of the record over all inputs, from 0. */
  row: number;
  text: string;
  /** The id as JSON text, or null where the record has none. */
  id: string | null;
  /** The record as a JSON object without its closing brace, for formats that repeat it; null for the others. */
  json: Uint8Array | string | null;
}

/** A record that goes to `errors/`. */
export interface BadRow {
  row: number;
  /** The id as JSON text, where it could be read. */
  id: string | null;
  code: string;
  message: string;
}

export function isBad(row: InputRow | BadRow): row is BadRow {
  return 'code' in row;
}

/** Line ends, quotes and the names of fields: how bytes become rows. */
export interface RowFormat {
  textField: string;
  idField: string;
  /** Longest record in bytes; a longer one is a bad row. */
  maxRowBytes: number;
  /** Keys that the output adds: a record's own members of these names give way. Null when no JSON is kept. */
  adds: readonly string[] | null;
  /** Hears of each member that gives way. */
  onReplaced?: (key: string, row: number) => void;
}

/** Takes rows out of a window of bytes. */
export interface RowReader {
  /** The next row that lies wholly inside the window; null when it needs more bytes or, at the end, when none is left. */
  next(window: ByteWindow, row: number): InputRow | BadRow | null;
}

export function tooLong(row: number, maxRowBytes: number): BadRow {
  return {
    row,
    id: null,
    code: 'ROW_TOO_LONG',
    message: `the record is longer than ${maxRowBytes} bytes; --max-row-bytes allows more`,
  };
}

export function notUtf8(row: number): BadRow {
  return { row, id: null, code: 'INVALID_UTF8', message: 'the record is not UTF-8; convert the file to UTF-8' };
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Half a surrogate pair, which JSON can spell but no Unicode text holds. */
export function hasLoneSurrogate(text: string): boolean {
  return LONE_SURROGATE.test(text);
}
