/**
 * MPNet: masked and permuted pre-training; BERT's blocks with one table of relative positions for all layers.
 * Paper: arXiv:2004.09297. Upstream: transformers models/mpnet (4.35.2, 5.18.0).
 */
import { ValueError } from '../../errors';
import { createActivation } from '../../nn/activation';
import { attend } from '../../nn/attention';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, runLayers, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { type Labels, labelIds } from '../../nn/losses';
import { Module, ModuleList } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Buffer, Parameter } from '../../nn/parameter';
import { positionsAfterPadding } from '../../nn/positions';
import { keptBias, type PrunableAttention, pruneProjections } from '../../nn/prune';
import { relativeBias } from '../../nn/relative-bias';
import { type Counted, packTokens, type TokenInputs, type Tokens } from '../../nn/tokens';
import { PretrainedConfig } from '../../pretrained/config';
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

/** Upstream numbers positions behind this id, whatever `config.pad_token_id` says. */
const kPadding = 1;

/** Upstream's buckets, whatever `config.relative_attention_num_buckets` says; that sets the table's rows only. */
const kBuckets = { buckets: 32, maxDistance: 128 };

export class MPNetConfig extends PretrainedConfig {
  static override readonly model_type: string = 'mpnet';
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 30527,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    max_position_embeddings: 512,
    initializer_range: 0.02,
    layer_norm_eps: 1e-12,
    relative_attention_num_buckets: 32,
    pad_token_id: 1,
    bos_token_id: 0,
    eos_token_id: 2,
  };
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'hidden_size',
    'num_hidden_layers',
    'num_attention_heads',
    'intermediate_size',
    'hidden_act',
    'max_position_embeddings',
    'layer_norm_eps',
    'relative_attention_num_buckets',
    'pruned_heads',
  ];
  static override readonly inert: readonly string[] = [
    'hidden_dropout_prob',
    'attention_probs_dropout_prob',
    'initializer_range',
  ];
  declare vocab_size: number;
  declare hidden_size: number;
  declare num_hidden_layers: number;
  declare num_attention_heads: number;
  declare intermediate_size: number;
  declare hidden_act: string;
  declare max_position_embeddings: number;
  declare layer_norm_eps: number;
  declare relative_attention_num_buckets: number;
}

/** Inputs of an MPNet model; `labels` where the head has a loss. */
export type MPNetInputs = TokenInputs & CallOptions & { labels?: Labels };

class MPNetEmbeddings extends Module {
  readonly word_embeddings;
  readonly position_embeddings;
  readonly LayerNorm;
  readonly position_ids;

  constructor(config: MPNetConfig) {
    super();
    const { hidden_size: C, max_position_embeddings: P } = config;
    this.word_embeddings = new Embedding(config.vocab_size, C, kPadding);
    this.position_embeddings = new Embedding(P, C, kPadding);
    this.LayerNorm = new LayerNorm(C, config.layer_norm_eps);
    this.position_ids = new Buffer([1, P], 'int64', false);
  }

  override forward(tokens: Tokens): Tensor {
    const words = tokens.inputs_embeds ?? this.word_embeddings.forward(tokens.input_ids as Tensor);
    return this.LayerNorm.forward(this.position_embeddings.forward(tokens.position_ids, words)); // [N, C]
  }
}

class MPNetSelfAttention extends Module {
  q;
  k;
  v;
  o;
  num_attention_heads: number;
  readonly attention_head_size: number;

  constructor({ hidden_size: C, num_attention_heads: H }: MPNetConfig) {
    super();
    if (C % H !== 0)
      throw new ValueError(`The hidden size (${C}) is not a multiple of the number of attention heads (${H})`);
    this.q = new Linear(C, C);
    this.k = new Linear(C, C);
    this.v = new Linear(C, C);
    this.o = new Linear(C, C);
    this.num_attention_heads = H;
    this.attention_head_size = C / H;
  }

  /** @returns x with the attention's output added */
  override forward(x: Tensor, tokens: Tokens, bias: Tensor, layer: number, output_attentions: boolean): LayerOutput {
    const { output, probs } = attend(this.q.forward(x), this.k.forward(x), this.v.forward(x), tokens.layout, {
      heads: this.num_attention_heads,
      bias,
      head_mask: tokens.head_mask(layer),
      output_attentions,
    });
    return { x: this.o.forward(output, { residual: x }), probs };
  }
}

