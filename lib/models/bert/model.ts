/**
 * BERT: encoder-only transformer; learned positions, post-layer-norm blocks, GELU feed-forward.
 * Paper: arXiv:1810.04805. Upstream: transformers models/bert (4.35.2, 5.18.0).
 */
import { createActivation } from '../../nn/activation';
import { Embedding } from '../../nn/embedding';
import { type Encoded, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { classLoss, type Labels, labelIds, tokenLoss } from '../../nn/losses';
import { Module } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Buffer, Parameter } from '../../nn/parameter';
import type { PrunableAttention } from '../../nn/prune';
import { type Counted, packTokens, type TokenInputs, type Tokens } from '../../nn/tokens';
import { PretrainedConfig } from '../../pretrained/config';
import type { Dialect } from '../../pretrained/dialects/dialect';
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
import { add } from '../../tensor/ops/elementwise';
import type { Tensor } from '../../tensor/tensor';
import { BertEncoder, BertPooler } from './encoder';
import { tensorflow1Bert, tensorflowBert } from './weights';

export class BertConfig extends PretrainedConfig {
  static override readonly model_type: string = 'bert';
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 30522,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    max_position_embeddings: 512,
    type_vocab_size: 2,
    initializer_range: 0.02,
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
    position_embedding_type: 'absolute',
    use_cache: true,
    classifier_dropout: null,
  };
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'hidden_size',
    'num_hidden_layers',
    'num_attention_heads',
    'intermediate_size',
    'hidden_act',
    'max_position_embeddings',
    'type_vocab_size',
    'layer_norm_eps',
    'position_embedding_type',
    'pruned_heads',
  ];
  static override readonly inert: readonly string[] = [
    'hidden_dropout_prob',
    'attention_probs_dropout_prob',
    'classifier_dropout',
    'initializer_range',
    'use_cache',
  ];
  declare vocab_size: number;
  declare hidden_size: number;
  declare num_hidden_layers: number;
  declare num_attention_heads: number;
  declare intermediate_size: number;
  declare hidden_act: string;
  declare max_position_embeddings: number;
  declare type_vocab_size: number;
  declare layer_norm_eps: number;
  declare position_embedding_type: string;
  declare chunk_size_feed_forward: number;
  declare pad_token_id: number | null;
}

/** Inputs of a BERT model; `labels` where the head has a loss. */
export type BertInputs = TokenInputs & CallOptions & { labels?: Labels };

class BertEmbeddings extends Module {
  readonly word_embeddings;
  readonly position_embeddings;
  readonly token_type_embeddings;
  readonly LayerNorm;
  readonly position_ids;
  readonly token_type_ids;
  private readonly isAbsolute: boolean;

  constructor(config: BertConfig) {
    super();
    const { hidden_size: C, max_position_embeddings: P } = config;
    this.word_embeddings = new Embedding(config.vocab_size, C, config.pad_token_id);
    this.position_embeddings = new Embedding(P, C);
    this.token_type_embeddings = new Embedding(config.type_vocab_size, C);
    this.LayerNorm = new LayerNorm(C, config.layer_norm_eps);
    this.position_ids = new Buffer([1, P], 'int64', false);
    this.token_type_ids = new Buffer([1, P], 'int64', false);
    this.isAbsolute = config.position_embedding_type === 'absolute';
  }

  override forward(tokens: Tokens): Tensor {
    const words = tokens.inputs_embeds ?? this.word_embeddings.forward(tokens.input_ids as Tensor);
    let x = this.token_type_embeddings.forward(tokens.token_type_ids as Tensor, words);
    if (this.isAbsolute) x = this.position_embeddings.forward(tokens.position_ids, x);
    return this.LayerNorm.forward(x); // [N, C]
  }
}

class BertPredictionHeadTransform extends Module {
  readonly dense;
  readonly transform_act_fn;
  readonly LayerNorm;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
    this.transform_act_fn = createActivation(config.hidden_act, 'hidden_act');
    this.LayerNorm = new LayerNorm(config.hidden_size, config.layer_norm_eps);
  }

  override forward(x: Tensor): Tensor {
    return this.LayerNorm.forward(this.dense.forward(x, { activation: this.transform_act_fn }));
  }
}

