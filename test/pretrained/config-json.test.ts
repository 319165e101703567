import { copyJson, equalJson, formatFloat, formatJson, parseJson } from '../../lib/pretrained/config-json';

describe('JSON as Python has it (C-12)', () => {
  it.each([
    [1e-12, '1e-12'],
    [1e-5, '1e-05'],
    [1e-4, '0.0001'],
    [0.02, '0.02'],
    [0.1, '0.1'],
    [1, '1.0'],
    [-0, '-0.0'],
    [10000, '10000.0'],
    [1234567.5, '1234567.5'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.5e300, '1.5e+300'],
    [-2.5e-7, '-2.5e-07'],
    [5e-324, '5e-324'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ])('writes the float %p as %s', (value, text) => {
    expect(formatFloat(value)).toBe(text);
  });

  it('keeps floats floats and integers integers', () => {
    const text = '{\n  "a": 1.0,\n  "b": 1,\n  "c": [\n    0.0,\n    0,\n    1e-12\n  ]\n}';
    expect(formatJson(parseJson(text))).toBe(text);
    expect(formatJson(copyJson(parseJson(text)))).toBe(text);
    expect(formatJson(parseJson('{"a":1E0,"b":-0,"c":-0.0,"d":1e3}'))).toBe(
      '{\n  "a": 1.0,\n  "b": 0,\n  "c": -0.0,\n  "d": 1000.0\n}',
    );
  });

  it('keeps the digits of integers that a JavaScript number cannot hold', () => {
    const text = '{\n  "model_max_length": 1000000000000000019884624838656\n}';
    const value = parseJson(text) as Record<string, unknown>;
    expect(value['model_max_length']).toBe(1e30);
    expect(formatJson(value)).toBe(text);
    value['model_max_length'] = 5;
    expect(formatJson(value)).toBe('{\n  "model_max_length": 5\n}');
  });

  it('reads and writes numbers that are not finite, also as Transformers 5 tags them', () => {
    const text = '{\n  "a": NaN,\n  "b": Infinity,\n  "c": -Infinity\n}';
    expect(formatJson(parseJson(text))).toBe(text);
    expect(parseJson('{"a": {"__float__": "-Infinity"}, "b": {"__float__": "x"}}')).toEqual({
      a: Number.NEGATIVE_INFINITY,
      b: { __float__: 'x' },
    });
  });

  it('sorts keys by code point, or by number where they are integers', () => {
    expect(Object.keys(JSON.parse(formatJson({ b: 1, a: 1, B: 1 })))).toEqual(['B', 'a', 'b']);
    expect(formatJson({ '\u{1f600}': 1, '\uff00': 2 }).indexOf('uff00')).toBeLessThan(10);
    const ids = { id2label: { 0: 'a', 10: 'b', 9: 'c' }, other: { 10: 'b', 9: 'c' } };
    const text = formatJson(ids, new Set(['id2label']));
    expect(text.match(/"\d+"/g)).toEqual(['"0"', '"9"', '"10"', '"10"', '"9"']);
  });

  it('escapes what is not printable ASCII', () => {
    expect(formatJson('é☃😀\n"\\\u007f')).toBe('"\\u00e9\\u2603\\ud83d\\ude00\\n\\"\\\\\\u007f"');
  });

  it('writes empty containers on one line, and leaves undefined out', () => {
    expect(formatJson({ a: [], b: {}, c: undefined, d: null })).toBe('{\n  "a": [],\n  "b": {},\n  "d": null\n}');
  });

  it('takes the last of two equal keys, and a key named __proto__ as any other', () => {
    expect(parseJson('{"a": 1.0, "a": 2}')).toEqual({ a: 2 });
    expect(formatJson(parseJson('{"a": 1.0, "a": 2}'))).toBe('{\n  "a": 2\n}');
    const value = parseJson('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value['polluted']).toBeUndefined();
  });

  it.each([
    ['', 'line 1, column 1'],
    ['{"a": 1,}', 'line 1, column 9'],
    ['{\n  "a": 01\n}', 'line 2, column 9'],
    ["{'a': 1}", 'double quotes'],
    ['{"a" 1}', "':'"],
    ['[1 2]', "','"],
    ['// a', 'a value'],
    ['"a\nb"', 'control character'],
    ['"\\x"', 'escape'],
    ['"abc', 'does not end'],
    ['{} {}', 'behind the value'],
    ['\ufeff{}', 'a value'],
    ['nul', 'a value'],
    [`${'['.repeat(2000)}${']'.repeat(2000)}`, '500'],
  ])('refuses %p and says where', (text, token) => {
    expect(() => parseJson(text)).toThrow(
      expect.objectContaining({ name: 'ValueError', code: 'ERR_JSON', message: expect.stringContaining(token) }),
    );
  });

  it.each([[new Date(0)], [new Float32Array(1)], [() => 1], [Symbol('a')]])(
    'refuses to write %p, naming the field',
    (value) => {
      expect(() => formatJson({ here: value })).toThrow(
        expect.objectContaining({ name: 'TypeError', message: expect.stringContaining("'here'") }),
      );
    },
  );

  it('compares as Python does', () => {
    expect(equalJson({ a: [1, true] }, { a: [true, 1] })).toBe(true);
    expect(equalJson(null, undefined)).toBe(true);
    expect(equalJson([1], { 0: 1 })).toBe(false);
    expect(equalJson({ a: 1 }, { a: 1, b: 1 })).toBe(false);
    expect(equalJson('1', 1)).toBe(false);
  });
});
