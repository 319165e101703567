import { rotary_embedding } from '../../lib/tensor/ops/rope';
import { float32, holdsAtEveryLevel, int32, int64, values } from './case-table';

const positions = () => int32([0, 1, 2, 100, 400, 900, 8191, 12, 13]);

describe('rotary_embedding', () => {
  for (const d of [2, 8, 10, 64])
    for (const interleaved of [false, true]) {
      const pairs = interleaved ? 'neighbours' : 'halves';
      holdsAtEveryLevel(
        {
          [`of ${pairs} in heads of ${d}`]: (r) =>
            rotary_embedding(r.floats([9, 3 * d]), positions(), { heads: 3, interleaved }),
          [`of a part of heads of ${d} in ${pairs}`]: (r) =>
            rotary_embedding(r.floats([9, 3 * d]), positions(), {
              heads: 3,
              rotary_dim: 2,
              interleaved,
              theta: 160000,
            }),
        },
        { relative: 2e-6, absolute: 1e-6 },
      );
    }

  holdsAtEveryLevel(
    {
      'with frequencies of its own': (r) =>
        rotary_embedding(r.floats([9, 30]), positions(), { heads: 3, inv_freq: float32([1, 0.3, 0.05, 0.01, 0.001]) }),
      'scaled, and copied as it is where it does not turn': (r) =>
        rotary_embedding(r.floats([9, 30]), positions(), {
          heads: 3,
          rotary_dim: 4,
          inv_freq: float32([0.5, 0.25]),
          scaling: 1.3,
        }),
    },
    { relative: 2e-6, absolute: 1e-6 },
  );

  it('refuses frequencies that are not one a pair', () => {
    const x = float32([1, 2, 3, 4], [1, 4]);
    expect(() => rotary_embedding(x, int32([0]), { heads: 1, inv_freq: float32([1]) })).toThrow(/inv_freq must be/);
  });

  it('turns a pair by its position and leaves its length', async () => {
    const x = float32([1, 0], [1, 2]);
    const [a, b] = await values(rotary_embedding(x, int64([2]), { heads: 1 }));
    expect(a).toBeCloseTo(Math.cos(2), 6);
    expect(b).toBeCloseTo(Math.sin(2), 6);
  });

  it('copies what does not turn', async () => {
    const x = float32([1, 2, 3, 4], [1, 4]);
    expect((await values(rotary_embedding(x, int64([5]), { heads: 1, rotary_dim: 2 }))).slice(2)).toEqual([3, 4]);
  });

  it('refuses an odd part of a head', () => {
    expect(() => rotary_embedding(float32([1, 2, 3], [1, 3]), int32([0]), { heads: 1 })).toThrow(
      /rotary_dim must be even/,
    );
  });
});
