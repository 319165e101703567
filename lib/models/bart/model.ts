/**
 * BART: encoder-decoder transformer; learned positions, post-layer-norm blocks, trained to undo noise.
 * Paper: arXiv:1910.13461. Upstream: transformers models/bart (4.35.2, 4.57.6, 5.18.0).
 */
import { ValueError } from '../../errors';
import { type CausalInputs, packCausalTokens } from '../../nn/causal-tokens';
import type { Embedding } from '../../nn/embedding';
import type { Encoded } from '../../nn/encoded';
import type { EncoderDecoderCache } from '../../nn/encoder-decoder-cache';
import type { IdInput } from '../../nn/ids';
import { Linear } from '../../nn/linear';
import { type Labels, labelIds, tokenLoss } from '../../nn/losses';
import type { Module } from '../../nn/module';
import { type Parameter, StoredBuffer } from '../../nn/parameter';
import { type Counted, packTokens } from '../../nn/tokens';
import { causalOutput } from '../../pretrained/causal-heads';
import type { PretrainedConfig } from '../../pretrained/config';
import { cacheInputs } from '../../pretrained/decoder-model';
import { answerOutput, endOutput, lastEnds, SequenceClassificationHead } from '../../pretrained/encoder-decoder-heads';
import {
  decoderHalf,
  type EncoderDecoderInputs,
  EncoderDecoderModel,
  type EncoderDecoderResult,
  type EncoderHalf,
  encoderDecoderInputs,
  encoderDecoderTraceOf,
  encoderHalf,
  shiftedIds,
} from '../../pretrained/encoder-decoder-model';
import { type SpanLabels, spanCounts } from '../../pretrained/heads';
import { ModelOutput } from '../../pretrained/model-output';
import type { CallOptions } from '../../pretrained/pretrained-model';
import type { ResizeOptions } from '../../pretrained/surgery/resize-embeddings';
import { reshape } from '../../tensor/dispatch';
import { add } from '../../tensor/ops/elementwise';
import { resize_rows } from '../../tensor/ops/embedding-resize';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';
import { BartConfig } from './config';
import { BartDecoder, BartEncoder, BartScaledWordEmbedding } from './layers';
import { tensorflowBart } from './weights';

export { BartConfig };

/** Inputs of BART; `labels` where the head has a loss. */
export type BartInputs = EncoderDecoderInputs;

const tiedTables = ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'];

export abstract class BartPreTrainedModel extends EncoderDecoderModel {
  static override readonly config_class: typeof PretrainedConfig = BartConfig;
  static override readonly base_model_prefix: string = 'model';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = encoderDecoderInputs;
  static override readonly _keys_to_ignore_on_load_unexpected = ['encoder.version', 'decoder.version'];
  static override readonly _no_split_modules = ['BartEncoderLayer', 'BartDecoderLayer'];
  static override readonly _skip_keys_device_placement = 'past_key_values';
  static override readonly supports_gradient_checkpointing = true;
  static override readonly tensorflow = tensorflowBart;
  declare readonly config: BartConfig;

  override get_encoder(): BartEncoder {
    return (this.base_model as BartModel).encoder;
  }

  override get_decoder(): BartDecoder {
    return (this.base_model as BartModel).decoder;
  }

  override set_input_embeddings(value: Embedding): void {
    super.set_input_embeddings(value);
    const { base_model } = this;
    if (base_model instanceof BartModel)
      for (const half of [base_model.encoder, base_model.decoder]) half.embed_tokens = value;
  }

  protected override encodePrompt(given: BartInputs): EncoderHalf {
    return (this.base_model as BartModel).readSource(given);
  }

  override get dummy_inputs(): { attention_mask: Tensor; input_ids: Tensor } {
    const { pad_token_id: pad } = this.config;
    const ids = [0, 6, 10, 4, 2, 0, 8, 12, 2, pad ?? 0];
    const mask = ids.map((id) => Number(id !== pad));
    return { attention_mask: new Tensor('bool', mask, [2, 5]), input_ids: new Tensor('int64', ids, [2, 5]) };
  }