class MPNetAttention extends Module implements PrunableAttention {
  readonly attn;
  readonly LayerNorm;
  readonly pruned_heads = new Set<number>();

  constructor(config: MPNetConfig) {
    super();
    this.attn = new MPNetSelfAttention(config);
    this.LayerNorm = new LayerNorm(config.hidden_size, config.layer_norm_eps);
  }

  get num_attention_heads(): number {
    return this.attn.num_attention_heads;
  }

  get attention_head_size(): number {
    return this.attn.attention_head_size;
  }

  prune_heads(heads: Iterable<number>): void {
    const { attn } = this;
    attn.num_attention_heads -= pruneProjections(this, heads, [attn, ['q', 'k', 'v']], [attn, 'o']);
  }

  override forward(x: Tensor, tokens: Tokens, bias: Tensor, layer: number, output_attentions: boolean): LayerOutput {
    const attended = this.attn.forward(x, tokens, keptBias(bias, this), layer, output_attentions);
    return { x: this.LayerNorm.forward(attended.x), probs: attended.probs };
  }
}

class MPNetIntermediate extends Module {
  readonly dense;
  readonly intermediate_act_fn;

  constructor(config: MPNetConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.intermediate_size);
    this.intermediate_act_fn = createActivation(config.hidden_act, 'hidden_act');
  }

  override forward(x: Tensor): Tensor {
    return this.dense.forward(x, { activation: this.intermediate_act_fn }); // [N, F]
  }
}

class MPNetOutput extends Module {
  readonly dense;
  readonly LayerNorm;

  constructor(config: MPNetConfig) {
    super();
    this.dense = new Linear(config.intermediate_size, config.hidden_size);
    this.LayerNorm = new LayerNorm(config.hidden_size, config.layer_norm_eps);
  }

  override forward(x: Tensor, residual: Tensor): Tensor {
    return this.LayerNorm.forward(this.dense.forward(x, { residual }));
  }
}

class MPNetLayer extends Module {
  readonly attention;
  readonly intermediate;
  readonly output;

  constructor(config: MPNetConfig) {
    super();
    this.attention = new MPNetAttention(config);
    this.intermediate = new MPNetIntermediate(config);
    this.output = new MPNetOutput(config);
  }

  override forward(x: Tensor, tokens: Tokens, bias: Tensor, layer: number, output_attentions: boolean): LayerOutput {
    const attended = this.attention.forward(x, tokens, bias, layer, output_attentions);
    return { x: this.output.forward(this.intermediate.forward(attended.x), attended.x), probs: attended.probs };
  }
}

class MPNetEncoder extends Module {
  readonly layer;
  readonly relative_attention_bias;

  constructor(config: MPNetConfig) {
    super();
    this.layer = new ModuleList(Array.from({ length: config.num_hidden_layers }, () => new MPNetLayer(config)));
    this.relative_attention_bias = new Embedding(config.relative_attention_num_buckets, config.num_attention_heads);
  }

  override forward(x: Tensor, tokens: Tokens, options: CallOptions): Encoded {
    const { layout } = tokens;
    const bias = relativeBias(this.relative_attention_bias, layout.length, kBuckets); // [1, H, T, T]
    return runLayers(this.layer, x, layout, options, (layer, x, i) =>
      layer.forward(x, tokens, bias, i, options.output_attentions ?? false),
    );
  }
}

class MPNetPooler extends Module {
  readonly dense;

  constructor(config: MPNetConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
  }

  /** @param first - [B, C], each row's first token */
  override forward(first: Tensor): Tensor {
    return this.dense.forward(first, { activation: { fused: 'tanh' } });
  }
}

class MPNetLMHead extends Module {
  readonly bias;
  readonly dense;
  readonly layer_norm;
  readonly decoder;

