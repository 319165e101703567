/**
 * DistilBERT: BERT's blocks, half as many, without token types and pooler.
 * Paper: arXiv:1910.01108. Upstream: transformers models/distilbert (4.35.2, 5.18.0).
 */
import { ValueError } from '../../errors';
import { createActivation } from '../../nn/activation';
import { attend } from '../../nn/attention';
import { checkChunks } from '../../nn/chunks';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, runLayers, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { type Labels, labelIds } from '../../nn/losses';
import { Module, ModuleList } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Buffer, type Parameter } from '../../nn/parameter';
import { sinusoidalTable } from '../../nn/positions';
import { type PrunableAttention, pruneProjections } from '../../nn/prune';
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
import { resize_rows } from '../../tensor/ops/embedding-resize';
import { slice } from '../../tensor/ops/layout';
import { normal } from '../../tensor/ops/normal';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';

const kEps = 1e-12;

export class DistilBertConfig extends PretrainedConfig {
  static override readonly model_type: string = 'distilbert';
  static override readonly attribute_map: Record<string, string> = {
    hidden_size: 'dim',
    num_attention_heads: 'n_heads',
    num_hidden_layers: 'n_layers',
  };
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 30522,
    max_position_embeddings: 512,
    sinusoidal_pos_embds: false,
    n_layers: 6,
    n_heads: 12,
    dim: 768,
    hidden_dim: 3072,
    dropout: 0.1,
    attention_dropout: 0.1,
    activation: 'gelu',
    initializer_range: 0.02,
    qa_dropout: 0.1,
    seq_classif_dropout: 0.2,
    pad_token_id: 0,
  };
  static override readonly honoured: readonly string[] = [
    'vocab_size',
    'max_position_embeddings',
    'sinusoidal_pos_embds',
    'n_layers',
    'n_heads',
    'dim',
    'hidden_dim',
    'activation',
    'pruned_heads',
  ];
  static override readonly inert: readonly string[] = [
    'dropout',
    'attention_dropout',
    'qa_dropout',
    'seq_classif_dropout',
    'initializer_range',
  ];
  declare vocab_size: number;
  declare max_position_embeddings: number;
  declare sinusoidal_pos_embds: boolean;
  declare n_layers: number;
  declare n_heads: number;
  declare dim: number;
  declare hidden_dim: number;
  declare activation: string;
  declare pad_token_id: number | null;
  declare chunk_size_feed_forward: number;
}

/** Inputs of a DistilBERT model; `labels` where the head has a loss. */
export type DistilBertInputs = TokenInputs & CallOptions & { labels?: Labels };

class Embeddings extends Module {
  readonly word_embeddings;
  readonly position_embeddings;
  readonly LayerNorm;
  readonly position_ids;

  constructor(config: DistilBertConfig) {
    super();
    this.word_embeddings = new Embedding(config.vocab_size, config.dim, config.pad_token_id);
    this.position_embeddings = new Embedding(config.max_position_embeddings, config.dim);
    this.LayerNorm = new LayerNorm(config.dim, kEps);
    this.position_ids = new Buffer([1, config.max_position_embeddings], 'int64', false);
  }

  override forward(tokens: Tokens): Tensor {
    const words = tokens.inputs_embeds ?? this.word_embeddings.forward(tokens.input_ids as Tensor);
    return this.LayerNorm.forward(this.position_embeddings.forward(tokens.position_ids, words)); // [N, C]
  }
}

class MultiHeadSelfAttention extends Module implements PrunableAttention {
  q_lin;
  k_lin;
  v_lin;
  out_lin;
  n_heads: number;
  readonly attention_head_size: number;
  readonly pruned_heads = new Set<number>();

  constructor({ dim: C, n_heads }: DistilBertConfig) {
    super();
    if (C % n_heads !== 0) throw new ValueError(`self.n_heads: ${n_heads} must divide self.dim: ${C} evenly`);
    this.q_lin = new Linear(C, C);
    this.k_lin = new Linear(C, C);
    this.v_lin = new Linear(C, C);
    this.out_lin = new Linear(C, C);
    this.n_heads = n_heads;
    this.attention_head_size = C / n_heads;
  }

  get num_attention_heads(): number {
    return this.n_heads;
  }

  /** Width of what the heads give together. */
  get dim(): number {
    return this.n_heads * this.attention_head_size;
  }

  prune_heads(heads: Iterable<number>): void {
    this.n_heads -= pruneProjections(this, heads, [this, ['q_lin', 'k_lin', 'v_lin']], [this, 'out_lin']);
  }

