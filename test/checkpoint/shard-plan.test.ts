import { planShards } from '../../lib/checkpoint/shard-plan';
import { parseSize } from '../../lib/checkpoint/size-text';
import { ValueError } from '../../lib/errors';
import { atOnce } from '../../lib/turns';

const planned = (...given: Parameters<typeof planShards>) => atOnce(planShards(...given));

/** Tensors p0, p1, … of so many bytes, each with bytes of its own. */
const tensors = (...sizes: number[]) => sizes.map((byteLength, i) => ({ name: `p${i}`, byteLength, storage: i }));

describe('planning shards', () => {
  it('keeps any number of names of one storage together', () => {
    const views = Array.from({ length: 200_000 }, (_, i) => ({ name: `view ${i}`, byteLength: 60, storage: 'one' }));
    const { shards, totalSize } = planned([...views, ...tensors(60)], 100);
    expect(shards.map((names) => names.length)).toEqual([200_000, 1]);
    expect(totalSize).toBe(120);
  });

  it('gives an oversize tensor a shard of its own while the open one goes on', () => {
    const sizes = [10, 10, 1000, 10, 10].map((numbers) => 4 * numbers);
    expect(planned(tensors(...sizes), 100)).toEqual({
      shards: [['p2'], ['p0', 'p1'], ['p3', 'p4']],
      totalSize: 4160,
    });
  });

  it('fills a shard to the last byte, in order', () => {
    expect(planned(tensors(50, 50, 1, 99, 100), 100).shards).toEqual([['p0', 'p1'], ['p2', 'p3'], ['p4']]);
  });

  it('puts what shares bytes behind all others of their shard, and counts it once', () => {
    const [a, b, c, d] = tensors(60, 40, 60, 200) as [never, never, never, never];
    const sharing = (of: { storage: unknown }, name: string) => ({ name, byteLength: 60, storage: of.storage });
    const given = [a, sharing(a, 'like p0'), b, c, d, sharing(d, 'like p3')];
    expect(planned(given, 100)).toEqual({
      shards: [['p0', 'p1', 'like p0'], ['p3', 'like p3'], ['p2']],
      totalSize: 360,
    });
    expect(planned(given, 1000).shards).toEqual([['p0', 'like p0', 'p1', 'p2', 'p3', 'like p3']]);
  });

  it('makes one file of what fits, of a single large tensor, and of nothing', () => {
    expect(planned(tensors(1, 2), 3).shards).toEqual([['p0', 'p1']]);
    expect(planned(tensors(9), 3).shards).toEqual([['p0']]);
    expect(planned([], 3)).toEqual({ shards: [[]], totalSize: 0 });
  });
});

describe('the text of a size', () => {
  it.each<[number | string, number]>([
    [1, 1],
    [5_000_000_000, 5e9],
    ['5GB', 5e9],
    ['5gb', 5e9],
    ['2Kb', 2000],
    ['1.5 MB', 1_500_000],
    ['.5kb', 500],
    ['1TB', 1e12],
    ['3KiB', 3072],
    ['2mib', 2 * 2 ** 20],
    ['1GIB', 2 ** 30],
  ])('%j is %d bytes', (size, bytes) => {
    expect(parseSize(size)).toBe(bytes);
  });

  it.each<number | string>([
    0,
    -1,
    1.5,
    Number.NaN,
    Infinity,
    '',
    '5',
    '5G',
    '-5GB',
    '0GB',
    '5GB2',
    '5 bytes',
    '1TiB',
    'GB',
  ])('%j is refused', (size) => {
    expect(() => parseSize(size)).toThrow(ValueError);
    expect(() => parseSize(size)).toThrow(/max_shard_size is .*; it must be/);
  });
});
