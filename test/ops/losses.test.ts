import { binary_cross_entropy_with_logits, cross_entropy, mse_loss } from '../../lib/tensor/ops/losses';
import { float32, holdsAtEveryLevel, int64, values } from './case-table';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const close = { relative: 2e-6, absolute: 2e-6 };

describe('cross_entropy', () => {
  for (const classes of [1, 2, 17, 300])
    holdsAtEveryLevel(
      { [`of ${classes} classes`]: (r) => cross_entropy(r.floats([50, classes], 3), r.integers([50], 0, classes)) },
      close,
    );
  holdsAtEveryLevel(
    {
      'of infinite logits': () => cross_entropy(float32([inf, 0, 0], [1, 3]), int64([1])),
      'of an impossible label': () => cross_entropy(float32([-inf, 0, 0], [1, 3]), int64([0])),
    },
    close,
  );

  it('counts only rows whose label is not -100', async () => {
    const logits = float32([0, 0, 100, 0], [2, 2]);
    expect((await values(cross_entropy(logits, int64([1, -100]))))[0]).toBeCloseTo(Math.LN2, 6);
    expect(await values(cross_entropy(logits, int64([-100, -100])))).toEqual([nan]);
  });

  it('fails for a label that is no class, when read', async () => {
    const loss = cross_entropy(float32([0, 0], [1, 2]), int64([2]));
    await expect(loss.getData()).rejects.toMatchObject({ code: 'ERR_INDEX_OUT_OF_RANGE' });
  });
});

for (const [name, op] of Object.entries({ mse_loss, binary_cross_entropy_with_logits }))
  describe(name, () => {
    for (const n of [0, 1, 5, 9000])
      holdsAtEveryLevel({ [`of ${n} elements`]: (r) => op(r.floats([n], 4), r.floats([n])) }, close);

    it('refuses shapes that differ', () => {
      expect(() => op(float32([1]), float32([1, 2]))).toThrow(/shapes differ/);
    });
  });

it('measures certain errors without overflow', async () => {
  expect(await values(binary_cross_entropy_with_logits(float32([100, -100]), float32([1, 1])))).toEqual([50]);
});
