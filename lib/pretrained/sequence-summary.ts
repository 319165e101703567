import { NotImplementedError, TypeError, ValueError } from '../errors';
import { type Activation, activate, createActivation } from '../nn/activation';
import type { Encoded } from '../nn/encoded';
import { Linear } from '../nn/linear';
import { Module } from '../nn/module';
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

const kinds = ['first', 'last', 'mean', 'cls_index'];

/**
 * One vector a row: its first, last or mean token ('cls_index' is the last where no index is given), through an
 * optional projection and activation. Upstream: transformers modeling_utils.SequenceSummary (4.35.2).
 */
export class SequenceSummary extends Module {
  readonly summary?: Linear;
  readonly activation: Activation | null;
  /** Width of the result. */
  readonly out_features: number;
  private readonly kind: string;

  constructor(config: SummaryConfig) {
    super();
    if (config === null || typeof config !== 'object')
      throw new TypeError(`SequenceSummary takes a config, such as a model's, not ${String(config)}`);
    this.kind = config.summary_type ?? 'last';
    if (this.kind === 'attn') throw new NotImplementedError("config.summary_type 'attn' is defined nowhere upstream");
    if (!kinds.includes(this.kind))
      throw new ValueError(`config.summary_type is '${this.kind}'; it must be one of ${kinds.join(', ')}`);
    const toLabels = Boolean(config.summary_proj_to_labels) && config.num_labels > 0;
    this.out_features = config.summary_use_proj && toLabels ? config.num_labels : config.hidden_size;
    if (config.summary_use_proj) this.summary = new Linear(config.hidden_size, this.out_features);
    const name = config.summary_activation;
    this.activation = name ? createActivation(name, 'summary_activation') : null;
  }

  /** Whether padding takes part: rows must then be computed whole. */
  get readsPadding(): boolean {
    return this.kind !== 'first';
  }

  /** @returns [B, C] */
  override forward({ x, layout }: Encoded): Tensor {
    const chosen =
      this.kind === 'mean'
        ? mean(layout.unpack(x), 1)
        : layout.select(x, new Int32Array(layout.batch).fill(this.kind === 'first' ? 0 : layout.length - 1));
    if (this.summary) return this.summary.forward(chosen, this.activation ? { activation: this.activation } : {});
    return this.activation ? activate(this.activation, chosen) : chosen;
  }
}
