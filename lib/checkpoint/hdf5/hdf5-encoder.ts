/** The structures of an HDF5 file as bytes: superblock of version 2, headers of version 2, compact links, contiguous data. */
import { bitsOf, dtypeNumber, type PlainDType } from '../dtype';
import { lookup3 } from './lookup3';

const U64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const U32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const U16 = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
const NOWHERE = Buffer.alloc(8, 0xff);

/** Bytes of a superblock. */
export const SUPERBLOCK_BYTES = 48;
/** Bytes of a message that HDF5 can hold. */
export const MOST_MESSAGE_BYTES = 65_535;

/** Types that are written; others of a checkpoint have no counterpart that Keras reads. */
const FLOATS: Partial<Record<PlainDType, number[]>> = {
  // The sign's bit; then offset, precision, and where exponent and mantissa lie and how long they are; the bias.
  float16: [15, 16, 10, 5, 0, 10, 15],
  float32: [31, 32, 23, 8, 0, 23, 127],
  float64: [63, 64, 52, 11, 0, 52, 1023],
};
const SIGNED: readonly PlainDType[] = ['int8', 'int16', 'int32', 'int64'];
const UNSIGNED: readonly PlainDType[] = ['uint8', 'uint16', 'uint32', 'uint64'];

/** The element types that `writeHdf5` takes. */
export const HDF5_DTYPES: readonly PlainDType[] = ['float16', 'float32', 'float64', ...SIGNED, ...UNSIGNED, 'bool'];

export function superblock(end: number, root: number): Buffer {
  const start = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 2, 8, 8, 0]);
  return summed([start, U64(0), NOWHERE, U64(end), U64(root)]);
}

/** A message of an object header. */
export function message(type: number, ...body: Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([Buffer.from([type]), U16(bytes.byteLength), Buffer.from([0]), bytes]);
}

/** An object header with these messages. */
export function objectHeader(messages: readonly Buffer[]): Buffer {
  const length = messages.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return summed([Buffer.from('OHDR'), Buffer.from([2, 2]), U32(length), ...messages]);
}

/** Bytes of an object header with messages of so many bytes. */
export function headerBytes(messages: number): number {
  return 10 + messages + 4;
}

/** What makes a header a group's, beside its links. */
export function groupMessages(): Buffer[] {
  return [message(0x02, Buffer.from([0, 0]), NOWHERE, NOWHERE), message(0x0a, Buffer.from([0, 0]))];
}

export function linkMessage(name: string, address: number): Buffer {
  const bytes = Buffer.from(name);
  // The name is UTF-8, and its length has two bytes.
  return message(0x06, Buffer.from([1, 0x11, 1]), U16(bytes.byteLength), bytes, U64(address));
}

export function datasetMessages(dtype: PlainDType, shape: readonly number[], address: number, bytes: number): Buffer[] {
  return [
    message(0x01, dataspace(shape)),
    message(0x03, datatype(dtype)),
    // Room is there from the start, no fill value is written, and none is defined.
    message(0x05, Buffer.from([3, 0x09])),
    message(0x08, Buffer.from([3, 1]), bytes === 0 ? NOWHERE : U64(address), U64(bytes)),
  ];
}

/** An attribute that is one text. */
export function textMessage(name: string, text: string): Buffer {
  const bytes = Buffer.from(text);
  return attribute(
    name,
    fixedText(Math.max(bytes.byteLength, 1)),
    dataspace([]),
    Buffer.concat([bytes, Buffer.alloc(bytes.byteLength ? 0 : 1)]),
  );
}

/** An attribute that is a list of texts; an empty list is one of numbers, as Keras writes it. */
export function textsMessage(name: string, texts: readonly string[]): Buffer {
  if (texts.length === 0) return attribute(name, datatype('float64'), dataspace([0]), Buffer.alloc(0));
  const width = widthOf(texts);
  const bytes = Buffer.alloc(width * texts.length);
  for (const [i, text] of texts.entries()) bytes.write(text, i * width);
  return attribute(name, fixedText(width), dataspace([texts.length]), bytes);
}

/** Bytes that each of the texts takes in a list. */
export function widthOf(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, Buffer.byteLength(text)), 1);
}

function attribute(name: string, type: Buffer, space: Buffer, value: Buffer): Buffer {
  const bytes = Buffer.from(`${name}\0`);
  const sizes = [bytes, type, space].map(({ byteLength }) => U16(byteLength));
  return message(0x0c, Buffer.from([3, 0]), ...sizes, Buffer.from([1]), bytes, type, space, value);
}

function dataspace(shape: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from([2, shape.length, 0, shape.length === 0 ? 0 : 1]), ...shape.map(U64)]);
}

/** Text of a fixed number of bytes, filled up with NULs. */
function fixedText(width: number): Buffer {
  return Buffer.concat([Buffer.from([0x13, 1, 0, 0]), U32(width)]);
}

function datatype(dtype: PlainDType): Buffer {
  const size = bitsOf(dtype) / 8;
  const float = FLOATS[dtype];
  if (float) {
    const [sign, precision, ...fields] = float as [number, number, ...number[]];
    const bias = fields.pop() as number;
    return Buffer.concat([
      Buffer.from([0x11, 0x20, sign, 0]),
      U32(size),
      U16(0),
      U16(precision),
      Buffer.from(fields),
      U32(bias),
    ]);
  }
  if (dtype === 'bool') {
    const names = [Buffer.from('FALSE\0\0\0'), Buffer.from('TRUE\0\0\0\0')];
    return Buffer.concat([Buffer.from([0x18, 2, 0, 0]), U32(1), datatype('int8'), ...names, Buffer.from([0, 1])]);
  }
  if (dtypeNumber(dtype) < 0 || !HDF5_DTYPES.includes(dtype)) throw new RangeError(`no HDF5 type for ${dtype}`);
  const isSigned = SIGNED.includes(dtype);
  return Buffer.concat([Buffer.from([0x10, isSigned ? 8 : 0, 0, 0]), U32(size), U16(0), U16(size * 8)]);
}

function summed(parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([bytes, U32(lookup3(bytes))]);
}
