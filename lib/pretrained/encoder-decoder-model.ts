import { NotImplementedError, TypeError, ValueError } from '../errors';
import type { GenerativeModel } from '../generation/generate';
import { type CausalTokens, packCausalTokens, readKeyMask } from '../nn/causal-tokens';
import { type Encoded, traceOf } from '../nn/encoded';
import { type CrossKeyValue, crossCacheOf, EncoderDecoderCache } from '../nn/encoder-decoder-cache';
import { EncoderMemory } from '../nn/encoder-memory';
import { type IdInput, toIds } from '../nn/ids';
import { Layout } from '../nn/layout';
import type { Labels } from '../nn/losses';
import type { Module } from '../nn/module';
import { type Counted, type TokenInputs, type TokenLimits, wrongShape } from '../nn/tokens';
import { cast } from '../tensor/ops/cast';
import { Tensor } from '../tensor/tensor';
import type { PretrainedConfig } from './config';
import { cacheInputs, DecoderModel } from './decoder-model';
import { ModelOutput } from './model-output';
import type { CallOptions, ModelInputs } from './pretrained-model';

/** Names of the inputs that encoder-decoder models share. */
export const encoderDecoderInputs: readonly string[] = [
  'input_ids',
  'attention_mask',
  'decoder_input_ids',
  'decoder_attention_mask',
  'head_mask',
  'decoder_head_mask',
  'cross_attn_head_mask',
  'encoder_outputs',
  'inputs_embeds',
  'decoder_inputs_embeds',
  ...cacheInputs,
];

type HeadMask = Tensor | number[] | number[][] | null;

/** What an encoder gave: its output as an object, or as the tuple that `return_dict: false` gives. */
export type EncoderOutputs =
  | { last_hidden_state: Tensor; hidden_states?: Tensor[]; attentions?: Tensor[] }
  | readonly [last_hidden_state: Tensor, ...rest: unknown[]];

/** Inputs of an encoder-decoder model; `labels` where the head has a loss. */
export interface EncoderDecoderInputs extends Omit<TokenInputs, 'token_type_ids' | 'position_ids'>, CallOptions {
  /** [B, T] */
  decoder_input_ids?: IdInput | null;
  /** [B, T], or with a cache [B, past + T] */
  decoder_attention_mask?: IdInput | null;
  /** [B, T, C] float32, in place of decoder_input_ids */
  decoder_inputs_embeds?: Tensor | null;
  decoder_head_mask?: HeadMask;
  cross_attn_head_mask?: HeadMask;
  /** In place of input_ids: the encoder is not run. */
  encoder_outputs?: EncoderOutputs | null;
  past_key_values?: EncoderDecoderCache | readonly CrossKeyValue[] | null;
  use_cache?: boolean | null;
  /** [T], places of the tokens in the cache */
  cache_position?: IdInput | null;
  labels?: Labels;
}

/** The encoder's half of a call. */
export interface EncoderHalf {
  /** [M, C], as one sequence. */
  hidden: Tensor;
  layout: Layout;
  /** [B, S], where it was given. */
  mask: Uint8Array | null;
  /** What the call's output says of it. */
  outputs: { last_hidden_state: Tensor; hidden_states?: Tensor[]; attentions?: Tensor[] };
}

/** What both halves computed. */
export interface EncoderDecoderResult {
  encoder: EncoderHalf;
  decoder: Encoded;
  cross_attentions: Tensor[];
  past_key_values: EncoderDecoderCache | null;
}

/** Runs the encoder, or takes what an earlier run of it gave. @throws ValueError for shapes that disagree; TypeError */
export function encoderHalf(
  given: EncoderDecoderInputs,
  width: number,
  encode: (inputs: TokenInputs & CallOptions) => Encoded,
): EncoderHalf {
  const { encoder_outputs, input_ids, attention_mask, head_mask, inputs_embeds } = given;
  if (!encoder_outputs) {
    const { output_hidden_states, output_attentions } = given;
    const trace = {
      ...(output_hidden_states && { output_hidden_states }),
      ...(output_attentions && { output_attentions }),
    };
    const encoded = encode({ input_ids, attention_mask, head_mask, inputs_embeds, ...trace });
    const { layout, x } = encoded;
    const mask = attention_mask ? readKeyMask('attention_mask', attention_mask, layout.batch, 0, layout.length) : null;
    return { hidden: x, layout, mask, outputs: { last_hidden_state: layout.unpack(x), ...traceOf(encoded) } };
  }
  const outputs = namedOutputs(encoder_outputs);
  const { last_hidden_state: last } = outputs;
  if (!(last instanceof Tensor))
    throw new TypeError(
      'encoder_outputs must be what the encoder returned: { last_hidden_state }, or [last_hidden_state]',
    );
  if (last.dims.length !== 3 || last.dims[2] !== width)
    throw wrongShape('encoder_outputs.last_hidden_state', last.dims, `[batch, length, ${width}]`);
  const [batch, length] = last.dims as [number, number, number];
  const mask = attention_mask ? readKeyMask('attention_mask', attention_mask, batch, 0, length) : null;
  const layout = new Layout(batch, length, mask);
  const hidden = layout.packRows(last.type === 'float32' ? last : cast(last, 'float32'));
  return { hidden, layout, mask, outputs };
}