  constructor(config: MPNetConfig) {
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

class MPNetClassificationHead extends Module {
  readonly dense;
  readonly out_proj;

  constructor(config: MPNetConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
    this.out_proj = new Linear(config.hidden_size, config.num_labels);
  }

  /** @param first - [B, C], each row's first token */
  override forward(first: Tensor): Tensor {
    return this.out_proj.forward(this.dense.forward(first, { activation: { fused: 'tanh' } })); // [B, num_labels]
  }
}

const inputs = ['input_ids', 'attention_mask', 'position_ids', 'head_mask', 'inputs_embeds'];

export abstract class MPNetPreTrainedModel extends PreTrainedModel {
  static override readonly config_class: typeof PretrainedConfig = MPNetConfig;
  static override readonly base_model_prefix = 'mpnet';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = inputs;
  declare readonly config: MPNetConfig;
}

/** The encoder alone. `pooler_output` [B, C] is the first token behind a tanh layer. */
export class MPNetModel extends MPNetPreTrainedModel {
  static override readonly constructor_args = ['add_pooling_layer'];
  readonly embeddings;
  readonly encoder;
  readonly pooler: MPNetPooler | null;

  constructor(config: MPNetConfig, add_pooling_layer = true) {
    super(config);
    this.embeddings = new MPNetEmbeddings(config);
    this.encoder = new MPNetEncoder(config);
    this.pooler = add_pooling_layer ? new MPNetPooler(config) : null;
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.embeddings.word_embeddings;
  }

  override prunableAttention(): PrunableAttention[] {
    return [...this.encoder.layer].map(({ attention }) => attention);
  }

  /** @internal The tokens of a call through all layers. */
  encode(given: MPNetInputs, counted: Counted = null): Encoded {
    this.warnOfPadding(given);
    const { config } = this;
    const limits = {
      vocab_size: config.vocab_size,
      positions: config.max_position_embeddings,
      types: 0,
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      defaultPositions: positionsAfterPadding(kPadding),
    };
    const tokens = packTokens(given, limits, counted);
    return this.encoder.forward(this.embeddings.forward(tokens), tokens, given);
  }

  /** @internal [B, C] */
  pool(encoded: Encoded): Tensor {
    return (this.pooler as MPNetPooler).forward(encoded.layout.select(encoded.x));
  }

  override forward(given: MPNetInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({
      last_hidden_state: encoded.layout.unpack(encoded.x), // [B, T, C]
      pooler_output: this.pooler && this.pool(encoded), // [B, C]
      ...traceOf(encoded),
    });
  }
}

/** Masked language modelling: `logits` [B, T, V]. */
export class MPNetForMaskedLM extends MPNetPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  static override readonly _tied_weights_keys = ['lm_head.decoder.weight', 'lm_head.decoder.bias'];
  readonly mpnet;
  readonly lm_head;

  constructor(config: MPNetConfig) {
    super(config);
    this.mpnet = new MPNetModel(config, false);
    this.lm_head = new MPNetLMHead(config);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.lm_head.decoder;
  }

  override forward(given: MPNetInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.mpnet.encode(given, labels);
    return tokenOutput(encoded, this.lm_head.forward(encoded.x), labels);
  }
}

/** One label a text: `logits` [B, num_labels]. */
export class MPNetForSequenceClassification extends MPNetPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly mpnet;
  readonly classifier;

  constructor(config: MPNetConfig) {
    super(config);
    this.mpnet = new MPNetModel(config, false);
    this.classifier = new MPNetClassificationHead(config);
    this.post_init();
  }

  override forward(given: MPNetInputs): ModelOutput {
    const encoded = this.mpnet.encode(given);
    const logits = this.classifier.forward(encoded.layout.select(encoded.x));
    return sequenceOutput(encoded, logits, given.labels, this.config);
  }
}

/** One choice of K: inputs [B, K, T], `logits` [B, K]. */
export class MPNetForMultipleChoice extends MPNetPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly mpnet;
  readonly classifier;

  constructor(config: MPNetConfig) {
    super(config);
    this.mpnet = new MPNetModel(config);
    this.classifier = new Linear(config.hidden_size, 1);
    this.post_init();
  }

  override forward(given: MPNetInputs): ModelOutput {
    const { inputs: flat, choices } = flattenChoices(given);
    const encoded = this.mpnet.encode(flat);
    return choiceOutput(encoded, this.classifier.forward(this.mpnet.pool(encoded)), choices, labelIds(given.labels));
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class MPNetForTokenClassification extends MPNetPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly mpnet;
  readonly classifier;

  constructor(config: MPNetConfig) {
    super(config);
    this.mpnet = new MPNetModel(config, false);
    this.classifier = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: MPNetInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.mpnet.encode(given, labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class MPNetForQuestionAnswering extends MPNetPreTrainedModel {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly mpnet;
  readonly qa_outputs;

  constructor(config: MPNetConfig) {
    super(config);
    this.mpnet = new MPNetModel(config, false);
    this.qa_outputs = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: MPNetInputs & SpanLabels): ModelOutput {
    const encoded = this.mpnet.encode(given, spanCounts(given));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), given);
  }
}
