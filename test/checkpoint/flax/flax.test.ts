/** Flax files: what Flax wrote is read, what is written here is the same bytes, and what is neither is refused by a code. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenFlaxOptions, openFlax } from '../../../lib/checkpoint/flax/flax';
import { writeFlax } from '../../../lib/checkpoint/flax/flax-writer';
import { errorOf, scratchFolder } from '../scratch';

const folder = scratchFolder();
const path = join(folder, 'flax_model.msgpack');

/** `flax.serialization.to_bytes({'params': {'a': float32[3], 'b': {'c': int8[2]}}})` of Flax 0.7.5, by to-bytes.py. */
const WRITTEN = Buffer.from(
  '81a6706172616d7382a161c71901939103a7666c6f61743332c40c0000803f0000004000004040a16281a163c70c01939102a4696e7438c402ff01',
  'hex',
);

function open(bytes: Uint8Array | string, options?: OpenFlaxOptions) {
  writeFileSync(path, typeof bytes === 'string' ? Buffer.from(bytes.replace(/ /g, ''), 'hex') : bytes);
  return openFlax(path, options);
}

const tensors = [
  { name: 'params/a', dtype: 'float32' as const, shape: [3], bytes: new Float32Array([1, 2, 3]) },
  { name: 'params/b/c', dtype: 'int8' as const, shape: [2], bytes: new Int8Array([-1, 1]) },
];

it('names arrays by their paths and reads their bytes, or a range of them', async () => {
  await using source = await open(WRITTEN);
  expect(source.names()).toEqual(['params/a', 'params/b/c']);
  expect(source.info('params/a')).toMatchObject({ dtype: 'float32', shape: [3], byteLength: 12 });
  expect(new Float32Array((await source.read('params/a')).buffer)).toEqual(new Float32Array([1, 2, 3]));
  expect([...(await source.read('params/b/c', { start: 1 }))]).toEqual([1]);
});

it('writes what Flax writes', async () => {
  await writeFlax(path, tensors);
  expect(readFileSync(path).equals(WRITTEN)).toBe(true);
});

it('joins the chunks that it has cut, in ranges too', async () => {
  await writeFlax(path, tensors, { maxChunkBytes: 5 });
  await using source = await openFlax(path);
  expect(source.info('params/a').pieces).toHaveLength(3);
  const bytes = Buffer.from(new Float32Array([1, 2, 3]).buffer);
  expect(bytes.equals(await source.read('params/a'))).toBe(true);
  expect(bytes.subarray(3, 9).equals(await source.read('params/a', { start: 3, end: 9 }))).toBe(true);
});

it('passes over what is no array, and lists it', async () => {
  await using source = await open('85 a161 c0 a162 cb0000000000000000 a163 a178 a164 c40100 a165 d60201020304');
  expect(source.names()).toEqual([]);
  expect(source.otherKeys).toEqual(['a', 'b', 'c', 'd', 'e']);
});

const array = '939101a7666c6f61743332c40400000000';
const vector = `c71101${array}`;
const chunked = (shape: string, chunks: string) =>
  `81a161 83 b95f5f6d73677061636b5f6368756e6b65645f61727261795f5f c3 a57368617065 ${shape} a66368756e6b73 ${chunks}`;

it.each([
  ['no bytes', '', 'EMPTY_FILE'],
  ['an extension of 4 GiB in ten bytes', '81a161 c9ffffffff01 00', 'MSGPACK_TRUNCATED'],
  ['an extension of a map of 2^32 entries', 'dfffffffff', 'MSGPACK_TRUNCATED'],
  ['a list of 2^32 items', '81a161ddffffffff', 'MSGPACK_TRUNCATED'],
  ['a text longer than the file', '81dbffffffff61', 'MSGPACK_TRUNCATED'],
  ['half a number', '81a161cd01', 'MSGPACK_TRUNCATED'],
  ['nesting of 200,000 levels', '91'.repeat(200_000), 'MSGPACK_TOO_DEEP'],
  ['a hundred thousand values that are no arrays', `81a161dd000186a1${'c0'.repeat(100_001)}`, 'MSGPACK_TOO_LARGE'],
  ['a hundred thousand maps of nothing', `81a161dd000186a1${'80'.repeat(100_001)}`, 'MSGPACK_TOO_LARGE'],
  ['one key twice', '82a16101a16102', 'MSGPACK_DUPLICATE_KEY'],
  ['a key that is a number', '810101', 'MSGPACK_INVALID'],
  ['a key that is not UTF-8', '81a1ff01', 'MSGPACK_INVALID'],
  ['a byte that begins no value', '81a161c1', 'MSGPACK_INVALID'],
  ['bytes behind its value', '8000', 'MSGPACK_TRAILING_DATA'],
  ['an extension of another type', '81a161d40500', 'MSGPACK_EXTENSION'],
  ['an array of more bytes than its shape', `81a161c71101${array.replace('9101', '9102')}`, 'MSGPACK_SIZE_MISMATCH'],
  ['an array of less bytes than its extension', `81a161c71201${array}00`, 'MSGPACK_INVALID'],
  ['a shape of -1', `81a161c71101${array.replace('9101', '91ff')}`, 'MSGPACK_INVALID'],
  ['a dimension of 2^63', '81a161c71901 9391cf8000000000000000a7666c6f61743332c40400000000', 'OVERFLOW'],
  ['an array of objects', '81a161c70e01939101a66f626a656374c4020000', 'UNKNOWN_DTYPE'],
  ['chunks with a gap', chunked('81a13002', `82a130${vector}a132${vector}`), 'MSGPACK_CHUNKS'],
  ['chunks of another size together', chunked('81a13003', `81a130${vector}`), 'MSGPACK_CHUNKS'],
  ['chunks that are none', chunked('81a13001', 'c0'), 'MSGPACK_CHUNKS'],
  [
    'an array of several hosts, by name',
    `81a161b1${Buffer.from('//GDAPlaceholder:').toString('hex')}`,
    'UNSUPPORTED_TENSOR',
  ],
  ['a single value', '01', 'NOT_A_STATE_DICT'],
  ['a list', `91${vector}`, 'NOT_A_STATE_DICT'],
  ['a zip archive', '504b030400000000', 'UNKNOWN_FORMAT'],
])('a file with %s ends in its code', async (_, hex, code) => {
  expect(await errorOf(() => open(hex))).toMatchObject({ code, file: path });
});
