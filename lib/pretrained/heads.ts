import { ValueError } from '../errors';
import { type Encoded, traceOf } from '../nn/encoded';
import { toIds } from '../nn/ids';
import { type ClassifierConfig, classLoss, type Labels, sequenceLoss, spanLoss, tokenLoss } from '../nn/losses';
import type { Counted, TokenInputs } from '../nn/tokens';
import { reshape } from '../tensor/dispatch';
import { slice } from '../tensor/ops/layout';
import { Tensor } from '../tensor/tensor';
import { ModelOutput } from './model-output';

/** What Transformers' heads return, from an encoder's result and the head's logits. */

/**
 * Masked LM and token classification.
 * @param logits - [N, V], packed
 * @param labels - [B·T] or null
 */
export function tokenOutput(encoded: Encoded, logits: Tensor, labels: Int32Array | null): ModelOutput {
  return new ModelOutput({
    loss: labels && tokenLoss(logits, labels, encoded.layout),
    logits: encoded.layout.unpack(logits), // [B, T, V]
    ...traceOf(encoded),
  });
}

/** Sequence classification. @param logits - [B, num_labels] */
export function sequenceOutput(
  encoded: Encoded,
  logits: Tensor,
  labels: Labels | undefined,
  config: ClassifierConfig,
): ModelOutput {
  const loss = labels === undefined ? null : sequenceLoss(logits, labels, config);
  return new ModelOutput({ loss, logits, ...traceOf(encoded) });
}

/** Where the labels of a span head are. */
export interface SpanLabels {
  /** [B] */
  start_positions?: Labels;
  end_positions?: Labels;
}

/** The loss of a span is over all positions of a row, masked ones too: with labels, rows are computed whole. */
export function spanCounts({ start_positions, end_positions }: SpanLabels): Counted {
  return start_positions === undefined || end_positions === undefined ? null : 'all';
}

/**
 * Question answering.
 * @param logits - [N, 2], packed
 * @throws ValueError for another width: most families have heads as wide as `config.num_labels`
 */
export function spanOutput(encoded: Encoded, logits: Tensor, labels: SpanLabels): ModelOutput {
  const width = logits.dims[1];
  if (width !== 2)
    throw new ValueError(
      `a question answering head gives two numbers a token, for start and end; this one gives ${width}, by ` +
        'config.num_labels. Load the model with { num_labels: 2 }, and with ignore_mismatched_sizes: true where the ' +
        'checkpoint has this head',
      { code: 'ERR_CONFIG_FIELD' },
    );
  const { layout } = encoded;
  const whole = layout.unpack(logits);
  const [start_logits, end_logits] = [0, 1].map((i) =>
    reshape(slice(whole, 2, i, i + 1), [layout.batch, layout.length]),
  ) as [Tensor, Tensor];
  const { start_positions, end_positions } = labels;
  const loss =
    start_positions === undefined || end_positions === undefined
      ? null
      : spanLoss(start_logits, end_logits, start_positions, end_positions);
  return new ModelOutput({ loss, start_logits, end_logits, ...traceOf(encoded) });
}

/** Multiple choice. @param logits - [B·K, 1] */
export function choiceOutput(
  encoded: Encoded,
  logits: Tensor,
  choices: number,
  labels: Int32Array | null,
): ModelOutput {
  const scores = reshape(logits, [-1, choices]); // [B, K]
  return new ModelOutput({ loss: labels && classLoss(scores, labels), logits: scores, ...traceOf(encoded) });
}

/** A call whose inputs are [B, K, T]: as [B·K, T], and K. */
export function flattenChoices<I extends TokenInputs>(inputs: I): { inputs: I; choices: number } {
  const flat: TokenInputs = { ...inputs };
  let choices = 0;
  for (const name of ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'] as const) {
    const given = inputs[name];
    if (given === undefined || given === null) continue;
    const { data, dims } = toIds(name, given);
    if (dims.length !== 3) throw wrongChoices(name, dims);
    choices = dims[1] as number;
    flat[name] = new Tensor('int32', data, [(dims[0] as number) * choices, dims[2] as number]);
  }
  const embeds = inputs.inputs_embeds;
  if (embeds) {
    if (embeds.dims.length !== 4) throw wrongChoices('inputs_embeds', embeds.dims);
    choices = embeds.dims[1] as number;
    flat.inputs_embeds = reshape(embeds, [-1, ...embeds.dims.slice(2)]);
  }
  return { inputs: flat as I, choices };
}

function wrongChoices(name: string, dims: readonly number[]): ValueError {
  return new ValueError(`Wrong shape for ${name}: [${dims}]; multiple choice wants [batch, choices, length]`, {
    code: 'ERR_SHAPE',
  });
}
