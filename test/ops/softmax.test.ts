import { log_softmax, softmax } from '../../lib/tensor/ops/softmax';
import { float32, holdsAtEveryLevel, values } from './case-table';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const close = { relative: 2e-6, absolute: 2e-6 };

for (const [name, op] of Object.entries({ softmax, log_softmax }))
  describe(name, () => {
    for (const n of [1, 2, 15, 16, 17, 130])
      holdsAtEveryLevel(
        {
          [`of rows of ${n}`]: (r) => op(r.floats([7, n], 3)),
          [`of columns of ${n}`]: (r) => op(r.floats([n, 9], 3), 0),
        },
        close,
      );
    holdsAtEveryLevel(
      {
        'along an inner axis': (r) => op(r.floats([2, 3, 130]), 1),
        'of a scalar': (r) => op(r.floats([]), 0),
        'of nothing': (r) => op(r.floats([3, 0])),
        'of infinities and NaN': () => op(float32([nan, 1, 2, inf, 1, 2, -inf, -inf, -inf, -inf, 1, 1], [4, 3])),
        'of numbers far apart': () => op(float32([-3e38, 3e38, 0, 1000, 999, -1000], [2, 3])),
      },
      close,
    );
  });

it('keeps rows summing to one', async () => {
  const row = await values(softmax(float32(Array.from({ length: 1000 }, (_, i) => Math.sin(i) * 20))));
  expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
});

it('gives NaN where a row holds nothing but -inf, as PyTorch does', async () => {
  expect(await values(softmax(float32([-inf, -inf])))).toEqual([nan, nan]);
  expect(await values(softmax(float32([-inf, 1, 1])))).toEqual([0, 0.5, 0.5]);
});
