import { type CheckpointFault, quote } from '../fault';

/** One member of a zip archive, as its directory describes it. */
export interface ZipEntry {
  name: string;
  /** Bit flags of the format. */
  flags: number;
  /** 0: the bytes as they are; 8: deflated. */
  method: number;
  crc: number;
  /** Bytes in the file, and once inflated. */
  compressedSize: number;
  size: number;
  /** First byte of the local header, counted from the start of the file. */
  headerOffset: number;
}

/** Throws the error for a code and a sentence. */
export type Fail = (code: CheckpointFault, message: string, offset?: number) => never;

export const LOCAL_SIGNATURE = 0x04034b50;
export const LOCAL_HEADER_BYTES = 30;
export const ENTRY_SIGNATURE = 0x02014b50;
export const ENTRY_BYTES = 46;
export const DEFLATED = 8;
const FLAG_ENCRYPTED = 0x1;
const FLAG_STRONG_ENCRYPTION = 0x40;
const FLAG_MASKED = 0x2000;
/** What stands in a field of 32 bits whose value is in the zip64 field. */
export const IN_ZIP64 = 0xffffffff;
const ZIP64_FIELD = 1;

/** Deflate cannot shrink bytes further than this. */
const DEFLATE_RATIO = 1032;
/** A member of more bytes must not be shrunk as far as deflate can. */
const LARGE_BYTES = 4 * 1024 ** 3;
const LARGE_RATIO = 1000;

/** Checks that a member can be read: neither encrypted nor of an unknown method, nor larger than its bytes can hold. */
export function checkReadable(entry: ZipEntry, fail: Fail): void {
  const { flags, method, compressedSize, size, headerOffset } = entry;
  if (flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED)) {
    fail('ZIP_ENCRYPTED', `its member ${quote(entry.name)} is encrypted; decrypt the archive first`, headerOffset);
  }
  if (method === 0) {
    if (compressedSize === size) return;
    fail(
      'ZIP_MISMATCH',
      `its member ${quote(entry.name)} is stored as it is, yet ${size} bytes take ${compressedSize}`,
      headerOffset,
    );
  }
  if (method !== DEFLATED) {
    fail(
      'ZIP_METHOD',
      `its member ${quote(entry.name)} is compressed by method ${method}; stored (0) and deflated (8) members are read`,
      headerOffset,
    );
  }
  const ratio = size > LARGE_BYTES ? LARGE_RATIO : DEFLATE_RATIO;
  if (size > compressedSize * ratio + DEFLATE_RATIO) {
    fail('ZIP_BOMB', `its member ${quote(entry.name)} claims ${size} bytes out of ${compressedSize}`, headerOffset);
  }
}

/** Values of 64 bits that a zip64 extra field holds in order: as many as are asked for. */
export function zip64Values(extra: Buffer, count: number, fail: Fail, offset: number): number[] {
  const field = extraField(extra, ZIP64_FIELD, fail, offset);
  if (field === null || field.byteLength < count * 8) {
    fail('ZIP_INVALID', 'a size is said to be in a zip64 field that is not there', offset);
  }
  return Array.from({ length: count }, (_, i) => safeNumber((field as Buffer).readBigUInt64LE(i * 8), fail, offset));
}

/** The content of extra field `id`, or null. */
function extraField(extra: Buffer, id: number, fail: Fail, offset: number): Buffer | null {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const length = extra.readUInt16LE(at + 2);
    const end = at + 4 + length;
    if (end > extra.byteLength) fail('ZIP_INVALID', 'an extra field is longer than the fields together', offset);
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return null;
}

/** A value of 64 bits as a number. */
export function safeNumber(value: bigint, fail: Fail, offset: number): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail('ZIP_INVALID', `a size or an offset is ${value}`, offset);
  return Number(value);
}
