/**
 * ModernBERT: pre-layer-norm blocks without biases, rotary positions, gated feed-forward, and attention that is global
 * in some layers and local in the others.
 * Paper: arXiv:2412.13663. Upstream: transformers models/modernbert (5.18.0).
 */
import { ValueError } from '../../errors';
import { createActivation, gate } from '../../nn/activation';
import { attend } from '../../nn/attention';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, runLayers, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { classLoss, type Labels, labelIds, packLabels } from '../../nn/losses';
import { Module, ModuleList } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import type { Parameter } from '../../nn/parameter';
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
import { initializerRange, rowsOfBareModule, truncatedNormal } from '../../pretrained/init';
import { ModelOutput } from '../../pretrained/model-output';
import { type CallOptions, PreTrainedModel } from '../../pretrained/pretrained-model';
import { reshape } from '../../tensor/dispatch';
import { cast } from '../../tensor/ops/cast';
import { div, mul } from '../../tensor/ops/elementwise';
import { index_select } from '../../tensor/ops/embedding';
import { slice } from '../../tensor/ops/layout';
import { pool } from '../../tensor/ops/pool';
import { sum } from '../../tensor/ops/reduce';
import { rotary_embedding } from '../../tensor/ops/rope';
import { Tensor } from '../../tensor/tensor';
import { type AttentionKind, attentionKinds, ModernBertConfig } from './config';

export { ModernBertConfig };

/** Inputs of a ModernBERT model; `labels` where the head has a loss. */
export type ModernBertInputs = TokenInputs & CallOptions & { labels?: Labels };

function createNorm(config: ModernBertConfig): LayerNorm {
  return new LayerNorm(config.hidden_size, config.norm_eps, { bias: config.norm_bias });
}

class ModernBertEmbeddings extends Module {
  readonly tok_embeddings;
  readonly norm;

  constructor(config: ModernBertConfig) {
    super();
    this.tok_embeddings = new Embedding(config.vocab_size, config.hidden_size, config.pad_token_id);
    this.norm = createNorm(config);
  }

  override forward(tokens: Tokens): Tensor {
    return this.norm.forward(tokens.inputs_embeds ?? this.tok_embeddings.forward(tokens.input_ids as Tensor)); // [N, C]
  }
}

class ModernBertMLP extends Module {
  readonly Wi;
  readonly act;
  readonly Wo;

  constructor(config: ModernBertConfig) {
    super();
    const { hidden_size: C, intermediate_size: F, mlp_bias: bias } = config;
    this.Wi = new Linear(C, 2 * F, { bias });
    this.act = createActivation(config.hidden_activation, 'hidden_activation');
    this.Wo = new Linear(F, C, { bias });
  }

  /** @returns residual with the feed-forward's output added */
  override forward(x: Tensor, residual: Tensor): Tensor {
    return this.Wo.forward(gate(this.act, this.Wi.forward(x)), { residual });
  }
}

class ModernBertAttention extends Module {
  readonly Wqkv;
  readonly Wo;
  private readonly heads: number;

  constructor(
    config: ModernBertConfig,
    private readonly kind: AttentionKind,
  ) {
    super();
    const { hidden_size: C, num_attention_heads: H, attention_bias: bias } = config;
    if (C % H !== 0)
      throw new ValueError(`The hidden size (${C}) is not a multiple of the number of attention heads (${H})`);
    this.Wqkv = new Linear(C, 3 * C, { bias });
    this.Wo = new Linear(C, C, { bias });
    this.heads = H;
  }

  /** @returns residual with the attention's output added */
  override forward(x: Tensor, residual: Tensor, tokens: Tokens, output_attentions: boolean): LayerOutput {
    const { heads, kind } = this;
    const C = x.dims[1] as number;
    const qkv = this.Wqkv.forward(x); // [N, 3C]
    const third = (i: number) => slice(qkv, 1, i * C, (i + 1) * C); // [N, C]
    const turned = (t: Tensor) => rotary_embedding(t, tokens.position_ids, { heads, theta: kind.theta });
    const { output, probs } = attend(turned(third(0)), turned(third(1)), third(2), tokens.layout, {
      heads,
      window: kind.window,
      output_attentions,
    });
    return { x: this.Wo.forward(output, { residual }), probs };
  }
}

class ModernBertEncoderLayer extends Module {
  /** The first layer has none: the embeddings end in a norm. */
  readonly attn_norm: LayerNorm | null;
  readonly attn;
  readonly mlp_norm;
  readonly mlp;

