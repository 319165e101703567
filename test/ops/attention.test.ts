import {
  type AttentionArguments,
  relative_position_scores,
  scaled_dot_product_attention,
} from '../../lib/tensor/ops/attention';
import { slice } from '../../lib/tensor/ops/layout';
import { Tensor } from '../../lib/tensor/tensor';
import { type Case, float32, holdsAtEveryLevel, int32, Random, values } from './case-table';

const close = { relative: 1e-5, absolute: 2e-6 };

function offsets(lengths: readonly number[]): Tensor {
  const sums = [0];
  for (const length of lengths) sums.push((sums[sums.length - 1] as number) + length);
  return int32(sums);
}

interface Shape {
  lengths: number[];
  heads?: number;
  kv_heads?: number;
  d?: number;
}

type Extras = (random: Random, B: number, H: number, T: number) => Partial<AttentionArguments>;

function attention({ lengths, heads = 2, kv_heads = heads, d = 16 }: Shape, extras: Extras = () => ({})): Case {
  return (random) => {
    const N = lengths.reduce((a, b) => a + b, 0);
    const T = Math.max(0, ...lengths);
    const q = random.floats([N, heads * d]);
    const [k, v] = [random.floats([N, kv_heads * d]), random.floats([N, kv_heads * d])];
    const rest = extras(random, lengths.length, heads, T);
    const fixed = { cu_seqlens: offsets(lengths), heads, kv_heads, length: T };
    const { output, probs } = scaled_dot_product_attention(q, k, v, { ...fixed, ...rest });
    return probs ? [output, probs] : [output];
  };
}

const lengthTables: Record<string, number[]> = {
  'one token': [1],
  'short rows': [2, 3],
  'rows of a vector': [8, 8, 5],
  'an empty row between others': [17, 1, 0, 33],
  'rows of usual length': [53, 20, 64],
  'more queries than one task takes': [193, 7],
  'no rows': [],
};

