import { cast } from '../../lib/tensor/ops/cast';
import { cat, expand, permute, slice } from '../../lib/tensor/ops/layout';
import { float32, holdsAtEveryLevel, int64, type Random, values } from './case-table';

const types = ['float32', 'float16', 'int64', 'uint8'] as const;
const cube = (r: Random, type: (typeof types)[number]) => cast(r.integers([3, 4, 5], 0, 100), type);

for (const type of types)
  describe(`of ${type}`, () => {
    holdsAtEveryLevel({
      'permute turns axes': (r) => [
        permute(cube(r, type), [2, 0, 1]),
        permute(cube(r, type), [0, 2, 1]),
        permute(cube(r, type), [-1, -2, -3]),
      ],
      'slice takes ranges and steps': (r) => [
        slice(cube(r, type), 1, 1, 3),
        slice(cube(r, type), -1, 0, 5, 2),
        slice(cube(r, type), 0, 2, 99),
        slice(cube(r, type), 0, 3, 2),
      ],
      'cat joins along any axis': (r) => [
        cat([cube(r, type), cube(r, type), cube(r, type)]),
        cat([cube(r, type), cube(r, type)], -1),
        cat([cube(r, type), slice(cube(r, type), 1, 0, 0)], 1),
      ],
      'expand repeats axes of 1': (r) => [
        expand(slice(cube(r, type), 2, 0, 1), [3, 4, 7]),
        expand(slice(cube(r, type), 0, 0, 1), [2, 3, 4, 5]),
      ],
    });
  });

describe('permute', () => {
  holdsAtEveryLevel({
    'of many elements': (r) => permute(r.floats([7, 130, 65]), [0, 2, 1]),
    'of nothing': (r) => permute(r.floats([0, 3]), [1, 0]),
    'of a scalar': (r) => permute(r.floats([]), []),
  });

  it('moves elements as torch.permute', async () => {
    expect(await values(permute(float32([1, 2, 3, 4, 5, 6], [2, 3]), [1, 0]))).toEqual([1, 4, 2, 5, 3, 6]);
    expect(() => permute(float32([1, 2], [1, 2]), [0, 0])).toThrow(/axes must be a permutation/);
  });
});

describe('cat', () => {
  it('joins any number of tensors', async () => {
    const joined = cat(Array.from({ length: 300 }, (_, i) => float32([i])));
    expect(await values(joined)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it('refuses shapes and dtypes that differ', () => {
    expect(() => cat([float32([1, 2], [1, 2]), float32([1], [1, 1])])).toThrow(/shapes differ/);
    expect(() => cat([float32([1]), int64([1])])).toThrow(/dtypes differ/);
  });
});

describe('expand', () => {
  it('refuses an axis longer than 1', () => {
    expect(() => expand(float32([1, 2]), [4])).toThrow(/only dimensions of 1/);
  });
});
