import { CHECKPOINT_FAULTS } from '../../lib/checkpoint/fault';
import type { HeaderLimits } from '../../lib/checkpoint/header-limits';
import { parseHeader } from '../../lib/checkpoint/safetensors-header';
import { errorOf, safetensorsBytes } from './scratch';

/** One float32 vector of four, the whole of 16 bytes. */
const A = '{"dtype":"F32","shape":[4],"data_offsets":[0,16]}';
const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

interface Row {
  claim: string;
  json: string | Uint8Array;
  data?: number;
  length?: bigint;
  limits?: Partial<HeaderLimits>;
  code?: string;
  says?: RegExp;
}

function parse({ json, data = 16, length, limits }: Row) {
  const bytes = safetensorsBytes(json, data, length);
  return parseHeader(bytes, bytes.byteLength, { file: 'x.safetensors', limits });
}

const accepted: Row[] = [
  { claim: 'one tensor', json: `{"a":${A}}` },
  { claim: 'white space before the brace', json: ` \n\t\r{"a":${A}}` },
  { claim: 'white space behind the brace', json: `{"a":${A}} \n\t\r` },
  {
    claim: 'white space anywhere in the JSON',
    json: `{ "a" : { "dtype" : "F32" , "shape" : [ 4 ] , "data_offsets" : [ 0 , 16 ] } }`,
  },
  { claim: 'a header of odd length, its data misaligned', json: `{"a":${A}} ` },
  {
    claim: 'extra keys in an entry, whatever they hold',
    json: `{"a":{"x":[{"y":[1,-2.5e3,"\\ud83d\\ude00",null,true]}],"x":1,${A.slice(1)}}`,
  },
  { claim: 'nesting of 127 levels', json: `{"a":{"x":${'['.repeat(125)}${']'.repeat(125)},${A.slice(1)}}` },
  {
    claim: 'keys in any order, escaped',
    json: '{"a":{"data_offsets":[0,16],"sh\\u0061pe":[4],"\\u0064type":"\\u004632"}}',
  },
  { claim: 'null for __metadata__', json: `{"__metadata__":null,"a":${A}}` },
  { claim: 'an empty name', json: `{"":${A}}` },
  { claim: 'a NUL in a name', json: `{"a\\u0000b":${A}}` },
  { claim: '__proto__ as a name', json: `{"__proto__":${A}}` },
  { claim: 'names beyond ASCII', json: `{"日\\ud83d\\ude00\u007f":${A}}` },
  { claim: 'no tensors at all', json: '{}', data: 0 },
  { claim: 'no tensors but metadata', json: '{"__metadata__":{"format":"pt"}}', data: 0 },
  { claim: 'a scalar', json: `{"a":${entry('F64', '[]', '[0,8]')}}`, data: 8 },
  { claim: 'a dimension of zero', json: `{"a":${entry('F32', '[0,281474976710656]', '[0,0]')}}`, data: 0 },
  {
    claim: 'a dimension of zero behind others whose product is beyond 2^64',
    json: `{"a":${entry('F32', '[1099511627776,1099511627776,0]', '[0,0]')}}`,
    data: 0,
  },
  {
    claim: 'empty tensors at the start and at the end of another',
    json: `{"y":${entry('U8', '[0]', '[16,16]')},"a":${A},"z":${entry('U8', '[0]', '[0,0]')}}`,
  },
  {
    claim: 'entries in another order than their bytes',
    json: `{"b":${entry('U8', '[8]', '[8,16]')},"a":${entry('U8', '[8]', '[0,8]')}}`,
  },
  { claim: 'four-bit elements that fill bytes', json: `{"a":${entry('F4', '[32]', '[0,16]')}}` },
  { claim: 'six-bit elements that fill bytes', json: `{"a":${entry('F6_E3M2', '[4]', '[0,3]')}}`, data: 3 },
  { claim: '64 dimensions', json: `{"a":${entry('U8', `[${'1,'.repeat(63)}16]`, '[0,16]')}}` },
  { claim: 'a name of 65,535 bytes', json: `{"${'é'.repeat(32767)}n":${A}}` },
];