  override _init_weights(name: string, parameter: Parameter, owner: Module): Tensor {
    if (parameter instanceof StoredBuffer)
      return new Tensor('float32', new Float32Array(parameter.size), parameter.dims);
    return super._init_weights(name, parameter, owner);
  }
}

/** Encoder and decoder without a head: `last_hidden_state` [B, T, C] of the decoder, which begins as the text itself does. */
export class BartModel extends BartPreTrainedModel {
  static override readonly _tied_weights_keys = tiedTables;
  readonly shared: Embedding;
  readonly encoder;
  readonly decoder;

  constructor(config: BartConfig) {
    super(config);
    const shared = new BartScaledWordEmbedding(config);
    this.shared = shared;
    this.encoder = new BartEncoder(config, shared.weight);
    this.decoder = new BartDecoder(config, shared.weight);
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.shared;
  }

  /** The halves' tables are as long as the one whose rows they share. */
  _tie_weights(): void {
    const { shared } = this;
    for (const { embed_tokens } of [this.encoder, this.decoder])
      if (embed_tokens.weight === shared.weight)
        Object.assign(embed_tokens, { num_embeddings: shared.num_embeddings, padding_idx: shared.padding_idx });
  }

  /** @internal The encoder's half of a call. */
  readSource(given: BartInputs): EncoderHalf {
    const { encoder, config } = this;
    return encoderHalf(given, config.d_model, (inputs) => encoder.run(packTokens(inputs, encoder.limits()), inputs));
  }

  /** @internal A call through both halves. @param counted - [B·T] of the decoder's tokens */
  run(given: BartInputs, counted: Counted = null): EncoderDecoderResult {
    const { decoder } = this;
    const inputs = this.withDecoderIds(given);
    const encoder = this.readSource(inputs);
    const { tokens, memory, past_key_values } = decoderHalf(inputs, decoder.limits(), encoder, counted);
    const { encoded, cross_attentions } = decoder.run(tokens, memory, inputs, inputs.cross_attn_head_mask);
    return { encoder, decoder: encoded, cross_attentions, past_key_values };
  }

  /** @internal The ids of a text, moved one to the right. */
  shifted(name: string, ids: Labels): Tensor {
    return shiftedIds(name, ids, this.config, 'in BART it is usually the eos_token_id');
  }

  private withDecoderIds(given: BartInputs): BartInputs {
    if (given.decoder_input_ids || given.decoder_inputs_embeds) return given;
    if (!given.input_ids)
      throw new ValueError(
        'without decoder_input_ids or decoder_inputs_embeds, input_ids must be given: the decoder starts with them',
      );
    return { ...given, decoder_input_ids: this.shifted('input_ids', given.input_ids as Labels) };
  }

  override forward(given: BartInputs): ModelOutput {
    const result = this.run(given);
    const { layout, x } = result.decoder;
    return new ModelOutput({ last_hidden_state: layout.unpack(x), ...encoderDecoderTraceOf(result) });
  }
}

/** Text to text: `logits` [B, T, V]. Without decoder inputs, those of `labels` moved to the right are taken, or the text. */
export class BartForConditionalGeneration extends BartPreTrainedModel {
  static override readonly input_names = [...encoderDecoderInputs, 'labels'];
  static override readonly _tied_weights_keys = [...tiedTables, 'lm_head.weight'];
  static override readonly _keys_to_ignore_on_load_missing = ['final_logits_bias'];
  readonly model;
  readonly lm_head;
  /** [1, V], added to the logits. */
  readonly final_logits_bias;

  constructor(config: BartConfig) {
    super(config);
    this.model = new BartModel(config);
    this.lm_head = new Linear(config.d_model, config.vocab_size, { bias: false });
    this.final_logits_bias = new StoredBuffer([1, config.vocab_size]);
    this.post_init();
  }

  override can_generate(): boolean {
    return true;
  }

  override get_output_embeddings(): Linear {
    return this.lm_head;
  }

