import { dtypes } from '../../lib/tensor/dtype';
import { cast } from '../../lib/tensor/ops/cast';
import { Tensor } from '../../lib/tensor/tensor';
import { exact, float32, holdsAtEveryLevel, int64, values } from './case-table';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe('cast', () => {
  for (const from of dtypes)
    for (const to of dtypes)
      holdsAtEveryLevel({ [`${from} to ${to}`]: (r) => cast(cast(r.integers([3, 33], 0, 100), from), to) }, exact);

  holdsAtEveryLevel({
    'many float32 to float16': (r) => cast(r.floats([40000], 100), 'float16'),
    'many float32 to bfloat16': (r) => cast(r.floats([40000], 100), 'bfloat16'),
    'many float32 to float8_e4m3fn': (r) => cast(r.floats([4000], 10), 'float8_e4m3fn'),
    'many float32 to int64': (r) => cast(r.floats([4000], 1e6), 'int64'),
  });

  it('rounds to nearest even, overflows to infinity and keeps NaN in float16', async () => {
    const x = float32([65519, 65520, nan, -inf, 2 ** -24, 2 ** -25, 1 + 2 ** -11, 1 + 3 * 2 ** -11]);
    const wanted = [65504, inf, nan, -inf, 2 ** -24, 0, 1, 1 + 2 ** -9];
    expect(await values(cast(x, 'float16'))).toEqual(wanted);
  });

  it('gives every float16 and bfloat16 back', async () => {
    for (const type of ['float16', 'bfloat16'] as const) {
      const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
      const back = await cast(cast(new Tensor(type, all), 'float32'), type).getData();
      const infinity = type === 'float16' ? 0x7c00 : 0x7f80;
      const numbers = all.filter((bits) => (bits & 0x7fff) <= infinity);
      expect(numbers.every((bits) => back[bits] === bits)).toBe(true);
    }
  });

  it('cuts floats toward zero and wraps whole numbers, as PyTorch does', async () => {
    const x = float32([2.7, -2.7, 300, -1]);
    expect(await values(cast(x, 'int32'))).toEqual([2, -2, 300, -1]);
    expect(await values(cast(x, 'uint8'))).toEqual([2, 254, 44, 255]);
    expect(await values(cast(int64([257, -1]), 'int8'))).toEqual([1, -1]);
    expect(await values(cast(float32([0, -0, nan, 0.1]), 'bool'))).toEqual([0, 0, 1, 1]);
  });
});
