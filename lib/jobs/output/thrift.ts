/** Writes Thrift's compact protocol, as far as Parquet's metadata needs it. Source: thrift-compact-protocol.md. */
export class ThriftWriter {
  static readonly I32 = 5;
  static readonly I64 = 6;
  static readonly BINARY = 8;
  static readonly LIST = 9;
  static readonly STRUCT = 12;

  readonly #bytes: number[] = [];
  #lastField = 0;

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  i32(field: number, value: number): void {
    this.#field(field, ThriftWriter.I32);
    this.#zigzag(value);
  }

  i64(field: number, value: number): void {
    this.#field(field, ThriftWriter.I64);
    this.#zigzag(value);
  }

  string(field: number, value: string): void {
    this.#field(field, ThriftWriter.BINARY);
    this.#text(value);
  }

  struct(field: number, fill: () => void): void {
    this.#field(field, ThriftWriter.STRUCT);
    this.#struct(fill);
  }

  structs<Item>(field: number, items: readonly Item[], fill: (item: Item) => void): void {
    this.#list(field, ThriftWriter.STRUCT, items.length);
    for (const item of items) this.#struct(() => fill(item));
  }

  i32s(field: number, values: readonly number[]): void {
    this.#list(field, ThriftWriter.I32, values.length);
    for (const value of values) this.#zigzag(value);
  }

  strings(field: number, values: readonly string[]): void {
    this.#list(field, ThriftWriter.BINARY, values.length);
    for (const value of values) this.#text(value);
  }

  /** Ends the outermost struct. */
  stop(): void {
    this.#bytes.push(0);
  }

  #struct(fill: () => void): void {
    const outer = this.#lastField;
    this.#lastField = 0;
    fill();
    this.#bytes.push(0);
    this.#lastField = outer;
  }

  #field(field: number, type: number): void {
    const step = field - this.#lastField;
    if (step > 0 && step < 16) this.#bytes.push((step << 4) | type);
    else {
      this.#bytes.push(type);
      this.#zigzag(field);
    }
    this.#lastField = field;
  }

  #list(field: number, type: number, length: number): void {
    this.#field(field, ThriftWriter.LIST);
    if (length < 15) this.#bytes.push((length << 4) | type);
    else {
      this.#bytes.push(0xf0 | type);
      pushVarint(this.#bytes, length);
    }
  }

  #text(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    pushVarint(this.#bytes, bytes.length);
    for (const byte of bytes) this.#bytes.push(byte);
  }

  #zigzag(value: number): void {
    pushVarint(this.#bytes, value >= 0 ? 2 * value : -2 * value - 1);
  }
}

/** Appends an unsigned LEB128 number of up to 53 bits. */
export function pushVarint(bytes: number[], value: number): void {
  while (value >= 128) {
    bytes.push((value % 128) | 0x80);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
}
