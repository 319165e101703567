import { argsort, topk } from '../../lib/tensor/ops/sort';
import { float32, holdsAtEveryLevel, values } from './case-table';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe('topk', () => {
  for (const n of [1, 9, 1000])
    holdsAtEveryLevel({
      [`largest of ${n}`]: (r) => Object.values(topk(r.floats([3, n]), Math.min(n, 5))),
      [`smallest of ${n}`]: (r) => Object.values(topk(r.floats([3, n]), n, false)),
      [`of ${n} whole numbers with many equal`]: (r) => Object.values(topk(r.integers([2, n], 0, 3), n)),
      [`none of ${n}`]: (r) => Object.values(topk(r.floats([3, n]), 0)),
    });

  it('takes NaN for the largest and the first of equal elements first', async () => {
    const { values: best, indices } = topk(float32([1, nan, 3, 3, -inf]), 4);
    expect(await values(best)).toEqual([nan, 3, 3, 1]);
    expect(await values(indices)).toEqual([1, 2, 3, 0]);
    expect(await values(topk(float32([1, nan, 3, 3, inf]), 4, false).indices)).toEqual([0, 2, 3, 4]);
  });

  it('refuses more than there are', () => {
    expect(() => topk(float32([1, 2]), 3)).toThrow(/k is larger/);
  });
});

describe('argsort', () => {
  holdsAtEveryLevel({ 'of rows': (r) => [argsort(r.floats([3, 100])), argsort(r.floats([3, 100]), true)] });

  it('keeps the order of equal elements', async () => {
    expect(await values(argsort(float32([2, 1, 2, 1])))).toEqual([1, 3, 0, 2]);
    expect(await values(argsort(float32([2, 1, 2, 1]), true))).toEqual([0, 2, 1, 3]);
  });
});
