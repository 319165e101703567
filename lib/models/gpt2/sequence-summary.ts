import { NotImplementedError, ValueError } from '../../errors';
import { type Activation, activate, createActivation } from '../../nn/activation';
import type { Encoded } from '../../nn/encoded';
import { toIds } from '../../nn/ids';
import { Linear } from '../../nn/linear';
import { Module } from '../../nn/module';
import type { Counted, TokenInputs } from '../../nn/tokens';
import { countOnly } from '../../pretrained/causal-heads';
import { reshape } from '../../tensor/dispatch';
import { slice } from '../../tensor/ops/layout';
import { mean } from '../../tensor/ops/reduce';
import { Tensor } from '../../tensor/tensor';
import type { GPT2Config } from './config';

const kinds = ['cls_index', 'last', 'first', 'mean'];

/**
 * One number a choice, of the token that the call names ('cls_index'), or by a summary along the axis behind the batch:
 * with choices that is the axis of the choices, as upstream. Source: transformers GPT2SequenceSummary (5.18.0).
 */
export class GPT2SequenceSummary extends Module {
  readonly summary?: Linear;
  readonly activation: Activation | null;
  private readonly kind: string;

  constructor(config: GPT2Config) {
    super();
    this.kind = config.summary_type;
    if (this.kind === 'attn') throw new NotImplementedError("config.summary_type 'attn' is defined nowhere upstream");
    if (!kinds.includes(this.kind))
      throw new ValueError(`config.summary_type is '${this.kind}'; it must be one of ${kinds.join(', ')}`);
    const toLabels = config.summary_proj_to_labels && config.num_labels > 0;
    if (config.summary_use_proj) this.summary = new Linear(config.n_embd, toLabels ? config.num_labels : config.n_embd);
    const name = config.summary_activation;
    this.activation = name ? createActivation(name, 'summary_activation') : null;
  }

  /** Positions whose values this needs, and those of labels. @param labels - [rows·T] */
  counts(positions: Int32Array, length: number, labels: Int32Array | null): Counted {
    if (this.kind !== 'cls_index') return 'all';
    const counted = countOnly(positions, length);
    return labels ? counted.map((c, i) => (labels[i] === -100 ? c : 0)) : counted;
  }

  /**
   * @param leading - [B, K] or [B]: what the rows are
   * @param positions - of each row, for 'cls_index'
   * @returns the leading axes that are left, and one of the summary's width unless that is 1
   */
  override forward(encoded: Encoded, leading: readonly number[], positions: Int32Array): Tensor {
    const chosen = this.choose(encoded, leading, positions); // [..., C]
    const options = this.activation ? { activation: this.activation } : {};
    const y = this.summary?.forward(chosen, options) ?? (this.activation ? activate(this.activation, chosen) : chosen);
    return y.dims.at(-1) === 1 ? reshape(y, y.dims.slice(0, -1)) : y;
  }

  private choose({ x, layout }: Encoded, leading: readonly number[], positions: Int32Array): Tensor {
    const C = x.dims[1] as number;
    if (this.kind === 'cls_index') {
      if (positions.length !== layout.batch)
        throw new ValueError(`mc_token_ids has ${positions.length} elements, but there are ${layout.batch} rows`, {
          code: 'ERR_SHAPE',
        });
      for (const p of positions)
        if (p < 0 || p >= layout.length)
          throw new ValueError(`mc_token_ids holds ${p}, but rows have ${layout.length} tokens`, {
            code: 'ERR_INDEX_OUT_OF_RANGE',
          });
      return reshape(layout.select(x, positions), [...leading, C]);
    }
    const whole = reshape(layout.unpack(x), [...leading, layout.length, C]);
    if (this.kind === 'mean') return mean(whole, 1);
    const at = this.kind === 'first' ? 0 : (whole.dims[1] as number) - 1;
    return reshape(slice(whole, 1, at, at + 1), [whole.dims[0] as number, ...whole.dims.slice(2)]);
  }
}

/** Inputs [B, K, T] as [B·K, T], and [B, K]; inputs [B, T] as they are, and [B]. */
export function flattenRows<I extends TokenInputs>(inputs: I): { inputs: I; leading: number[] } {
  const flat: TokenInputs = { ...inputs };
  const { input_ids, inputs_embeds } = inputs;
  const dims = input_ids ? toIds('input_ids', input_ids).dims : (inputs_embeds?.dims.slice(0, -1) ?? []);
  const leading = dims.slice(0, -1);
  if (leading.length < 2) return { inputs, leading };
  for (const name of ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'] as const) {
    const given = inputs[name];
    if (given === undefined || given === null) continue;
    const ids = toIds(name, given);
    flat[name] = new Tensor(
      'int32',
      ids.data,
      [-1, ids.dims.at(-1) as number].map((d) => (d < 0 ? rowsOf(ids.dims) : d)),
    );
  }
  if (inputs_embeds) flat.inputs_embeds = reshape(inputs_embeds, [-1, ...inputs_embeds.dims.slice(-2)]);
  return { inputs: flat as I, leading };
}

function rowsOf(dims: readonly number[]): number {
  return dims.slice(0, -1).reduce((n, d) => n * d, 1);
}
