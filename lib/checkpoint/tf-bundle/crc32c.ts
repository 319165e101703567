/** CRC-32 with Castagnoli's polynomial, as TensorFlow sums blocks and tensors. */
import { nativeCrc32c } from '../../binding/files';

const POLYNOMIAL = 0x82f63b78;
/** Eight tables, so that eight bytes are one step. */
const TABLES = makeTables();

function makeTables(): Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    (tables[0] as Uint32Array)[i] = crc;
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const before = (tables[t - 1] as Uint32Array)[i] as number;
      (tables[t] as Uint32Array)[i] = (before >>> 8) ^ ((tables[0] as Uint32Array)[before & 0xff] as number);
    }
  }
  return tables;
}

/** Fewer bytes than a call of native code is worth. */
const FEW = 256;

/** The sum of `bytes` behind those whose sum is `before`. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const sum = bytes.byteLength < FEW ? null : nativeCrc32c(bytes, before);
  return sum ?? crc32cByTables(bytes, before);
}

/** The same without native code, which sums about fifteen times as fast. */
export function crc32cByTables(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const steps = bytes.byteLength - (bytes.byteLength % 8);
  let crc = ~before;
  let at = 0;
  for (; at < steps; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[high & 0xff] as number) ^
      (t2[(high >>> 8) & 0xff] as number) ^
      (t1[(high >>> 16) & 0xff] as number) ^
      (t0[high >>> 24] as number);
  }
  for (; at < bytes.byteLength; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}

/** The sum as it is stored: sums of bytes that hold sums are poor ones. */
export function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
