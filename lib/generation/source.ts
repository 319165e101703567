import { ValueError } from '../errors';
import { checkRange, type IdInput, toIds } from '../nn/ids';
import { maskBytes, wrongShape } from '../nn/tokens';
import { Tensor } from '../tensor/tensor';
import type { GenerateOptions, GenerativeModel } from './generate';
import type { GenerationConfig } from './generation-config';
import { type Prompt, readPrompt } from './prompt';
import { checkToken } from './tokens';

/** Inputs of an encoder-decoder model's call of generate, beside those of any model. */
export const sourceNames: readonly string[] = ['decoder_input_ids', 'decoder_attention_mask', 'encoder_outputs'];

/** What an encoder-decoder model goes on from. */
export interface Source {
  /** The decoder's first ids: they lead the result. */
  prompt: Prompt;
  /** Inputs of every step beside the decoder's. */
  context: { encoder_outputs: unknown; attention_mask?: IdInput };
  /** Whether steps need a mask for the decoder: one was given. */
  isMasked: boolean;
}

/**
 * Runs the encoder once, and finds the ids that the decoder starts with: those of the call behind the start token, or the
 * start token alone. Source: transformers generation/utils.py (4.57.6), _prepare_decoder_input_ids_for_generation.
 * @throws ValueError without a start token, for shapes that disagree
 */
export async function readSource(
  model: GenerativeModel,
  given: GenerateOptions,
  config: GenerationConfig,
): Promise<Source> {
  const { signal, encoder_outputs, input_ids, inputs_embeds, attention_mask } = given;
  const name = config.decoder_start_token_id === null ? 'bos_token_id' : 'decoder_start_token_id';
  const start = config[name];
  if (start === null)
    throw new ValueError('decoder_start_token_id or bos_token_id has to be defined for encoder-decoder generation');
  checkToken(config, name, model.vocab_size);
  const abort = signal && { signal };
  if (encoder_outputs) {
    const context = { encoder_outputs, ...(attention_mask && { attention_mask }) };
    return { ...decoderPrompt(given, start, rowsOf(encoder_outputs), model.vocab_size), context };
  }
  const prompt = readPrompt({ input_ids, inputs_embeds, attention_mask }, config, model.vocab_size);
  const { batch, ids, positions } = prompt;
  const mask = new Tensor('uint8', prompt.mask, [batch, positions]);
  const words = inputs_embeds ? { inputs_embeds } : { input_ids: new Tensor('int32', ids, [batch, positions]) };
  const last_hidden_state = await model.encode?.({ ...words, attention_mask: mask, ...abort });
  const context = { encoder_outputs: { last_hidden_state }, attention_mask: mask };
  return { ...decoderPrompt(given, start, batch, model.vocab_size), context };
}

function rowsOf(encoder_outputs: unknown): number {
  const { last_hidden_state = (encoder_outputs as unknown[])[0] } = encoder_outputs as { last_hidden_state?: unknown };
  if (last_hidden_state instanceof Tensor) return last_hidden_state.dims[0] as number;
  throw new ValueError(
    'encoder_outputs must be what the encoder returned: { last_hidden_state }, or [last_hidden_state]',
  );
}

function decoderPrompt(
  { decoder_input_ids, decoder_attention_mask }: GenerateOptions,
  start: number,
  batch: number,
  vocab_size: number,
): Omit<Source, 'context'> {
  if (!decoder_input_ids) {
    if (decoder_attention_mask)
      throw new ValueError('decoder_attention_mask needs the decoder_input_ids that it masks');
    const ids = new Int32Array(batch).fill(start);
    const mask = new Uint8Array(batch).fill(1);
    return { prompt: { batch, ids, length: 1, inputs_embeds: null, mask, positions: 1 }, isMasked: false };
  }
  const read = toIds('decoder_input_ids', decoder_input_ids as IdInput);
  if (read.dims.length !== 2 || read.dims[0] !== batch || read.dims[1] === 0)
    throw wrongShape('decoder_input_ids', read.dims, `[${batch}, length]`);
  checkRange('decoder_input_ids', read.data, vocab_size, 'config.vocab_size');
  const width = read.dims[1] as number;
  const maskOf = decoder_attention_mask ? toIds('decoder_attention_mask', decoder_attention_mask as IdInput) : null;
  if (maskOf && (maskOf.dims.length !== 2 || maskOf.dims[0] !== batch || maskOf.dims[1] !== width))
    throw wrongShape('decoder_attention_mask', maskOf.dims, `[${batch}, ${width}]`);
  const mask = maskOf ? maskBytes(maskOf.data) : new Uint8Array(batch * width).fill(1);
  // The start token goes before ids none of which begin with it.
  const begins = Array.from({ length: batch }, (_, b) => read.data[b * width] === start);
  const lead = begins.includes(true) ? 0 : 1;
  const length = width + lead;
  const at = (i: number) => Math.floor(i / length) * width + (i % length) - lead;
  const isLead = (i: number) => lead === 1 && i % length === 0;
  const ids = Int32Array.from({ length: batch * length }, (_, i) => (isLead(i) ? start : (read.data[at(i)] as number)));
  const kept = Uint8Array.from({ length: batch * length }, (_, i) => (isLead(i) ? 1 : (mask[at(i)] as number)));
  const prompt = { batch, ids, length, inputs_embeds: null, mask: kept, positions: length };
  return { prompt, isMasked: decoder_attention_mask !== undefined && decoder_attention_mask !== null };
}