function namedOutputs(given: EncoderOutputs): EncoderHalf['outputs'] {
  if (!Array.isArray(given)) return { ...(given as EncoderHalf['outputs']) };
  const [last_hidden_state, hidden_states, attentions] = given as unknown as [Tensor, Tensor[]?, Tensor[]?];
  return { last_hidden_state, ...(hidden_states && { hidden_states }), ...(attentions && { attentions }) };
}

/** What a decoder's layers work with. */
export interface DecoderHalf {
  tokens: CausalTokens;
  memory: EncoderMemory;
  past_key_values: EncoderDecoderCache | null;
}

/**
 * The decoder's tokens of a call, and what they look at.
 * @throws ValueError for shapes that disagree, ids out of range; TypeError
 */
export function decoderHalf(
  given: EncoderDecoderInputs,
  limits: TokenLimits,
  encoder: EncoderHalf,
  counted: Counted = null,
): DecoderHalf {
  const { decoder_input_ids, decoder_inputs_embeds, decoder_attention_mask, decoder_head_mask } = given;
  const past_key_values = crossCacheOf(given.past_key_values) ?? (given.use_cache ? new EncoderDecoderCache() : null);
  past_key_values?.expose(limits.layers);
  const inputs = {
    input_ids: decoder_input_ids,
    inputs_embeds: decoder_inputs_embeds,
    attention_mask: decoder_attention_mask,
    head_mask: decoder_head_mask,
    past_key_values: past_key_values?.self_attention_cache,
    cache_position: given.cache_position,
    packed: false,
  };
  const tokens = packCausalTokens(inputs, { prefix: 'decoder_', ...limits }, counted);
  const { layout, hidden, mask } = encoder;
  if (tokens.layout.batch !== layout.batch)
    throw new ValueError(
      `the encoder's output has ${layout.batch} rows, but the decoder's inputs have ${tokens.layout.batch}`,
      {
        code: 'ERR_SHAPE',
      },
    );
  const memory = new EncoderMemory(hidden, layout, mask, past_key_values?.cross_attention_cache ?? null);
  return { tokens, memory, past_key_values };
}

/** The fields that follow the decoder's result in the output of an encoder-decoder model. */
export function encoderDecoderTraceOf(result: EncoderDecoderResult): Record<string, unknown> {
  const { hidden_states, attentions } = traceOf(result.decoder);
  const { outputs } = result.encoder;
  return {
    past_key_values: result.past_key_values,
    decoder_hidden_states: hidden_states,
    decoder_attentions: attentions,
    cross_attentions: result.cross_attentions.length > 0 ? result.cross_attentions : null,
    encoder_last_hidden_state: outputs.last_hidden_state,
    encoder_hidden_states: outputs.hidden_states,
    encoder_attentions: outputs.attentions,
  };
}

/**
 * Ids moved one to the right behind the config's start token; what labels leave out becomes padding.
 * @param usual - which token that is as a rule, for the error
 * @returns [B, T] int32
 * @throws ValueError when the config has no start token, or none of padding
 */
export function shiftedIds(name: string, input: IdInput, config: PretrainedConfig, usual: string): Tensor {
  const { pad_token_id: pad } = config;
  const start = config['decoder_start_token_id'] as number | null | undefined;
  if (start === null || start === undefined)
    throw new ValueError(`config.decoder_start_token_id has to be defined to make decoder inputs; ${usual}`, {
      code: 'ERR_CONFIG_FIELD',
    });
  if (pad === null)
    throw new ValueError('config.pad_token_id has to be defined to make decoder inputs', { code: 'ERR_CONFIG_FIELD' });
  const { data, dims } = toIds(name, input);
  if (dims.length !== 2) throw wrongShape(name, dims, '[batch, length]');
  const length = dims[1] as number;
  const shifted = data.map((_, i) => (i % length === 0 ? start : (data[i - 1] as number)));
  return new Tensor(
    'int32',
    shifted.map((id) => (id === -100 ? pad : id)),
    dims,
  );
}

/** A model whose decoder goes on from what its encoder made of the prompt. */
export abstract class EncoderDecoderModel extends DecoderModel {
  /** The module that reads the prompt. */
  abstract get_encoder(): Module;
  /** The module that goes on from it. */
  abstract get_decoder(): Module;

  /** @internal The encoder's output [B, S, C] for the inputs of a call. */
  protected abstract encodePrompt(given: EncoderDecoderInputs): EncoderHalf;

  /** @internal Whether prompts are the encoder's; false for a decoder alone, which goes on from its own tokens. */
  protected get promptsEncoder(): boolean {
    return true;
  }

  protected override generative(): GenerativeModel {
    if (!this.promptsEncoder) return super.generative();
    return {
      ...super.generative(),
      newCache: () => new EncoderDecoderCache(),
      encode: async (inputs) => {
        const output = await this.compute(inputs, (named) => {
          const { last_hidden_state } = this.encodePrompt(named as EncoderDecoderInputs).outputs;
          return new ModelOutput({ last_hidden_state });
        });
        return output.last_hidden_state;
      },
    };
  }

  protected override embedded(named: ModelInputs): ModelInputs {
    return this.promptsEncoder ? named : super.embedded(named);
  }
}

/** @throws NotImplementedError for embeddings where the head has to look at ids */
export function requireIds(className: string, { input_ids, inputs_embeds }: EncoderDecoderInputs): void {
  if (!input_ids && inputs_embeds)
    throw new NotImplementedError(
      `Passing input embeddings is currently not supported for ${className}: it looks for the end of each text by its id`,
      { code: 'ERR_NOT_SUPPORTED_YET' },
    );
}
