import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatIndex, parseIndex, readIndex, shardFiles, writeIndex } from '../../lib/checkpoint/index-file';
import { unsafeNameReason } from '../../lib/checkpoint/shard-name';
import { indexName, shardName, variantName } from '../../lib/checkpoint/weight-names';
import { atOnce } from '../../lib/turns';
import { errorOf, scratchFolder } from './scratch';

const folder = scratchFolder();
const parse = (text: string) => parseIndex(Buffer.from(text), 'i.json');
const mapping = (name: string) => `{"weight_map":{"a":${JSON.stringify(name)}}}`;

describe('a shard name out of an index', () => {
  const unsafe = [
    '',
    '.',
    '..',
    '../x',
    '../../etc/passwd',
    'a/../../x',
    'a/..',
    'a/./b',
    './x',
    'a//b',
    'a/',
    '/etc/passwd',
    '//server/share',
    '\\\\server\\share\\x',
    'a\\..\\..\\e',
    '..\\x',
    'C:\\x',
    'C:/x',
    'D:rel',
    'folder/C:\\x',
    'folder/C:x',
    'file:stream',
    'http://host/x',
    'a\0b',
    'a\nb',
    'a\u007fb',
    'a\u0085b',
    '%2e%2e/x',
    '%2e%2e%2fx',
    '..%2fx',
    '%2E%2E/x',
    '%252e%252e/x',
    '%25252e%25252e%25252fx',
    'a%2f..%2f..%2fx',
    '%2fetc/passwd',
    '%5c%5cserver',
    'x%00y',
    'C%3a/x',
    '%2e%2e/%ff',
    '%2e%2e/%zz',
    `${'%25'.repeat(1)}${'25'.repeat(6)}2e`,
    `${'n'.repeat(256)}`,
    `sub/${'é'.repeat(128)}`,
    'CON',
    'con',
    'CON.safetensors',
    'sub/nul.bin',
    'COM1',
    'LPT9.txt',
    'aux ',
    'name.',
    'name ',
    '.. /x',
    '\ud800',
  ];
  it.each(unsafe.map((name) => [JSON.stringify(name).slice(0, 60), name]))(
    '%s is refused before any file is opened',
    async (_, name) => {
      expect(unsafeNameReason(name)).not.toBeNull();
      if (name === '\ud800') return;
      const error = await errorOf(() => parse(mapping(name)));
      expect(error.code).toBe('UNSAFE_SHARD_NAME');
      expect(error.message).toContain('i.json');
    },
  );

  it.each([
    'model-00001-of-00003.safetensors',
    'model.fp16-00001-of-00003.safetensors',
    'sub/model-00001-of-00001.safetensors',
    '..model',
    'a..b/c',
    '.hidden',
    'with space.safetensors',
    '日本.safetensors',
    '100%.safetensors',
    'a%20b.safetensors',
    'CONSOLE.safetensors',
    'com.example',
    `${'n'.repeat(255)}`,
    '__proto__',
  ])('%s is taken', (name) => {
    expect(unsafeNameReason(name)).toBeNull();
    expect(shardFiles(parse(mapping(name)))).toEqual([name]);
  });
});