describe('scaled_dot_product_attention', () => {
  for (const [name, lengths] of Object.entries(lengthTables))
    describe(`of ${name}`, () => {
      const probs = { output_probs: true };
      holdsAtEveryLevel(
        {
          plain: attention({ lengths }),
          'with probabilities': attention({ lengths }, () => probs),
          'with one key head for two query heads': attention({ lengths, heads: 4, kv_heads: 2 }, () => probs),
          'of odd head size': attention({ lengths, d: 5 }),
          'of head size 64': attention({ lengths, d: 64 }),
          causal: attention({ lengths }, () => ({ causal: true, ...probs })),
          'in a window': attention({ lengths }, () => ({ window: 4, ...probs })),
          'in a window of itself': attention({ lengths }, () => ({ window: 0, ...probs })),
          'causal in a window': attention({ lengths }, () => ({ causal: true, window: 9, ...probs })),
          'under a key mask': attention({ lengths }, (r, B, _, T) => ({ mask: r.bools([B, 1, T], 0.7), ...probs })),
          'under a full mask': attention({ lengths }, (r, B, _, T) => ({ mask: r.bools([B, T, T], 0.4), ...probs })),
          'under a mask in a window': attention({ lengths }, (r, B, _, T) => ({
            mask: r.bools([B, 1, T], 0.3),
            window: 3,
          })),
          'under a mask in a window of itself': attention({ lengths }, (r, B, _, T) => ({
            mask: r.bools([B, T, T], 0.6),
            window: 0,
            ...probs,
          })),
          'under a mask of zeros': attention({ lengths }, (r, B, _, T) => ({ mask: r.bools([B, 1, T], 0), ...probs })),
          'with a bias': attention({ lengths }, (r, B, H, T) => ({ bias: r.floats([B, H, T, T]), ...probs })),
          'with one bias for all': attention({ lengths }, (r, _B, _H, T) => ({ bias: r.floats([1, 1, T, T]) })),
          'with a bias for each head': attention({ lengths }, (r, _, H, T) => ({ bias: r.floats([1, H, T, T]) })),
          'with all of them': attention({ lengths }, (r, B, H, T) => ({
            mask: r.bools([B, 1, T], 0.7),
            bias: r.floats([B, 1, T, T]),
            head_mask: r.floats([H]),
            ...probs,
          })),
        },
        close,
      );
    });

  it('gives a row the same bits whatever stands beside it', async () => {
    const x = new Random(3).floats([90, 64]);
    const first = slice(x, 0, 0, 50);
    const of = (tokens: Tensor, lengths: number[]) =>
      scaled_dot_product_attention(tokens, tokens, tokens, { cu_seqlens: offsets(lengths), heads: 2, length: 50 })
        .output;
    expect(await values(slice(of(x, [50, 33, 7]), 0, 0, 50))).toEqual(await values(of(first, [50])));
  });

  it('spreads a query whose keys are all masked evenly over its row', async () => {
    const x = float32([1, 2, 3, 4], [4, 1]);
    const { probs } = scaled_dot_product_attention(x, x, x, {
      cu_seqlens: int32([0, 4]),
      heads: 1,
      length: 4,
      mask: new Tensor('uint8', [0, 0, 0, 0], [1, 1, 4]),
      output_probs: true,
    });
    expect(await values(probs as Tensor)).toEqual(Array(16).fill(0.25));
  });

  it('leaves the probabilities 0 beyond each row', async () => {
    const x = float32([1, 2, 3], [3, 1]);
    const { probs } = scaled_dot_product_attention(x, x, x, {
      cu_seqlens: int32([0, 1, 1, 3]),
      heads: 1,
      length: 2,
      output_probs: true,
      scale: 0,
    });
    expect(await values(probs as Tensor)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5]);
  });

  it('sees itself alone in a window of 0, and everything without a window', async () => {
    const x = float32([1, 2, 3], [3, 1]);
    const probs = (options: Partial<AttentionArguments>) =>
      values(
        scaled_dot_product_attention(x, x, x, {
          cu_seqlens: int32([0, 3]),
          heads: 1,
          length: 3,
          scale: 0,
          output_probs: true,
          ...options,
        }).probs as Tensor,
      );
    expect(await probs({ window: 0 })).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    for (const window of [null, undefined]) expect(await probs({ window })).toEqual(Array(9).fill(Math.fround(1 / 3)));
    await expect(async () => probs({ window: -2 })).rejects.toThrow(/window must be -1, for no limit, or not negative/);
  });

  it('refuses what does not fit', async () => {
    const x = float32([1, 2, 3], [3, 1]);
    const run = (cu_seqlens: Tensor, length: number) =>
      scaled_dot_product_attention(x, x, x, { cu_seqlens, heads: 1, length }).output;
    await expect(run(int32([0, 2]), 3).getData()).rejects.toThrow(/cu_seqlens must run from 0/);
    await expect(run(int32([0, 3]), 2).getData()).rejects.toThrow(/longer than the longest length/);
    expect(() => scaled_dot_product_attention(x, x, x, { cu_seqlens: int32([0, 3]), heads: 2, length: 3 })).toThrow(
      /number of heads times the head size/,
    );
  });
});

describe('relative_position_scores', () => {
  const table =
    (both: boolean, P: number, d: number): Case =>
    (random) => {
      const lengths = [5, 0, 9, 1];
      const [q, k] = [random.floats([15, 3 * d]), random.floats([15, 3 * d])];
      const distances = random.floats([2 * P - 1, d]);
      return relative_position_scores(q, k, distances, offsets(lengths), { heads: 3, both, length: 9 });
    };
  holdsAtEveryLevel(
    {
      'of the query': table(false, 9, 16),
      'of query and key': table(true, 20, 16),
      'of odd head size': table(true, 9, 7),
    },
    { relative: 1e-6, absolute: 2e-6 },
  );

  it('scales as BERT does after adding', async () => {
    const q = float32([1, 2, 3, 4], [1, 4]);
    const distances = float32([1, 1, 1, 1], [1, 4]);
    const options = { heads: 1, both: true, length: 1 };
    expect(await values(relative_position_scores(q, q, distances, int32([0, 1]), options))).toEqual([10]);
  });
});
