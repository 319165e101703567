const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;

/** Where one member of an object stands in its text. */
export interface Member {
  key: string;
  /** From the opening quote of the key. */
  start: number;
  valueStart: number;
  /** Behind the last byte of the value. */
  end: number;
}

/**
 * The members of the JSON object that `bytes` holds, in their order, doubles included. The text must be known to be a
 * valid JSON object: nothing is checked here.
 */
export function jsonMembers(bytes: Uint8Array): Member[] {
  const members: Member[] = [];
  let at = skipSpace(bytes, bytes.indexOf(OPEN_BRACE) + 1);
  while (bytes[at] === QUOTE) {
    const start = at;
    const keyEnd = skipString(bytes, at);
    const valueStart = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1);
    const end = skipValue(bytes, valueStart);
    const key = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, keyEnd - start).toString('utf8'));
    members.push({ key, start, valueStart, end });
    at = skipSpace(bytes, end);
    if (bytes[at] !== COMMA) break;
    at = skipSpace(bytes, at + 1);
  }
  return members;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 0x20 || (bytes[at]! >= 0x09 && bytes[at]! <= 0x0d)) at++;
  return at;
}

function skipString(bytes: Uint8Array, at: number): number {
  for (at++; bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
  return at + 1;
}

function skipValue(bytes: Uint8Array, at: number): number {
  let depth = 0;
  for (; at < bytes.length; ) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return trimEnd(bytes, at);
      if (--depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return trimEnd(bytes, at);
    at++;
  }
  return at;
}

function trimEnd(bytes: Uint8Array, end: number): number {
  while (bytes[end - 1]! <= 0x20) end--;
  return end;
}