const refused: Row[] = [
  // The length field.
  { claim: 'a length of 0', json: '', data: 0, length: 0n, code: 'HEADER_INVALID_JSON' },
  {
    claim: 'a length beyond the limit',
    json: '{}',
    data: 0,
    length: 100_000_001n,
    code: 'HEADER_TOO_LARGE',
    says: /100000001/,
  },
  { claim: 'a length beyond the file', json: '{}', data: 0, length: 50n, code: 'HEADER_TRUNCATED' },
  {
    claim: 'a length of 2^63',
    json: '{}',
    data: 0,
    length: 1n << 63n,
    code: 'HEADER_TOO_LARGE',
    says: /9223372036854775808/,
  },
  { claim: 'a length of 2^64 - 1', json: '{}', data: 0, length: (1n << 64n) - 1n, code: 'HEADER_TOO_LARGE' },
  // JSON.
  { claim: 'NUL padding', json: `{"a":${A}}\0\0`, code: 'HEADER_INVALID_JSON', says: /padded with NUL/ },
  { claim: 'a byte order mark', json: `\ufeff{"a":${A}}`, code: 'HEADER_INVALID_JSON', says: /byte order mark/ },
  { claim: 'a trailing comma between entries', json: `{"a":${A},}`, code: 'HEADER_INVALID_JSON' },
  {
    claim: 'a trailing comma in a shape',
    json: `{"a":${entry('F32', '[4,]', '[0,16]')}}`,
    code: 'HEADER_INVALID_ENTRY',
  },
  { claim: 'text behind the object', json: `{"a":${A}}x`, code: 'HEADER_INVALID_JSON' },
  { claim: 'a form feed as white space', json: `{"a":${A}}\f`, code: 'HEADER_INVALID_JSON' },
  { claim: 'an array', json: '[]', data: 0, code: 'HEADER_INVALID_JSON' },
  { claim: 'an object without end', json: `{"a":${A}`, code: 'HEADER_INVALID_JSON' },
  {
    claim: 'half a surrogate pair in a name',
    json: `{"\\ud800":${A}}`,
    code: 'HEADER_INVALID_JSON',
    says: /surrogate/,
  },
  { claim: 'the other half', json: `{"\\udc00":${A}}`, code: 'HEADER_INVALID_JSON', says: /surrogate/ },
  {
    claim: 'a high half before something else',
    json: `{"\\ud800\\u0041":${A}}`,
    code: 'HEADER_INVALID_JSON',
    says: /surrogate/,
  },
  {
    claim: 'half a pair in a value that is ignored',
    json: `{"a":{"x":"\\ud800",${A.slice(1)}}`,
    code: 'HEADER_INVALID_JSON',
  },
  { claim: 'a raw control character', json: `{"a\u0001":${A}}`, code: 'HEADER_INVALID_JSON' },
  { claim: 'an unknown escape', json: `{"\\x41":${A}}`, code: 'HEADER_INVALID_JSON' },
  {
    claim: 'nesting of 128 levels',
    json: `{"a":{"x":${'['.repeat(126)}${']'.repeat(126)},${A.slice(1)}}`,
    code: 'HEADER_INVALID_JSON',
    says: /nest/,
  },
  { claim: 'an ignored number out of range', json: `{"a":{"x":1e999,${A.slice(1)}}`, code: 'HEADER_INVALID_JSON' },
  { claim: 'a broken value that would be ignored', json: `{"a":{"x":tru,${A.slice(1)}}`, code: 'HEADER_INVALID_JSON' },
  { claim: 'bytes that are not UTF-8', json: Buffer.from(`{"a\xff":${A}}`, 'latin1'), code: 'HEADER_INVALID_UTF8' },
  {
    claim: 'an overlong spelling of NUL',
    json: Buffer.from(`{"a\xc0\x80":${A}}`, 'latin1'),
    code: 'HEADER_INVALID_UTF8',
  },
  // Names.
  { claim: 'a name twice, same offsets', json: `{"a":${A},"a":${A}}`, code: 'DUPLICATE_NAME', says: /'a'/ },
  { claim: 'a name twice, spelt differently', json: `{"a":${A},"\\u0061":${A}}`, code: 'DUPLICATE_NAME' },
  { claim: 'the name __proto__ twice', json: `{"__proto__":${A},"__proto__":${A}}`, code: 'DUPLICATE_NAME' },
  { claim: '__metadata__ twice', json: `{"__metadata__":{},"__metadata__":{},"a":${A}}`, code: 'DUPLICATE_NAME' },
  {
    claim: '__metadata__ twice, once null',
    json: `{"__metadata__":null,"__metadata__":{},"a":${A}}`,
    code: 'DUPLICATE_NAME',
  },
  {
    claim: 'a metadata key twice',
    json: `{"__metadata__":{"format":"pt","format":"tf"},"a":${A}}`,
    code: 'DUPLICATE_NAME',
    says: /'format'/,
  },
  {
    claim: 'a key of an entry twice',
    json: `{"a":{"dtype":"F32",${A.slice(1)}}`,
    code: 'DUPLICATE_NAME',
    says: /'dtype'/,
  },
  { claim: 'a name of 65,536 bytes', json: `{"${'é'.repeat(32768)}":${A}}`, code: 'NAME_TOO_LONG' },
  { claim: 'a name that is too long once decoded', json: `{"${'\\u00e9'.repeat(32768)}":${A}}`, code: 'NAME_TOO_LONG' },
  // Metadata.
  { claim: 'metadata that holds a number', json: `{"__metadata__":{"a":1},"a":${A}}`, code: 'METADATA_INVALID' },
  { claim: 'metadata that is an array', json: `{"__metadata__":[],"a":${A}}`, code: 'METADATA_INVALID' },
  { claim: 'metadata that looks like a tensor', json: `{"__metadata__":${A}}`, code: 'METADATA_INVALID' },
  {
    claim: 'more metadata than allowed',
    json: '{"__metadata__":{"a":"","b":""}}',
    data: 0,
    limits: { metadataEntries: 1 },
    code: 'METADATA_INVALID',
  },
  // Entries.
  {
    claim: 'a dimension 4.0',
    json: `{"a":${entry('F32', '[4.0]', '[0,16]')}}`,
    code: 'HEADER_INVALID_JSON',
    says: /fraction/,
  },
  {
    claim: 'a dimension 4e0',
    json: `{"a":${entry('F32', '[4e0]', '[0,16]')}}`,
    code: 'HEADER_INVALID_JSON',
    says: /exponent/,
  },
  { claim: 'a negative dimension', json: `{"a":${entry('F32', '[-4]', '[0,16]')}}`, code: 'HEADER_INVALID_ENTRY' },
  { claim: 'a dimension -0', json: `{"a":${entry('F32', '[-0]', '[0,0]')}}`, data: 0, code: 'HEADER_INVALID_ENTRY' },
  { claim: 'a dimension 04', json: `{"a":${entry('F32', '[04]', '[0,16]')}}`, code: 'HEADER_INVALID_JSON' },
  {
    claim: 'a dimension in quotation marks',
    json: `{"a":${entry('F32', '["4"]', '[0,16]')}}`,
    code: 'HEADER_INVALID_ENTRY',
  },
  { claim: 'a shape that is a number', json: `{"a":${entry('F32', '4', '[0,16]')}}`, code: 'HEADER_INVALID_ENTRY' },
  { claim: 'one offset', json: `{"a":${entry('F32', '[4]', '[0]')}}`, code: 'HEADER_INVALID_ENTRY' },
  { claim: 'three offsets', json: `{"a":${entry('F32', '[4]', '[0,16,16]')}}`, code: 'HEADER_INVALID_ENTRY' },
  {
    claim: 'an entry without dtype',
    json: '{"a":{"shape":[4],"data_offsets":[0,16]}}',
    code: 'HEADER_INVALID_ENTRY',
    says: /dtype/,
  },
  {
    claim: 'an entry without shape',
    json: '{"a":{"dtype":"F32","data_offsets":[0,16]}}',
    code: 'HEADER_INVALID_ENTRY',
    says: /shape/,
  },
  {
    claim: 'an entry without offsets',
    json: '{"a":{"dtype":"F32","shape":[4]}}',
    code: 'HEADER_INVALID_ENTRY',
    says: /data_offsets/,
  },
  { claim: 'an entry that is null', json: '{"a":null}', data: 0, code: 'HEADER_INVALID_ENTRY' },
  { claim: 'an entry that is an array', json: '{"a":["F32",[4],[0,16]]}', code: 'HEADER_INVALID_ENTRY' },
  {
    claim: 'a dtype that is an object',
    json: '{"a":{"dtype":{"F32":null},"shape":[4],"data_offsets":[0,16]}}',
    code: 'HEADER_INVALID_ENTRY',
  },
  {
    claim: 'a dtype in lower case',
    json: `{"a":${entry('f32', '[4]', '[0,16]')}}`,
    code: 'UNKNOWN_DTYPE',
    says: /F32/,
  },
  {
    claim: 'a dtype of no format',
    json: `{"a":${entry('FLOAT', '[4]', '[0,16]')}}`,
    code: 'UNKNOWN_DTYPE',
    says: /'FLOAT'/,
  },
  {
    claim: '65 dimensions',
    json: `{"a":${entry('U8', `[${'1,'.repeat(64)}16]`, '[0,16]')}}`,
    code: 'TOO_MANY_DIMENSIONS',
  },
  {
    claim: 'one tensor more than allowed',
    json: `{"a":${A},"b":${entry('U8', '[0]', '[16,16]')}}`,
    limits: { tensors: 1 },
    code: 'TOO_MANY_TENSORS',
  },
  // Sizes.
  {
    claim: 'the shape [0, 2^63]',
    json: `{"a":${entry('F32', '[0,9223372036854775808]', '[0,0]')}}`,
    data: 0,
    code: 'OVERFLOW',
  },
  {
    claim: 'the shape [2^63, 2^63, 0]',
    json: `{"a":${entry('F32', '[9223372036854775808,9223372036854775808,0]', '[0,0]')}}`,
    data: 0,
    code: 'OVERFLOW',
  },
  {
    claim: 'the shape [2, 2^64 - 2]',
    json: `{"a":${entry('I32', '[2,18446744073709551614]', '[0,16]')}}`,
    code: 'OVERFLOW',
    says: /18446744073709551614/,
  },
  {
    claim: 'the shape [2, 2^63 - 1]',
    json: `{"a":${entry('I32', '[2,9223372036854775807]', '[0,16]')}}`,
    code: 'OVERFLOW',
  },
  {
    claim: 'float64 of shape [2^32, 2^32]',
    json: `{"a":${entry('F64', '[4294967296,4294967296]', '[0,16]')}}`,
    code: 'OVERFLOW',
  },
  {
    claim: 'a dimension beyond 2^64',
    json: `{"a":${entry('U8', '[18446744073709551616]', '[0,16]')}}`,
    code: 'HEADER_INVALID_JSON',
    says: /2\^64/,
  },
  {
    claim: 'a dimension of 2^48 + 1',
    json: `{"a":${entry('U8', '[0,281474976710657]', '[0,0]')}}`,
    data: 0,
    code: 'OVERFLOW',
  },
  { claim: 'three four-bit elements', json: `{"a":${entry('F4', '[3]', '[0,1]')}}`, data: 1, code: 'MISALIGNED' },
  {
    claim: 'a size beyond 2^53 against its offsets',
    json: `{"a":${entry('U8', '[281474976710656,64]', '[0,16]')}}`,
    code: 'SIZE_MISMATCH',
    says: /18014398509481984/,
  },
  {
    claim: 'fewer bytes than the shape needs',
    json: `{"a":${entry('F32', '[5]', '[0,16]')}}`,
    code: 'SIZE_MISMATCH',
    says: /20 bytes/,
  },
  { claim: 'more bytes than the shape needs', json: `{"a":${entry('F32', '[3]', '[0,16]')}}`, code: 'SIZE_MISMATCH' },
  // Places.
  { claim: 'an end before the begin', json: `{"a":${entry('U8', '[16]', '[16,0]')}}`, code: 'INVALID_OFFSETS' },
  {
    claim: 'offsets beyond 2^53, exactly',
    json: `{"a":${entry('U8', '[1]', '[9007199254740993,9007199254740994]')}}`,
    code: 'TENSOR_OUT_OF_RANGE',
    says: /9007199254740993, 9007199254740994/,
  },
  {
    claim: 'offsets of 2^64 - 1',
    json: `{"a":${entry('U8', '[0]', '[18446744073709551615,18446744073709551615]')}}`,
    code: 'TENSOR_OUT_OF_RANGE',
  },
  { claim: 'a file cut short', json: `{"a":${A}}`, data: 15, code: 'TENSOR_OUT_OF_RANGE', says: /truncated/ },
  {
    claim: 'a hole between tensors',
    json: `{"a":${entry('U8', '[4]', '[0,4]')},"b":${entry('U8', '[4]', '[12,16]')}}`,
    code: 'HOLE',
    says: /8 bytes/,
  },
  { claim: 'a hole before the first tensor', json: `{"a":${entry('U8', '[8]', '[8,16]')}}`, code: 'HOLE' },
  {
    claim: 'neighbours that overlap',
    json: `{"a":${entry('U8', '[10]', '[0,10]')},"b":${entry('U8', '[8]', '[8,16]')}}`,
    code: 'OVERLAP',
    says: /'b'.*'a'/,
  },
  {
    claim: 'tensors far apart in the header that overlap',
    json: `{"a":${entry('U8', '[10]', '[0,10]')},"c":${entry('U8', '[2]', '[14,16]')},"b":${entry('U8', '[6]', '[8,14]')}}`,
    code: 'OVERLAP',
  },
  { claim: 'an empty tensor inside another', json: `{"a":${A},"b":${entry('U8', '[0]', '[8,8]')}}`, code: 'OVERLAP' },
  { claim: 'bytes behind the last tensor', json: `{"a":${A}}`, data: 17, code: 'TRAILING_DATA', says: /1 bytes/ },
  { claim: 'data without tensors', json: '{}', data: 4, code: 'TRAILING_DATA' },
];

