/**
 * ELECTRA: BERT's blocks trained to tell replaced tokens from real ones; tables may be narrower than the blocks.
 * Paper: arXiv:2003.10555. Upstream: transformers models/electra (4.35.2, 5.18.0).
 */
import { createActivation } from '../../nn/activation';
import { Embedding } from '../../nn/embedding';
import { type Encoded, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { type Labels, labelIds, markedLoss } from '../../nn/losses';
import { Module } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Buffer } from '../../nn/parameter';
import type { PrunableAttention } from '../../nn/prune';
import { type Counted, packTokens, type TokenInputs, type Tokens } from '../../nn/tokens';
import type { PretrainedConfig } from '../../pretrained/config';
import {
  choiceOutput,
  flattenChoices,
  type SpanLabels,
  sequenceOutput,
  spanCounts,
  spanOutput,
  tokenOutput,
} from '../../pretrained/heads';
import { ModelOutput } from '../../pretrained/model-output';
import { type CallOptions, PreTrainedModel } from '../../pretrained/pretrained-model';
import { SequenceSummary } from '../../pretrained/sequence-summary';
import { reshape } from '../../tensor/dispatch';
import type { Tensor } from '../../tensor/tensor';
import { BertEncoder } from '../bert/encoder';
import { BertConfig } from '../bert/model';

export class ElectraConfig extends BertConfig {
  static override readonly model_type: string = 'electra';
  static override readonly defaults: Record<string, unknown> = {
    ...BertConfig.defaults,
    embedding_size: 128,
    hidden_size: 256,
    num_attention_heads: 4,
    intermediate_size: 1024,
    summary_type: 'first',
    summary_use_proj: true,
    summary_activation: 'gelu',
    summary_last_dropout: 0.1,
  };
  static override readonly honoured: readonly string[] = [
    ...BertConfig.honoured,
    'embedding_size',
    'summary_type',
    'summary_use_proj',
    'summary_activation',
  ];
  static override readonly inert: readonly string[] = [...BertConfig.inert, 'summary_last_dropout'];
  static override readonly nullable: readonly string[] = [...BertConfig.nullable, 'summary_activation'];
  declare embedding_size: number;
  declare summary_type: string;
  declare summary_use_proj: boolean;
  declare summary_activation: string | null;
}

/** Inputs of an ELECTRA model; `labels` where the head has a loss. */
export type ElectraInputs = TokenInputs & CallOptions & { labels?: Labels };

class ElectraEmbeddings extends Module {
  readonly word_embeddings;
  readonly position_embeddings;
  readonly token_type_embeddings;
  readonly LayerNorm;
  readonly position_ids;
  readonly token_type_ids;
  private readonly isAbsolute: boolean;

  constructor(config: ElectraConfig) {
    super();
    const { embedding_size: E, max_position_embeddings: P } = config;
    this.word_embeddings = new Embedding(config.vocab_size, E, config.pad_token_id);
    this.position_embeddings = new Embedding(P, E);
    this.token_type_embeddings = new Embedding(config.type_vocab_size, E);
    this.LayerNorm = new LayerNorm(E, config.layer_norm_eps);
    this.position_ids = new Buffer([1, P], 'int64', false);
    this.token_type_ids = new Buffer([1, P], 'int64', false);
    this.isAbsolute = config.position_embedding_type === 'absolute';
  }

  override forward(tokens: Tokens): Tensor {
    const words = tokens.inputs_embeds ?? this.word_embeddings.forward(tokens.input_ids as Tensor);
    let x = this.token_type_embeddings.forward(tokens.token_type_ids as Tensor, words);
    if (this.isAbsolute) x = this.position_embeddings.forward(tokens.position_ids, x);
    return this.LayerNorm.forward(x); // [N, E]
  }
}

class ElectraDiscriminatorPredictions extends Module {
  readonly dense;
  readonly activation;
  readonly dense_prediction;

  constructor(config: ElectraConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
    this.activation = createActivation(config.hidden_act, 'hidden_act');
    this.dense_prediction = new Linear(config.hidden_size, 1);
  }

  override forward(x: Tensor): Tensor {
    return this.dense_prediction.forward(this.dense.forward(x, { activation: this.activation })); // [N, 1]
  }
}

class ElectraGeneratorPredictions extends Module {
  readonly LayerNorm;
  readonly dense;

  constructor(config: ElectraConfig) {
    super();
    this.LayerNorm = new LayerNorm(config.embedding_size, config.layer_norm_eps);
    this.dense = new Linear(config.hidden_size, config.embedding_size);
  }

  override forward(x: Tensor): Tensor {
    return this.LayerNorm.forward(this.dense.forward(x, { activation: { fused: 'gelu' } })); // [N, E]
  }
}

class ElectraClassificationHead extends Module {
  readonly dense;
  readonly out_proj;

  constructor(config: ElectraConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
    this.out_proj = new Linear(config.hidden_size, config.num_labels);
  }

  /** @param first - [B, C], each row's first token */
  override forward(first: Tensor): Tensor {
    return this.out_proj.forward(this.dense.forward(first, { activation: { fused: 'gelu' } })); // [B, num_labels]
  }
}

const inputs = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids', 'head_mask', 'inputs_embeds'];