  constructor(config: ModernBertConfig, kind: AttentionKind, index: number) {
    super();
    this.attn_norm = index === 0 ? null : createNorm(config);
    this.attn = new ModernBertAttention(config, kind);
    this.mlp_norm = createNorm(config);
    this.mlp = new ModernBertMLP(config);
  }

  override forward(x: Tensor, tokens: Tokens, output_attentions: boolean): LayerOutput {
    const attended = this.attn.forward(this.attn_norm?.forward(x) ?? x, x, tokens, output_attentions);
    return { x: this.mlp.forward(this.mlp_norm.forward(attended.x), attended.x), probs: attended.probs };
  }
}

class ModernBertPredictionHead extends Module {
  readonly dense;
  readonly act;
  readonly norm;

  constructor(config: ModernBertConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size, { bias: config.classifier_bias });
    this.act = createActivation(config.classifier_activation, 'classifier_activation');
    this.norm = createNorm(config);
  }

  /** @param x - [..., C] */
  override forward(x: Tensor): Tensor {
    return this.norm.forward(this.dense.forward(x, { activation: this.act }));
  }
}

const inputs = ['input_ids', 'attention_mask', 'position_ids', 'inputs_embeds'];

export abstract class ModernBertPreTrainedModel extends PreTrainedModel {
  static override readonly config_class: typeof PretrainedConfig = ModernBertConfig;
  static override readonly base_model_prefix = 'model';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = inputs;
  static override readonly _no_split_modules = ['ModernBertEmbeddings', 'ModernBertEncoderLayer'];
  static override readonly supports_gradient_checkpointing = true;
  declare readonly config: ModernBertConfig;

  /** Products and tables from truncated normal distributions, whose width depends on where they stand. */
  override _init_weights(name: string, parameter: Parameter, owner: Module): Tensor {
    if (parameter.dims.length !== 2) return super._init_weights(name, parameter, owner);
    const { num_hidden_layers, hidden_size, initializer_cutoff_factor } = this.config;
    const range = initializerRange(this.config);
    const isInner = /(tok_embeddings|Wi|Wqkv)\.weight$/.test(name);
    const width = isInner ? range : range / Math.sqrt(2 * num_hidden_layers);
    const std = /(^|\.)classifier\.weight$/.test(name) ? hidden_size ** -0.5 : width;
    return truncatedNormal(parameter.dims, std, (initializer_cutoff_factor as number | null) ?? 3);
  }

  override _init_rows(owner: Embedding | Linear, dims: readonly number[]): Tensor {
    return rowsOfBareModule(owner, dims);
  }
}

/** The encoder alone. */
export class ModernBertModel extends ModernBertPreTrainedModel {
  readonly embeddings;
  readonly layers;
  readonly final_norm;

  constructor(config: ModernBertConfig) {
    super(config);
    this.embeddings = new ModernBertEmbeddings(config);
    this.layers = new ModuleList(attentionKinds(config).map((kind, i) => new ModernBertEncoderLayer(config, kind, i)));
    this.final_norm = createNorm(config);
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.embeddings.tok_embeddings;
  }

  /** @internal The tokens of a call through all layers. */
  encode(given: ModernBertInputs, counted: Counted = null): Encoded {
    const { config } = this;
    const limits = {
      vocab_size: config.vocab_size,
      positions: Infinity,
      types: 0,
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
    };
    const tokens = packTokens(given, limits, counted);
    const encoded = runLayers(this.layers, this.embeddings.forward(tokens), tokens.layout, given, (layer, x) =>
      layer.forward(x, tokens, given.output_attentions ?? false),
    );
    const x = this.final_norm.forward(encoded.x);
    if (given.output_hidden_states && config.tie_last_hidden_states !== false) encoded.hidden_states.splice(-1, 1, x);
    return { ...encoded, x };
  }

  override forward(given: ModernBertInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({ last_hidden_state: encoded.layout.unpack(encoded.x), ...traceOf(encoded) }); // [B, T, C]
  }
}

/**
 * Masked language modelling: `logits` [B, T, V]; with labels and `config.sparse_prediction` [K, V], for the K tokens
 * whose label is not `config.sparse_pred_ignore_index`.
 */
