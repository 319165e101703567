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

interface KeyedShape {
  queries: number[];
  keys: number[];
  heads?: number;
  d: number;
  /** Keys lie in pages of so many tokens, in no order. */
  page_size?: number;
}

/** Attention of rows whose keys are others than their queries, two key heads. */
function keyed(
  { queries, keys, heads = 2, d, page_size }: KeyedShape,
  options: Partial<AttentionArguments>,
  extras: (random: Random) => Partial<AttentionArguments> = () => ({}),
): Case {
  return (random) => {
    const sum = (lengths: number[]) => lengths.reduce((a, b) => a + b, 0);
    const [T, S] = [Math.max(...queries), Math.max(...keys)];
    const q = random.floats([sum(queries), heads * d]);
    const perRow = Math.ceil(S / (page_size ?? 1));
    const count = perRow * keys.length + 3;
    const stored = page_size ? count * page_size : sum(keys);
    const [k, v] = [random.floats([stored, 2 * d]), random.floats([stored, 2 * d])];
    const table = Array.from({ length: perRow * keys.length }, (_, i) => (i * 7 + 3) % count);
    const { output, probs } = scaled_dot_product_attention(q, k, v, {
      cu_seqlens: offsets(queries),
      cu_seqlens_k: offsets(keys),
      heads,
      kv_heads: 2,
      length: T,
      key_length: S,
      ...(page_size && { pages: int32(table, [keys.length, perRow]), page_size }),
      ...options,
      ...extras(random),
    });
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

  describe('over keys of their own', () => {
    const probs = { output_probs: true };
    const shapes = { queries: [3, 1, 0, 9], keys: [40, 1, 5, 9], d: 16 };
    const many = { queries: [200, 1], keys: [330, 257], d: 64 };
    holdsAtEveryLevel(
      {
        plain: keyed(shapes, probs),
        causal: keyed(shapes, { causal: true, ...probs }),
        'causal in a window': keyed(shapes, { causal: true, window: 4, ...probs }),
        'for more queries than one task takes': keyed(many, { causal: true }),
        'with one key head for two query heads': keyed({ ...shapes, heads: 4 }, { causal: true, ...probs }),
        'of fewer keys than queries': keyed({ queries: [7, 2], keys: [3, 1], d: 5 }, probs),
        'for one query a row': keyed({ queries: [1, 1, 1], keys: [70, 1, 33], d: 16 }, { causal: true, ...probs }),
        'for one query a row, grouped, in pages': keyed(
          { queries: [1, 1, 0, 1], keys: [70, 1, 5, 300], d: 20, heads: 8, page_size: 32 },
          { causal: true, ...probs },
        ),
        'for one query a row, with all that there is': keyed(
          { queries: [1, 1], keys: [70, 33], d: 5, page_size: 16 },
          { causal: true, window: 40, ...probs },
          (r) => ({ mask: r.bools([2, 1, 70], 0.7), bias: r.floats([2, 2, 1, 70]), head_mask: r.floats([2]) }),
        ),
        'for one query a row in a window': keyed({ queries: [1], keys: [90], d: 64 }, { causal: true, window: 7 }),
        'for more heads than a head is wide': keyed({ queries: [1], keys: [40], d: 2, heads: 8 }, probs),
        'in pages': keyed({ ...shapes, page_size: 8 }, { causal: true, ...probs }),
        'in pages of one token': keyed({ ...shapes, page_size: 1 }, { causal: true }),
        'in pages, grouped, for many queries': keyed(
          { ...many, heads: 4, page_size: 32 },
          { causal: true, window: 50 },
        ),
        'in pages under a mask and a bias': keyed({ ...shapes, page_size: 4 }, probs, (r) => ({
          causal: true,
          mask: r.bools([4, 1, 40], 0.7),
          bias: r.floats([4, 2, 9, 40]),
          head_mask: r.floats([2]),
        })),
        'under a full mask': keyed(shapes, probs, (r) => ({ mask: r.bools([4, 9, 40], 0.4) })),
        'under a mask of zeros': keyed(shapes, probs, (r) => ({ causal: true, mask: r.bools([4, 1, 40], 0) })),
      },
      close,
    );

    it('gives a query what it has among all queries of its row', async () => {
      const [H, S, D] = [2, 75, 16];
      const r = new Random(5);
      const [q, k, v] = [r.floats([S, H * D]), r.floats([S, H * D]), r.floats([S, H * D])];
      const causal = { heads: H, causal: true };
      const whole = await values(
        scaled_dot_product_attention(q, k, v, { ...causal, cu_seqlens: int32([0, S]), length: S }).output,
      );
      for (const t of [0, 1, 15, 16, 40, 74]) {
        const keys = { cu_seqlens_k: int32([0, t + 1]), key_length: t + 1 };
        const [one, seen, of] = [slice(q, 0, t, t + 1), slice(k, 0, 0, t + 1), slice(v, 0, 0, t + 1)];
        const options = { ...causal, ...keys, cu_seqlens: int32([0, 1]), length: 1 };
        const { output } = scaled_dot_product_attention(one, seen, of, options);
        for (const [i, value] of (await values(output)).entries())
          expect(Math.abs(value - (whole[t * H * D + i] as number))).toBeLessThan(2e-6);
      }
    });

    it('refuses what does not fit', async () => {
      const x = float32([1, 2, 3, 4], [4, 1]);
      const run = (queries: number[], keys: number[], more: Partial<AttentionArguments> = {}) =>
        scaled_dot_product_attention(slice(x, 0, 0, queries.at(-1) as number), x, x, {
          cu_seqlens: int32(queries),
          cu_seqlens_k: int32(keys),
          heads: 1,
          length: 4,
          key_length: 4,
          ...more,
        }).output;
      const pages = (table: number[]) => ({ pages: int32(table, [1, table.length]), page_size: 2 });
      await expect(run([0, 2], [0, 3]).getData()).rejects.toThrow(/cu_seqlens must run from 0/);
      await expect(run([0, 2], [0, 4], { key_length: 3 }).getData()).rejects.toThrow(/longer than the longest/);
      await expect(run([0, 0, 2], [0, 4, 4]).getData()).rejects.toThrow(/queries but no keys/);
      await expect(run([0, 3, 4], [0, 2, 4], { causal: true }).getData()).rejects.toThrow(/fewer keys than queries/);
      await expect(run([0, 1], [0, 4], pages([0])).getData()).rejects.toThrow(/more keys than pages/);
      for (const page of [-1, 2])
        await expect(run([0, 1], [0, 4], pages([0, page])).getData()).rejects.toThrow(/page is out of range/);
      expect(() => run([0, 1], [0, 4], { ...pages([0, 1]), page_size: 3 })).toThrow(/power of two/);
      expect(() => run([0, 1], [0, 4], { ...pages([0, 1]), cu_seqlens_k: null })).toThrow(/pages need cu_seqlens_k/);
      expect(() => run([0, 1], [0, 4], { cu_seqlens_k: int32([0, 1, 4]) })).toThrow(/cu_seqlens_k must be/);
    });
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
