import type { CheckpointError } from '../../errors';

/**
 * Decompresses Snappy's format. TensorFlow wrote it before release 1.2.
 * Source: format_description.txt of google/snappy.
 */
export function unsnapped(bytes: Uint8Array, most: number, invalid: (what: string) => CheckpointError): Buffer {
  let at = 0;
  const next = () => {
    if (at >= bytes.byteLength) throw invalid('ends inside of its compressed content');
    return bytes[at++] as number;
  };
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = next();
    if (shift > 28) throw invalid('states no length');
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  // A tag of three bytes copies 64 at most.
  if (length > most || length > bytes.byteLength * 32) throw invalid(`cannot decompress to ${length} bytes`);
  const result = Buffer.allocUnsafe(length);
  let fill = 0;
  const little = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++) value += next() * 2 ** (8 * i);
    return value;
  };
  while (at < bytes.byteLength) {
    const tag = next();
    const kind = tag & 3;
    let size = (tag >> 2) + 1;
    if (kind === 0) {
      if (size > 60) size = little(size - 60) + 1;
      if (at + size > bytes.byteLength || fill + size > length) throw invalid('has a piece that is too long');
      result.set(bytes.subarray(at, at + size), fill);
      at += size;
      fill += size;
      continue;
    }
    if (kind === 1) size = ((tag >> 2) & 7) + 4;
    const back = kind === 1 ? ((tag >> 5) << 8) | next() : little(kind === 2 ? 2 : 4);
    if (back === 0 || back > fill || fill + size > length) throw invalid('copies what is not there');
    for (let i = 0; i < size; i++, fill++) result[fill] = result[fill - back] as number;
  }
  if (fill !== length) throw invalid(`decompresses to ${fill} bytes and not to ${length}`);
  return result;
}