  /** As that of every model; the bias of the logits is cut, or gets zeros, to fit. */
  override resize_token_embeddings(new_num_tokens: number | null = null, options?: ResizeOptions | null): Embedding {
    const table = super.resize_token_embeddings(new_num_tokens, options);
    const rows = table.weight.dims[0] as number;
    const { final_logits_bias: bias } = this;
    if (!bias.isLoaded) bias.dims = [1, rows];
    else if (bias.dims[1] !== rows)
      scope(() => bias.renew(reshape(resize_rows(reshape(bias.value, [-1]), rows), [1, rows])));
    return table;
  }

  /** What the decoder is given to learn `labels` [B, T]. @returns [B, T] int32 */
  prepare_decoder_input_ids_from_labels(labels: Labels): Tensor {
    return this.model.shifted('labels', labels);
  }

  override forward(given: BartInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const result = this.model.run(given.labels ? this.withLabels(given, given.labels) : given, labels);
    const { layout, x } = result.decoder;
    const logits = add(this.lm_head.forward(x), this.final_logits_bias.value); // [N, V]
    return new ModelOutput({
      loss: labels && tokenLoss(logits, labels, layout),
      logits: layout.unpack(logits),
      ...encoderDecoderTraceOf(result),
    });
  }

  private withLabels(given: BartInputs, labels: Labels): BartInputs {
    const calling = { ...given, use_cache: false };
    if (given.decoder_input_ids || given.decoder_inputs_embeds) return calling;
    return { ...calling, decoder_input_ids: this.prepare_decoder_input_ids_from_labels(labels) };
  }
}

/** One label a text, by the decoder's state at its last end token: `logits` [B, num_labels]. */
export class BartForSequenceClassification extends BartPreTrainedModel {
  static override readonly input_names = [...encoderDecoderInputs, 'labels'];
  static override readonly _tied_weights_keys = tiedTables;
  readonly model;
  readonly classification_head;

  constructor(config: BartConfig) {
    super(config);
    this.model = new BartModel(config);
    this.classification_head = new SequenceClassificationHead(config.d_model, config.num_labels);
    this.post_init();
  }

  override forward(given: BartInputs): ModelOutput {
    const { config, model } = this;
    const { labels } = given;
    const ends = lastEnds(this.constructor.name, given, config.eos_token_id);
    const isLearning = labels !== undefined && labels !== null;
    const result = model.run(isLearning ? { ...given, use_cache: false } : given, 'all');
    return endOutput(result, this.classification_head, ends, labels, config);
  }
}

/** A span of the text as the answer, by the decoder: `start_logits`, `end_logits` [B, T]. */
export class BartForQuestionAnswering extends BartPreTrainedModel {
  static override readonly input_names = [...encoderDecoderInputs, 'start_positions', 'end_positions'];
  static override readonly _tied_weights_keys = tiedTables;
  readonly model;
  readonly qa_outputs;

  constructor(config: BartConfig) {
    super(config);
    config.num_labels = 2;
    this.model = new BartModel(config);
    this.qa_outputs = new Linear(config.d_model, config.num_labels);
    this.post_init();
  }

  override forward(given: BartInputs & SpanLabels): ModelOutput {
    const { start_positions, end_positions, ...inputs } = given;
    const labels = { start_positions, end_positions };
    const counted = spanCounts(labels);
    const result = this.model.run(counted ? { ...inputs, use_cache: false } : inputs, counted);
    return answerOutput(result, this.qa_outputs, labels);
  }
}

/** The decoder under the name that it has in checkpoints of both halves. */
class BartDecoderWrapper extends BartPreTrainedModel {
  readonly decoder;

  constructor(config: BartConfig) {
    super(config);
    this.decoder = new BartDecoder(config);
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.decoder.embed_tokens;
  }

  /** @throws ValueError: the head is what can be called */
  override forward(): never {
    throw new ValueError('the decoder alone is called through BartForCausalLM');
  }
}