class BertLMPredictionHead extends Module {
  readonly bias;
  readonly transform;
  readonly decoder;

  constructor(config: BertConfig) {
    super();
    this.bias = new Parameter([config.vocab_size]);
    this.transform = new BertPredictionHeadTransform(config);
    this.decoder = new Linear(config.hidden_size, config.vocab_size, { bias: this.bias });
  }

  override forward(x: Tensor): Tensor {
    return this.decoder.forward(this.transform.forward(x)); // [N, V]
  }
}

class BertOnlyMLMHead extends Module {
  readonly predictions;

  constructor(config: BertConfig) {
    super();
    this.predictions = new BertLMPredictionHead(config);
  }

  override forward(x: Tensor): Tensor {
    return this.predictions.forward(x);
  }
}

class BertOnlyNSPHead extends Module {
  readonly seq_relationship;

  constructor(config: BertConfig) {
    super();
    this.seq_relationship = new Linear(config.hidden_size, 2);
  }

  override forward(pooled: Tensor): Tensor {
    return this.seq_relationship.forward(pooled);
  }
}

class BertPreTrainingHeads extends Module {
  readonly predictions;
  readonly seq_relationship;

  constructor(config: BertConfig) {
    super();
    this.predictions = new BertLMPredictionHead(config);
    this.seq_relationship = new Linear(config.hidden_size, 2);
  }
}

const inputs = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids', 'head_mask', 'inputs_embeds'];
const tied = ['predictions.decoder.bias', 'cls.predictions.decoder.weight'];

export abstract class BertPreTrainedModel extends PreTrainedModel {
  static override readonly config_class: typeof PretrainedConfig = BertConfig;
  static override readonly base_model_prefix = 'bert';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly tensorflow1: Dialect | null = tensorflow1Bert;
  static override readonly tensorflow = tensorflowBert;
  static override readonly input_names: readonly string[] = inputs;
  static override readonly supports_gradient_checkpointing = true;
  declare readonly config: BertConfig;
}

/** The encoder alone. `pooler_output` [B, C] is the first token behind a tanh layer. */
export class BertModel extends BertPreTrainedModel {
  static override readonly _no_split_modules: readonly string[] | null = ['BertEmbeddings', 'BertLayer'];
  static override readonly constructor_args = ['add_pooling_layer'];
  readonly embeddings;
  readonly encoder;
  readonly pooler: BertPooler | null;

  constructor(config: BertConfig, add_pooling_layer = true) {
    super(config);
    this.embeddings = new BertEmbeddings(config);
    this.encoder = new BertEncoder(config);
    this.pooler = add_pooling_layer ? new BertPooler(config) : null;
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.embeddings.word_embeddings;
  }

  override prunableAttention(): PrunableAttention[] {
    return this.encoder.attentions;
  }

  /** @internal The tokens of a call through all layers. */
  encode(inputs: BertInputs, counted: Counted = null): Encoded {
    this.warnOfPadding(inputs);
    const { config } = this;
    const tokens = packTokens(
      inputs,
      {
        vocab_size: config.vocab_size,
        positions: config.max_position_embeddings,
        types: config.type_vocab_size,
        width: config.hidden_size,
        layers: config.num_hidden_layers,
        heads: config.num_attention_heads,
      },
      counted,
    );
    return this.encoder.forward(this.embeddings.forward(tokens), tokens, inputs);
  }

  /** @internal [B, C] */
  pool(encoded: Encoded): Tensor {
    return (this.pooler as BertPooler).forward(encoded.layout.select(encoded.x));
  }

  override forward(inputs: BertInputs): ModelOutput {
    const encoded = this.encode(inputs);
    return new ModelOutput({
      last_hidden_state: encoded.layout.unpack(encoded.x), // [B, T, C]
      pooler_output: this.pooler && this.pool(encoded), // [B, C]
      ...traceOf(encoded),
    });
  }
}

