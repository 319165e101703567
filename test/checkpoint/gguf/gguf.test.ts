import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openGguf } from '../../../lib/checkpoint/gguf/gguf';
import { GgufArray, type GgufValue, ggufMetadata } from '../../../lib/checkpoint/gguf/gguf-values';
import { writeGguf } from '../../../lib/checkpoint/gguf/gguf-writer';
import { partNames } from '../../../lib/checkpoint/gguf/part-names';
import { openCheckpoint } from '../../../lib/checkpoint/open';
import { CheckpointError } from '../../../lib/errors';
import { errorOf, scratchFolder } from '../scratch';
import { entry, ggufBytes, list, number, type Parts, tensor, text, type, u32, u64 } from './gguf-bytes';

const scratch = scratchFolder();
let files = 0;

function written(parts: Parts | Buffer): string {
  const path = join(scratch, `file-${files++}.gguf`);
  writeFileSync(path, Buffer.isBuffer(parts) ? parts : ggufBytes(parts));
  return path;
}

const architecture = entry('general.architecture', type('string'), text('llama'));

describe('a GGUF file', () => {
  it('gives tensors in PyTorch order of dimensions, and their own bytes', async () => {
    const path = written({ tensors: [tensor('b', [3, 2], 'float32', 32), tensor('a', [32], 'Q8_0', 64)], data: 100 });
    await using source = await openCheckpoint(path);
    expect(source.names()).toEqual(['b', 'a']);
    expect(source.info('b')).toMatchObject({ dtype: 'float32', shape: [2, 3], byteLength: 24 });
    expect(source.info('a')).toMatchObject({ dtype: 'Q8_0', shape: [32], byteLength: 34 });
    expect(await source.read('a', { start: 30 })).toEqual(new Uint8Array(4).fill(7));
    expect((await errorOf(() => source.read('c'))).code).toBe('NO_SUCH_TENSOR');
  });

  it.each([1, 2, 8, 64, 4096])('may be aligned to %d bytes', async (alignment) => {
    const entries = [entry('general.alignment', type('uint32'), u32(alignment))];
    const bytes = ggufBytes({ entries, tensors: [tensor('a', [2], 'float32', 0)], alignment });
    const path = written(Buffer.concat([bytes, Buffer.from(Float32Array.of(3, 4).buffer)]));
    await using source = await openGguf(path);
    expect(new Float32Array((await source.read('a')).buffer)).toEqual(Float32Array.of(3, 4));
  });

  it('holds values of every kind, arrays in arrays too', async () => {
    const entries = [
      entry('a', type('uint8'), number('uint8', 200)),
      entry('b', type('int8'), number('int8', -5)),
      entry('c', type('float64'), number('float64', 0.1)),
      entry('d', type('uint64'), u64(2n ** 60n)),
      entry('e', type('int64'), number('int64', -9)),
      entry('f', type('bool'), number('bool', true)),
      entry('g', type('string'), text('naïve')),
      entry('h', list('int16', 2, number('int16', -1), number('int16', 2))),
      entry('i', list('string', 2, text('x'), text('yz'))),
      entry(
        'j',
        list('array', 2, list('uint8', 1, Buffer.of(3)).subarray(4), list('string', 1, text('q')).subarray(4)),
      ),
      entry('__proto__', type('bool'), number('bool', false)),
    ];
    await using source = await openGguf(written({ entries }));
    const metadata = ggufMetadata(source);
    const values = [...(metadata ?? [])].map(([, { type: kind, value }]) => (kind === 'array' ? value.items() : value));
    const [nested] = values.splice(9, 1) as [GgufArray[]];
    expect(values).toEqual([200, -5, 0.1, 2n ** 60n, -9, true, 'naïve', [-1, 2], ['x', 'yz'], false]);
    expect(nested.map((array) => array.items())).toEqual([[3], ['q']]);
    expect(source.metadata.get('g')).toBe('naïve');
  });

  it('is opened by its header alone, however long the vocabulary', async () => {
    const words = Array.from({ length: 200_000 }, (_, i) => `token-${i}`);
    const entries = [entry('tokens', list('string', words.length, Buffer.concat(words.map(text))))];
    const path = written({ entries, tensors: [tensor('a', [2 ** 28], 'float32', 0)] });
    truncateSync(path, 2 ** 31); // of which the system stores nothing
    await using source = await openGguf(path);
    expect(source.info('a').byteLength).toBe(2 ** 30);
    const found = ggufMetadata(source)?.get('tokens');
    expect(found?.type === 'array' && found.value.strings()?.at(-1)).toBe('token-199999');
  });
});

