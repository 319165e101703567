import { ValueError } from '../errors';
import { warnOnce } from '../logging';
import { type Encoded, traceOf } from '../nn/encoded';
import { type IdInput, toIds } from '../nn/ids';
import type { Linear } from '../nn/linear';
import { type ClassifierConfig, type Labels, labelIds, sequenceLoss, tokenLoss } from '../nn/losses';
import type { TokenInputs } from '../nn/tokens';
import { reshape } from '../tensor/dispatch';
import { index_select } from '../tensor/ops/embedding';
import { Tensor } from '../tensor/tensor';
import { ModelOutput } from './model-output';

/** What the heads of decoders return, and what they look at. */

/** The fields that follow logits in the outputs of a decoder. */
export function causalTraceOf(encoded: Encoded): Record<string, unknown> {
  return { past_key_values: encoded.past_key_values ?? null, ...traceOf(encoded) };
}

/**
 * Labels of the next token: each position answers for the label behind it, the last for none.
 * @param length - T
 * @returns [B·T], -100 where none counts; null without labels
 */
export function nextTokenLabels(labels: Labels | undefined | null, length: number): Int32Array | null {
  const ids = labelIds(labels);
  return ids ? ids.map((_, i) => ((i + 1) % length === 0 ? -100 : (ids[i + 1] as number))) : null;
}

/** T of a call. */
export function lengthOf({ input_ids, inputs_embeds }: TokenInputs): number {
  if (input_ids) return toIds('input_ids', input_ids).dims.at(-1) ?? 0;
  return inputs_embeds?.dims.at(-2) ?? 0;
}

/**
 * Language modelling.
 * @param labels - [B·T], those of the next token
 * @param logits_to_keep - how many of a row's last positions get logits, 0 for all; or [K] positions
 */
export function causalOutput(
  encoded: Encoded,
  lm_head: Linear,
  labels: Int32Array | null,
  logits_to_keep: number | IdInput = 0,
): ModelOutput {
  const { layout } = encoded;
  const kept = keptPositions(logits_to_keep, layout.length);
  if (!kept) {
    const logits = lm_head.forward(encoded.x); // [N, V]
    return new ModelOutput({
      loss: labels && tokenLoss(logits, labels, layout),
      logits: layout.unpack(logits), // [B, T, V]
      ...causalTraceOf(encoded),
    });
  }
  if (labels)
    throw new ValueError('labels need the logits of every position: leave logits_to_keep out', { code: 'ERR_SHAPE' });
  const index = Int32Array.from({ length: layout.batch * kept.length }, (_, i) =>
    layout.index(Math.floor(i / kept.length), kept[i % kept.length] as number),
  );
  const chosen = index_select(encoded.x, 0, new Tensor('int32', index, [index.length]));
  const logits = lm_head.forward(chosen);
  return new ModelOutput({
    logits: reshape(logits, [layout.batch, kept.length, logits.dims[1] as number]), // [B, K, V]
    ...causalTraceOf(encoded),
  });
}

/** The positions that get logits; null for all. @throws ValueError for positions that a row does not have */
function keptPositions(kept: number | IdInput, length: number): Int32Array | null {
  if (kept === 0) return null;
  if (typeof kept === 'number') {
    if (!Number.isInteger(kept) || kept < 0)
      throw new ValueError(`logits_to_keep is ${kept}; it must be a whole number, 0 or more, or positions`);
    const count = Math.min(kept, length);
    return Int32Array.from({ length: count }, (_, i) => length - count + i);
  }
  const { data, dims } = toIds('logits_to_keep', kept);
  if (dims.length !== 1) throw new ValueError(`logits_to_keep has the shape [${dims}]; it must be positions, [K]`);
  return data.map((p) => {
    if (p < -length || p >= length)
      throw new ValueError(`logits_to_keep holds ${p}, but rows have ${length} positions`, {
        code: 'ERR_INDEX_OUT_OF_RANGE',
      });
    return p < 0 ? p + length : p;
  });
}

/**
 * The position that a sequence classifier looks at: each row's last token that is not padding, found by its id; the last
 * position where that cannot be known.
 * @returns [B]
 * @throws ValueError for several rows and no padding token
 */
export function lastTokens(inputs: TokenInputs, pad_token_id: number | null, className: string): Int32Array {
  const length = lengthOf(inputs);
  const batch = inputs.input_ids ? toIds('input_ids', inputs.input_ids).dims[0] : inputs.inputs_embeds?.dims[0];
  const last = new Int32Array(batch ?? 0).fill(length - 1);
  if (pad_token_id === null || pad_token_id === undefined) {
    if (batch !== 1) throw new ValueError('Cannot handle batch sizes > 1 if no padding token is defined.');
    return last;
  }
  if (!inputs.input_ids) {
    warnOnce(
      `${className} cannot tell padding in inputs_embeds: it looks at the last position of each row, padding or not`,
    );
    return last;
  }
  const { data } = toIds('input_ids', inputs.input_ids);
  return last.map((_, b) => {
    for (let t = length - 1; t > 0; t--) if (data[b * length + t] !== pad_token_id) return t;
    return 0;
  });
}

/** One position a row whose values the head needs, masked or not. @returns [B·T] */
export function countOnly(positions: Int32Array, length: number): Int32Array {
  const counted = new Int32Array(positions.length * length).fill(-100);
  for (const [b, t] of positions.entries()) counted[b * length + t] = 0;
  return counted;
}

/**
 * Sequence classification by one token a row.
 * @param positions - [B]
 */
export function lastTokenOutput(
  encoded: Encoded,
  score: Linear,
  positions: Int32Array,
  labels: Labels | undefined,
  config: ClassifierConfig,
): ModelOutput {
  const logits = score.forward(encoded.layout.select(encoded.x, positions)); // [B, num_labels]
  const loss = labels === undefined || labels === null ? null : sequenceLoss(logits, labels, config);
  return new ModelOutput({ loss, logits, ...causalTraceOf(encoded) });
}
