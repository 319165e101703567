import { cast } from '../../lib/tensor/ops/cast';
import { add } from '../../lib/tensor/ops/elementwise';
import { embedding, index_copy_, index_select } from '../../lib/tensor/ops/embedding';
import { exact, float32, holdsAtEveryLevel, int32, int64, values } from './case-table';

describe('embedding', () => {
  const ids = () => int64([0, 10, 5, 5, 1, 2], [2, 3]);
  for (const type of ['float32', 'float16', 'bfloat16'] as const)
    for (const width of [1, 7, 33, 768])
      holdsAtEveryLevel(
        { [`of rows of ${width} in ${type}`]: (r) => embedding(ids(), cast(r.floats([11, width]), type)) },
        exact,
      );
  holdsAtEveryLevel(
    {
      'adds a tensor': (r) => embedding(ids(), r.floats([11, 37]), r.floats([2, 3, 37])),
      'takes int32 ids': (r) => embedding(int32([3, 3]), r.floats([4, 5])),
      'of no ids': (r) => embedding(int64([]), r.floats([4, 5])),
    },
    { relative: 1e-6, absolute: 1e-7 },
  );

  it('fails for an id that is no row, when read', async () => {
    const weight = float32([1, 2], [2, 1]);
    for (const id of [-1, 2])
      await expect(embedding(int64([id]), weight).getData()).rejects.toMatchObject({ code: 'ERR_INDEX_OUT_OF_RANGE' });
  });

  it('refuses an addend of another shape', () => {
    expect(() => embedding(int64([0]), float32([1, 2], [1, 2]), float32([1]))).toThrow(/addend must have the shape/);
  });
});

describe('index_select', () => {
  holdsAtEveryLevel({
    'of rows': (r) => index_select(r.floats([5, 33]), 0, int64([4, 0, 4])),
    'of an inner axis': (r) => index_select(r.floats([3, 5, 7]), 1, int32([4, -1, 0])),
    'of the last axis': (r) => index_select(r.floats([3, 33]), -1, int32([32, -1, 0])),
    'of whole numbers': (r) => index_select(r.integers([5], 0, 9), 0, int32([4, -1])),
    'of nothing': (r) => index_select(r.floats([5, 3]), 0, int32([])),
  });

  it('gives zeros for -1 and fails for what is no index', async () => {
    const x = float32([1, 2, 3, 4], [2, 2]);
    expect(await values(index_select(x, 0, int32([-1, 1])))).toEqual([0, 0, 3, 4]);
    await expect(index_select(x, 0, int32([2])).getData()).rejects.toMatchObject({ code: 'ERR_INDEX_OUT_OF_RANGE' });
    await expect(index_select(x, 0, int32([-2])).getData()).rejects.toMatchObject({ code: 'ERR_INDEX_OUT_OF_RANGE' });
  });
});

describe('index_copy_', () => {
  holdsAtEveryLevel({
    'of rows': (r) => index_copy_(add(r.floats([7, 33]), 0), int64([6, 0, 3]), r.floats([3, 33])),
    'of matrices': (r) => index_copy_(add(r.floats([4, 3, 5]), 0), int32([1]), r.floats([1, 3, 5])),
    'of nothing': (r) => index_copy_(add(r.floats([4, 3]), 0), int32([]), r.floats([0, 3])),
  });

  it('writes into the tensor that it is given', async () => {
    const x = add(float32([1, 2, 3], [3, 1]), 0);
    await index_copy_(x, int32([1]), float32([9], [1, 1])).getData();
    expect(await values(x)).toEqual([1, 9, 3]);
  });

  it('fails for what is no row, writing nothing', async () => {
    const x = add(float32([1, 2], [2, 1]), 0);
    for (const index of [-1, 2])
      await expect(index_copy_(x, int32([0, index]), float32([8, 9], [2, 1])).getData()).rejects.toMatchObject({
        code: 'ERR_INDEX_OUT_OF_RANGE',
      });
    expect(await values(x)).toEqual([1, 2]);
  });

  it('refuses rows that do not fit', () => {
    const x = float32([1, 2], [2, 1]);
    expect(() => index_copy_(x, int32([0]), float32([1, 2], [1, 2]))).toThrow(/rows must be one for each index/);
    expect(() => index_copy_(x, float32([0]), float32([1], [1, 1]))).toThrow(/index must be int64 or int32/);
  });
});
