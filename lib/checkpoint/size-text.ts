import { ValueError } from '../errors';

const UNITS: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/**
 * Bytes of a size: a whole number of them, or a number and a unit, such as `'5GB'` or `'1.5 GiB'`, in any case. A trailing
 * `b` means bytes, never bits.
 * @throws ValueError for anything else, and for sizes that are not above 0
 */
export function parseSize(size: number | string, what = 'max_shard_size'): number {
  const bytes = typeof size === 'string' ? bytesOf(size) : size;
  if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes > 0) return bytes;
  throw new ValueError(
    `${what} is ${typeof size === 'string' ? `'${size}'` : String(size)}; it must be a whole number of bytes above 0, or a ` +
      "number and one of KB, MB, GB, TB, KiB, MiB, GiB, such as '5GB'",
  );
}

function bytesOf(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d*)?|\.\d+)\s*([a-z]+)$/i.exec(text.trim()) ?? [];
  const scale = UNITS[unit?.toUpperCase() ?? ''];
  return number === undefined || scale === undefined ? Number.NaN : Math.floor(Number(number) * scale);
}
