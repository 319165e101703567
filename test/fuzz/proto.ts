/** Fields of a protocol buffer that can be changed and written again. All that has a length is taken as a message. */
export type Proto = ProtoValue[];

export type ProtoValue = { number: number } & ({ value: bigint } | { fixed: number } | { message: Proto });

export interface ProtoPlace {
  parent: Proto;
  at: number;
}

export function decodeProto(bytes: Buffer): Proto {
  const fields: Proto = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.byteLength) {
    const tag = Number(varint());
    const number = tag >> 3;
    if ((tag & 7) === 0) fields.push({ number, value: varint() });
    else if ((tag & 7) === 5) {
      fields.push({ number, fixed: bytes.readUInt32LE(at) });
      at += 4;
    } else {
      const length = Number(varint());
      fields.push({ number, message: decodeProto(bytes.subarray(at, at + length)) });
      at += length;
    }
  }
  return fields;
}

export function encodeProto(fields: Proto): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if ('value' in field) return Buffer.concat([varint(field.number * 8), varint(field.value)]);
      if ('message' in field) {
        const inner = encodeProto(field.message);
        return Buffer.concat([varint(field.number * 8 + 2), varint(inner.byteLength), inner]);
      }
      const fixed = Buffer.alloc(4);
      fixed.writeUInt32LE(field.fixed);
      return Buffer.concat([varint(field.number * 8 + 5), fixed]);
    }),
  );
}

/** A number in groups of seven bits; negative ones as those of 64 bits. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  if (typeof value === 'number' && value >= 0 && value < 128) return Buffer.from([value]);
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** Every field, those of messages inside too. */
export function* placesOf(parent: Proto): Generator<ProtoPlace> {
  for (const [at, field] of parent.entries()) {
    yield { parent, at };
    if ('message' in field) yield* placesOf(field.message);
  }
}

/** A copy that shares nothing; many times as fast as structuredClone. */
export function copyOf(fields: Proto): Proto {
  return fields.map((field) => ('message' in field ? { ...field, message: copyOf(field.message) } : { ...field }));
}
