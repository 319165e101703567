import { activationNames } from '../../lib/tensor/ops/activation';
import * as ops from '../../lib/tensor/ops/elementwise';
import { type Case, exact, float32, holdsAtEveryLevel, int32, int64, type Random, values } from './case-table';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const odd = [nan, inf, -inf, 0, -0, 1, -1, 1e-40, -1e-40, 3e38, -3e38, 88.8, -103, 20, 0.625, 0.9];

describe('unary', () => {
  const functions = ['exp', 'log', 'log1p', 'sqrt', 'rsqrt', 'reciprocal', 'square', 'erf', 'sin', 'cos'];
  const steps = ['abs', 'neg', 'sign', 'round', 'floor', 'ceil'];
  const wide = (random: Random) => random.floats([3, 1237], 4);
  const table = (names: string[], make: (random: Random) => ReturnType<typeof float32>): Record<string, Case> =>
    Object.fromEntries(names.map((name) => [name, (random) => ops.unary(name, make(random))]));

  describe('over a wide range', () => {
    holdsAtEveryLevel(table(functions, wide), { relative: 1e-6, absolute: 1e-7 });
    holdsAtEveryLevel(table(steps, wide));
  });

  describe('of activations', () => {
    const names = [...activationNames(), 'softplus'].filter((name, i, all) => all.indexOf(name) === i);
    holdsAtEveryLevel(table(names, wide), { relative: 1e-6, absolute: 1e-6 });
  });

  describe('of infinities, NaN and subnormal numbers', () => {
    const names = [...functions, ...steps, 'gelu', 'gelu_new', 'silu', 'mish', 'relu', 'elu', 'tanh', 'sigmoid'];
    holdsAtEveryLevel(
      table(names, () => float32(odd)),
      { relative: 1e-6, absolute: 1e-37 },
    );
  });

  describe('of angles up to a million', () => {
    holdsAtEveryLevel(
      table(['sin', 'cos'], (random) => random.floats([301], 3e5)),
      { relative: 1e-6, absolute: 1e-6 },
    );
  });

  it('gives what PyTorch gives for activations', async () => {
    const x = float32([-3, -1, -0.5, 0, 0.5, 1, 3]);
    const torch: Record<string, number[]> = {
      gelu: [-0.00404969, -0.15865525, -0.15426877, 0, 0.34573123, 0.84134475, 2.99595031],
      gelu_new: [-0.00363739, -0.15880801, -0.15428599, 0, 0.34571401, 0.84119199, 2.99636261],
      silu: [-0.14227762, -0.26894142, -0.18877033, 0, 0.31122967, 0.73105858, 2.85772238],
      mish: [-0.14564746, -0.30340146, -0.22074377, 0, 0.37524521, 0.86509839, 2.986535],
      hardswish: [0, -0.33333333, -0.20833333, 0, 0.29166667, 0.66666667, 3],
      elu: [-0.95021293, -0.63212056, -0.39346934, 0, 0.5, 1, 3],
    };
    for (const [name, wanted] of Object.entries(torch)) {
      const got = await values(ops.unary(name, x));
      got.forEach((value, i) => {
        expect(value).toBeCloseTo(wanted[i] as number, 6);
      });
    }
  });

  it('rounds halves to even', async () => {
    expect(await values(ops.unary('round', float32([0.5, 1.5, 2.5, -0.5, -1.5])))).toEqual([0, 2, 2, -0, -2]);
  });

  it('keeps the digits of gelu far below zero', async () => {
    const [value] = await values(ops.unary('gelu', float32([-9])));
    expect((value as number) / -1.015729e-18).toBeCloseTo(1, 4);
  });

  it('takes whole numbers where that has a meaning', async () => {
    expect(await values(ops.unary('abs', int64([-3, 4])))).toEqual([3, 4]);
    expect(await values(ops.unary('sign', int32([-3, 0, 4])))).toEqual([-1, 0, 1]);
    expect(() => ops.unary('exp', int64([1]))).toThrow(/exp: takes float32 or float64/);
  });
});