export class ModernBertForMaskedLM extends ModernBertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  static override readonly _tied_weights_keys = ['decoder.weight'];
  readonly model;
  readonly head;
  readonly decoder;

  constructor(config: ModernBertConfig) {
    super(config);
    this.model = new ModernBertModel(config);
    this.head = new ModernBertPredictionHead(config);
    this.decoder = new Linear(config.hidden_size, config.vocab_size, { bias: config.decoder_bias });
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.decoder;
  }

  override forward(given: ModernBertInputs): ModelOutput {
    const labels = labelIds(given.labels);
    if (labels && this.config.sparse_prediction) return this.sparseOutput(given, labels);
    const encoded = this.model.encode(given, labels);
    return tokenOutput(encoded, this.decoder.forward(this.head.forward(encoded.x)), labels);
  }

  private sparseOutput(given: ModernBertInputs, labels: Int32Array): ModelOutput {
    const ignored = this.config.sparse_pred_ignore_index;
    const encoded = this.model.encode(
      given,
      labels.map((label) => (label === ignored ? -100 : 0)),
    );
    const packed = packLabels(labels, encoded.layout);
    const index = Int32Array.from(packed.keys()).filter((i) => packed[i] !== ignored);
    const chosen = index_select(encoded.x, 0, new Tensor('int32', index)); // [K, C]
    const logits = this.decoder.forward(this.head.forward(chosen));
    const loss = classLoss(
      logits,
      index.map((i) => packed[i] as number),
    );
    return new ModelOutput({ loss, logits, ...traceOf(encoded) });
  }
}

/** What the classifiers have in common. */
abstract class ModernBertClassifier extends ModernBertPreTrainedModel {
  static override readonly input_names: readonly string[] = [...inputs, 'labels'];
  readonly model;
  readonly head;
  readonly classifier;

  constructor(config: ModernBertConfig) {
    super(config);
    this.model = new ModernBertModel(config);
    this.head = new ModernBertPredictionHead(config);
    this.classifier = new Linear(config.hidden_size, this.labelCount());
    this.post_init();
  }

  /** Width of `logits`. */
  protected labelCount(): number {
    return this.config.num_labels;
  }

  /** @param x - [..., C] */
  protected classify(x: Tensor): Tensor {
    return this.classifier.forward(this.head.forward(x));
  }
}

const poolings = ['cls', 'mean'];

/** Those that look at a text as a whole. */
abstract class ModernBertTextClassifier extends ModernBertClassifier {
  constructor(config: ModernBertConfig) {
    super(config);
    const { classifier_pooling } = config;
    if (!poolings.includes(classifier_pooling))
      throw new ValueError(`config.classifier_pooling is '${classifier_pooling}'; it must be one of ${poolings}`, {
        code: 'ERR_CONFIG_FIELD',
      });
  }

  /**
   * One vector a row: the token at `positions`, or the mean of those that the mask keeps, which is NaN of none.
   * @returns [B, C]
   */
  protected summarise({ x, layout }: Encoded, positions?: Int32Array): Tensor {
    if (this.config.classifier_pooling === 'cls') return layout.select(x, positions);
    if (layout.mask?.dims[1] !== 1) return pool(x, layout.cu_seqlens, 'mean');
    const kept = cast(reshape(layout.mask, [layout.batch, layout.length, 1]), 'float32');
    return div(sum(mul(layout.unpack(x), kept), 1), sum(kept, 1));
  }
}

/** One label a text: `logits` [B, num_labels]. */
export class ModernBertForSequenceClassification extends ModernBertTextClassifier {
  override forward(given: ModernBertInputs): ModelOutput {
    const encoded = this.model.encode(given);
    return sequenceOutput(encoded, this.classify(this.summarise(encoded)), given.labels, this.config);
  }
}

/** One choice of K: inputs [B, K, T], `logits` [B, K]. Padding may stand in front. */
export class ModernBertForMultipleChoice extends ModernBertTextClassifier {
  protected override labelCount(): number {
    return 1;
  }

  override forward(given: ModernBertInputs): ModelOutput {
    const { inputs: flat, choices } = flattenChoices(given);
    const encoded = this.model.encode(flat);
    const logits = this.classify(this.summarise(encoded, encoded.layout.firstKept()));
    return choiceOutput(encoded, logits, choices, labelIds(given.labels));
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class ModernBertForTokenClassification extends ModernBertClassifier {
  override forward(given: ModernBertInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.model.encode(given, labels);
    return tokenOutput(encoded, this.classify(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class ModernBertForQuestionAnswering extends ModernBertClassifier {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];

  override forward(given: ModernBertInputs & SpanLabels): ModelOutput {
    const encoded = this.model.encode(given, spanCounts(given));
    return spanOutput(encoded, this.classify(encoded.x), given);
  }
}
