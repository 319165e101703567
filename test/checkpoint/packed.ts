/** Files and tensors that a generator of test/goldens has packed into JSON. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { CheckpointSource } from '../../lib/checkpoint/source';

export interface PackedTensor {
  dtype: string;
  shape: number[];
  bytes: string;
}

export function unpacked(text: string): Buffer {
  return gunzipSync(Buffer.from(text, 'base64'));
}

export function readPacked<T>(path: string): Record<string, T> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, T>;
}

/** Compares names, dtypes, shapes and bytes, whole and in ranges. */
export async function expectTensors(source: CheckpointSource, tensors: Record<string, PackedTensor>): Promise<void> {
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    expect([name, source.info(name)]).toMatchObject([name, { dtype, shape }]);
    const wanted = unpacked(bytes);
    const found = Buffer.from(await source.read(name));
    if (!found.equals(wanted)) throw new Error(`${name} has other bytes than were written`);
    const [start, end] = [Math.floor(wanted.byteLength / 3), Math.ceil(wanted.byteLength / 2)];
    if (start > end) continue;
    const range = Buffer.from(await source.read(name, { start, end }));
    if (!range.equals(wanted.subarray(start, end))) throw new Error(`${name} has other bytes from ${start} to ${end}`);
  }
}