describe('the safetensors header', () => {
  it.each(accepted)('accepts $claim', (row) => {
    expect(() => parse(row)).not.toThrow();
  });

  it.each(refused)('refuses $claim: $code', async (row) => {
    const error = await errorOf(() => parse(row));
    expect(error.constructor.name).toBe('CheckpointError');
    expect(error.code).toBe(row.code);
    expect(error.file).toBe('x.safetensors');
    expect(error.message).toMatch(/^Unable to load weights from 'x\.safetensors': /);
    if (row.says) expect(error.message).toMatch(row.says);
  });

  it('has a sentence for every code', () => {
    for (const { code } of refused) expect(CHECKPOINT_FAULTS).toHaveProperty([code as string]);
    for (const sentence of Object.values(CHECKPOINT_FAULTS)) expect(sentence).toMatch(/^[A-Z_].*\.$/);
  });

  it('keeps names, types, shapes and offsets, in the order of the bytes', () => {
    const { tensors, metadata, dataStart } = parse({
      claim: '',
      json: `{"b":${entry('BF16', '[2,2]', '[8,16]')},"__metadata__":{"format":"pt","k\\n":"v"},"10":${entry('I64', '[]', '[0,8]')}}`,
    });
    expect(tensors.names()).toEqual(['10', 'b']);
    expect(tensors.get('b')).toEqual({ dtype: 'bfloat16', shape: [2, 2], begin: 8, end: 16 });
    expect(tensors.get('10')).toEqual({ dtype: 'int64', shape: [], begin: 0, end: 8 });
    expect(tensors.get('toString')).toBeUndefined();
    expect([...metadata]).toEqual([
      ['format', 'pt'],
      ['k\n', 'v'],
    ]);
    expect(dataStart).toBe(8 + 152);
  });

  it('names the tensor and cuts hostile names in messages', async () => {
    const name = `${'n'.repeat(60000)}\\u001b[2J`;
    const error = await errorOf(() => parse({ claim: '', json: `{"${name}":${entry('F32', '[1]', '[0,16]')}}` }));
    expect(error.tensor).toHaveLength(60004);
    expect(error.message.length).toBeLessThan(400);
  });

  it('refuses a file that is too short for a length', async () => {
    const error = await errorOf(() => parseHeader(Buffer.alloc(7), 7));
    expect(error.code).toBe('HEADER_TRUNCATED');
  });

  it('refuses an archive appended to a valid file', async () => {
    const zip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex');
    const bytes = safetensorsBytes(`{"a":${A}}`, Buffer.concat([Buffer.alloc(16), zip]));
    expect((await errorOf(() => parseHeader(bytes, bytes.byteLength))).code).toBe('TRAILING_DATA');
  });
});

