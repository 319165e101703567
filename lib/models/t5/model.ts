/**
 * T5: encoder-decoder transformer; bucketed relative positions, pre-RMS-norm blocks, text to text.
 * Papers: arXiv:1910.10683, arXiv:2002.05202 (gated). Upstream: transformers models/t5 (4.57.6, 5.18.0).
 */
import { ValueError } from '../../errors';
import { Embedding } from '../../nn/embedding';
import { type Encoded, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { type Labels, labelIds, tokenLoss } from '../../nn/losses';
import type { Module } from '../../nn/module';
import type { Parameter } from '../../nn/parameter';
import type { PrunableAttention } from '../../nn/prune';
import { type Counted, packTokens, type TokenInputs } from '../../nn/tokens';
import type { PretrainedConfig } from '../../pretrained/config';
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
import { type SpanLabels, spanCounts, tokenOutput } from '../../pretrained/heads';
import { rowsOfBareModule } from '../../pretrained/init';
import { ModelOutput } from '../../pretrained/model-output';
import type { CallOptions } from '../../pretrained/pretrained-model';
import { mul } from '../../tensor/ops/elementwise';
import { normal } from '../../tensor/ops/normal';
import { Tensor } from '../../tensor/tensor';
import { T5Config } from './config';
import { T5LayerNorm, T5Stack } from './stack';
import { tensorflow1T5, tensorflowT5 } from './weights';

export { T5Config };

/** Inputs of T5; `labels` where the head has a loss. */
export type T5Inputs = EncoderDecoderInputs;

/** Inputs of T5's encoder alone. */
export type T5EncoderInputs = Omit<TokenInputs, 'token_type_ids' | 'position_ids'> & CallOptions & { labels?: Labels };

const encoderInputs = ['input_ids', 'attention_mask', 'inputs_embeds', 'head_mask'];
/** A layer's cross-attention has no positions: early files hold a table that was never used. */
const unusedTable = ['decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight'];
const tiedTables = ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'];

/** Standard deviations of new weights by the last part of the module's name (C, D, F, H: sizes; the factor goes on top). */
function initialDeviation(owner: string, { d_model: C, d_kv: D, d_ff: F, num_heads: H }: T5Config): number {
  if (owner === 'q') return (C * D) ** -0.5;
  if (owner === 'o') return (H * D) ** -0.5;
  if (owner === 'wo') return F ** -0.5;
  return owner === 'shared' || owner === 'embed_tokens' || owner === 'lm_head' || owner === 'classifier'
    ? 1
    : C ** -0.5;
}

export abstract class T5PreTrainedModel extends EncoderDecoderModel {
  static override readonly config_class: typeof PretrainedConfig = T5Config;
  static override readonly base_model_prefix: string = 'transformer';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = encoderDecoderInputs;
  static override readonly _no_split_modules = ['T5Block'];
  static override readonly _keep_in_fp32_modules = ['wo'];
  static override readonly is_parallelizable = true;
  static override readonly supports_gradient_checkpointing = true;
  static override readonly tensorflow1 = tensorflow1T5;
  static override readonly tensorflow = tensorflowT5;
  declare readonly config: T5Config;

  override _init_weights(name: string, parameter: Parameter, owner: Module): Tensor {
    const { initializer_factor: factor } = this.config;
    const { dims, size } = parameter;
    if (owner instanceof T5LayerNorm) return new Tensor('float32', new Float32Array(size).fill(factor), dims);
    if (name.endsWith('.bias')) return super._init_weights(name, parameter, owner);
    return normal(dims, 0, factor * initialDeviation(name.split('.').at(-2) as string, this.config));
  }

  override _init_rows(owner: Embedding | Linear, dims: readonly number[]): Tensor {
    return rowsOfBareModule(owner, dims);
  }
}

/** Both halves of T5, as fields of a model: `shared` is the table of both. */
abstract class T5Halves extends T5PreTrainedModel {
  static override readonly _keys_to_ignore_on_load_unexpected = unusedTable;
  static override readonly _tied_weights_keys: readonly string[] = tiedTables;
  readonly shared;
  readonly encoder;
  readonly decoder;

  constructor(config: T5Config) {
    super(config);
    this.shared = new Embedding(config.vocab_size, config.d_model);
    this.encoder = new T5Stack(config, false, this.shared);
    this.decoder = new T5Stack(config, true, this.shared);
  }

  override get_input_embeddings(): Embedding {
    return this.shared;
  }

  override get_encoder(): T5Stack {
    return this.encoder;
  }

  override get_decoder(): T5Stack {
    return this.decoder;
  }

  protected override encodePrompt(given: T5Inputs): EncoderHalf {
    return encoderHalf(given, this.config.d_model, (inputs) => encodeWith(this.encoder, this.config, inputs));
  }

  /** @internal A call through both halves. @param counted - [B·T] of the decoder's tokens */
  run(given: T5Inputs, counted: Counted = null): EncoderDecoderResult {
    const { config } = this;
    const encoder = this.encodePrompt(given);
    const { tokens, memory, past_key_values } = decoderHalf(given, limitsOf(this.decoder, config), encoder, counted);
    const { encoded, cross_attentions } = this.decoder.run(tokens, memory, given, given.cross_attn_head_mask);
    return { encoder, decoder: encoded, cross_attentions, past_key_values };
  }

  /** Ids for the decoder that begin with its start token. @throws ValueError when the config has none */
  _shift_right(name: string, ids: Labels): Tensor {
    return shiftedIds(name, ids, this.config, 'in T5 it is usually the pad_token_id');
  }

  /** The call with the decoder's ids made from `ids` where it gives none. */
  protected withDecoderIds<I extends T5Inputs>(given: I, name: string, ids: Labels | null | undefined): I {
    if (given.decoder_input_ids || given.decoder_inputs_embeds || !ids) return given;
    return { ...given, decoder_input_ids: this._shift_right(name, ids) };
  }
}

function limitsOf(stack: T5Stack, { vocab_size, d_model: width }: T5Config) {
  return { vocab_size, positions: Infinity, types: 0, width, ...stack.limits() };
}

function encodeWith(
  stack: T5Stack,
  config: T5Config,
  given: TokenInputs & CallOptions,
  counted: Counted = null,
): Encoded {
  const tokens = packTokens(given, limitsOf(stack, config), counted);
  return stack.run(tokens, null, given).encoded;
}

/** Encoder and decoder without a head: `last_hidden_state` [B, T, C] of the decoder. */
export class T5Model extends T5Halves {
  constructor(config: T5Config) {
    super(config);
    this.post_init();
  }

  override forward(given: T5Inputs): ModelOutput {
    const result = this.run(given);
    const { layout, x } = result.decoder;
    return new ModelOutput({ last_hidden_state: layout.unpack(x), ...encoderDecoderTraceOf(result) });
  }
}

/** Text to text: `logits` [B, T, V]. Without decoder inputs, those of `labels` moved to the right are taken. */
export class T5ForConditionalGeneration extends T5Halves {
  static override readonly input_names = [...encoderDecoderInputs, 'labels'];
  static override readonly _tied_weights_keys = [...tiedTables, 'lm_head.weight'];
  readonly lm_head;

  constructor(config: T5Config) {
    super(config);
    this.lm_head = new Linear(config.d_model, config.vocab_size, { bias: false });
    this.post_init();
  }

  override can_generate(): boolean {
    return true;
  }

  override get_output_embeddings(): Linear {
    return this.lm_head;
  }

  override forward(given: T5Inputs): ModelOutput {
    const labels = labelIds(given.labels);
    const result = this.run(this.withDecoderIds(given, 'labels', given.labels), labels);
    const { layout, x } = result.decoder;
    // A tied table is larger than a projection would be.
    const isScaled = this.config.scale_decoder_outputs ?? this.config.tie_word_embeddings;
    const scaled = isScaled ? mul(x, this.config.d_model ** -0.5) : x;
    const logits = this.lm_head.forward(scaled); // [N, V]
    return new ModelOutput({
      loss: labels && tokenLoss(logits, labels, layout),
      logits: layout.unpack(logits),
      ...encoderDecoderTraceOf(result),
    });
  }
}

/** The encoder alone: `last_hidden_state` [B, T, C]. */
export class T5EncoderModel extends T5PreTrainedModel {
  static override readonly input_names = encoderInputs;
  static override readonly _keys_to_ignore_on_load_unexpected = ['decoder'];
  static override readonly _tied_weights_keys = ['encoder.embed_tokens.weight'];
  readonly shared;
  readonly encoder;

  constructor(config: T5Config) {
    super(config);
    Object.assign(config, { use_cache: false, is_encoder_decoder: false }); // which its file then says
    this.shared = new Embedding(config.vocab_size, config.d_model);
    this.encoder = new T5Stack(config, false, this.shared);
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.shared;
  }

  override get_encoder(): T5Stack {
    return this.encoder;
  }

  /** @throws ValueError: there is none */
  override get_decoder(): never {
    throw new ValueError(`${this.constructor.name} has no decoder`);
  }

  protected override encodePrompt(given: T5Inputs): EncoderHalf {
    return encoderHalf(given, this.config.d_model, (inputs) => this.encode(inputs));
  }

  override prunableAttention(): PrunableAttention[] {
    return this.encoder.selfAttention();
  }

  /** @internal The tokens of a call through all layers. */
  encode(given: T5EncoderInputs, counted: Counted = null): Encoded {
    return encodeWith(this.encoder, this.config, given, counted);
  }

  override forward(given: T5EncoderInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({ last_hidden_state: encoded.layout.unpack(encoded.x), ...traceOf(encoded) });
  }
}

/** One label a text, by the decoder's state at its last end token: `logits` [B, num_labels]. */
export class T5ForSequenceClassification extends T5PreTrainedModel {
  static override readonly input_names = [...encoderDecoderInputs, 'labels'];
  static override readonly _keys_to_ignore_on_load_unexpected = unusedTable;
  static override readonly _tied_weights_keys = tiedTables;
  readonly transformer;
  readonly classification_head;

  constructor(config: T5Config) {
    super(config);
    this.transformer = new T5Model(config);
    this.classification_head = new SequenceClassificationHead(config.d_model, config.num_labels);
    this.post_init();
  }

  override get_encoder(): T5Stack {
    return this.transformer.encoder;
  }

  override get_decoder(): T5Stack {
    return this.transformer.decoder;
  }

  protected override encodePrompt(given: T5Inputs): EncoderHalf {
    return encoderHalf(given, this.config.d_model, (inputs) => encodeWith(this.get_encoder(), this.config, inputs));
  }

  override forward(given: T5Inputs): ModelOutput {
    const { config, transformer } = this;
    const ends = lastEnds(this.constructor.name, given, config.eos_token_id);
    const ids =
      given.decoder_input_ids || given.decoder_inputs_embeds
        ? given
        : { ...given, decoder_input_ids: transformer._shift_right('input_ids', given.input_ids as Labels) };
    const calling = given.labels === undefined ? ids : { ...ids, use_cache: false };
    const result = transformer.run(calling, 'all');
    return endOutput(result, this.classification_head, ends, given.labels, config);
  }
}

/** One label a token, by the encoder: `logits` [B, T, num_labels]. */
export class T5ForTokenClassification extends T5PreTrainedModel {
  static override readonly input_names = [...encoderInputs, 'labels'];
  static override readonly _keys_to_ignore_on_load_unexpected = ['decoder'];
  static override readonly _tied_weights_keys = ['transformer.encoder.embed_tokens.weight'];
  readonly transformer;
  readonly classifier;

  constructor(config: T5Config) {
    super(config);
    this.transformer = new T5EncoderModel(config);
    this.classifier = new Linear(config.d_model, config.num_labels);
    this.post_init();
  }

  override get_encoder(): T5Stack {
    return this.transformer.encoder;
  }

  /** @throws ValueError: there is none */
  override get_decoder(): never {
    return this.transformer.get_decoder();
  }

  protected override encodePrompt(given: T5Inputs): EncoderHalf {
    return encoderHalf(given, this.config.d_model, (inputs) => this.transformer.encode(inputs));
  }

  override forward(given: T5EncoderInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.transformer.encode(given, labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer, by the decoder: `start_logits`, `end_logits` [B, T]. */
export class T5ForQuestionAnswering extends T5Halves {
  static override readonly input_names = [...encoderDecoderInputs, 'start_positions', 'end_positions'];
  readonly qa_outputs;

  constructor(config: T5Config) {
    super(config);
    this.qa_outputs = new Linear(config.d_model, config.num_labels);
    this.post_init();
  }

  override forward(given: T5Inputs & SpanLabels): ModelOutput {
    const { start_positions, end_positions, ...inputs } = given;
    const labels = { start_positions, end_positions };
    if (!given.decoder_input_ids && !given.decoder_inputs_embeds && !given.input_ids)
      throw new ValueError(
        'without decoder_input_ids or decoder_inputs_embeds, input_ids must be given: the decoder starts with them',
      );
    const counted = spanCounts(labels);
    const calling = this.withDecoderIds(inputs, 'input_ids', given.input_ids);
    const result = this.run(counted ? { ...calling, use_cache: false } : calling, counted);
    return answerOutput(result, this.qa_outputs, labels);
  }
}
