import { mean_pooling, pool, poolingModes } from '../../lib/tensor/ops/pool';
import * as ops from '../../lib/tensor/ops/reduce';
import type { Tensor } from '../../lib/tensor/tensor';
import { type Case, float32, holdsAtEveryLevel, int32, int64, values } from './case-table';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const close = { relative: 2e-6, absolute: 2e-6 };
const { sum, mean, prod, amax, amin, argmax, argmin } = ops;

/** A case for each dimension and shape. */
function everyDimension(op: (x: Tensor, dim: number | null, keepdim: boolean) => Tensor): Record<string, Case> {
  const cases: Record<string, Case> = {};
  for (const dims of [
    [3, 4, 5],
    [2, 1, 77],
    [33, 2, 2],
  ])
    for (const dim of [0, 1, -1, null])
      for (const keepdim of [false, true])
        cases[`of [${dims}] along ${dim ?? 'all'}${keepdim ? ', kept' : ''}`] = (r) => op(r.floats(dims), dim, keepdim);
  return cases;
}

for (const [name, op] of Object.entries({ sum, mean, prod, amax, amin, argmax, argmin }))
  describe(name, () => {
    holdsAtEveryLevel(everyDimension(op), close);
    holdsAtEveryLevel({ 'of NaN and infinities': () => op(float32([1, nan, 2, -inf, inf, 0], [2, 3]), 1) }, close);
  });

describe('sum and mean', () => {
  holdsAtEveryLevel(
    {
      'of long rows': (r) => [sum(r.floats([2, 3001]), 1), mean(r.floats([2, 3001]), 1)],
      'of everything': (r) => sum(r.floats([2, 40003])),
    },
    { relative: 2e-6, absolute: 1e-4 },
  );

  it('keep the digits of many equal numbers', async () => {
    const x = float32(Array(1 << 20).fill(0.1));
    expect((await values(mean(x)))[0]).toBeCloseTo(0.1, 7);
  });

  it('count whole numbers and truths in int64', async () => {
    const total = sum(int32([2 ** 30, 2 ** 30, 2 ** 30]));
    expect(total.type).toBe('int64');
    expect(await values(total)).toEqual([3 * 2 ** 30]);
  });

  it('of nothing are 0 and NaN', async () => {
    expect(await values(sum(float32([], [2, 0]), 1))).toEqual([0, 0]);
    expect(await values(mean(float32([], [2, 0]), 1))).toEqual([nan, nan]);
    expect(await values(prod(float32([])))).toEqual([1]);
  });
});

describe('extremes', () => {
  it('are NaN where there is one, and the first of equal elements', async () => {
    expect(await values(amax(float32([1, nan, 3])))).toEqual([nan]);
    expect(await values(argmax(float32([1, nan, 3])))).toEqual([1]);
    expect(await values(argmax(float32([1, 3, 3])))).toEqual([1]);
    expect(await values(argmin(int64([2, 1, 1])))).toEqual([1]);
  });

  it('of nothing are refused', () => {
    expect(() => amax(float32([], [2, 0]), 1)).toThrow(/the dimension is empty/);
    expect(amax(float32([], [0, 2]), 1).dims).toEqual([0]);
  });
});

describe('norm', () => {
  for (const p of [0, 1, 2, 3, inf, -inf])
    holdsAtEveryLevel(
      everyDimension((x, dim, keepdim) => ops.norm(x, p, dim, keepdim)),
      close,
    );

  it('gives what PyTorch gives', async () => {
    const x = float32([1, -2, 3]);
    expect((await values(ops.norm(x, 3)))[0]).toBeCloseTo(3.3019273, 5);
    expect(await values(ops.norm(x, inf))).toEqual([3]);
    expect(await values(ops.norm(x, -inf))).toEqual([1]);
    expect(await values(ops.norm(x, 0))).toEqual([3]);
  });
});

describe('variance and std', () => {
  it('divide by n - correction', async () => {
    const x = float32([1, 2, 3, 4]);
    expect((await values(ops.variance(x)))[0]).toBeCloseTo(5 / 3, 6);
    expect((await values(ops.variance(x, null, false, 0)))[0]).toBeCloseTo(1.25, 6);
    expect((await values(ops.std(x, 0, true)))[0]).toBeCloseTo(Math.sqrt(5 / 3), 6);
  });
});

describe('pool', () => {
  const rows = () => int32([0, 3, 3, 10, 11, 40]);
  for (const mode of poolingModes)
    for (const width of [1, 37, 384])
      holdsAtEveryLevel(
        { [`${mode} of vectors of ${width}`]: (r) => pool(r.floats([40, width]), rows(), mode) },
        { relative: 3e-6, absolute: 3e-6 },
      );

  it('gives what sentence-transformers gives', async () => {
    const x = float32([1, 10, 2, -20, 6, 40], [3, 2]);
    const row = int32([0, 3]);
    expect(await values(pool(x, row, 'cls'))).toEqual([1, 10]);
    expect(await values(pool(x, row, 'max'))).toEqual([6, 40]);
    expect(await values(pool(x, row, 'mean'))).toEqual([3, 10]);
    expect(await values(pool(x, row, 'lasttoken'))).toEqual([6, 40]);
    const [a] = await values(pool(x, row, 'mean_sqrt_len_tokens'));
    expect(a).toBeCloseTo(9 / Math.sqrt(3), 5);
    const [b] = await values(pool(x, row, 'weightedmean'));
    expect(b).toBeCloseTo((1 + 4 + 18) / 6, 5);
  });

  it('gives zeros for a row of no tokens', async () => {
    for (const mode of poolingModes)
      expect(await values(pool(float32([7], [1, 1]), int32([0, 0, 1]), mode))).toEqual([0, 7]);
  });
});

describe('mean_pooling', () => {
  holdsAtEveryLevel(
    {
      'under an int64 mask': (r) => mean_pooling(r.floats([2, 5, 37]), r.integers([2, 5], 0, 2)),
      'under a bool mask': (r) => mean_pooling(r.floats([2, 5, 16]), r.bools([2, 5], 0.5)),
      'under a mask of zeros': (r) => mean_pooling(r.floats([2, 5, 16]), r.bools([2, 5], 0)),
    },
    close,
  );
});
