/** Bytes of msgpack values as Python's msgpack writes them: each in the shortest form. */

function sized(code: number, count: number, length: 1 | 2 | 4): Buffer {
  const bytes = Buffer.alloc(1 + length);
  bytes[0] = code;
  bytes.writeUIntBE(count, 1, length);
  return bytes;
}

/** The head of a value with a count: `small` has room for counts below `limit` in its first byte. */
function head(count: number, small: number, limit: number, codes: [number | null, number, number]): Buffer {
  if (count < limit) return Buffer.from([small | count]);
  if (count <= 0xff && codes[0] !== null) return sized(codes[0], count, 1);
  return count <= 0xffff ? sized(codes[1], count, 2) : sized(codes[2], count, 4);
}

export function mapHead(pairs: number): Buffer {
  return head(pairs, 0x80, 16, [null, 0xde, 0xdf]);
}

function listHead(items: number): Buffer {
  return head(items, 0x90, 16, [null, 0xdc, 0xdd]);
}

export function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([head(bytes.byteLength, 0xa0, 32, [0xd9, 0xda, 0xdb]), bytes]);
}

export function intBytes(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value]);
  if (value <= 0xff) return sized(0xcc, value, 1);
  if (value <= 0xffff) return sized(0xcd, value, 2);
  if (value <= 0xffffffff) return sized(0xce, value, 4);
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xcf;
  bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes;
}

export const TRUE = Buffer.from([0xc3]);

/** Everything of an array in front of its elements: extension type 1 around shape, type and the number of bytes. */
export function arrayHead(shape: readonly number[], dtype: string, byteLength: number): Buffer {
  const content = Buffer.concat([
    listHead(3),
    listHead(shape.length),
    ...shape.map(intBytes),
    textBytes(dtype),
    head(byteLength, 0, 0, [0xc4, 0xc5, 0xc6]),
  ]);
  const length = content.byteLength + byteLength;
  const fixed = [1, 2, 4, 8, 16].indexOf(length);
  const outer = fixed >= 0 ? Buffer.from([0xd4 + fixed]) : head(length, 0, 0, [0xc7, 0xc8, 0xc9]);
  return Buffer.concat([outer, Buffer.from([1]), content]);
}