/** Inputs of BART's decoder alone. */
export interface BartCausalInputs extends Omit<CausalInputs, 'past_key_values'>, CallOptions {
  /** [B, S, C], of an encoder: what cross-attention looks at; there is none without it. */
  encoder_hidden_states?: Tensor | null;
  /** [B, S] */
  encoder_attention_mask?: IdInput | null;
  cross_attn_head_mask?: BartInputs['cross_attn_head_mask'];
  past_key_values?: CausalInputs['past_key_values'] | EncoderDecoderCache;
  labels?: Labels;
  logits_to_keep?: number | IdInput;
}

/** Language modelling by the decoder alone: `logits` [B, T, V]. Labels are those of each position, not of the next one. */
export class BartForCausalLM extends BartPreTrainedModel {
  static override readonly input_names = [
    'input_ids',
    'attention_mask',
    'encoder_hidden_states',
    'encoder_attention_mask',
    'head_mask',
    'cross_attn_head_mask',
    'inputs_embeds',
    ...cacheInputs,
    'labels',
    'logits_to_keep',
  ];
  static override readonly _tied_weights_keys = ['lm_head.weight'];
  readonly model;
  readonly lm_head;

  constructor(config: BartConfig) {
    super(asDecoder(config));
    this.model = new BartDecoderWrapper(config);
    this.lm_head = new Linear(config.d_model, config.vocab_size, { bias: false });
    this.post_init();
  }

  override can_generate(): boolean {
    return true;
  }

  override get_output_embeddings(): Linear {
    return this.lm_head;
  }

  /** @throws ValueError: there is none */
  override get_encoder(): never {
    throw new ValueError(`${this.constructor.name} has no encoder`);
  }

  override get_decoder(): BartDecoder {
    return this.model.decoder;
  }

  protected override get promptsEncoder(): boolean {
    return false;
  }

  override forward(given: BartCausalInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const { encoded, cross_attentions } = given.encoder_hidden_states
      ? this.besideEncoder(given, given.encoder_hidden_states, labels)
      : this.alone(given, labels);
    const output = causalOutput(encoded, this.lm_head, labels, given.logits_to_keep);
    return new ModelOutput({ ...output, cross_attentions: cross_attentions.length > 0 ? cross_attentions : null });
  }

  private alone(given: BartCausalInputs, counted: Counted): { encoded: Encoded; cross_attentions: Tensor[] } {
    const { decoder } = this.model;
    const tokens = packCausalTokens({ ...(given as CausalInputs), packed: false }, decoder.limits(), counted);
    const { encoded, cross_attentions } = decoder.run(tokens, null, given);
    return { encoded: { ...encoded, past_key_values: tokens.past_key_values }, cross_attentions };
  }

  private besideEncoder(given: BartCausalInputs, states: Tensor, counted: Counted) {
    const { decoder } = this.model;
    const { input_ids, inputs_embeds, attention_mask, head_mask, use_cache, cache_position } = given;
    const inputs = {
      attention_mask: given.encoder_attention_mask,
      encoder_outputs: [states] as const,
      decoder_input_ids: input_ids,
      decoder_inputs_embeds: inputs_embeds,
      decoder_attention_mask: attention_mask,
      decoder_head_mask: head_mask,
      past_key_values: given.past_key_values as BartInputs['past_key_values'],
      use_cache,
      cache_position,
    } as BartInputs;
    const encoder = encoderHalf(inputs, this.config.d_model, () => this.get_encoder());
    const { tokens, memory, past_key_values } = decoderHalf(
      inputs,
      { ...decoder.limits(), prefix: '' },
      encoder,
      counted,
    );
    const { encoded, cross_attentions } = decoder.run(tokens, memory, given, given.cross_attn_head_mask);
    return { encoded: { ...encoded, past_key_values: past_key_values as never }, cross_attentions };
  }
}

/** A config says of the class that it is a decoder. */
function asDecoder<C extends PretrainedConfig>(config: C): C {
  return config ? Object.assign(config, { is_decoder: true, is_encoder_decoder: false }) : config;
}
