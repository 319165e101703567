import { AssertionError } from '../errors';
import { reshape } from '../tensor/dispatch';
import { add, mul, sub } from '../tensor/ops/elementwise';
import { index_select } from '../tensor/ops/embedding';
import { cat, expand } from '../tensor/ops/layout';
import { Tensor } from '../tensor/tensor';
import { type IdInput, toIds } from './ids';
import { Linear } from './linear';
import { Module } from './module';
import { LayerNorm } from './norm';

/** The parts of a head that looks for a span with beams (XLNet, arXiv:1906.08237). Source: modeling_utils.py, 4.35.2. */

/** The config fields that they read. */
export interface SpanConfig {
  hidden_size: number;
  layer_norm_eps: number;
}

/** Where a span starts: as states, or as positions, which go before them. */
export interface SpanStart {
  /** [B, T, C] (of the answer class: [B, C]), or with an axis of beams like the hidden states */
  start_states?: Tensor | null;
  /** [B] */
  start_positions?: IdInput | Tensor | null;
}

/** Scores of each position as the start of a span. */
export class PoolerStartLogits extends Module {
  readonly dense;

  constructor({ hidden_size }: Pick<SpanConfig, 'hidden_size'>) {
    super();
    this.dense = new Linear(hidden_size, 1);
  }

  /**
   * @param hidden_states - [B, T, C]
   * @param p_mask - [B, T] float32, 1 where a position cannot be
   * @returns [B, T]
   */
  override forward(hidden_states: Tensor, p_mask: Tensor | null = null): Tensor {
    return masked(withoutLast(this.dense.forward(hidden_states)), p_mask);
  }
}

/** Scores of each position as the end of a span that starts at a given one. */
export class PoolerEndLogits extends Module {
  readonly dense_0;
  readonly LayerNorm;
  readonly dense_1;

  constructor({ hidden_size, layer_norm_eps }: SpanConfig) {
    super();
    this.dense_0 = new Linear(2 * hidden_size, hidden_size);
    this.LayerNorm = new LayerNorm(hidden_size, layer_norm_eps);
    this.dense_1 = new Linear(hidden_size, 1);
  }

  /**
   * @param hidden_states - [B, T, C], or [B, T, S, C] with S beams
   * @param p_mask - [B, T], or [B, T, 1] with beams
   * @returns [B, T] or [B, T, S]
   * @throws AssertionError without a start
   */
  override forward(hidden_states: Tensor, start: SpanStart, p_mask: Tensor | null = null): Tensor {
    const states = start.start_positions
      ? expand(gather(hidden_states, positions(start.start_positions)), hidden_states.dims)
      : given(start.start_states);
    const both = cat([hidden_states, states], hidden_states.dims.length - 1);
    const x = this.LayerNorm.forward(this.dense_0.forward(both, { activation: { fused: 'tanh' } }));
    return masked(withoutLast(this.dense_1.forward(x)), p_mask);
  }
}

/** Whether there is an answer, from the start of the span and the classification token. */
export class PoolerAnswerClass extends Module {
  readonly dense_0;
  readonly dense_1;

  constructor({ hidden_size }: Pick<SpanConfig, 'hidden_size'>) {
    super();
    this.dense_0 = new Linear(2 * hidden_size, hidden_size);
    this.dense_1 = new Linear(hidden_size, 1, { bias: false });
  }

  /**
   * @param hidden_states - [B, T, C]
   * @param cls_index - [B], the last token when left out
   * @returns [B]
   * @throws AssertionError without a start
   */
  override forward(hidden_states: Tensor, start: SpanStart, cls_index: IdInput | null = null): Tensor {
    const [B, T, C] = hidden_states.dims as [number, number, number];
    const one = (index: Tensor) => reshape(gather(hidden_states, index), [B, C]);
    const states = start.start_positions ? one(positions(start.start_positions)) : given(start.start_states);
    const last = () => new Tensor('int64', new BigInt64Array(B).fill(BigInt(T - 1)), [B, 1]);
    const both = cat([states, one(cls_index ? positions(cls_index) : last())], 1);
    return withoutLast(this.dense_1.forward(this.dense_0.forward(both, { activation: { fused: 'tanh' } })));
  }
}

/**
 * Rows of each text.
 * @param x - [B, T, C]
 * @param index - [B, K] int64
 * @returns [B, K, C]
 */
export function gather(x: Tensor, index: Tensor): Tensor {
  const [B, T, C] = x.dims as [number, number, number];
  const begins = new Tensor(
    'int64',
    BigInt64Array.from({ length: B }, (_, b) => BigInt(b * T)),
    [B, 1],
  );
  const rows = index_select(reshape(x, [B * T, C]), 0, reshape(add(index, begins), [-1]));
  return reshape(rows, [B, index.dims[1] as number, C]);
}

/** [B] positions as [B, 1]. */
function positions(given: IdInput | Tensor): Tensor {
  const { data } = toIds('positions', given);
  return new Tensor('int64', BigInt64Array.from(data, BigInt), [data.length, 1]);
}

function given(start_states: Tensor | null | undefined): Tensor {
  if (start_states) return start_states;
  throw new AssertionError('One of start_states, start_positions should be not None');
}

function withoutLast(x: Tensor): Tensor {
  return reshape(x, x.dims.slice(0, -1));
}

function masked(x: Tensor, p_mask: Tensor | null): Tensor {
  return p_mask ? sub(mul(x, sub(1, p_mask)), mul(p_mask, 1e30)) : x;
}
