import { inspect } from 'node:util';
import { Tensor } from '../../lib/tensor/tensor';
import { float32, int64 } from '../ops/case-table';

const coded = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('making a tensor', () => {
  it('uses typed arrays of the right kind as they are', () => {
    const data = new Float32Array([1, 2, 3]);
    expect(new Tensor('float32', data, [3, 1]).data).toBe(data);
  });

  it('counts one dimension when none are given', () => {
    expect(new Tensor('int32', [4, 5]).dims).toEqual([2]);
  });

  it('takes numbers, bigints and booleans for any type', () => {
    expect([...int64([1, 2]).data]).toEqual([1n, 2n]);
    expect([...new Tensor('int64', [3n, true]).data]).toEqual([3n, 1n]);
    expect([...new Tensor('float32', [3n, false]).data]).toEqual([3, 0]);
    expect([...new Tensor('bool', [2, 0, true]).data]).toEqual([1, 0, 1]);
    expect([...new Tensor('int32', [1.9, -1.9]).data]).toEqual([1, -1]);
    expect([...new Tensor('int64', [1.9, -1.9]).data]).toEqual([1n, -1n]);
  });

  it('takes clamped bytes for uint8, and Uint16Arrays as bits of halves', () => {
    expect([...new Tensor('uint8', new Uint8ClampedArray([1, 255])).data]).toEqual([1, 255]);
    expect(new Tensor('float16', new Uint16Array([0x3c00, 0xc100])).tolist()).toEqual([1, -2.5]);
    expect(new Tensor('bfloat16', new Uint16Array([0x3f80, 0xc020])).tolist()).toEqual([1, -2.5]);
  });

  it.each([
    ["'flaot32'", () => new Tensor('flaot32', [1]), 'ERR_DTYPE', /'flaot32' is not a dtype; did you mean 'float32'\?/],
    ['a number as type', () => new Tensor(4 as never, [1]), 'ERR_TYPE', /a dtype is a string/],
    [
      'another typed array',
      () => new Tensor('float32', new Float64Array(2)),
      'ERR_DTYPE',
      /Float32Array.*Float64Array/,
    ],
    ['nested arrays', () => new Tensor('float32', [[1], [2]] as never), 'ERR_TYPE', /element 0 .* an array/],
    ['words', () => new Tensor('float32', ['1'] as never), 'ERR_TYPE', /element 0 .* a string/],
    ['nothing', () => new Tensor('float32', undefined as never), 'ERR_TYPE', /not undefined/],
    ['NaN as a whole number', () => new Tensor('int32', [Number.NaN]), 'ERR_VALUE', /NaN.*'int32'/],
    ['numbers for halves', () => new Tensor('float16', [1]), 'ERR_TYPE', /to\('float16'\)/],
    ['too few elements', () => new Tensor('float32', [1, 2], [3]), 'ERR_SHAPE', /\[3\] has 3 elements.*has 2/],
    ['a negative size', () => new Tensor('float32', [], [-1, 0]), 'ERR_SHAPE', /non-negative integers, got \[-1,0\]/],
    ['a fraction as size', () => new Tensor('float32', [], [0.5]), 'ERR_SHAPE', /non-negative integers/],
  ])('refuses %s', (_what, make, code, message) => {
    expect(make).toThrow(coded(code, message));
  });
});

