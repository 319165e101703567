/** The bytes of Parquet's data pages (version 1, PLAIN, uncompressed). Source: parquet-format README, Encodings.md. */

import { pushVarint } from './thrift';

/** A run of one level. */
export interface Run {
  level: 0 | 1;
  count: number;
}

/** Levels of one bit as runs, with their length before them, as data page v1 has them. */
export function levels(runs: Iterable<Run>): Uint8Array {
  const bytes: number[] = [0, 0, 0, 0];
  for (const { level, count } of runs) {
    if (count === 0) continue;
    pushVarint(bytes, 2 * count);
    bytes.push(level);
  }
  const out = Buffer.from(bytes);
  out.writeUInt32LE(out.length - 4, 0);
  return out;
}

/** Repetition levels of lists that all hold `dim` values: 0 at the start of each, 1 behind it. */
export function* listStarts(rows: number, dim: number): Generator<Run> {
  for (let row = 0; row < rows; row++) {
    yield { level: 0, count: 1 };
    yield { level: 1, count: dim - 1 };
  }
}

/** Definition levels: 1 where a value is, 0 where it is null. */
export function* presence(values: readonly unknown[]): Generator<Run> {
  let count = 0;
  for (const [at, value] of values.entries()) {
    count++;
    const next = values[at + 1];
    if (at + 1 < values.length && (next === null) === (value === null)) continue;
    yield { level: value === null ? 0 : 1, count };
    count = 0;
  }
}

/** Row numbers as INT64. */
export function int64Values(values: readonly number[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}

/** Strings as BYTE_ARRAY: each with its length before it; nulls take no bytes. */
export function stringValues(values: readonly (string | null)[]): Uint8Array {
  let size = 0;
  for (const value of values) if (value !== null) size += 4 + Buffer.byteLength(value);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const value of values) {
    if (value === null) continue;
    const length = bytes.write(value, at + 4, 'utf8');
    bytes.writeUInt32LE(length, at);
    at += 4 + length;
  }
  return bytes;
}
