import type { StoredDType } from './dtype';
import type { CheckpointSource } from './source';

/** How many values of a tensor are not finite numbers. */
export interface TensorStats {
  /** Values looked at; a complex number counts as two. */
  values: number;
  nan: number;
  infinite: number;
}

/** Bytes looked at between two reads; a multiple of every element's size. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Values of up to 32 bits whose magnitude (all bits but the sign) is `infinity` are infinite, those above it are NaN. */
interface Pattern {
  bytes: 1 | 2 | 4;
  magnitude: number;
  infinity: number;
}

const PATTERNS: Partial<Record<StoredDType, Pattern>> = {
  float8_e5m2: { bytes: 1, magnitude: 0x7f, infinity: 0x7c },
  float16: { bytes: 2, magnitude: 0x7fff, infinity: 0x7c00 },
  bfloat16: { bytes: 2, magnitude: 0x7fff, infinity: 0x7f80 },
  float32: { bytes: 4, magnitude: 0x7fffffff, infinity: 0x7f800000 },
  complex64: { bytes: 4, magnitude: 0x7fffffff, infinity: 0x7f800000 },
};

/** Types without infinities, by the one bit pattern that is NaN once masked. */
const NAN_ONLY: Partial<Record<StoredDType, { mask: number; nan: number }>> = {
  float8_e4m3fn: { mask: 0x7f, nan: 0x7f },
  float8_e4m3fnuz: { mask: 0xff, nan: 0x80 },
  float8_e5m2fnuz: { mask: 0xff, nan: 0x80 },
  float8_e8m0fnu: { mask: 0xff, nan: 0xff },
};

/**
 * Counts NaN and infinite values of a tensor, reading it in chunks; types that have neither give zeros.
 *
 * @throws KeyError when there is no such tensor.
 * @throws CheckpointError `FILE_CHANGED`.
 */
export async function tensorStats(
  source: CheckpointSource,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<TensorStats> {
  const { dtype, byteLength, shape } = source.info(name);
  const elements = shape.reduce((product, dim) => product * dim, 1);
  const stats: TensorStats = { values: dtype === 'complex64' ? elements * 2 : elements, nan: 0, infinite: 0 };
  const count = counterOf(dtype);
  if (count === null) return stats;
  for (let start = 0; start < byteLength; start += CHUNK_BYTES) {
    const end = Math.min(byteLength, start + CHUNK_BYTES);
    count(await source.read(name, { start, end, signal: options.signal }), stats);
  }
  return stats;
}

type Counter = (bytes: Uint8Array, stats: TensorStats) => void;

function counterOf(dtype: StoredDType): Counter | null {
  if (dtype === 'float64') return countFloat64;
  const pattern = PATTERNS[dtype];
  if (pattern) return (bytes, stats) => countPattern(bytes, pattern, stats);
  const only = NAN_ONLY[dtype];
  if (!only) return null;
  return (bytes, stats) => {
    for (const byte of bytes) if ((byte & only.mask) === only.nan) stats.nan++;
  };
}

function countPattern(bytes: Uint8Array, { bytes: size, magnitude, infinity }: Pattern, stats: TensorStats): void {
  const length = bytes.byteLength / size;
  const { buffer, byteOffset } = bytes;
  let values: Uint8Array | Uint16Array | Uint32Array = bytes;
  if (size === 2) values = new Uint16Array(buffer, byteOffset, length);
  if (size === 4) values = new Uint32Array(buffer, byteOffset, length);
  for (let i = 0; i < length; i++) {
    const value = (values[i] as number) & magnitude;
    if (value > infinity) stats.nan++;
    else if (value === infinity) stats.infinite++;
  }
}

function countFloat64(bytes: Uint8Array, stats: TensorStats): void {
  for (const value of new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8)) {
    if (Number.isNaN(value)) stats.nan++;
    else if (!Number.isFinite(value)) stats.infinite++;
  }
}