/** Masked language modelling: `logits` [B, T, V]. */
export class BertForMaskedLM extends BertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  static override readonly _tied_weights_keys = tied;
  readonly bert;
  readonly cls;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config, false);
    this.cls = new BertOnlyMLMHead(config);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.cls.predictions.decoder;
  }

  override forward(inputs: BertInputs): ModelOutput {
    const labels = labelIds(inputs.labels);
    const encoded = this.bert.encode(inputs, labels);
    return tokenOutput(encoded, this.cls.forward(encoded.x), labels);
  }
}

/** Is the second text the first one's continuation: `logits` [B, 2], 0 is yes. */
export class BertForNextSentencePrediction extends BertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly bert;
  readonly cls;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config);
    this.cls = new BertOnlyNSPHead(config);
    this.post_init();
  }

  override forward(inputs: BertInputs): ModelOutput {
    const encoded = this.bert.encode(inputs);
    const logits = this.cls.forward(this.bert.pool(encoded)); // [B, 2]
    const labels = labelIds(inputs.labels);
    return new ModelOutput({ loss: labels && classLoss(logits, labels), logits, ...traceOf(encoded) });
  }
}

/** Both pre-training heads: `prediction_logits` [B, T, V], `seq_relationship_logits` [B, 2]. */
export class BertForPreTraining extends BertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels', 'next_sentence_label'];
  static override readonly _tied_weights_keys = tied;
  readonly bert;
  readonly cls;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config);
    this.cls = new BertPreTrainingHeads(config);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.cls.predictions.decoder;
  }

  override forward(inputs: BertInputs & { next_sentence_label?: Labels }): ModelOutput {
    const labels = labelIds(inputs.labels);
    const next = labelIds(inputs.next_sentence_label, 'next_sentence_label');
    const encoded = this.bert.encode(inputs, labels);
    const tokens = this.cls.predictions.forward(encoded.x); // [N, V]
    const seq_relationship_logits = this.cls.seq_relationship.forward(this.bert.pool(encoded)); // [B, 2]
    return new ModelOutput({
      loss:
        labels &&
        next &&
        add(tokenLoss(tokens, labels, encoded.layout), classLoss(seq_relationship_logits, next, 'next_sentence_label')),
      prediction_logits: encoded.layout.unpack(tokens),
      seq_relationship_logits,
      ...traceOf(encoded),
    });
  }
}

/** One label a text: `logits` [B, num_labels]. */
export class BertForSequenceClassification extends BertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly bert;
  readonly classifier;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config);
    this.classifier = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(inputs: BertInputs): ModelOutput {
    const encoded = this.bert.encode(inputs);
    return sequenceOutput(encoded, this.classifier.forward(this.bert.pool(encoded)), inputs.labels, this.config);
  }
}

/** One choice of K: inputs [B, K, T], `logits` [B, K]. */
export class BertForMultipleChoice extends BertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly bert;
  readonly classifier;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config);
    this.classifier = new Linear(config.hidden_size, 1);
    this.post_init();
  }

  override forward(given: BertInputs): ModelOutput {
    const { inputs, choices } = flattenChoices(given);
    const encoded = this.bert.encode(inputs);
    return choiceOutput(encoded, this.classifier.forward(this.bert.pool(encoded)), choices, labelIds(given.labels));
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class BertForTokenClassification extends BertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly bert;
  readonly classifier;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config, false);
    this.classifier = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(inputs: BertInputs): ModelOutput {
    const labels = labelIds(inputs.labels);
    const encoded = this.bert.encode(inputs, labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class BertForQuestionAnswering extends BertPreTrainedModel {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly bert;
  readonly qa_outputs;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config, false);
    this.qa_outputs = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(inputs: BertInputs & SpanLabels): ModelOutput {
    const encoded = this.bert.encode(inputs, spanCounts(inputs));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), inputs);
  }
}
