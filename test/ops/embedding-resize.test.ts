import { cast } from '../../lib/tensor/ops/cast';
import { cholesky, mean_covariance, resize_rows } from '../../lib/tensor/ops/embedding-resize';
import { matmul } from '../../lib/tensor/ops/matmul';
import { exact, float32, holdsAtEveryLevel, type Random, values } from './case-table';

const types = ['float32', 'float16', 'bfloat16'] as const;

describe('resize_rows', () => {
  for (const type of types)
    holdsAtEveryLevel(
      {
        [`cuts a table in ${type}`]: (r) => resize_rows(cast(r.floats([11, 33]), type), 4),
        [`puts rows behind a table in ${type}`]: (r) =>
          resize_rows(cast(r.floats([11, 33]), type), 14, r.floats([3, 33])),
        [`puts zeros behind a vector in ${type}`]: (r) => resize_rows(cast(r.floats([11]), type), 20),
        [`puts numbers behind a vector in ${type}`]: (r) => resize_rows(cast(r.floats([11]), type), 13, r.floats([2])),
      },
      exact,
    );
  holdsAtEveryLevel({
    'copies more than one thread takes at once': (r) => resize_rows(r.floats([290, 1000]), 291, r.floats([1, 1000])),
    'makes a table of nothing into one of zeros': () => resize_rows(float32([], [0, 3]), 2),
  });

  it('refuses extra rows that are too many, too few or of another width', () => {
    const x = float32([1, 2, 3, 4], [2, 2]);
    for (const dims of [[1, 2], [3, 2], [2, 1], [4]])
      expect(() => resize_rows(x, 4, float32(new Array(dims.reduce((n, d) => n * d, 1)).fill(0), dims))).toThrow(
        /as many as are missing, and as wide/,
      );
  });
});

describe('mean_covariance', () => {
  const both = (x: ReturnType<Random['floats']>) => Object.values(mean_covariance(x));
  for (const type of types)
    holdsAtEveryLevel(
      { [`of a table in ${type}`]: (r) => both(cast(r.floats([301, 37]), type)) },
      { relative: 1e-5, absolute: 2e-6 },
    );
  holdsAtEveryLevel(
    {
      'of one column': (r) => both(r.floats([17, 1])),
      'of one row, without variance': (r) => both(r.floats([1, 5])),
      'of more rows than one slice, wider than one block': (r) => both(r.floats([1100, 259])),
    },
    { relative: 1e-5, absolute: 2e-6 },
  );
  it('keeps the digits of columns that lie far from zero', async () => {
    const x = float32(
      Array.from({ length: 20000 }, (_, i) => 1000 + (i % 2 ? 0.25 : -0.25)),
      [10000, 2],
    );
    const { mean, covariance } = mean_covariance(x);
    expect(await values(mean)).toEqual([999.75, 1000.25]);
    expect(await values(covariance)).toEqual([0, 0, 0, 0]);
  });
});

describe('cholesky', () => {
  const positive = (r: Random, n: number) => {
    const x = r.floats([2 * n + 10, n]);
    return mean_covariance(x).covariance;
  };
  for (const n of [1, 5, 64, 65, 200])
    holdsAtEveryLevel({ [`of ${n} columns`]: (r) => cholesky(positive(r, n)) }, { relative: 1e-3, absolute: 1e-4 });
  holdsAtEveryLevel(
    { 'of a scaled matrix': (r) => cholesky(positive(r, 20), 1e-9) },
    { relative: 1e-3, absolute: 1e-8 },
  );

  it('times its transpose is the matrix', async () => {
    const a = float32([4, 2, 2, 10], [2, 2]);
    const l = cholesky(a);
    expect(await values(l)).toEqual([2, 0, 1, 3]);
    expect(await values(matmul(l, l, { transpose_b: true }))).toEqual([4, 2, 2, 10]);
  });

  it('is all zeros for a matrix that is not positive definite, or holds NaN', async () => {
    for (const a of [
      [1, 2, 2, 1],
      [0, 0, 0, 1],
      [1, 1, 1, 1],
      [Number.NaN, 0, 0, 1],
    ])
      expect(await values(cholesky(float32(a, [2, 2])))).toEqual([0, 0, 0, 0]);
  });
});