describe('looking into a tensor', () => {
  const x = float32([1, 2, 3, 4, 5, 6], [2, 3]);

  it('indexes by [i], from the end when negative', () => {
    expect(x[0]?.tolist()).toEqual([1, 2, 3]);
    expect(x[-1]?.tolist()).toEqual([4, 5, 6]);
    expect(x[1]?.[2]?.item()).toBe(6);
    expect(x[1]?.[2]?.dims).toEqual([]);
  });

  it('says where an index lies outside', () => {
    expect(() => x[2]).toThrow(
      coded('ERR_INDEX_OUT_OF_RANGE', /index 2 .*dimension 0 of Tensor\(float32, \[2,3\]\).* 2/),
    );
    expect(() => x[0]?.[0]?.[0]).toThrow(coded('ERR_INDEX_OUT_OF_RANGE', /no dimensions; its element is item\(\)/));
  });

  it('is not assigned to by index', () => {
    expect(() => {
      (x as unknown as Record<number, unknown>)[0] = 5;
    }).toThrow(TypeError);
  });

  it('knows no names that it does not have', () => {
    const names = x as unknown as Record<string, unknown>;
    expect(names['length']).toBeUndefined();
    expect(names['1.5']).toBeUndefined();
    expect(names['01']).toBeUndefined();
  });

  it('iterates over rows, and over the numbers of one dimension', () => {
    expect([...x].map((row) => (row as Tensor).tolist())).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect([...int64([1, 2])]).toEqual([1n, 2n]);
    expect([...new Tensor('bool', [1, 0])]).toEqual([true, false]);
    expect([...float32([7], [])]).toEqual([7]);
    expect([...new Tensor('float32', [], [0, 2])]).toEqual([]);
  });

  it('gives nested lists and single elements', () => {
    expect(x.tolist()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(float32([7], []).tolist()).toBe(7);
    expect(new Tensor('float32', [], [2, 0]).tolist()).toEqual([[], []]);
    expect(int64([7], [1, 1]).item()).toBe(7n);
    expect(new Tensor('bool', [1]).item()).toBe(true);
    expect(() => x.item()).toThrow(/6 elements cannot be converted to a scalar/);
  });

  it('slices by numbers, ranges and null', () => {
    const y = float32(
      Array.from({ length: 24 }, (_, i) => i),
      [2, 3, 4],
    );
    for (const each of [y, y.add(0)]) {
      expect(each.slice(1, 2).tolist()).toEqual([20, 21, 22, 23]);
      expect(each.slice(-1, null, 0).tolist()).toEqual([12, 16, 20]);
      expect(each.slice(null, [1, -1], [-2, null]).tolist()).toEqual([[[6, 7]], [[18, 19]]]);
      expect(each.slice(0, [null, 1], [1, 99]).tolist()).toEqual([[1, 2, 3]]);
      expect(each.slice([1, 1]).dims).toEqual([0, 3, 4]);
      expect(each.slice(1, 2, 3).item()).toBe(23);
      expect(each.slice().tolist()).toEqual(y.tolist());
    }
  });

  it.each<[string, () => unknown, string, RegExp]>([
    ['an index outside', () => x.slice(2), 'ERR_INDEX_OUT_OF_RANGE', /index 2 .*dimension 0/],
    ['a range backwards', () => x.slice([2, 1]), 'ERR_INDEX_OUT_OF_RANGE', /\[2,1\] begins behind its end/],
    ['too many indices', () => x.slice(0, 0, 0), 'ERR_INDEX_OUT_OF_RANGE', /3 indices are too many/],
    ['three numbers', () => x.slice([0, 2, 1] as never), 'ERR_TYPE', /\[0,2,1\]/],
    ['a word', () => x.slice('a' as never), 'ERR_TYPE', /a string/],
  ])('does not slice by %s', (_what, slice, code, message) => {
    expect(slice).toThrow(coded(code, message));
  });

  it('shows itself', () => {
    expect(String(x)).toBe('Tensor(float32, [2,3])');
    expect(inspect(int64([1, 2]), { breakLength: Infinity })).toBe(
      "Tensor { type: 'int64', dims: [ 2 ], location: 'cpu', data: BigInt64Array(2) [ 1n, 2n ] }",
    );
    expect(inspect(x.add(1), { breakLength: Infinity })).toBe(
      "Tensor { type: 'float32', dims: [ 2, 3 ], location: 'native' }",
    );
    expect(JSON.stringify(x)).toBe('{"type":"float32","dims":[2,3],"data":[[1,2,3],[4,5,6]]}');
  });

  it('equals another of the same elements in expect', () => {
    expect(x.add(1)).toEqual(float32([2, 3, 4, 5, 6, 7], [2, 3]));
    expect(x).not.toEqual(float32([1, 2, 3, 4, 5, 7], [2, 3]));
    expect(x).not.toEqual(x.view(3, 2));
  });
});

describe('a call that cannot be', () => {
  const x = float32([1, 2, 3, 4, 5, 6], [2, 3]);
  it.each<[string, () => unknown, string, RegExp]>([
    ['shapes that do not broadcast', () => x.add(float32([1, 2])), 'ERR_SHAPE', /add: .*\[2,3\].*\[2\]/],
    ['a dimension outside', () => x.sum(2), 'ERR_INDEX_OUT_OF_RANGE', /sum: dimension 2 .*\[2,3\].* from -2 to 1/],
    ['a fraction as dimension', () => x.mean(0.5), 'ERR_TYPE', /mean: a dimension is a whole number, not 0.5/],
    ['a word as operand', () => x.mul('2' as never), 'ERR_TYPE', /mul takes Tensors and numbers, not a string/],
    [
      'uint64 in arithmetic',
      () => new Tensor('uint64', [1n]).add(1),
      'ERR_DTYPE',
      /add does not compute with 'uint64'/,
    ],
    [
      'types without a common one',
      () => new Tensor('uint16', [1]).add(int64([1])),
      'ERR_DTYPE',
      /'uint16' and 'int64' have no common type/,
    ],
    ['a whole number out of range', () => new Tensor('int32', [1]).add(2 ** 40), 'ERR_DTYPE', /1099511627776.*'int32'/],
    ['the mean of whole numbers', () => int64([1]).mean(), 'ERR_DTYPE', /mean takes floating .* 'int64'.*float32/],
    ['the norm of whole numbers', () => int64([1]).norm(), 'ERR_DTYPE', /norm takes floating/],
    ['an unknown norm', () => x.norm('nuc' as never), 'ERR_TYPE', /'nuc'/],
    [
      'an order of all axes as transpose',
      () => x.transpose(...([0, 1, 2] as number[] as [number, number])),
      'ERR_TYPE',
      /permute\(0,1,2\)/,
    ],
    ['an order that is none', () => x.permute(0, 0), 'ERR_SHAPE', /permute: \[0,0\] is no order/],
    ['a shape of other size', () => x.view(4, 2), 'ERR_SHAPE', /view: shape \[4,2\] .* of 6 elements/],
    ['words in a shape', () => x.view('6' as never), 'ERR_TYPE', /view takes whole numbers, not a string/],
    ['a negative number of repeats', () => x.repeat(-1, 1), 'ERR_VALUE', /repeat/],
    ['an unknown type', () => x.to('float23'), 'ERR_DTYPE', /did you mean 'float32'/],
    ['no limit at all', () => x.clamp(), 'ERR_VALUE', /clamp: at least one/],
    ['division of whole numbers by zero', () => int64([1]).remainder(0), 'ERR_VALUE', /remainder: division .* by zero/],
    ['mapping bits', () => x.to('float16').map((v) => v), 'ERR_TYPE', /map: .*float16/],
  ])('names %s', (_what, run, code, message) => {
    expect(run).toThrow(coded(code, message));
  });

  it('refuses a disposed tensor everywhere', () => {
    for (const make of [() => x.clone(), () => x.add(0)]) {
      const disposed = make();
      disposed.dispose();
      const uses: ((t: Tensor) => unknown)[] = [
        (t) => t.add(1),
        (t) => x.mul(t),
        (t) => t.view(6),
        (t) => t.slice(0),
        (t) => t[0],
        (t) => t.add_(1),
        (t) => t.squeeze_(),
        (t) => t.to('int32'),
        (t) => t.clone(),
        (t) => t.sum(),
      ];
      for (const use of uses)
        expect(() => use(disposed)).toThrow(coded('ERR_DISPOSED', /\[2,3\]\).* has been disposed/));
    }
  });
});
