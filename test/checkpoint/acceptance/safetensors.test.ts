/** Safetensors files, and indexes of shards, that lie: cases S-ST1 to S-ST6, S-IX1 and S-IX2 of docs/contract.md. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensorStats } from '../../../lib/checkpoint/tensor-stats';
import { bytesOf, zipBytes } from '../pytorch/archive';
import { safetensorsBytes, writeVectors } from '../scratch';
import { codeOf, newFolder, open, put, refusal, watched } from './hostile-file';

const st = (json: string, data = 16, length?: bigint) => safetensorsBytes(json, data, length);
const row = (name: string, dtype: string, shape: string, offsets: string) =>
  `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

// In depth: ../safetensors-header.test.ts
describe('S-ST1: a length of the header that lies', () => {
  it.each<[string, Uint8Array, string]>([
    ['seven bytes', Buffer.alloc(7), 'HEADER_TRUNCATED'],
    ['no bytes', Buffer.alloc(0), 'EMPTY_FILE'],
    ['a length of 0', st('', 0, 0n), 'HEADER_INVALID_JSON'],
    ['a length beyond 100 MB', st('{}', 0, 100_000_001n), 'HEADER_TOO_LARGE'],
    ['a length beyond the file', st('{}', 0, 50n), 'HEADER_TRUNCATED'],
    ['a length of 2^63', st('{}', 0, 2n ** 63n), 'HEADER_TOO_LARGE'],
    ['a length of 2^64 - 1', st('{}', 0, 2n ** 64n - 1n), 'HEADER_TOO_LARGE'],
    ['a length that cuts the header', st(`{${row('a', 'U8', '[16]', '[0,16]')}}`, 16, 20n), 'HEADER_INVALID_JSON'],
  ])('%s', async (_, bytes, code) => {
    expect(await codeOf('model.safetensors', bytes)).toBe(code);
  });
});

describe('S-ST2: a header of 100 MB whose tensors all share their bytes', () => {
  it('is refused in seconds, in memory of its own size', async () => {
    const rows: string[] = [];
    for (let bytes = 0, i = 0; bytes < 99_900_000; i++)
      bytes += rows.push(row(`${i}`, 'U8', '[16]', '[0,16]')) && (rows.at(-1) as string).length + 1;
    const path = put('model.safetensors', st(`{${rows.join(',')}}`));
    rows.length = 0;
    expect((await refusal(path, { ms: 30_000, bytes: 250e6 })).code).toBe('OVERLAP');
  });
});

describe('S-ST3: a file of two formats', () => {
  it.each([
    ['a zip archive', zipBytes([{ name: 'a', content: Buffer.from('b') }])],
    ['a PDF', Buffer.from('%PDF-1.7\n%%EOF\n')],
  ])('%s behind the last tensor is no part of it', async (_, other) => {
    const bytes = Buffer.concat([st(`{${row('a', 'U8', '[16]', '[0,16]')}}`), other]);
    expect(await codeOf('model.safetensors', bytes)).toBe('TRAILING_DATA');
  });

  it('holes and overlaps are refused', async () => {
    const hole = `{${row('a', 'U8', '[4]', '[0,4]')},${row('b', 'U8', '[4]', '[12,16]')}}`;
    const overlap = `{${row('a', 'U8', '[10]', '[0,10]')},${row('b', 'U8', '[8]', '[8,16]')}}`;
    expect([await codeOf('a.safetensors', st(hole)), await codeOf('b.safetensors', st(overlap))]).toEqual([
      'HOLE',
      'OVERLAP',
    ]);
  });
});

describe('S-ST4: one name twice', () => {
  it('is refused, although the bytes are the same', async () => {
    const twice = row('a', 'U8', '[16]', '[0,16]');
    expect(await codeOf('model.safetensors', st(`{${twice},${twice}}`))).toBe('DUPLICATE_NAME');
  });
});

describe('S-ST5: sizes beyond every number', () => {
  it.each([
    ['[2, 2^64 - 2]', 'I32', '[2,18446744073709551614]', 'OVERFLOW'],
    ['[2, 2^63 - 1]', 'I32', '[2,9223372036854775807]', 'OVERFLOW'],
    ['float64 [2^32, 2^32]', 'F64', '[4294967296,4294967296]', 'OVERFLOW'],
    ['three elements of four bits', 'F4', '[3]', 'MISALIGNED'],
  ])('%s', async (_, dtype, shape, code) => {
    expect(await codeOf('model.safetensors', st(`{${row('a', dtype, shape, '[0,16]')}}`))).toBe(code);
  });
});

// In depth: ../safetensors.test.ts
describe('S-ST6: numbers that are none', () => {
  it('are read as they are, and counted', async () => {
    const values = new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]);
    const path = put('model.safetensors', safetensorsBytes(`{${row('a', 'F32', '[4]', '[0,16]')}}`, bytesOf(values)));
    await using source = await open(path);
    expect([...new Float32Array((await source.read('a')).buffer)]).toEqual([...values]);
    expect(await tensorStats(source, 'a')).toEqual({ values: 4, nan: 1, infinite: 2 });
  });
});

const index = (names: string[]) =>
  JSON.stringify({ weight_map: Object.fromEntries(names.map((name, i) => [`w${i}`, name])) });

// In depth, with more than fifty names: ../index-file.test.ts
describe('S-IX1: an index that leads out of its folder', () => {
  it.each([
    '../x',
    '/etc/passwd',
    'C:\\x',
    'D:rel',
    '\\\\server\\x',
    'folder/C:\\x',
    '%2e%2e/x',
    '%252e%252e/x',
    'a/./b',
    'a\0b',
    'n'.repeat(256),
    'CON',
    '..\\x',
    '',
  ])('%j is refused before any shard is opened', async (name) => {
    const path = put('model.safetensors.index.json', index([name]));
    const { files } = await watched(async () => expect((await refusal(path)).code).toBe('UNSAFE_SHARD_NAME'));
    expect(files).toEqual([path]);
  });
});

// In depth: ../sharded.test.ts
describe('S-IX2: an index that lies', () => {
  const folderOf = (shards: Record<string, Record<string, number[]>>, map: Record<string, string>) => {
    const folder = newFolder();
    for (const [name, vectors] of Object.entries(shards)) writeVectors(join(folder, name), vectors);
    const path = join(folder, 'model.safetensors.index.json');
    writeFileSync(path, JSON.stringify({ weight_map: map }));
    return path;
  };
  it('shards that are missing, a name that its shard lacks, a name in two shards', async () => {
    const eight = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`t${i}`, `gone-${i}.st`]));
    const missing = await refusal(folderOf({}, eight));
    expect([missing.code, missing.message.match(/gone-\d/g)?.length]).toEqual(['SHARD_MISSING', 5]);
    expect((await refusal(folderOf({ 'x.st': { a: [1] } }, { a: 'x.st', b: 'x.st' }))).code).toBe('NAME_NOT_IN_SHARD');
    expect(
      (await refusal(folderOf({ 'x.st': { a: [1] }, 'y.st': { a: [2], b: [1] } }, { a: 'x.st', b: 'y.st' }))).code,
    ).toBe('DUPLICATE_NAME');
  });

  it('a million files', async () => {
    const names = Array.from({ length: 1_000_000 }, (_, i) => `m${i}.st`);
    const path = put('model.safetensors.index.json', index(names));
    const error = await refusal(path, { ms: 30_000, bytes: 1e9 });
    expect([error.code, error.message.length < 1000]).toEqual(['TOO_MANY_SHARDS', true]);
  });
});
