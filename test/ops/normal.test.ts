import { normal } from '../../lib/tensor/ops/normal';
import { set_seed } from '../../lib/tensor/random';
import { holdsAtEveryLevel, values } from './case-table';

describe('normal', () => {
  const seeded = (dims: number[], mean: number, std: number) => {
    set_seed(3);
    return normal(dims, mean, std);
  };
  holdsAtEveryLevel(
    {
      'of one number': () => seeded([1], 0, 1),
      'of no numbers': () => seeded([0, 4], 0, 1),
      'of a scalar': () => seeded([], 2, 3),
      'of several blocks and a part of one': () => seeded([3, 700], -1, 0.02),
    },
    { relative: 2e-6, absolute: 2e-6 },
  );

  it('has the moments and tails of the normal distribution, and no pair is related', async () => {
    set_seed(11);
    const x = await values(normal([400000], 0.5, 2));
    const z = x.map((v) => (v - 0.5) / 2);
    const moment = (k: number) => z.reduce((sum, v) => sum + v ** k, 0) / z.length;
    expect(moment(1)).toBeCloseTo(0, 2);
    expect(moment(2)).toBeCloseTo(1, 2);
    expect(moment(3)).toBeCloseTo(0, 1);
    expect(moment(4)).toBeCloseTo(3, 1);
    expect(z.filter((v) => Math.abs(v) > 1.96).length / z.length).toBeCloseTo(0.05, 2);
    for (const step of [1, 2, 256, 512]) {
      let sum = 0;
      for (let i = 0; i + step < z.length; i++) sum += (z[i] as number) * (z[i + step] as number);
      expect(Math.abs(sum / z.length)).toBeLessThan(0.01);
    }
  });

  it('repeats with the seed, and goes on without it', async () => {
    set_seed(5);
    const first = await values(normal([10]));
    const second = await values(normal([10]));
    set_seed(5);
    expect(await values(normal([10]))).toEqual(first);
    expect(second).not.toEqual(first);
  });
});
