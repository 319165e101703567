/** What was done to a chunk before it was written, and how to undo it. */
import { promisify } from 'node:util';
import { inflate, type ZlibOptions } from 'node:zlib';
import { messageOf } from '../fault';
import type { Fields } from './fields';
import type { Fail } from './hdf5-fault';

const DEFLATE = 1;
const SHUFFLE = 2;
const FLETCHER32 = 3;
const NAMES: Readonly<Record<number, string>> = {
  4: 'szip',
  5: 'nbit',
  6: 'scaleoffset',
  307: 'bzip2',
  32000: 'lzf',
  32001: 'blosc',
  32004: 'lz4',
  32008: 'bitshuffle',
  32013: 'zfp',
  32015: 'zstd',
};
/** HDF5 itself allows so many. */
const MOST_FILTERS = 32;
/** Deflate makes at most 1032 bytes of one. */
export const MOST_EXPANSION = 1040;

/** One step; they are undone last to first. */
export interface Filter {
  id: number;
  values: number[];
}

export function readFilters(fields: Fields): Filter[] {
  const [version, count] = [fields.u8(), fields.u8()];
  if (version !== 1 && version !== 2) throw fields.unsupported(`has version ${version}`);
  if (count > MOST_FILTERS) throw fields.invalid(`it lists ${count} filters; at most ${MOST_FILTERS}`);
  if (version === 1) fields.skip(6);
  return Array.from({ length: count }, () => {
    const id = fields.u16();
    const nameLength = version === 1 || id >= 256 ? fields.u16() : 0;
    fields.skip(2);
    const valueCount = fields.u16();
    fields.skip(version === 1 ? Math.ceil(nameLength / 8) * 8 : nameLength);
    const values = Array.from({ length: valueCount }, () => fields.u32());
    if (version === 1 && valueCount % 2 === 1) fields.skip(4);
    return { id, values };
  });
}

/** What a filter that is not read is called; null for one that is. */
export function unknownFilter({ id }: Filter): string | null {
  if (id === DEFLATE || id === SHUFFLE || id === FLETCHER32) return null;
  return NAMES[id] === undefined ? `filter ${id}` : `filter ${id} (${NAMES[id]})`;
}

/** Bytes that are made room for before anything is inflated: what zlib puts into one buffer it need not copy. */
const MOST_AT_ONCE = 2 ** 20;

const inflated = promisify(inflate) as (bytes: Uint8Array, options: ZlibOptions) => Promise<Buffer>;

/**
 * The `length` bytes of a chunk as they were before the filters.
 * @param mask - bit i: filter i was left out
 */
export async function unfiltered(
  stored: Buffer,
  filters: readonly Filter[],
  mask: number,
  length: number,
  fail: Fail,
  place: number,
): Promise<Buffer> {
  let bytes = stored;
  const invalid = (what: string) => fail('H5_INVALID', `the chunk at byte ${place} ${what}; it is damaged`, place);
  for (let i = filters.length - 1; i >= 0; i--) {
    const { id, values } = filters[i] as Filter;
    if (mask & (1 << i)) continue;
    if (id === DEFLATE) {
      if (length > bytes.byteLength * MOST_EXPANSION + 1024) throw invalid(`cannot inflate to ${length} bytes`);
      // A checksum that was taken before may be among what comes out.
      const maxOutputLength = length + 64;
      const chunkSize = Math.min(maxOutputLength, MOST_AT_ONCE);
      bytes = await inflated(bytes, { maxOutputLength, chunkSize }).catch((error: unknown) => {
        throw invalid(`does not inflate to ${length} bytes: ${messageOf(error)}`);
      });
    } else if (id === SHUFFLE) {
      bytes = unshuffled(bytes, values[0] ?? 1);
    } else if (id === FLETCHER32) {
      const end = bytes.byteLength - 4;
      if (end < 0) throw invalid('is too short for its checksum');
      const content = bytes.subarray(0, end);
      if (fletcher32(content) !== bytes.readUInt32LE(end)) {
        throw fail('CHECKSUM_MISMATCH', `the chunk at byte ${place} does not have its checksum; fetch it again`, place);
      }
      bytes = content;
    }
  }
  if (bytes.byteLength !== length) throw invalid(`has ${bytes.byteLength} bytes and not ${length}`);
  return bytes;
}

/** Elements whose first bytes came first, then their second ones, and so on. What fills no element follows as it is. */
function unshuffled(bytes: Buffer, item: number): Buffer {
  if (item <= 1 || item > bytes.byteLength) return bytes;
  const count = Math.floor(bytes.byteLength / item);
  const result = Buffer.allocUnsafeSlow(bytes.byteLength);
  for (let byte = 0; byte < item; byte++) {
    const from = byte * count;
    for (let i = 0, to = byte; i < count; i++, to += item) result[to] = bytes[from + i] as number;
  }
  bytes.copy(result, count * item, count * item);
  return result;
}

/** Fletcher's checksum over big-endian words of 16 bits, as HDF5 computes it. */
export function fletcher32(bytes: Uint8Array): number {
  let [low, high] = [0, 0];
  const even = bytes.byteLength - (bytes.byteLength % 2);
  for (let at = 0; at < even; ) {
    const end = Math.min(even, at + 720);
    for (; at < end; at += 2) {
      low += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      high += low;
    }
    low = (low & 0xffff) + (low >>> 16);
    high = (high & 0xffff) + (high >>> 16);
  }
  if (even < bytes.byteLength) {
    low += (bytes[even] as number) << 8;
    high += low;
  }
  low = (low & 0xffff) + (low >>> 16);
  high = (high & 0xffff) + (high >>> 16);
  low = (low & 0xffff) + (low >>> 16);
  high = (high & 0xffff) + (high >>> 16);
  return ((high << 16) | low) >>> 0;
}