describe('a header of 100,000,000 bytes', () => {
  const size = 100_000_000;
  const fill = (before: string, pattern: string) =>
    safetensorsBytes(Buffer.concat([Buffer.from(before), Buffer.alloc(size - before.length, pattern)]), 32);
  const bombs: [string, () => Buffer, string][] = [
    ['a million tensors on the same bytes', () => fill('{', `"w":${entry('U8', '[16]', '[0,16]')},`), 'DUPLICATE_NAME'],
    [
      'different names on the same bytes',
      () => {
        const names = Array.from({ length: 1_600_000 }, (_, i) => `"${i}":${entry('U8', '[16]', '[0,16]')}`);
        return safetensorsBytes(`{${names.join(',')}}`.slice(0, size), 16);
      },
      'OVERLAP',
    ],
    ['nothing but white space', () => fill('', ' '), 'HEADER_INVALID_JSON'],
    ['nothing but brackets', () => fill('{"a":{"x":', '['), 'HEADER_INVALID_JSON'],
    ['one number', () => fill('{"a":{"shape":[', '9'), 'HEADER_INVALID_JSON'],
    ['one name of escapes', () => fill('{"', '\\u0041'), 'HEADER_INVALID_JSON'],
  ];
  it.each(bombs)('of %s is refused without building anything from it', async (_, make, code) => {
    const bytes = make();
    const before = process.memoryUsage().rss;
    const error = await errorOf(() => parseHeader(bytes, bytes.byteLength));
    expect(error.code).toBe(code);
    expect(process.memoryUsage().rss - before).toBeLessThan(1.5 * size);
  });
});
