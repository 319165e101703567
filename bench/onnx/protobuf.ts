/** A protobuf message under construction: a list of pieces, so that large bytes are never copied. */
export class Message {
  readonly pieces: Uint8Array[] = [];
  byteLength = 0;

  int(field: number, value: number): this {
    return this.add(varint(field << 3), varint(value));
  }

  float(field: number, value: number): this {
    return this.add(varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.add(varint((field << 3) | 2), varint(value.byteLength), value);
  }

  message(field: number, value: Message): this {
    return this.add(varint((field << 3) | 2), varint(value.byteLength), ...value.pieces);
  }

  private add(...pieces: Uint8Array[]): this {
    for (const piece of pieces) {
      this.pieces.push(piece);
      this.byteLength += piece.byteLength;
    }
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