export abstract class ElectraPreTrainedModel extends PreTrainedModel {
  static override readonly config_class: typeof PretrainedConfig = ElectraConfig;
  static override readonly base_model_prefix = 'electra';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = inputs;
  static override readonly supports_gradient_checkpointing = true;
  declare readonly config: ElectraConfig;
}

/** The encoder alone. */
export class ElectraModel extends ElectraPreTrainedModel {
  readonly embeddings;
  readonly embeddings_project?: Linear;
  readonly encoder;

  constructor(config: ElectraConfig) {
    super(config);
    this.embeddings = new ElectraEmbeddings(config);
    if (config.embedding_size !== config.hidden_size)
      this.embeddings_project = new Linear(config.embedding_size, config.hidden_size);
    this.encoder = new BertEncoder(config);
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.embeddings.word_embeddings;
  }

  override prunableAttention(): PrunableAttention[] {
    return this.encoder.attentions;
  }

  /** @internal The tokens of a call through all layers. */
  encode(given: ElectraInputs, counted: Counted = null): Encoded {
    this.warnOfPadding(given);
    const { config } = this;
    const limits = {
      vocab_size: config.vocab_size,
      positions: config.max_position_embeddings,
      types: config.type_vocab_size,
      width: config.embedding_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
    };
    const tokens = packTokens(given, limits, counted);
    const embedded = this.embeddings.forward(tokens);
    return this.encoder.forward(this.embeddings_project?.forward(embedded) ?? embedded, tokens, given);
  }

  override forward(given: ElectraInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({ last_hidden_state: encoded.layout.unpack(encoded.x), ...traceOf(encoded) }); // [B, T, C]
  }
}

/** Which tokens were replaced: `logits` [B, T]; positive is replaced. */
export class ElectraForPreTraining extends ElectraPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly electra;
  readonly discriminator_predictions;

  constructor(config: ElectraConfig) {
    super(config);
    this.electra = new ElectraModel(config);
    this.discriminator_predictions = new ElectraDiscriminatorPredictions(config);
    this.post_init();
  }

  override forward(given: ElectraInputs): ModelOutput {
    const encoded = this.electra.encode(given);
    const { layout } = encoded;
    const scores = this.discriminator_predictions.forward(encoded.x); // [N, 1]
    const logits = reshape(layout.unpack(scores), [layout.batch, layout.length]);
    const labels = labelIds(given.labels);
    return new ModelOutput({ loss: labels && markedLoss(scores, labels, layout), logits, ...traceOf(encoded) });
  }
}

/** Masked language modelling: `logits` [B, T, V]. */
export class ElectraForMaskedLM extends ElectraPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  static override readonly _tied_weights_keys = ['generator_lm_head.weight'];
  readonly electra;
  readonly generator_predictions;
  readonly generator_lm_head;

  constructor(config: ElectraConfig) {
    super(config);
    this.electra = new ElectraModel(config);
    this.generator_predictions = new ElectraGeneratorPredictions(config);
    this.generator_lm_head = new Linear(config.embedding_size, config.vocab_size);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.generator_lm_head;
  }

  override forward(given: ElectraInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.electra.encode(given, labels);
    const logits = this.generator_lm_head.forward(this.generator_predictions.forward(encoded.x));
    return tokenOutput(encoded, logits, labels);
  }
}

/** One label a text: `logits` [B, num_labels]. */
export class ElectraForSequenceClassification extends ElectraPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly electra;
  readonly classifier;

  constructor(config: ElectraConfig) {
    super(config);
    this.electra = new ElectraModel(config);
    this.classifier = new ElectraClassificationHead(config);
    this.post_init();
  }

  override forward(given: ElectraInputs): ModelOutput {
    const encoded = this.electra.encode(given);
    const logits = this.classifier.forward(encoded.layout.select(encoded.x));
    return sequenceOutput(encoded, logits, given.labels, this.config);
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class ElectraForTokenClassification extends ElectraPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly electra;
  readonly classifier;

  constructor(config: ElectraConfig) {
    super(config);
    this.electra = new ElectraModel(config);
    this.classifier = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: ElectraInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.electra.encode(given, labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class ElectraForQuestionAnswering extends ElectraPreTrainedModel {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly electra;
  readonly qa_outputs;

  constructor(config: ElectraConfig) {
    super(config);
    this.electra = new ElectraModel(config);
    this.qa_outputs = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: ElectraInputs & SpanLabels): ModelOutput {
    const encoded = this.electra.encode(given, spanCounts(given));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), given);
  }
}

/** One choice of K: inputs [B, K, T], `logits` [B, K]. */
export class ElectraForMultipleChoice extends ElectraPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly electra;
  readonly sequence_summary;
  readonly classifier;

  constructor(config: ElectraConfig) {
    super(config);
    this.electra = new ElectraModel(config);
    this.sequence_summary = new SequenceSummary(config);
    this.classifier = new Linear(this.sequence_summary.out_features, 1);
    this.post_init();
  }

  override forward(given: ElectraInputs): ModelOutput {
    const { inputs: flat, choices } = flattenChoices(given);
    const encoded = this.electra.encode(flat, this.sequence_summary.readsPadding ? 'all' : null);
    const summary = this.sequence_summary.forward(encoded); // [B·K, C]
    return choiceOutput(encoded, this.classifier.forward(summary), choices, labelIds(given.labels));
  }
}
