/** Writes models of SentencePiece, right and wrong ones. */

/** A number of seven bits a byte. */
export function varint(value: bigint | number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const more = rest > 127n;
    bytes.push(Number(rest & 127n) | (more ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export const number = (field: number, value: bigint | number): Buffer =>
  Buffer.concat([varint(field * 8), varint(value)]);

export function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint(field * 8 + 5), bytes]);
}

export function bytes(field: number, value: string | Uint8Array): Buffer {
  const content = Buffer.from(value as string);
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

/** 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. */
export function piece(text: string | Uint8Array, score = 0, type = 1): Buffer {
  return bytes(1, Buffer.concat([bytes(1, text), float(2, score), number(3, type)]));
}

interface ModelParts {
  pieces?: Buffer[];
  /** 1 unigram, 2 BPE, 3 words, 4 characters. */
  type?: number;
  unknown?: number | bigint;
  characterMap?: Uint8Array;
}

export const specialPieces = [piece('<unk>', 0, 2), piece('<s>', 0, 3), piece('</s>', 0, 3)];

export function sentencePieceBytes({ pieces = [], type = 1, unknown = 0, characterMap }: ModelParts = {}): Buffer {
  return Buffer.concat([
    ...specialPieces,
    ...pieces,
    bytes(2, Buffer.concat([number(3, type), number(40, unknown)])),
    ...(characterMap ? [bytes(3, bytes(2, characterMap))] : []),
  ]);
}

/** A character map: entries of its table at their places, the rest 0, and texts behind it. */
export function characterMap(entries: Record<number, number>, texts = 'a\0b\0', size = 1024): Buffer {
  const table = Buffer.alloc(4 + size);
  table.writeUInt32LE(size);
  for (const [place, entry] of Object.entries(entries)) table.writeUInt32LE(entry, 4 + 4 * Number(place));
  return Buffer.concat([table, Buffer.from(texts)]);
}
