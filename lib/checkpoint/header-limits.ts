import { unknownName, ValueError } from '../errors';

/** What the header of a file of weights may hold at most. */
export interface HeaderLimits {
  /** Bytes of a safetensors file's JSON; of a PyTorch file's zip directory, and of its pickle; of a Flax file's names. */
  headerBytes: number;
  tensors: number;
  metadataEntries: number;
  /** UTF-8 bytes of one name. */
  nameBytes: number;
  dimensions: number;
  /** Size of one dimension. */
  dimension: number;
  /** JSON objects and arrays, msgpack maps and lists that may be open at once; tuples, lists and dictionaries of a pickle that may contain each other. */
  depth: number;
  /** Objects that a pickle may make. */
  pickleObjects: number;
}

/** The format's own limit of the header, and ours for the rest. The reference reader, too, refuses 128 open levels. */
export const HEADER_LIMITS: Readonly<HeaderLimits> = Object.freeze({
  headerBytes: 100_000_000,
  tensors: 1_000_000,
  metadataEntries: 100_000,
  nameBytes: 65_535,
  dimensions: 64,
  dimension: 2 ** 48,
  depth: 127,
  pickleObjects: 4_000_000,
});

/** The limits to use: `changes` in place of the usual ones. @throws TypeError for an unknown limit. */
export function headerLimits(changes: Partial<HeaderLimits> = {}): HeaderLimits {
  const limits: HeaderLimits = { ...HEADER_LIMITS };
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(HEADER_LIMITS, name)) throw unknownName('limit', name, 'limits', Object.keys(HEADER_LIMITS));
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new ValueError(`limit '${name}' must be a whole number from 0 on, not ${value}`);
    }
    limits[name as keyof HeaderLimits] = value;
  }
  return limits;
}
