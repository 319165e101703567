/** RFC 4180: one record of comma-separated values out of a stretch of bytes. */

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

export interface CsvRecord {
  fields: string[];
  /** Index of the first byte behind the record and its line end. */
  next: number;
}

/** Why a stretch gives no record: it ends too early, or its quotes cannot be right. */
export type CsvFault = { fault: 'short' | 'quote'; quoted: boolean };

/**
 * The record that starts at `start`; `final` says that nothing follows `end`. A quote inside an unquoted field is a plain
 * character, as Python's csv module has it; anything but a delimiter or a line end behind a closing quote is a fault.
 */
export function csvRecord(
  bytes: Buffer,
  start: number,
  end: number,
  final: boolean,
  delimiter: number,
): CsvRecord | CsvFault {
  const fields: string[] = [];
  let at = start;
  for (;;) {
    const field =
      bytes[at] === QUOTE && at < end ? quoted(bytes, at, end, final) : plain(bytes, at, end, final, delimiter);
    if ('fault' in field) return field;
    fields.push(field.text);
    at = field.next;
    if (at < end && bytes[at] === delimiter) {
      at++;
      continue;
    }
    const lineEnd = skipLineEnd(bytes, at, end, final);
    if (typeof lineEnd !== 'number') return lineEnd;
    return { fields, next: lineEnd };
  }
}

type Field = { text: string; next: number } | CsvFault;

function plain(bytes: Buffer, start: number, end: number, final: boolean, delimiter: number): Field {
  let at = start;
  while (at < end && bytes[at] !== delimiter && bytes[at] !== LF) at++;
  if (at === end && !final) return { fault: 'short', quoted: false };
  const stop = at > start && bytes[at - 1] === CR && (at === end || bytes[at] === LF) ? at - 1 : at;
  return { text: bytes.toString('utf8', start, stop), next: stop };
}

function quoted(bytes: Buffer, start: number, end: number, final: boolean): Field {
  let doubled = false;
  let at = start + 1;
  for (;;) {
    at = bytes.indexOf(QUOTE, at);
    if (at < 0 || at >= end) return { fault: final ? 'quote' : 'short', quoted: true };
    if (at + 1 >= end && !final) return { fault: 'short', quoted: true };
    if (at + 1 >= end || bytes[at + 1] !== QUOTE) break;
    doubled = true;
    at += 2;
  }
  const text = bytes.toString('utf8', start + 1, at);
  return { text: doubled ? text.replaceAll('""', '"') : text, next: at + 1 };
}

function skipLineEnd(bytes: Buffer, at: number, end: number, final: boolean): number | CsvFault {
  if (at < end && bytes[at] === CR) at++;
  if (at >= end) return final ? end : { fault: 'short', quoted: false };
  return bytes[at] === LF ? at + 1 : { fault: 'quote', quoted: true };
}