describe('a GGUF file that is only looked at', () => {
  it('lists tensors of types that a load refuses, with their places', async () => {
    const path = written({
      tensors: [tensor('a', [512, 2], 'IQ1_M', 0), tensor('b', [64], 'NVFP4', 224), tensor('c', [2], 'float16', 288)],
      data: 320,
    });
    await using source = await openCheckpoint(path, { lookOnly: true });
    const found = source.names().map((name) => source.info(name));
    expect(found.map(({ dtype, shape, byteLength }) => [dtype, shape, byteLength])).toEqual([
      ['IQ1_M', [2, 512], 224],
      ['NVFP4', [64], 36],
      ['float16', [2], 4],
    ]);
    expect((await errorOf(() => openCheckpoint(path))).message).toMatch(/'a' is of type IQ1_M \(29\)/);
  });

  it('is refused where nobody knows how long a tensor is', async () => {
    for (const [number_, words] of [
      [4, /Q4_2 \(4\)/],
      [42, /Q2_0 \(42\)/],
      [99, /type 99/],
    ] as const) {
      const path = written({ tensors: [tensor('t', [256], number_, 0)], data: 512 });
      expect((await errorOf(() => openCheckpoint(path, { lookOnly: true }))).message).toMatch(words);
    }
  });
});

describe('what is wrong with a file is said by name', () => {
  const one = (dims: (number | bigint)[], dtype: string | number, offset: number | bigint = 0) => ({
    tensors: [tensor('t', dims, dtype, offset)],
    data: 64,
  });
  const cases: [claim: string, parts: Parts | Buffer, code: string, words: RegExp][] = [
    ['no bytes', Buffer.alloc(0), 'EMPTY_FILE', /no bytes/],
    ['another format', Buffer.from('PK\x03\x04 and more'), 'WRONG_FORMAT', /zip archive/],
    ['a pointer of git-lfs', Buffer.from('version https://git-lfs'), 'GIT_LFS_POINTER', /git lfs pull/],
    ['version 1', { version: 1 }, 'UNSUPPORTED_FORMAT', /version 1/],
    ['big-endian numbers', { version: 0x03000000 }, 'BIG_ENDIAN', /big-endian/],
    ['more tensors than bytes', { counts: [2n ** 62n, 0] }, 'HEADER_TRUNCATED', /room/],
    ['more entries than bytes', { counts: [0, 2n ** 40n] }, 'HEADER_TRUNCATED', /room/],
    ['a key twice', { entries: [architecture, architecture] }, 'DUPLICATE_NAME', /general.architecture/],
    [
      'a tensor twice',
      { ...one([1], 'float32'), tensors: [...one([1], 'float32').tensors, ...one([1], 'float32', 32).tensors] },
      'DUPLICATE_NAME',
      /'t' twice/,
    ],
    ['a kind of value that is none', { entries: [entry('k', u32(13))] }, 'METADATA_INVALID', /type 13/],
    [
      'a text longer than the file',
      { entries: [entry('k', type('string'), u64(2n ** 63n))], data: 20 },
      'HEADER_TRUNCATED',
      /reaches past/,
    ],
    [
      'a list longer than the file',
      { entries: [entry('k', list('float64', 2n ** 61n))], data: 20 },
      'HEADER_TRUNCATED',
      /elements/,
    ],
    [
      'a text that is not UTF-8',
      { entries: [entry('k', type('string'), text(Buffer.of(0xff)))] },
      'HEADER_INVALID_UTF8',
      /UTF-8/,
    ],
    [
      'a key that is not UTF-8',
      { entries: [entry(Buffer.of(0xc3), type('bool'), Buffer.of(1))] },
      'METADATA_INVALID',
      /UTF-8/,
    ],
    [
      'lists in lists without end',
      {
        entries: [
          entry(
            'k',
            ...Array.from({ length: 40 }, (_, i) =>
              i === 0 ? list('array', 1) : Buffer.concat([type('array'), u64(1)]),
            ),
          ),
        ],
        data: 64,
      },
      'METADATA_INVALID',
      /nests deeper/,
    ],
    [
      'an alignment that is no power of two',
      { entries: [entry('general.alignment', type('uint32'), u32(24))] },
      'METADATA_INVALID',
      /power of two/,
    ],
    [
      'a hundred thousand lists in a list',
      {
        entries: [
          entry(
            'k',
            list('array', 100_001, Buffer.concat(Array(100_001).fill(Buffer.concat([type('uint8'), u64(0)])))),
          ),
        ],
      },
      'METADATA_INVALID',
      /more than 100000 arrays in arrays/,
    ],
    [
      'an alignment that is a list',
      { entries: [entry('general.alignment', list('uint32', 1, u32(32)))] },
      'METADATA_INVALID',
      /general\.alignment is an array; expected a uint32/,
    ],
    [
      'an alignment that is a text',
      { entries: [entry('general.alignment', type('string'), text('32'))] },
      'METADATA_INVALID',
      /general\.alignment is '32'; expected a uint32/,
    ],
    [
      'an alignment of another kind of number',
      { entries: [entry('general.alignment', type('uint64'), u64(32))] },
      'METADATA_INVALID',
      /general\.alignment is 32 \(uint64\); expected a uint32/,
    ],
    ['five dimensions', one([1, 1, 1, 1, 1], 'float32'), 'TOO_MANY_DIMENSIONS', /5 dimensions/],
    ['a dimension that no file has', one([2n ** 63n, 2], 'float32'), 'OVERFLOW', /dimension/],
    ['a product that no file has', one([2 ** 40, 2 ** 40], 'float32'), 'OVERFLOW', /larger than the file/],
    ['a tensor larger than the file', one([1000], 'float32'), 'TENSOR_OUT_OF_RANGE', /larger than the file/],
    ['a tensor behind the file', one([4], 'float32', 2 ** 40), 'TENSOR_OUT_OF_RANGE', /truncated/],
    ['an offset that no number holds', one([4], 'float32', 2n ** 64n - 1n), 'OVERFLOW', /lies at/],
    ['rows that are no whole blocks', one([48], 'Q8_0'), 'SIZE_MISMATCH', /whole blocks of Q8_0/],
    ['a type that ggml does not define', one([4], 99), 'UNKNOWN_DTYPE', /type 99/],
    ['a type that is not read', one([256], 16), 'UNSUPPORTED_TENSOR', /IQ2_XXS/],
    ['a type that only runs', one([256], 15), 'UNSUPPORTED_TENSOR', /Q8_K/],
    [
      'tensors that share bytes',
      { tensors: [tensor('a', [4], 'float32', 0), tensor('b', [4], 'float32', 8)], data: 64 },
      'OVERLAP',
      /'b' shares bytes with tensor 'a'/,
    ],
  ];
  it.each(cases)('%s', async (_, parts, code, words) => {
    const error = await errorOf(() => openGguf(written(parts)));
    expect(error).toBeInstanceOf(CheckpointError);
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
  });

  it('a header cut anywhere', async () => {
    const whole = ggufBytes({
      entries: [architecture, entry('k', list('string', 1, text('xyz')))],
      ...one([4], 'float32'),
    });
    for (let length = 0; length < whole.length - 48; length++) {
      const error = await errorOf(() => openGguf(written(whole.subarray(0, length))));
      expect(['EMPTY_FILE', 'WRONG_FORMAT', 'HEADER_TRUNCATED', 'TENSOR_OUT_OF_RANGE']).toContain(error.code);
    }
  });
});

