import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCached } from '../../lib/binding/files';

/** Reads that never wait: what they give is the file's, and what they cannot give is null. */

const folder = mkdtempSync(join(tmpdir(), 'read-cached-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251);
const path = join(folder, 'file');
writeFileSync(path, bytes);

describe('bytes that are in memory', () => {
  const file = openSync(path, 'r');
  afterAll(() => closeSync(file));

  it.each([
    [0, 0, 10_000],
    [7, 4_090, 20],
    [100, 9_990, 10],
    [3, 5_000, 0],
  ])('come into an array at %i, from byte %i of the file on, %i of them', (offset, position, length) => {
    const target = new Uint8Array(10_000).fill(255);
    const read = readCached(file, target, offset, length, position);
    if (process.platform !== 'linux') return expect([null, length]).toContain(read);
    expect(read).toBe(length);
    const wanted = new Uint8Array(10_000).fill(255);
    wanted.set(bytes.subarray(position, position + length), offset);
    expect(target).toEqual(wanted);
  });

  it('end with the file', () => {
    if (process.platform !== 'linux') return expect(readCached(file, new Uint8Array(20), 0, 20, 9_995)).toBeNull();
    expect(readCached(file, new Uint8Array(20), 0, 20, 9_995)).toBe(5);
    expect(readCached(file, new Uint8Array(20), 0, 20, 20_000)).toBe(0);
  });

  it.each([
    [-1, 5, 0],
    [0, -5, 0],
    [8, 5, 0],
    [0, 11, 0],
    [0, 5, -1],
  ])('never go outside of the array: at %i, %i of them, from byte %i', (offset, length, position) => {
    const target = new Uint8Array(10);
    expect(readCached(file, target, offset, length, position)).toBeNull();
    expect(target).toEqual(new Uint8Array(10));
  });
});

it('a file that is not open has none', () => {
  expect(readCached(2 ** 30, new Uint8Array(4), 0, 4, 0)).toBeNull();
});
