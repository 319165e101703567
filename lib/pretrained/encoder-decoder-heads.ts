import { ValueError } from '../errors';
import { toIds } from '../nn/ids';
import { Linear } from '../nn/linear';
import { type ClassifierConfig, type Labels, sequenceLoss } from '../nn/losses';
import { Module } from '../nn/module';
import { unary } from '../tensor/ops/elementwise';
import { index_select } from '../tensor/ops/embedding';
import { Tensor } from '../tensor/tensor';
import {
  type EncoderDecoderInputs,
  type EncoderDecoderResult,
  encoderDecoderTraceOf,
  requireIds,
} from './encoder-decoder-model';
import { type SpanLabels, spanOutput } from './heads';
import { ModelOutput } from './model-output';

/** What the heads of encoder-decoder models look at, and what they return. */

/** One label a text, from one state of the decoder. */
export class SequenceClassificationHead extends Module {
  readonly dense;
  readonly out_proj;

  /** @param width - C */
  constructor(width: number, num_labels: number) {
    super();
    this.dense = new Linear(width, width);
    this.out_proj = new Linear(width, num_labels);
  }

  /** @param x - [B, C] @returns [B, num_labels] */
  override forward(x: Tensor): Tensor {
    return this.out_proj.forward(unary('tanh', this.dense.forward(x)));
  }
}

/** Sequence classification. @param ends - of each row, as `lastEnds` finds them */
export function endOutput(
  result: EncoderDecoderResult,
  head: SequenceClassificationHead,
  ends: Int32Array,
  labels: Labels | null | undefined,
  config: ClassifierConfig,
): ModelOutput {
  const logits = head.forward(statesAt(result, ends));
  const loss = labels === undefined || labels === null ? null : sequenceLoss(logits, labels, config);
  return new ModelOutput({ loss, logits, ...encoderDecoderTraceOf(result) });
}

/** Question answering over the decoder's tokens. @param qa_outputs - two numbers a token */
export function answerOutput(result: EncoderDecoderResult, qa_outputs: Linear, labels: SpanLabels): ModelOutput {
  const spans = spanOutput(
    { ...result.decoder, hidden_states: [], attentions: [] },
    qa_outputs.forward(result.decoder.x),
    labels,
  );
  return new ModelOutput({ ...spans, ...encoderDecoderTraceOf(result) });
}

/**
 * Where each row's last end token is, [B].
 * @throws ValueError without ids, when rows have different numbers of end tokens, or none; NotImplementedError for
 *   embeddings
 */
export function lastEnds(className: string, given: EncoderDecoderInputs, eos: number | number[] | null): Int32Array {
  requireIds(className, given);
  if (!given.input_ids)
    throw new ValueError('input_ids is missing: the label is read where they hold the end token', {
      code: 'ERR_SHAPE',
    });
  const { data, dims } = toIds('input_ids', given.input_ids);
  const [batch, length] = dims as [number, number];
  const places = Array.from({ length: batch }, (_, b) =>
    Array.from(data.subarray(b * length, (b + 1) * length), (id, t) => (id === eos ? t : -1)).filter((t) => t >= 0),
  );
  if (places.some((row) => row.length !== places[0]?.length))
    throw new ValueError('All examples must have the same number of <eos> tokens.', { code: 'ERR_SHAPE' });
  if (places[0]?.length === 0)
    throw new ValueError(`no row holds the end token, config.eos_token_id ${eos}: the label is read there`, {
      code: 'ERR_SHAPE',
    });
  return Int32Array.from(places, (row) => row.at(-1) as number);
}

/**
 * The decoder's states at those places of each row, [B, C].
 * @throws ValueError unless the decoder's rows are as long as the encoder's
 */
function statesAt({ encoder, decoder }: EncoderDecoderResult, places: Int32Array): Tensor {
  const { layout, x } = decoder;
  if (layout.length !== encoder.layout.length)
    throw new ValueError(
      `the decoder's inputs have ${layout.length} tokens a row, but input_ids ${encoder.layout.length}: the label is ` +
        'read in the decoder at the place of the end token in input_ids',
      { code: 'ERR_SHAPE' },
    );
  const index = Int32Array.from(places, (t, b) => layout.index(b, t));
  return index_select(x, 0, new Tensor('int32', index));
}
