import { cast } from '../../lib/tensor/ops/cast';
import { add } from '../../lib/tensor/ops/elementwise';
import { layer_norm, normalize, rms_norm } from '../../lib/tensor/ops/norm';
import { float32, holdsAtEveryLevel, type Random, values } from './case-table';

const close = { relative: 2e-6, absolute: 5e-6 };
const shifted = (r: Random, dims: number[]) => add(r.floats(dims, 3), 1.5);

describe('layer_norm', () => {
  for (const n of [2, 7, 16, 33, 768])
    holdsAtEveryLevel(
      {
        [`of rows of ${n}`]: (r) => layer_norm(shifted(r, [40, n]), [n]),
        [`of rows of ${n} with weight and bias`]: (r) =>
          layer_norm(shifted(r, [3, n]), [n], { weight: r.floats([n]), bias: r.floats([n]), eps: 1e-12 }),
        [`of rows of ${n} after a residual`]: (r) =>
          layer_norm(shifted(r, [3, n]), [n], { bias: r.floats([n]), residual: r.floats([3, n]) }),
        [`of rows of ${n} with a float16 weight`]: (r) =>
          layer_norm(shifted(r, [3, n]), [n], { weight: cast(r.floats([n]), 'float16') }),
      },
      close,
    );
  holdsAtEveryLevel(
    {
      'over two axes': (r) => layer_norm(r.floats([3, 4, 5]), [4, 5], { weight: r.floats([4, 5]) }),
      'of no rows': (r) => layer_norm(r.floats([0, 5]), [5]),
      'of a row with NaN': () => layer_norm(float32([Number.NaN, 1, 2]), [3]),
    },
    close,
  );

  it('keeps small differences of large numbers', async () => {
    const [a, b] = await values(layer_norm(float32([1e4, 1e4 + 1]), [2], { eps: 0 }));
    expect([a, b]).toEqual([-1, 1]);
  });

  it('refuses a weight of another size', () => {
    expect(() => layer_norm(float32([1, 2]), [2], { weight: float32([1]) })).toThrow(/as many elements/);
  });
});

describe('rms_norm', () => {
  for (const n of [1, 7, 33, 512])
    holdsAtEveryLevel(
      {
        [`of rows of ${n}`]: (r) => rms_norm(r.floats([5, n]), r.floats([n]), 1e-6),
        [`of rows of ${n} without a weight`]: (r) => rms_norm(r.floats([5, n]), null, 1e-6),
      },
      close,
    );
});

describe('normalize', () => {
  for (const p of [1, 2, 3, Number.POSITIVE_INFINITY])
    holdsAtEveryLevel(
      {
        [`by the ${p}-norm of rows`]: (r) => normalize(r.floats([5, 37]), { p }),
        [`by the ${p}-norm of columns`]: (r) => normalize(r.floats([5, 37]), { p, dim: 0 }),
      },
      { relative: 1e-6, absolute: 1e-7 },
    );

  it('leaves rows of zeros, and rows shorter than eps, as in PyTorch', async () => {
    const rows = float32([0, 0, 3, 4, 1e-13, 0], [3, 2]);
    const [a, b, c, d, e, f] = (await values(normalize(rows))) as [number, number, number, number, number, number];
    expect([a, b, f]).toEqual([0, 0, 0]);
    expect(c).toBeCloseTo(0.6, 6);
    expect(d).toBeCloseTo(0.8, 6);
    expect(e).toBeCloseTo(0.1, 6);
  });
});
