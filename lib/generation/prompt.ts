import { TypeError, ValueError } from '../errors';
import { warn } from '../logging';
import { checkRange, type IdInput, toIds } from '../nn/ids';
import { maskBytes, wrongShape } from '../nn/tokens';
import { Tensor } from '../tensor/tensor';
import type { GenerationConfig } from './generation-config';
import { checkToken } from './tokens';

/** What generation starts from. */
export interface Prompt {
  batch: number;
  /** [B, ids]: they lead the result; none for an embedded prompt. */
  ids: Int32Array;
  /** How many each row has. */
  length: number;
  /** [B, T, C], computed in place of the ids. */
  inputs_embeds: Tensor | null;
  /** [B, T] */
  mask: Uint8Array;
  /** T */
  positions: number;
}

/** What a call may give. */
export interface PromptInputs {
  input_ids?: IdInput | null;
  inputs_embeds?: Tensor | null;
  attention_mask?: IdInput | null;
}

/**
 * The prompt of a call; the bos token alone when it gives none.
 * Source: transformers generation/utils.py (4.57.6).
 * @throws ValueError for shapes that disagree, no prompt and no bos token; TypeError
 */
export function readPrompt(inputs: PromptInputs, config: GenerationConfig, vocab_size: number): Prompt {
  const { input_ids, inputs_embeds, attention_mask } = inputs;
  let [batch, length, ids] = [1, 0, new Int32Array(0)];
  if (input_ids) {
    const { data, dims } = toIds('input_ids', input_ids);
    if (dims.length !== 2) throw wrongShape('input_ids', dims, '[batch, length]');
    [batch, length, ids] = [dims[0] as number, dims[1] as number, Int32Array.from(data)];
    checkRange('input_ids', ids, vocab_size, 'config.vocab_size');
  }
  if (inputs_embeds) {
    if (!(inputs_embeds instanceof Tensor) || inputs_embeds.dims.length !== 3)
      throw new TypeError('inputs_embeds must be a Tensor of floating numbers, [batch, length, width]');
    const rows = inputs_embeds.dims[0] as number;
    if (input_ids && length > 0 && batch !== rows) throw wrongShape('input_ids', [batch, length], `[${rows}, ids]`);
    batch = rows;
  } else if (length === 0) {
    if (input_ids)
      throw new ValueError('input_ids holds no token: give at least one in each row', { code: 'ERR_SHAPE' });
    if (config.bos_token_id === null)
      throw new ValueError('bos_token_id has to be defined when no input_ids are provided');
    checkToken(config, 'bos_token_id', vocab_size);
    [length, ids] = [1, Int32Array.of(config.bos_token_id)];
  }
  const positions = (inputs_embeds?.dims[1] as number | undefined) ?? length;
  if (positions === 0) throw new ValueError('inputs_embeds holds no position', { code: 'ERR_SHAPE' });
  const mask = attention_mask
    ? readMask(attention_mask, batch, positions)
    : inferMask(inputs_embeds ? null : ids, batch * positions, config);
  return { batch, ids, length, inputs_embeds: inputs_embeds ?? null, mask, positions };
}

function readMask(input: IdInput, batch: number, positions: number): Uint8Array {
  const { data, dims } = toIds('attention_mask', input);
  if (dims.length > 2)
    throw new ValueError(
      `attention_mask has the shape [${dims}]; generate takes one of two dimensions, [batch, length]`,
      { code: 'ERR_SHAPE' },
    );
  if (dims.length !== 2 || dims[0] !== batch || dims[1] !== positions)
    throw wrongShape('attention_mask', dims, `[${batch}, ${positions}]`);
  return maskBytes(data);
}

/** Padding is left out where it can be told: where it occurs, and is not what ends a text too. */
function inferMask(ids: Int32Array | null, size: number, config: GenerationConfig): Uint8Array {
  const { pad_token_id: pad } = config;
  if (!ids || pad === null || !ids.includes(pad) || endsOf(config).includes(pad)) return new Uint8Array(size).fill(1);
  return Uint8Array.from(ids, (id) => (id === pad ? 0 : 1));
}

/** The tokens that end a text. */
export function endsOf({ eos_token_id: eos }: GenerationConfig): number[] {
  return eos === null ? [] : Array.isArray(eos) ? eos : [eos];
}

/** Warns of padding behind the text, after which a decoder would go on. */
export function warnOfRightPadding({ batch, ids, length, inputs_embeds }: Prompt, pad: number | null): void {
  if (pad === null || batch < 2 || length === 0 || inputs_embeds) return;
  for (let b = 0; b < batch; b++)
    if (ids[(b + 1) * length - 1] === pad) {
      warn(
        'a decoder-only model goes on behind the last token, and rows end in padding: for correct results set ' +
          "padding_side: 'left' on the tokenizer",
      );
      return;
    }
}
