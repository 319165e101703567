/**
 * RoBERTa: BERT's blocks trained longer, with position ids that follow the padding and heads of its own.
 * Paper: arXiv:1907.11692. Upstream: transformers models/roberta (4.35.2, 5.18.0).
 */
import { Embedding } from '../../nn/embedding';
import { type Encoded, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { type Labels, labelIds } from '../../nn/losses';
import { Module } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Buffer, Parameter } from '../../nn/parameter';
import { positionsAfterPadding } from '../../nn/positions';
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
import type { Tensor } from '../../tensor/tensor';
import { BertEncoder, BertPooler } from '../bert/encoder';
import { BertConfig } from '../bert/model';

export class RobertaConfig extends BertConfig {
  static override readonly model_type: string = 'roberta';
  static override readonly defaults: Record<string, unknown> = {
    ...BertConfig.defaults,
    vocab_size: 50265,
    pad_token_id: 1,
    bos_token_id: 0,
    eos_token_id: 2,
  };
  static override readonly honoured: readonly string[] = [...BertConfig.honoured, 'pad_token_id'];
}

/** Inputs of a RoBERTa model; `labels` where the head has a loss. */
export type RobertaInputs = TokenInputs & CallOptions & { labels?: Labels };

class RobertaEmbeddings extends Module {
  readonly word_embeddings;
  readonly position_embeddings;
  readonly token_type_embeddings;
  readonly LayerNorm;
  readonly position_ids;
  readonly token_type_ids;
  private readonly isAbsolute: boolean;

  constructor(config: RobertaConfig) {
    super();
    const { hidden_size: C, max_position_embeddings: P, pad_token_id } = config;
    this.word_embeddings = new Embedding(config.vocab_size, C, pad_token_id);
    this.position_embeddings = new Embedding(P, C, pad_token_id);
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

class RobertaLMHead extends Module {
  readonly bias;
  readonly dense;
  readonly layer_norm;
  readonly decoder;

  constructor(config: RobertaConfig) {
    super();
    this.bias = new Parameter([config.vocab_size]);
    this.dense = new Linear(config.hidden_size, config.hidden_size);
    this.layer_norm = new LayerNorm(config.hidden_size, config.layer_norm_eps);
    this.decoder = new Linear(config.hidden_size, config.vocab_size, { bias: this.bias });
  }

  override forward(x: Tensor): Tensor {
    return this.decoder.forward(this.layer_norm.forward(this.dense.forward(x, { activation: { fused: 'gelu' } }))); // [N, V]
  }
}

class RobertaClassificationHead extends Module {
  readonly dense;
  readonly out_proj;

  constructor(config: RobertaConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
    this.out_proj = new Linear(config.hidden_size, config.num_labels);
  }

  /** @param first - [B, C], each row's first token */
  override forward(first: Tensor): Tensor {
    return this.out_proj.forward(this.dense.forward(first, { activation: { fused: 'tanh' } })); // [B, num_labels]
  }
}

const inputs = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids', 'head_mask', 'inputs_embeds'];

export abstract class RobertaPreTrainedModel extends PreTrainedModel {
  static override readonly config_class: typeof PretrainedConfig = RobertaConfig;
  static override readonly base_model_prefix = 'roberta';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = inputs;
  static override readonly _no_split_modules = ['RobertaEmbeddings', 'RobertaSelfAttention'];
  static override readonly supports_gradient_checkpointing = true;
  /** @internal The class of the network inside heads: a family that is this one under another name has its own. */
  static readonly headless: () => typeof RobertaModel = () => RobertaModel;
  declare readonly config: RobertaConfig;
}

/** The encoder alone. `pooler_output` [B, C] is the first token behind a tanh layer. */
export class RobertaModel extends RobertaPreTrainedModel {
  static override readonly constructor_args = ['add_pooling_layer'];
  readonly embeddings;
  readonly encoder;
  readonly pooler: BertPooler | null;

  constructor(config: RobertaConfig, add_pooling_layer = true) {
    super(config);
    this.embeddings = new RobertaEmbeddings(config);
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
  encode(given: RobertaInputs, counted: Counted = null): Encoded {
    this.warnOfPadding(given);
    const { config } = this;
    const limits = {
      vocab_size: config.vocab_size,
      positions: config.max_position_embeddings,
      types: config.type_vocab_size,
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      defaultPositions: positionsAfterPadding(config.pad_token_id as number),
    };
    const tokens = packTokens(given, limits, counted);
    return this.encoder.forward(this.embeddings.forward(tokens), tokens, given);
  }

  /** @internal [B, C] */
  pool(encoded: Encoded): Tensor {
    return (this.pooler as BertPooler).forward(encoded.layout.select(encoded.x));
  }

  override forward(given: RobertaInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({
      last_hidden_state: encoded.layout.unpack(encoded.x), // [B, T, C]
      pooler_output: this.pooler && this.pool(encoded), // [B, C]
      ...traceOf(encoded),
    });
  }
}

/** Masked language modelling: `logits` [B, T, V]. */
export class RobertaForMaskedLM extends RobertaPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  static override readonly _tied_weights_keys = ['lm_head.decoder.weight', 'lm_head.decoder.bias'];
  readonly roberta;
  readonly lm_head;

  constructor(config: RobertaConfig) {
    super(config);
    this.roberta = new (new.target.headless())(config, false);
    this.lm_head = new RobertaLMHead(config);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.lm_head.decoder;
  }

  override forward(given: RobertaInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.roberta.encode(given, labels);
    return tokenOutput(encoded, this.lm_head.forward(encoded.x), labels);
  }
}

/** One label a text: `logits` [B, num_labels]. */
export class RobertaForSequenceClassification extends RobertaPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly roberta;
  readonly classifier;

  constructor(config: RobertaConfig) {
    super(config);
    this.roberta = new (new.target.headless())(config, false);
    this.classifier = new RobertaClassificationHead(config);
    this.post_init();
  }

  override forward(given: RobertaInputs): ModelOutput {
    const encoded = this.roberta.encode(given);
    const logits = this.classifier.forward(encoded.layout.select(encoded.x));
    return sequenceOutput(encoded, logits, given.labels, this.config);
  }
}

/** One choice of K: inputs [B, K, T], `logits` [B, K]. */
export class RobertaForMultipleChoice extends RobertaPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly roberta;
  readonly classifier;

  constructor(config: RobertaConfig) {
    super(config);
    this.roberta = new (new.target.headless())(config);
    this.classifier = new Linear(config.hidden_size, 1);
    this.post_init();
  }

  override forward(given: RobertaInputs): ModelOutput {
    const { inputs: flat, choices } = flattenChoices(given);
    const encoded = this.roberta.encode(flat);
    return choiceOutput(encoded, this.classifier.forward(this.roberta.pool(encoded)), choices, labelIds(given.labels));
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class RobertaForTokenClassification extends RobertaPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly roberta;
  readonly classifier;

  constructor(config: RobertaConfig) {
    super(config);
    this.roberta = new (new.target.headless())(config, false);
    this.classifier = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: RobertaInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.roberta.encode(given, labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class RobertaForQuestionAnswering extends RobertaPreTrainedModel {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly roberta;
  readonly qa_outputs;

  constructor(config: RobertaConfig) {
    super(config);
    this.roberta = new (new.target.headless())(config, false);
    this.qa_outputs = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: RobertaInputs & SpanLabels): ModelOutput {
    const encoded = this.roberta.encode(given, spanCounts(given));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), given);
  }
}
