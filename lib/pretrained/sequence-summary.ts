import { NotImplementedError, ValueError } from '../errors';
import { checkActivation } from '../nn/activation';
import type { Encoded } from '../nn/encoded';
import { Linear } from '../nn/linear';
import { Module } from '../nn/module';
import { unary } from '../tensor/ops/elementwise';
import { mean } from '../tensor/ops/reduce';
import type { Tensor } from '../tensor/tensor';

/** The config fields that a summary reads. */
export interface SummaryConfig {
  hidden_size: number;
  num_labels: number;
  summary_type?: string;
  summary_use_proj?: boolean;
  summary_proj_to_labels?: boolean;
  summary_activation?: string | null;
}

/**
 * One vector a row: its last, first or mean token, through an optional projection and activation.
 * Upstream: transformers modeling_utils.SequenceSummary (4.35.2).
 */
export class SequenceSummary extends Module {
  readonly summary?: Linear;
  /** Width of the result. */
  readonly out_features: number;
  private readonly kind: string;
  private readonly activation: string | null;

  constructor(config: SummaryConfig) {
    super();
    this.kind = config.summary_type ?? 'last';
    if (this.kind === 'attn' || this.kind === 'cls_index')
      throw new NotImplementedError(
        `config.summary_type '${this.kind}' is not supported; use 'first', 'last' or 'mean'`,
        {
          code: 'ERR_CONFIG_FIELD',
        },
      );
    if (!['first', 'last', 'mean'].includes(this.kind))
      throw new ValueError(`config.summary_type is '${this.kind}'; it must be 'first', 'last' or 'mean'`);
    const toLabels = Boolean(config.summary_proj_to_labels) && config.num_labels > 0;
    this.out_features = config.summary_use_proj && toLabels ? config.num_labels : config.hidden_size;
    if (config.summary_use_proj) this.summary = new Linear(config.hidden_size, this.out_features);
    this.activation = config.summary_activation
      ? checkActivation(config.summary_activation, 'summary_activation')
      : null;
  }

  /** @returns [B, C]; positions that were left out of a row count as zeros in a mean */
  override forward({ x, layout }: Encoded): Tensor {
    const chosen =
      this.kind === 'mean'
        ? mean(layout.unpack(x), 1)
        : layout.select(x, new Int32Array(layout.batch).fill(this.kind === 'first' ? 0 : layout.length - 1));
    if (!this.summary) return this.activation ? unary(this.activation, chosen) : chosen;
    return this.summary.forward(chosen, this.activation ? { activation: this.activation } : {});
  }
}