describe('a split file', () => {
  const part = (no: number, count: number, total: number, tensors: Buffer[]) =>
    ggufBytes({
      entries: [
        entry('split.no', type('uint16'), number('uint16', no)),
        entry('split.count', type('uint16'), number('uint16', count)),
        entry('split.tensors.count', type('int32'), number('int32', total)),
      ],
      tensors,
      data: 32,
    });
  const put = (stem: string, parts: Buffer[], count = parts.length): string[] =>
    parts.map((bytes, i) => {
      const path = join(scratch, `${stem}-0000${i + 1}-of-0000${count}.gguf`);
      writeFileSync(path, bytes);
      return path;
    });

  it('is one checkpoint, whichever part is given', async () => {
    const paths = put('good', [
      part(0, 2, 2, [tensor('a', [1], 'float32', 0)]),
      part(1, 2, 2, [tensor('b', [1], 'float32', 0)]),
    ]);
    for (const path of paths) {
      await using source = await openCheckpoint(path);
      expect([source.names(), source.files]).toEqual([['a', 'b'], paths]);
      expect(await source.read('b')).toHaveLength(4);
    }
  });

  it.each([
    ['a part is missing', () => put('gone', [part(0, 2, 2, [])], 2), 'SHARD_MISSING'],
    [
      'its parts count differently',
      () => put('count', [part(0, 2, 1, [tensor('a', [1], 'float32', 0)]), part(1, 3, 1, [])]),
      'INDEX_INVALID',
    ],
    ['a part has another place', () => put('place', [part(1, 2, 0, []), part(0, 2, 0, [])]), 'INDEX_INVALID'],
    [
      'tensors are missing',
      () => put('few', [part(0, 2, 5, [tensor('a', [1], 'float32', 0)]), part(1, 2, 5, [])]),
      'INDEX_INVALID',
    ],
    [
      'two parts hold one name',
      () =>
        put('twice', [
          part(0, 2, 2, [tensor('a', [1], 'float32', 0)]),
          part(1, 2, 2, [tensor('a', [1], 'float32', 0)]),
        ]),
      'DUPLICATE_NAME',
    ],
    ['its name tells of no parts', () => [written(part(0, 2, 0, []))], 'INDEX_INVALID'],
  ])('is refused where %s', async (_, make, code) => {
    expect((await errorOf(() => openGguf(make()[0] as string))).code).toBe(code);
  });

  it('knows the names of its parts', () => {
    expect(partNames('m-00002-of-00002.gguf')).toEqual(['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf']);
    for (const name of ['m.gguf', 'm-00003-of-00002.gguf', 'm-00000-of-00002.gguf']) expect(partNames(name)).toBeNull();
  });
});

