import type { Layout } from '../nn/layout';
import { add, mul } from '../tensor/ops/elementwise';
import { index_select } from '../tensor/ops/embedding';
import { cat } from '../tensor/ops/layout';
import { type PoolingMode, pool } from '../tensor/ops/pool';
import { Tensor } from '../tensor/tensor';

/**
 * One vector a text, as sentence-transformers' Pooling makes it.
 * @param x - [N, C], the tokens of `layout`
 * @param modes - their vectors stand one behind the other
 * @param skip - tokens at the start of each row, those of a prompt, that do not take part; a row of no more gives zeros
 * @returns [B, modes · C]
 */
export function poolTokens(x: Tensor, layout: Layout, modes: readonly PoolingMode[], skip = 0): Tensor {
  const vectors = skip > 0 ? poolBehind(x, layout, modes, skip) : modes.map((mode) => pool(x, layout.cu_seqlens, mode));
  return vectors.length > 1 ? cat(vectors, 1) : (vectors[0] as Tensor);
}

function poolBehind(x: Tensor, layout: Layout, modes: readonly PoolingMode[], skip: number): Tensor[] {
  const lengths = Array.from(layout.lengths, (length) => Math.max(0, length - skip));
  const kept = lengths.flatMap((length, b) =>
    Array.from({ length }, (_, i) => (layout.offsets[b] as number) + skip + i),
  );
  const tokens = index_select(x, 0, new Tensor('int32', Int32Array.from(kept), [kept.length]));
  const ends = Int32Array.from([0, ...lengths]);
  for (let b = 0; b < lengths.length; b++) ends[b + 1]! += ends[b] as number;
  const cu_seqlens = new Tensor('int32', ends, [ends.length]);
  return modes.map((mode) =>
    mode === 'weightedmean' ? laterWeights(tokens, cu_seqlens, lengths, skip) : pool(tokens, cu_seqlens, mode),
  );
}

/** The weighted mean when the first token of each row has weight skip + 1: a mixture of the mean and of 1, 2, … */
function laterWeights(x: Tensor, cu_seqlens: Tensor, lengths: readonly number[], skip: number): Tensor {
  const share = Float32Array.from(lengths, (n) => skip / (skip + (n + 1) / 2));
  const dims = [lengths.length, 1];
  return add(
    mul(pool(x, cu_seqlens, 'mean'), new Tensor('float32', share, dims)),
    mul(
      pool(x, cu_seqlens, 'weightedmean'),
      new Tensor(
        'float32',
        share.map((s) => 1 - s),
        dims,
      ),
    ),
  );
}