describe('binary', () => {
  const arithmetic = { add: ops.add, sub: ops.sub, mul: ops.mul, div: ops.div };
  const choice = { maximum: ops.maximum, minimum: ops.minimum, remainder: ops.remainder };
  for (const [name, op] of Object.entries({ ...arithmetic, ...choice }))
    describe(name, () => {
      holdsAtEveryLevel(
        {
          'of equal shapes': (r) => op(r.floats([3, 37]), r.floats([3, 37])),
          'of many elements': (r) => op(r.floats([5, 7001]), r.floats([5, 7001])),
          'of rows and one row': (r) => op(r.floats([5, 4001]), r.floats([4001])),
          'of rows and one column': (r) => op(r.floats([33, 5]), r.floats([33, 1])),
          'of a column and a row': (r) => op(r.floats([33, 1]), r.floats([1, 17])),
          'of shapes with ones inside': (r) => op(r.floats([2, 1, 3, 1]), r.floats([5, 1, 9])),
          'of a scalar tensor': (r) => op(r.floats([2, 19]), r.floats([])),
          'of two scalar tensors': (r) => op(r.floats([]), r.floats([])),
          'of a number behind': (r) => op(r.floats([2, 19]), 0.75),
          'of a number in front': (r) => op(0.75, r.floats([2, 19])),
          'of nothing': (r) => op(r.floats([0, 19]), r.floats([19])),
          'of infinities and NaN': () => op(float32(odd, [16, 1]), float32(odd, [1, 16])),
        },
        { relative: 1e-6, absolute: 1e-7 },
      );
    });

  describe('pow', () => {
    holdsAtEveryLevel(
      {
        'of positive bases': (r) => ops.pow(ops.unary('abs', r.floats([3, 70])), r.floats([70])),
        'of whole exponents': (r) => ops.pow(r.floats([3, 70]), 3),
      },
      { relative: 2e-6, absolute: 1e-7 },
    );
  });

  it('wraps whole numbers around', async () => {
    const largest = int64([0]);
    expect(await values(ops.sub(largest, 1))).toEqual([-1]);
    expect(await values(ops.mul(int32([2 ** 30]), int32([4])))).toEqual([0]);
  });

  it('divides whole numbers as floats', async () => {
    const quotient = ops.div(int64([3, -7]), int64([2, 2]));
    expect(quotient.type).toBe('float32');
    expect(await values(quotient)).toEqual([1.5, -3.5]);
  });

  it('gives the remainder the sign of the divisor', async () => {
    const b = [3, 3, -3, -3];
    expect(await values(ops.remainder(float32([5, -5, 5, -5]), float32(b)))).toEqual([2, 1, -1, -2]);
    expect(await values(ops.remainder(int64([5, -5, 5, -5]), int64(b)))).toEqual([2, 1, -1, -2]);
  });

  it('fails where a whole number is divided by zero', async () => {
    await expect(ops.remainder(int64([1]), int64([0])).getData()).rejects.toThrow(/remainder: division by zero/);
  });

  it('raises whole numbers to powers, negative ones too', async () => {
    expect(await values(ops.pow(int64([2, 1, -1, 0, 3]), int64([-1, -1, -3, 0, 4])))).toEqual([0, 1, -1, 1, 81]);
  });

  it('refuses shapes that do not broadcast and dtypes that differ', () => {
    expect(() => ops.add(float32([1, 2]), float32([1, 2, 3]))).toThrow(/shapes do not broadcast/);
    expect(() => ops.add(float32([1]), int64([1]))).toThrow(/dtypes differ/);
  });
});

describe('comparisons', () => {
  const all = { eq: ops.eq, ne: ops.ne, lt: ops.lt, le: ops.le, gt: ops.gt, ge: ops.ge };
  for (const [name, op] of Object.entries({ ...all, logical_and: ops.logical_and, logical_or: ops.logical_or }))
    describe(name, () => {
      holdsAtEveryLevel({
        'of every pair of odd numbers': () => op(float32(odd, [16, 1]), float32(odd, [1, 16])),
        'of a number in front': (r) => op(0.1, r.floats([33])),
        'of whole numbers': (r) => op(r.integers([4, 9], 0, 3), r.integers([9], 0, 3)),
      });
    });

  it('gives bool, and NaN equals nothing', async () => {
    const result = ops.eq(float32([nan, 1]), float32([nan, 1]));
    expect(result.type).toBe('bool');
    expect(result.tolist()).toEqual([false, true]);
    expect(ops.ne(float32([nan]), float32([nan])).tolist()).toEqual([true]);
    expect(ops.logical_not(float32([0, -0, nan, 2])).tolist()).toEqual([true, true, false, false]);
  });
});

describe('where', () => {
  holdsAtEveryLevel({
    'of three shapes': (r) => ops.where(r.bools([4, 1], 0.5), r.floats([33]), r.floats([2, 4, 1])),
    'of scalars': (r) => ops.where(r.bools([3], 0.5), r.floats([]), r.floats([])),
    'of whole numbers': (r) => ops.where(r.bools([9], 0.5), r.integers([9], 0, 9), r.integers([9], 0, 9)),
  });
});

describe('clamp', () => {
  holdsAtEveryLevel({
    'from both sides': (r) => ops.clamp(r.floats([1000]), -0.5, 0.7),
    'from below': (r) => ops.clamp(r.floats([77]), 0.5),
    'from above': (r) => ops.clamp(r.floats([77]), null, 0.5),
    'with the limits crossed': (r) => ops.clamp(r.floats([77]), 0.5, 0.1),
    'of odd numbers': () => ops.clamp(float32(odd), -1, 1),
    'of whole numbers': (r) => ops.clamp(r.integers([9], -9, 9), -2, 4),
  });
});

describe('gated', () => {
  for (const activation of ['gelu', 'silu', 'relu', 'quick_gelu', 'linear'])
    holdsAtEveryLevel(
      {
        [`${activation} of the first half`]: (r) => ops.gated(r.floats([3, 2 * 77], 2), activation),
        [`${activation} of the second half`]: (r) => ops.gated(r.floats([3, 2 * 64], 2), activation, { swapped: true }),
      },
      { relative: 2e-6, absolute: 1e-6 },
    );

  it('multiplies the activation of one half by the other', async () => {
    expect(await values(ops.gated(float32([-1, 2, 10, 20]), 'relu'))).toEqual([0, 40]);
    expect(await values(ops.gated(float32([10, 20, -1, 2]), 'relu', { swapped: true }))).toEqual([0, 40]);
    expect(() => ops.gated(float32([1, 2, 3]), 'relu')).toThrow(/last dimension must be even/);
  });
});

describe('an elementwise op', () => {
  holdsAtEveryLevel(
    { 'takes float32 at any length': (r) => [1, 7, 8, 15, 16, 17, 31].map((n) => ops.add(r.floats([n]), 1)) },
    exact,
  );
});
