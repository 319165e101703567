/**
 * A strict pull scanner over JSON bytes: RFC 8259 and nothing else, iterative, exact for unsigned 64-bit integers, and
 * blind to nothing (the caller sees every key, also the second of two equal ones). The bytes must be valid UTF-8.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const U64_DIGITS = 20;
const U64_LIMIT = 1n << 64n;
/** A double overflows beyond 308 digits; shorter numbers without an exponent cannot. */
const SAFE_NUMBER_LENGTH = 300;

/** Reports a fault at a byte of the scanned text; never returns. */
export type ScanFault = (message: string, offset: number) => never;

export class JsonScanner {
  /** Next byte to look at. */
  position = 0;
  private readonly text: Buffer;
  private readonly stack: Uint8Array;

  /** @param maxDepth - containers that may be open at once. */
  constructor(
    bytes: Uint8Array,
    private readonly fault: ScanFault,
    private readonly maxDepth: number,
  ) {
    this.text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.stack = new Uint8Array(maxDepth);
  }

  /** The next byte that is not white space, or -1 at the end. */
  peek(): number {
    const { text } = this;
    let { position } = this;
    while (position < text.length) {
      const byte = text[position] as number;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.position = position;
        return byte;
      }
      position++;
    }
    this.position = position;
    return -1;
  }

  /** Passes over `character`, which must come next. */
  expect(character: string): void {
    if (!this.accept(character)) this.unexpected(`'${character}'`);
  }

  /** Passes over `character` if it comes next. */
  accept(character: string): boolean {
    if (this.peek() !== character.charCodeAt(0)) return false;
    this.position++;
    return true;
  }

  /** Passes over the exact bytes of `literal` if they come next. */
  acceptBytes(literal: Uint8Array): boolean {
    this.peek();
    const { text, position } = this;
    for (let i = 0; i < literal.length; i++) {
      if (text[position + i] !== literal[i]) return false;
    }
    this.position = position + literal.length;
    return true;
  }

  /** The string that comes next, decoded; fails before decoding one of more than `maxLength` UTF-8 bytes. */
  string(maxLength = Number.POSITIVE_INFINITY, tooLong: ScanFault = this.fault): string {
    const token = this.peek() === QUOTE ? this.position : this.unexpected('a string');
    const escaped = this.skipString();
    const start = token + 1;
    const end = this.position - 1;
    // The longest spelling of a byte is a six-byte escape.
    const longest = escaped ? maxLength * 6 : maxLength;
    if (end - start > longest) tooLong(`is longer than ${maxLength} bytes`, token);
    if (!escaped) return this.text.toString('utf8', start, end);
    const decoded = JSON.parse(this.text.toString('utf8', token, this.position)) as string;
    if (Buffer.byteLength(decoded) > maxLength) tooLong(`is longer than ${maxLength} bytes`, token);
    return decoded;
  }

  /** The whole number from 0 to 2^64 - 1 that comes next: a number up to 2^53 - 1, a bigint beyond. */
  unsigned(): number | bigint {
    const start = this.peek() === -1 ? this.unexpected('a whole number') : this.position;
    const { text } = this;
    let value = 0;
    let position = start;
    for (; position < text.length; position++) {
      const digit = (text[position] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = position - start;
    if (digits === 0) this.unexpected('a whole number from 0 to 2^64 - 1');
    if (digits > 1 && text[start] === ZERO) this.fault('a number starts with 0', start);
    const next = text[position];
    if (next === POINT || next === 0x65 || next === 0x45) {
      this.fault('a number has a fraction or an exponent, expected plain digits', start);
    }
    this.position = position;
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    const exact = digits <= U64_DIGITS ? BigInt(text.toString('latin1', start, position)) : U64_LIMIT;
    if (exact >= U64_LIMIT) this.fault('a number is larger than 2^64 - 1', start);
    return exact;
  }

  /** Passes over one value of any kind, checking it. @param depth - containers already open around it. */
  skip(depth: number): void {
    const { stack } = this;
    let open = 0;
    for (;;) {
      const byte = this.peek();
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (depth + open >= this.maxDepth) this.fault(`values nest deeper than ${this.maxDepth} levels`, this.position);
        this.position++;
        stack[open++] = byte;
        if (this.peek() !== closing(byte)) {
          if (byte === OPEN_BRACE) this.skipKey();
          continue;
        }
        this.position++;
        open--;
      } else {
        this.skipScalar(byte);
      }
      open = this.closeFinished(open);
      if (open === 0) return;
    }
  }

  /** Fails unless nothing but white space is left. */
  end(): void {
    if (this.peek() !== -1) this.unexpected('the end');
  }

  /** Closes containers until one has another member; returns how many stay open. */
  private closeFinished(open: number): number {
    let left = open;
    while (left > 0) {
      const container = this.stack[left - 1] as number;
      const byte = this.peek();
      if (byte === COMMA) {
        this.position++;
        if (container === OPEN_BRACE) this.skipKey();
        return left;
      }
      if (byte !== closing(container)) this.unexpected(container === OPEN_BRACE ? "',' or '}'" : "',' or ']'");
      this.position++;
      left--;
    }
    return 0;
  }

  private skipKey(): void {
    if (this.peek() !== QUOTE) this.unexpected('a key');
    this.skipString();
    this.expect(':');
  }

  private skipScalar(byte: number): void {
    if (byte === QUOTE) this.skipString();
    else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) this.skipNumber();
    else if (!(this.literal('true') || this.literal('false') || this.literal('null'))) this.unexpected('a value');
  }

  private literal(word: string): boolean {
    if (this.text[this.position] !== word.charCodeAt(0)) return false;
    if (this.text.toString('latin1', this.position, this.position + word.length) !== word) return false;
    this.position += word.length;
    return true;
  }

  private skipNumber(): void {
    const start = this.position;
    if (this.text[this.position] === MINUS) this.position++;
    if (this.skipDigits() > 1 && this.text[start + (this.text[start] === MINUS ? 1 : 0)] === ZERO) {
      this.fault('a number starts with 0', start);
    }
    let exponent = false;
    if (this.text[this.position] === POINT) {
      this.position++;
      this.skipDigits();
    }
    const byte = this.text[this.position];
    if (byte === 0x65 || byte === 0x45) {
      exponent = true;
      this.position++;
      const sign = this.text[this.position];
      if (sign === 0x2b || sign === MINUS) this.position++;
      this.skipDigits();
    }
    if (!exponent && this.position - start <= SAFE_NUMBER_LENGTH) return;
    if (!Number.isFinite(Number(this.text.toString('latin1', start, this.position)))) {
      this.fault('a number is out of range', start);
    }
  }

  /** Passes over at least one digit; returns how many. */
  private skipDigits(): number {
    const { text } = this;
    const start = this.position;
    let position = start;
    while (position < text.length && (text[position] as number) >= ZERO && (text[position] as number) <= NINE) {
      position++;
    }
    this.position = position;
    if (position === start) this.unexpected('a digit');
    return position - start;
  }

  /** Passes over the string at the position, whose quotation mark has been seen; true when it holds an escape. */
  private skipString(): boolean {
    const { text } = this;
    const start = this.position;
    let position = start + 1;
    let escaped = false;
    for (; position < text.length; position++) {
      const byte = text[position] as number;
      if (byte === QUOTE) {
        this.position = position + 1;
        return escaped;
      }
      if (byte === BACKSLASH) {
        escaped = true;
        position = this.escapeEnd(position) - 1;
      } else if (byte < 0x20) {
        this.fault(`a string holds the raw control character ${hexByte(byte)}`, position);
      }
    }
    return this.fault('a string has no end', start);
  }

  /** The byte behind the escape at `position`; a high surrogate takes its low one with it. */
  private escapeEnd(position: number): number {
    const letter = this.text[position + 1];
    if (letter !== 0x75) {
      if (letter === undefined || !'"\\/bfnrt'.includes(String.fromCharCode(letter))) {
        this.fault('a string holds an unknown escape', position);
      }
      return position + 2;
    }
    const unit = this.hexUnit(position + 2);
    if (unit < 0xd800 || unit > 0xdfff) return position + 6;
    if (unit >= 0xdc00 || this.text[position + 6] !== BACKSLASH || this.text[position + 7] !== 0x75) {
      this.fault('a string holds half of a surrogate pair', position);
    }
    const low = this.hexUnit(position + 8);
    if (low < 0xdc00 || low > 0xdfff) this.fault('a string holds half of a surrogate pair', position);
    return position + 12;
  }

  private hexUnit(position: number): number {
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.text[position + i]);
      if (digit < 0) this.fault('a \\u escape needs four hexadecimal digits', position);
      unit = unit * 16 + digit;
    }
    return unit;
  }

  private unexpected(wanted: string): never {
    const byte = this.peek();
    return this.fault(`expected ${wanted}, found ${byte === -1 ? 'the end' : hexByte(byte)}`, this.position);
  }
}

function closing(open: number): number {
  return open === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= ZERO && byte <= NINE) return byte - ZERO;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function hexByte(byte: number): string {
  if (byte > 0x20 && byte < 0x7f) return `'${String.fromCharCode(byte)}'`;
  return `byte 0x${byte.toString(16).padStart(2, '0')}`;
}