  /** @returns x with the attention's output added */
  override forward(x: Tensor, tokens: Tokens, layer: number, output_attentions: boolean): LayerOutput {
    const { output, probs } = attend(
      this.q_lin.forward(x),
      this.k_lin.forward(x),
      this.v_lin.forward(x),
      tokens.layout,
      { heads: this.n_heads, head_mask: tokens.head_mask(layer), output_attentions },
    );
    return { x: this.out_lin.forward(output, { residual: x }), probs };
  }
}

class FFN extends Module {
  readonly lin1;
  readonly lin2;
  readonly activation;

  constructor(config: DistilBertConfig) {
    super();
    this.lin1 = new Linear(config.dim, config.hidden_dim);
    this.lin2 = new Linear(config.hidden_dim, config.dim);
    this.activation = createActivation(config.activation, 'activation');
  }

  /** @returns x with the feed-forward's output added */
  override forward(x: Tensor): Tensor {
    return this.lin2.forward(this.lin1.forward(x, { activation: this.activation }), { residual: x });
  }
}

class TransformerBlock extends Module {
  readonly attention;
  readonly sa_layer_norm;
  readonly ffn;
  readonly output_layer_norm;

  constructor(config: DistilBertConfig) {
    super();
    this.attention = new MultiHeadSelfAttention(config);
    this.sa_layer_norm = new LayerNorm(config.dim, kEps);
    this.ffn = new FFN(config);
    this.output_layer_norm = new LayerNorm(config.dim, kEps);
  }

  override forward(x: Tensor, tokens: Tokens, layer: number, output_attentions: boolean): LayerOutput {
    const attended = this.attention.forward(x, tokens, layer, output_attentions);
    const inner = this.sa_layer_norm.forward(attended.x);
    return { x: this.output_layer_norm.forward(this.ffn.forward(inner)), probs: attended.probs };
  }
}

class Transformer extends Module {
  readonly layer;
  private readonly chunk: number;

  constructor(config: DistilBertConfig) {
    super();
    this.layer = new ModuleList(Array.from({ length: config.n_layers }, () => new TransformerBlock(config)));
    this.chunk = config.chunk_size_feed_forward;
  }

  override forward(x: Tensor, tokens: Tokens, options: CallOptions): Encoded {
    checkChunks(this.chunk, tokens.layout.length);
    return runLayers(this.layer, x, tokens.layout, options, (layer, x, i) =>
      layer.forward(x, tokens, i, options.output_attentions ?? false),
    );
  }
}

const inputs = ['input_ids', 'attention_mask', 'head_mask', 'inputs_embeds', 'position_ids'];

export abstract class DistilBertPreTrainedModel extends PreTrainedModel {
  static override readonly config_class: typeof PretrainedConfig = DistilBertConfig;
  static override readonly base_model_prefix = 'distilbert';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = inputs;
  static override readonly supports_gradient_checkpointing = true;
  declare readonly config: DistilBertConfig;

  override _init_weights(name: string, parameter: Parameter, owner: Module): Tensor {
    if (this.config.sinusoidal_pos_embds && name.endsWith('position_embeddings.weight'))
      return new Tensor('float32', sinusoidalTable(...(parameter.dims as [number, number])), parameter.dims);
    return super._init_weights(name, parameter, owner);
  }

  override get_position_embeddings(): Embedding {
    return (this.base_model as DistilBertModel).embeddings.position_embeddings;
  }

  /**
   * Gives the table of positions another number of rows, and sets `config.max_position_embeddings`. New rows are drawn
   * from N(0, 1), which is what upstream leaves in them; sinusoidal ones follow their formula.
   * @throws ValueError unless the number is whole and positive
   */
  override resize_position_embeddings(new_num_position_embeddings: number): void {
    const rows = new_num_position_embeddings;
    if (!Number.isSafeInteger(rows) || rows < 1)
      throw new ValueError(`new_num_position_embeddings is ${rows}; it must be a whole number, 1 or more`);
    const table = this.get_position_embeddings();
    const { weight, embedding_dim } = table;
    const added = rows - table.num_embeddings;
    if (added === 0) return;
    scope(() => {
      const sines = () =>
        slice(
          new Tensor('float32', sinusoidalTable(rows, embedding_dim), [rows, embedding_dim]),
          0,
          rows - added,
          rows,
        );
      const draw = () => (this.config.sinusoidal_pos_embds ? sines() : normal([added, embedding_dim]));
      if (weight.isLoaded) weight.renew(resize_rows(weight.value, rows, added > 0 ? draw() : null));
      else weight.dims = [rows, embedding_dim];
    });
    table.num_embeddings = rows;
    this.config.max_position_embeddings = rows;
  }
}

/** The encoder alone. */
export class DistilBertModel extends DistilBertPreTrainedModel {
  readonly embeddings;
  readonly transformer;

