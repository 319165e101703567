import { isUtf8 } from 'node:buffer';
import { nearest } from '../../errors';
import { errorMessage } from '../job-error';
import type { ByteWindow } from './byte-window';
import { jsonMembers } from './json-members';
import { LineSplitter, TOO_LONG } from './lines';
import { type BadRow, hasLoneSurrogate, type InputRow, notUtf8, type RowFormat, type RowReader, tooLong } from './row';

/** JSON lines: every line that is not blank is a row. */
export class JsonlReader implements RowReader {
  readonly #format: RowFormat;
  readonly #lines: LineSplitter;

  constructor(format: RowFormat) {
    this.#format = format;
    this.#lines = new LineSplitter(format.maxRowBytes);
  }

  next(window: ByteWindow, row: number): InputRow | BadRow | null {
    for (;;) {
      const line = this.#lines.next(window);
      if (line === null) return null;
      if (line === TOO_LONG) return tooLong(row, this.#format.maxRowBytes);
      const record = trim(line);
      if (record.length > 0) return parse(record, row, this.#format);
    }
  }
}

function parse(record: Buffer, row: number, format: RowFormat): InputRow | BadRow {
  if (!isUtf8(record)) return notUtf8(row);
  let value: unknown;
  try {
    value = JSON.parse(record.toString('utf8'));
  } catch (error) {
    return { row, id: null, code: 'INVALID_JSON', message: clip(errorMessage(error)) };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { row, id: null, code: 'NOT_AN_OBJECT', message: `expected a JSON object, got ${kind(value)}` };
  }
  const id = own(value, format.idField);
  return withText(record, value, { row, id: id === undefined ? null : idText(record, id, format.idField) }, format);
}

function withText(
  record: Buffer,
  value: object,
  head: { row: number; id: string | null },
  format: RowFormat,
): InputRow | BadRow {
  const text = own(value, format.textField);
  if (text === undefined) {
    return { ...head, code: 'MISSING_TEXT', message: clip(missing(format.textField, Object.keys(value))) };
  }
  if (typeof text !== 'string') {
    const message = `the field '${format.textField}' must be a string, got ${kind(text)}`;
    return { ...head, code: 'TEXT_NOT_STRING', message };
  }
  // bytes that are UTF-8 hold half a pair only where JSON escapes it
  if (record.includes('\\u') && hasLoneSurrogate(text)) {
    const message = `the field '${format.textField}' holds half a surrogate pair, which no Unicode text does`;
    return { ...head, code: 'INVALID_UNICODE', message };
  }
  return { ...head, text, json: format.adds === null ? null : openObject(record, value, format.adds) };
}

/** The object's own text without its closing brace, and without the members that the output replaces. */
function openObject(record: Buffer, value: object, adds: readonly string[]): Uint8Array | string {
  if (!adds.some((key) => Object.hasOwn(value, key))) return record.subarray(0, endOfText(record, record.length - 1));
  const kept = jsonMembers(record).filter(({ key }) => !adds.includes(key));
  return `{${kept.map(({ start, end }) => record.toString('utf8', start, end)).join(',')}`;
}

/** JSON text of an id; a number keeps the digits that it was written with. */
function idText(record: Buffer, id: unknown, field: string): string {
  if (typeof id !== 'number' || Number.isSafeInteger(id)) return JSON.stringify(id);
  const member = jsonMembers(record).findLast(({ key }) => key === field)!;
  return record.toString('utf8', member.valueStart, member.end);
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function missing(field: string, keys: string[]): string {
  const guess = nearest(field, keys);
  const hint = guess === null ? '' : ` (did you mean '${guess}'?)`;
  return `there is no field '${field}'${hint}; the fields are ${keys.map((key) => `'${key}'`).join(', ') || 'none'}`;
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

function clip(message: string): string {
  return message.length > 300 ? `${message.slice(0, 297)}...` : message;
}

function trim(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && isSpace(bytes[start]!)) start++;
  const end = endOfText(bytes, bytes.length);
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, Math.max(start, end));
}

/** Where the bytes before `end` stop being white space. */
function endOfText(bytes: Buffer, end: number): number {
  while (end > 0 && isSpace(bytes[end - 1]!)) end--;
  return end;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
