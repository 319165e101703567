import { classLoss, type Labels, labelIds } from '../nn/losses';
import { Module } from '../nn/module';
import { gather, PoolerAnswerClass, PoolerEndLogits, PoolerStartLogits, type SpanConfig } from '../nn/span-poolers';
import { reshape } from '../tensor/dispatch';
import { add, div, mul } from '../tensor/ops/elementwise';
import { expand, permute } from '../tensor/ops/layout';
import { binary_cross_entropy_with_logits } from '../tensor/ops/losses';
import { matmul } from '../tensor/ops/matmul';
import { softmax } from '../tensor/ops/softmax';
import { topk } from '../tensor/ops/sort';
import { Tensor } from '../tensor/tensor';
import { ModelOutput } from './model-output';

/** The config fields that the head reads. */
export interface SquadConfig extends SpanConfig {
  /** S: starts that are followed. */
  start_n_top: number;
  /** E: ends of each. */
  end_n_top: number;
}

/** What is known of the answer, and of the text. */
export interface SquadInputs {
  /** [B] each; with both there is a loss */
  start_positions?: Labels | null;
  end_positions?: Labels | null;
  /** [B], the classification token; the last token when left out */
  cls_index?: Labels | null;
  /** [B], 1 where there is no answer */
  is_impossible?: Labels | null;
  /** [B, T] float32, 1 where a position cannot be */
  p_mask?: Tensor | null;
}

/**
 * A head that looks for spans with beams, and for whether there is an answer (XLNet). Its inputs are in JS. Source:
 * transformers modeling_utils.SQuADHead (4.35.2).
 */
export class SQuADHead extends Module {
  readonly start_logits;
  readonly end_logits;
  readonly answer_class;
  private readonly starts: number;
  private readonly ends: number;

  constructor(config: SquadConfig) {
    super();
    this.starts = config.start_n_top;
    this.ends = config.end_n_top;
    this.start_logits = new PoolerStartLogits(config);
    this.end_logits = new PoolerEndLogits(config);
    this.answer_class = new PoolerAnswerClass(config);
  }

  /**
   * @param hidden_states - [B, T, C]
   * @returns `loss`; or without positions `start_top_log_probs`, `start_top_index` [B, S], `end_top_log_probs`,
   *   `end_top_index` [B, E·S] and `cls_logits` [B]. What is called a log is a probability, as upstream
   */
  override forward(hidden_states: Tensor, inputs: SquadInputs = {}): ModelOutput {
    const [start, end] = [labelIds(inputs.start_positions), labelIds(inputs.end_positions)];
    return new ModelOutput(
      start && end ? { loss: this.loss(hidden_states, start, end, inputs) } : this.beams(hidden_states, inputs),
    );
  }

  private loss(hidden_states: Tensor, start: Int32Array, end: Int32Array, inputs: SquadInputs): Tensor {
    const { p_mask = null, cls_index = null } = inputs;
    const begins = { start_positions: new Tensor('int32', start) };
    const start_logits = this.start_logits.forward(hidden_states, p_mask);
    const end_logits = this.end_logits.forward(hidden_states, begins, p_mask);
    const spans = div(add(classLoss(start_logits, start), classLoss(end_logits, end)), 2);
    const impossible = labelIds(inputs.is_impossible);
    if (!cls_index || !impossible) return spans;
    const cls_logits = this.answer_class.forward(hidden_states, begins, cls_index);
    const target = new Tensor('float32', Float32Array.from(impossible));
    return add(spans, mul(binary_cross_entropy_with_logits(cls_logits, target), 0.5));
  }

  private beams(hidden_states: Tensor, { p_mask = null, cls_index = null }: SquadInputs): Record<string, Tensor> {
    const [B, T, C] = hidden_states.dims as [number, number, number];
    const { starts: S, ends: E } = this;
    const start_probs = softmax(this.start_logits.forward(hidden_states, p_mask)); // [B, T]
    const top = topk(start_probs, S);
    const wide = [B, T, S, C];
    const start_states = expand(reshape(gather(hidden_states, top.indices), [B, 1, S, C]), wide);
    const states = expand(reshape(hidden_states, [B, T, 1, C]), wide);
    const mask = p_mask && reshape(p_mask, [B, T, 1]);
    const end_logits = this.end_logits.forward(states, { start_states }, mask); // [B, T, S]
    const ends = topk(permute(softmax(end_logits, 1), [0, 2, 1]), E); // [B, S, E]
    const bySpan = (x: Tensor) => reshape(permute(x, [0, 2, 1]), [B, E * S]);
    const mean = reshape(matmul(reshape(start_probs, [B, 1, T]), hidden_states), [B, C]);
    return {
      start_top_log_probs: top.values,
      start_top_index: top.indices,
      end_top_log_probs: bySpan(ends.values),
      end_top_index: bySpan(ends.indices),
      cls_logits: this.answer_class.forward(hidden_states, { start_states: mean }, cls_index),
    };
  }
}