  constructor(config: DistilBertConfig) {
    super(config);
    this.embeddings = new Embeddings(config);
    this.transformer = new Transformer(config);
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.embeddings.word_embeddings;
  }

  override prunableAttention(): PrunableAttention[] {
    return [...this.transformer.layer].map(({ attention }) => attention);
  }

  /** @internal The tokens of a call through all layers. */
  encode(given: DistilBertInputs, counted: Counted = null): Encoded {
    this.warnOfPadding(given);
    const { config } = this;
    const limits = {
      vocab_size: config.vocab_size,
      positions: config.max_position_embeddings,
      types: 0,
      width: config.dim,
      layers: config.n_layers,
      heads: config.n_heads,
    };
    const tokens = packTokens(given, limits, counted);
    return this.transformer.forward(this.embeddings.forward(tokens), tokens, given);
  }

  override forward(given: DistilBertInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({ last_hidden_state: encoded.layout.unpack(encoded.x), ...traceOf(encoded) }); // [B, T, C]
  }
}

/** Masked language modelling: `logits` [B, T, V]. */
export class DistilBertForMaskedLM extends DistilBertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  static override readonly _tied_weights_keys = ['vocab_projector.weight'];
  readonly activation;
  readonly distilbert;
  readonly vocab_transform;
  readonly vocab_layer_norm;
  readonly vocab_projector;

  constructor(config: DistilBertConfig) {
    super(config);
    this.activation = createActivation(config.activation, 'activation');
    this.distilbert = new DistilBertModel(config);
    this.vocab_transform = new Linear(config.dim, config.dim);
    this.vocab_layer_norm = new LayerNorm(config.dim, kEps);
    this.vocab_projector = new Linear(config.dim, config.vocab_size);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.vocab_projector;
  }

  override forward(given: DistilBertInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.distilbert.encode(given, labels);
    const transformed = this.vocab_transform.forward(encoded.x, { activation: this.activation });
    return tokenOutput(encoded, this.vocab_projector.forward(this.vocab_layer_norm.forward(transformed)), labels);
  }
}

/** One label a text: `logits` [B, num_labels]. */
export class DistilBertForSequenceClassification extends DistilBertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly distilbert;
  readonly pre_classifier;
  readonly classifier;

  constructor(config: DistilBertConfig) {
    super(config);
    this.distilbert = new DistilBertModel(config);
    this.pre_classifier = new Linear(config.dim, config.dim);
    this.classifier = new Linear(config.dim, config.num_labels);
    this.post_init();
  }

  override forward(given: DistilBertInputs): ModelOutput {
    const encoded = this.distilbert.encode(given);
    const pooled = this.pre_classifier.forward(encoded.layout.select(encoded.x), { activation: { fused: 'relu' } }); // [B, C]
    return sequenceOutput(encoded, this.classifier.forward(pooled), given.labels, this.config);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class DistilBertForQuestionAnswering extends DistilBertPreTrainedModel {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly distilbert;
  readonly qa_outputs;

  constructor(config: DistilBertConfig) {
    super(config);
    if (config.num_labels !== 2) throw new ValueError(`config.num_labels should be 2, but it is ${config.num_labels}`);
    this.distilbert = new DistilBertModel(config);
    this.qa_outputs = new Linear(config.dim, 2);
    this.post_init();
  }

  override forward(given: DistilBertInputs & SpanLabels): ModelOutput {
    const encoded = this.distilbert.encode(given, spanCounts(given));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), given);
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class DistilBertForTokenClassification extends DistilBertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly distilbert;
  readonly classifier;

  constructor(config: DistilBertConfig) {
    super(config);
    this.distilbert = new DistilBertModel(config);
    this.classifier = new Linear(config.dim, config.num_labels);
    this.post_init();
  }

  override forward(given: DistilBertInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.distilbert.encode(given, labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** One choice of K: inputs [B, K, T], `logits` [B, K]. */
export class DistilBertForMultipleChoice extends DistilBertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly distilbert;
  readonly pre_classifier;
  readonly classifier;

  constructor(config: DistilBertConfig) {
    super(config);
    this.distilbert = new DistilBertModel(config);
    this.pre_classifier = new Linear(config.dim, config.dim);
    this.classifier = new Linear(config.dim, 1);
    this.post_init();
  }

  override forward(given: DistilBertInputs): ModelOutput {
    const { inputs: flat, choices } = flattenChoices(given);
    const encoded = this.distilbert.encode(flat);
    const pooled = this.pre_classifier.forward(encoded.layout.select(encoded.x), { activation: { fused: 'relu' } });
    return choiceOutput(encoded, this.classifier.forward(pooled), choices, labelIds(given.labels));
  }
}