describe('writeGguf', () => {
  it('writes what is read again, value for value and byte for byte', async () => {
    const metadata = new Map<string, GgufValue>([
      ['general.architecture', { type: 'string', value: 'llama' }],
      ['n', { type: 'uint64', value: 7 }],
      ['r', { type: 'float32', value: 0.5 }],
      ['words', { type: 'array', value: GgufArray.ofStrings(['', 'é', 'x y']) }],
      ['numbers', { type: 'array', value: GgufArray.ofNumbers('int32', [-1, 5]) }],
    ]);
    const bytes = new Uint8Array(34).fill(9);
    const tensors = [
      { name: 'q', dtype: 'Q8_0', shape: [1, 32], bytes },
      { name: 'v', dtype: 'float16', shape: [3], bytes: new Uint16Array([1, 2, 3]) },
    ] as const;
    const path = join(scratch, 'own.gguf');
    await writeGguf(path, metadata, tensors);
    await using source = await openGguf(path);
    expect(source.names()).toEqual(['q', 'v']);
    expect(await source.read('q')).toEqual(bytes);
    expect(source.info('v')).toMatchObject({ dtype: 'float16', shape: [3] });
    const back = [...(ggufMetadata(source) ?? [])].map(([key, found]) => [
      key,
      found.type === 'array' ? found.value.items() : found.value,
    ]);
    expect(back).toEqual([
      ['general.architecture', 'llama'],
      ['n', 7],
      ['r', 0.5],
      ['words', ['', 'é', 'x y']],
      ['numbers', [-1, 5]],
    ]);
  });

  it.each([
    ['a name of 64 bytes', { name: 'n'.repeat(64), dtype: 'float32', shape: [1] }, 'NAME_TOO_LONG'],
    ['a dtype that ggml has not', { name: 'n', dtype: 'bool', shape: [1] }, 'UNKNOWN_DTYPE'],
    ['rows that are no whole blocks', { name: 'n', dtype: 'Q4_K', shape: [2, 128] }, 'SIZE_MISMATCH'],
    ['fewer bytes than its shape', { name: 'n', dtype: 'float32', shape: [2] }, 'SIZE_MISMATCH'],
  ] as const)('refuses %s, and leaves nothing behind', async (_, described, code) => {
    const path = join(scratch, 'refused.gguf');
    const error = await errorOf(() => writeGguf(path, new Map(), [{ ...described, bytes: new Uint8Array(4) }]));
    expect(error.code).toBe(code);
    expect((await errorOf(() => openGguf(path))).code).toBe('FILE_NOT_FOUND');
  });
});