describe('reading an index', () => {
  it('gives the files in order, the map in the order of the text, and the metadata', () => {
    const { weightMap, metadata } = parse(
      '{"other":[1],"weight_map":{"b":"y","a":"x","__proto__":"y"},"metadata":{"total_size":12,"dtype":"float16","x":{"y":null}}}',
    );
    expect([...weightMap]).toEqual([
      ['b', 'y'],
      ['a', 'x'],
      ['__proto__', 'y'],
    ]);
    expect(shardFiles({ weightMap, metadata })).toEqual(['x', 'y']);
    expect([...metadata]).toEqual([
      ['total_size', 12],
      ['dtype', 'float16'],
      ['x', { y: null }],
    ]);
  });

  it('does without metadata', () => {
    expect(parse('{"weight_map":{"a":"x"}}').metadata.size).toBe(0);
    expect(parse('{"weight_map":{"a":"x"},"metadata":null}').metadata.size).toBe(0);
  });

  it.each([
    ['not JSON', 'x', 'INDEX_INVALID'],
    ['empty', '', 'INDEX_INVALID'],
    ['an array', '[]', 'INDEX_INVALID'],
    ['without weight_map', '{"metadata":{}}', 'INDEX_INVALID'],
    ['with a weight_map that is an array', '{"weight_map":[]}', 'INDEX_INVALID'],
    ['with an empty weight_map', '{"weight_map":{}}', 'INDEX_INVALID'],
    ['with a number for a file', '{"weight_map":{"a":1}}', 'INDEX_INVALID'],
    ['with a trailing comma', '{"weight_map":{"a":"x",}}', 'INDEX_INVALID'],
    ['with text behind it', '{"weight_map":{"a":"x"}}x', 'INDEX_INVALID'],
    ['nested too deep', `{"x":${'['.repeat(200)}`, 'INDEX_INVALID'],
    ['with one name in two files', '{"weight_map":{"a":"x","a":"y"}}', 'DUPLICATE_NAME'],
    ['with two weight_maps', '{"weight_map":{"a":"x"},"weight_map":{"b":"x"}}', 'DUPLICATE_NAME'],
    ['with a metadata key twice', '{"metadata":{"a":1,"a":2},"weight_map":{"b":"x"}}', 'DUPLICATE_NAME'],
    ['a git-lfs pointer', 'version https://git-lfs.github.com/spec/v1\n', 'GIT_LFS_POINTER'],
  ])('refuses one that is %s', async (_, text, code) => {
    const error = await errorOf(() => parse(text));
    expect([error.constructor.name, error.code]).toEqual(['CheckpointError', code]);
    expect(error.message).toContain('i.json');
  });

  it('refuses one that is not UTF-8', async () => {
    expect((await errorOf(() => parseIndex(Buffer.from('{"weight_map":{"\xff":"x"}}', 'latin1'), 'i'))).code).toBe(
      'INDEX_INVALID',
    );
  });

  it('refuses more than 10,000 files', async () => {
    const files = Array.from({ length: 10_001 }, (_, i) => `"${i}":"f${i}"`);
    expect((await errorOf(() => parse(`{"weight_map":{${files.join(',')}}}`))).code).toBe('TOO_MANY_SHARDS');
  });

  it("says Can't find a checkpoint index where there is none", async () => {
    const error = await errorOf(() => readIndex(join(folder, 'model.safetensors.index.json')));
    expect(error.name).toBe('ValueError');
    expect(error.message).toMatch(/^Can't find a checkpoint index/);
  });
});

describe('writing an index', () => {
  it('gives the text that Python gives: sorted by code point, two spaces, ASCII, a newline', async () => {
    const path = join(folder, 'written.index.json');
    const weightMap = new Map([
      ['b', 'model-00002-of-00002.safetensors'],
      ['\u{1f600}\u007f', 'x'],
      ['\uffee', 'x'],
      ['a', 'x'],
      ['10', 'x'],
    ]);
    await writeIndex(path, {
      metadata: new Map([
        ['total_size', 8],
        ['total_parameters', 2],
      ]),
      weightMap,
    });
    expect(readFileSync(path, 'utf8')).toBe(
      [
        '{',
        '  "metadata": {',
        '    "total_parameters": 2,',
        '    "total_size": 8',
        '  },',
        '  "weight_map": {',
        '    "10": "x",',
        '    "a": "x",',
        '    "b": "model-00002-of-00002.safetensors",',
        '    "\\uffee": "x",',
        '    "\\ud83d\\ude00\\u007f": "x"',
        '  }',
        '}',
        '',
      ].join('\n'),
    );
    expect([...(await readIndex(path)).weightMap]).toHaveLength(5);
  });

  it('keeps every name when read back', () => {
    const index = {
      metadata: new Map(),
      weightMap: new Map([
        ['', 'x'],
        ['"\\\n\0', 'x'],
        ['__proto__', 'x'],
      ]),
    };
    expect([...parse(atOnce(formatIndex(index))).weightMap]).toEqual([...index.weightMap]);
  });

  it('refuses a file name that could not be read again, and leaves no trace', async () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    const index = { metadata: new Map(), weightMap: new Map([['a', '../x']]) };
    expect((await errorOf(() => writeIndex(join(own, 'i.json'), index))).code).toBe('UNSAFE_SHARD_NAME');
    expect(readdirSync(own)).toEqual([]);
  });

  it('replaces a folder entry only when the whole text is there', async () => {
    const path = join(folder, 'abort.index.json');
    writeFileSync(path, 'old');
    const index = { metadata: new Map(), weightMap: new Map([['a', 'x']]) };
    expect((await errorOf(() => writeIndex(path, index, AbortSignal.abort()))).code).toBe('ABORT_ERR');
    expect(readFileSync(path, 'utf8')).toBe('old');
  });
});

describe('file names', () => {
  it('put a variant before the last extension', () => {
    expect(variantName('model.safetensors', 'fp16')).toBe('model.fp16.safetensors');
    expect(variantName('pytorch_model.bin', 'fp16')).toBe('pytorch_model.fp16.bin');
    expect(variantName('model.safetensors.index.json', 'fp16')).toBe('model.safetensors.index.fp16.json');
    expect(variantName('model.safetensors', null)).toBe('model.safetensors');
  });

  it('number shards with five digits behind the variant', () => {
    expect(shardName('model.safetensors', 1, 3)).toBe('model-00001-of-00003.safetensors');
    expect(shardName(variantName('model.safetensors', 'fp16'), 12, 12)).toBe('model.fp16-00012-of-00012.safetensors');
    expect(indexName('model.safetensors')).toBe('model.safetensors.index.json');
    expect(indexName('model.safetensors', 'fp16')).toBe('model.safetensors.index.fp16.json');
  });

  it.each(['', '../x', 'a/b', 'a\\b', 'C:', 'a\0', 7])('refuse the variant %j', async (variant) => {
    expect((await errorOf(() => variantName('model.safetensors', variant as string))).name).toBe('ValueError');
  });
});
