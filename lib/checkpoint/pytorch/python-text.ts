/** Texts of the oldest pickle protocols, which are written as Python source writes them. */
import type { PickleFail } from './pickle-bytes';

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** A quoted Python string such as `'a\n'`, each byte as one character. */
export function unescapePython(quoted: string, fail: PickleFail): string {
  const mark = quoted[0];
  if (quoted.length < 2 || (mark !== "'" && mark !== '"') || !quoted.endsWith(mark)) {
    fail('PICKLE_INVALID', 'a string is not in quotation marks');
  }
  return quoted.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S])/g, (whole: string, code: string) => {
    if (code.length > 1 && code[0] === 'x') return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
    return ESCAPES[code] ?? whole;
  });
}

/** A string in which only `\uXXXX` and `\UXXXXXXXX` are escapes. */
export function unescapeRawUnicode(text: string): string {
  return text.replace(
    /\\u([0-9a-fA-F]{4})|\\U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4})/g,
    (_, short?: string, long?: string) => String.fromCodePoint(Number.parseInt(short ?? (long as string), 16)),
  );
}
