/**
 * ALBERT: one or a few groups of blocks run many times over, on tables narrower than the blocks.
 * Paper: arXiv:1909.11942. Upstream: transformers models/albert (4.35.2, 5.18.0).
 */
import { ValueError } from '../../errors';
import { createActivation } from '../../nn/activation';
import { attend } from '../../nn/attention';
import { checkChunks } from '../../nn/chunks';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, traceOf } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { classLoss, type Labels, labelIds, tokenLoss } from '../../nn/losses';
import { Module, ModuleList } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Buffer, Parameter } from '../../nn/parameter';
import { type PrunableAttention, pruneProjections } from '../../nn/prune';
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
import { relative_position_scores } from '../../tensor/ops/attention';
import { add, mul } from '../../tensor/ops/elementwise';
import type { Tensor } from '../../tensor/tensor';
import { AlbertConfig } from './config';
import { tensorflowAlbert } from './weights';

export { AlbertConfig };

/** Inputs of an ALBERT model; `labels` where the head has a loss. */
export type AlbertInputs = TokenInputs & CallOptions & { labels?: Labels };

class AlbertEmbeddings extends Module {
  readonly word_embeddings;
  readonly position_embeddings;
  readonly token_type_embeddings;
  readonly LayerNorm;
  readonly position_ids;
  readonly token_type_ids;
  private readonly isAbsolute: boolean;

  constructor(config: AlbertConfig) {
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

class AlbertAttention extends Module implements PrunableAttention {
  query;
  key;
  value;
  dense;
  readonly LayerNorm;
  readonly distance_embedding?: Embedding;
  num_attention_heads: number;
  readonly attention_head_size: number;
  readonly pruned_heads = new Set<number>();
  private readonly kind: string;

  constructor(config: AlbertConfig) {
    super();
    const { hidden_size: C, num_attention_heads: H } = config;
    if (C % H !== 0)
      throw new ValueError(`The hidden size (${C}) is not a multiple of the number of attention heads (${H})`);
    this.query = new Linear(C, C);
    this.key = new Linear(C, C);
    this.value = new Linear(C, C);
    this.dense = new Linear(C, C);
    this.LayerNorm = new LayerNorm(C, config.layer_norm_eps);
    this.num_attention_heads = H;
    this.attention_head_size = C / H;
    this.kind = config.position_embedding_type;
    if (this.kind !== 'absolute')
      this.distance_embedding = new Embedding(2 * config.max_position_embeddings - 1, C / H);
  }

  prune_heads(heads: Iterable<number>): void {
    this.num_attention_heads -= pruneProjections(this, heads, [this, ['query', 'key', 'value']], [this, 'dense']);
  }

  override forward(x: Tensor, tokens: Tokens, head_mask: Tensor | null, output_attentions: boolean): LayerOutput {
    const { layout } = tokens;
    const [q, k, v] = [this.query.forward(x), this.key.forward(x), this.value.forward(x)]; // [N, C]
    const distances = this.distance_embedding
      ? relative_position_scores(q, k, this.distance_embedding.weight.value, layout.cu_seqlens, {
          heads: this.num_attention_heads,
          both: this.kind === 'relative_key_query',
          length: layout.length,
        })
      : null;
    // Unlike BERT, ALBERT adds them behind the scaling of the scores.
    const bias = distances && mul(distances, Math.sqrt(this.attention_head_size));
    const { output, probs } = attend(q, k, v, layout, {
      heads: this.num_attention_heads,
      bias,
      head_mask,
      output_attentions,
    });
    return { x: this.LayerNorm.forward(this.dense.forward(output, { residual: x })), probs };
  }
}

class AlbertLayer extends Module {
  readonly full_layer_layer_norm;
  readonly attention;
  readonly ffn;
  readonly ffn_output;
  readonly activation;

  constructor(config: AlbertConfig) {
    super();
    this.full_layer_layer_norm = new LayerNorm(config.hidden_size, config.layer_norm_eps);
    this.attention = new AlbertAttention(config);
    this.ffn = new Linear(config.hidden_size, config.intermediate_size);
    this.ffn_output = new Linear(config.intermediate_size, config.hidden_size);
    this.activation = createActivation(config.hidden_act, 'hidden_act');
  }

  override forward(x: Tensor, tokens: Tokens, head_mask: Tensor | null, output_attentions: boolean): LayerOutput {
    const attended = this.attention.forward(x, tokens, head_mask, output_attentions);
    const inner = this.ffn.forward(attended.x, { activation: this.activation }); // [N, F]
    const sum = this.ffn_output.forward(inner, { residual: attended.x });
    return { x: this.full_layer_layer_norm.forward(sum), probs: attended.probs };
  }
}

class AlbertLayerGroup extends Module {
  readonly albert_layers;

  constructor(config: AlbertConfig) {
    super();
    this.albert_layers = new ModuleList(Array.from({ length: config.inner_group_num }, () => new AlbertLayer(config)));
  }
}

class AlbertTransformer extends Module {
  readonly embedding_hidden_mapping_in;
  readonly albert_layer_groups;
  private readonly repeats: number;
  private readonly perGroup: number;
  private readonly inner: number;
  private readonly chunk: number;

  constructor(config: AlbertConfig) {
    super();
    const { num_hidden_layers, num_hidden_groups } = config;
    if (num_hidden_groups === 0 && num_hidden_layers > 0)
      throw new ValueError(
        `config.num_hidden_groups is 0, which leaves nothing to compute ${num_hidden_layers} layers (config.num_hidden_layers) with; it must be 1 or more`,
        { code: 'ERR_CONFIG_TYPE' },
      );
    this.embedding_hidden_mapping_in = new Linear(config.embedding_size, config.hidden_size);
    this.albert_layer_groups = new ModuleList(
      Array.from({ length: num_hidden_groups }, () => new AlbertLayerGroup(config)),
    );
    this.repeats = num_hidden_layers;
    this.perGroup = num_hidden_layers / num_hidden_groups;
    this.inner = config.inner_group_num;
    this.chunk = config.chunk_size_feed_forward;
  }

  /** @param embedded - [N, E] */
  override forward(embedded: Tensor, tokens: Tokens, options: CallOptions): Encoded {
    checkChunks(this.chunk, tokens.layout.length);
    if (tokens.head_mask(0) !== null) this.checkHeadMask();
    let x = this.embedding_hidden_mapping_in.forward(embedded);
    const hidden_states: Tensor[] = options.output_hidden_states ? [x] : [];
    const attentions: Tensor[] = [];
    for (let i = 0; i < this.repeats; i++) {
      const group = Math.trunc(i / this.perGroup);
      const { albert_layers } = this.albert_layer_groups[group] as AlbertLayerGroup;
      let inner = 0;
      for (const layer of albert_layers) {
        // Upstream hands each group its own slice of the head mask, numbered by the layers inside the group.
        const head_mask = tokens.head_mask(group * Math.trunc(this.perGroup) + inner++);
        const output = layer.forward(x, tokens, head_mask, options.output_attentions ?? false);
        x = output.x;
        if (output.probs) attentions.push(output.probs);
      }
      // One a layer of the config, as Transformers 4 has it (5 has one a layer inside, too); attentions are of all.
      if (options.output_hidden_states) hidden_states.push(x);
    }
    return { layout: tokens.layout, x, hidden_states, attentions };
  }

  /** @throws ValueError where a head mask has no row for each layer inside a group */
  private checkHeadMask(): void {
    const rows = Math.trunc(this.perGroup);
    if (this.inner <= rows) return;
    throw new ValueError(
      `a head_mask of ${this.repeats} layers has ${rows} rows for a group (config.num_hidden_layers over ` +
        `config.num_hidden_groups), and a group has ${this.inner} layers inside (config.inner_group_num): it says nothing ` +
        'of some of them; leave it out, or prune_heads',
      { code: 'ERR_SHAPE' },
    );
  }
}

class AlbertMLMHead extends Module {
  readonly bias;
  readonly LayerNorm;
  readonly dense;
  readonly decoder;
  readonly activation;

  constructor(config: AlbertConfig) {
    super();
    this.bias = new Parameter([config.vocab_size]);
    this.LayerNorm = new LayerNorm(config.embedding_size, config.layer_norm_eps);
    this.dense = new Linear(config.hidden_size, config.embedding_size);
    this.decoder = new Linear(config.embedding_size, config.vocab_size, { bias: this.bias });
    this.activation = createActivation(config.hidden_act, 'hidden_act');
  }

  override forward(x: Tensor): Tensor {
    return this.decoder.forward(this.LayerNorm.forward(this.dense.forward(x, { activation: this.activation }))); // [N, V]
  }
}

class AlbertSOPHead extends Module {
  readonly classifier;

  constructor(config: AlbertConfig) {
    super();
    this.classifier = new Linear(config.hidden_size, config.num_labels);
  }

  override forward(pooled: Tensor): Tensor {
    return this.classifier.forward(pooled);
  }
}

const inputs = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids', 'head_mask', 'inputs_embeds'];

export abstract class AlbertPreTrainedModel extends PreTrainedModel {
  static override readonly config_class: typeof PretrainedConfig = AlbertConfig;
  static override readonly base_model_prefix = 'albert';
  static override readonly tensorflow = tensorflowAlbert;
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = inputs;
  declare readonly config: AlbertConfig;
}

/** The encoder alone. `pooler_output` [B, C] is the first token behind a tanh layer. */
export class AlbertModel extends AlbertPreTrainedModel {
  static override readonly constructor_args = ['add_pooling_layer'];
  readonly embeddings;
  readonly encoder;
  readonly pooler: Linear | null;

  constructor(config: AlbertConfig, add_pooling_layer = true) {
    super(config);
    this.embeddings = new AlbertEmbeddings(config);
    this.encoder = new AlbertTransformer(config);
    this.pooler = add_pooling_layer ? new Linear(config.hidden_size, config.hidden_size) : null;
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.embeddings.word_embeddings;
  }

  /** Groups share their layers, so there are as many as groups have layers inside, numbered through. */
  override prunableAttention(): PrunableAttention[] {
    return [...this.encoder.albert_layer_groups].flatMap(({ albert_layers }) =>
      [...albert_layers].map(({ attention }) => attention),
    );
  }

  /** @internal The tokens of a call through all layers. */
  encode(given: AlbertInputs, counted: Counted = null): Encoded {
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
    return this.encoder.forward(this.embeddings.forward(tokens), tokens, given);
  }

  /** @internal [B, C] */
  pool(encoded: Encoded): Tensor {
    return (this.pooler as Linear).forward(encoded.layout.select(encoded.x), { activation: { fused: 'tanh' } });
  }

  override forward(given: AlbertInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({
      last_hidden_state: encoded.layout.unpack(encoded.x), // [B, T, C]
      pooler_output: this.pooler && this.pool(encoded), // [B, C]
      ...traceOf(encoded),
    });
  }
}

const tied = ['predictions.decoder.bias', 'predictions.decoder.weight'];

/** Both pre-training heads: `prediction_logits` [B, T, V], `sop_logits` [B, num_labels]. */
export class AlbertForPreTraining extends AlbertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels', 'sentence_order_label'];
  static override readonly _tied_weights_keys = tied;
  readonly albert;
  readonly predictions;
  readonly sop_classifier;

  constructor(config: AlbertConfig) {
    super(config);
    this.albert = new AlbertModel(config);
    this.predictions = new AlbertMLMHead(config);
    this.sop_classifier = new AlbertSOPHead(config);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.predictions.decoder;
  }

  override forward(given: AlbertInputs & { sentence_order_label?: Labels }): ModelOutput {
    const labels = labelIds(given.labels);
    const order = labelIds(given.sentence_order_label, 'sentence_order_label');
    const encoded = this.albert.encode(given, labels);
    const tokens = this.predictions.forward(encoded.x); // [N, V]
    const sop_logits = this.sop_classifier.forward(this.albert.pool(encoded)); // [B, num_labels]
    return new ModelOutput({
      loss:
        labels &&
        order &&
        add(tokenLoss(tokens, labels, encoded.layout), classLoss(sop_logits, order, 'sentence_order_label')),
      prediction_logits: encoded.layout.unpack(tokens),
      sop_logits,
      ...traceOf(encoded),
    });
  }
}

/** Masked language modelling: `logits` [B, T, V]. */
export class AlbertForMaskedLM extends AlbertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  static override readonly _tied_weights_keys = tied;
  readonly albert;
  readonly predictions;

  constructor(config: AlbertConfig) {
    super(config);
    this.albert = new AlbertModel(config, false);
    this.predictions = new AlbertMLMHead(config);
    this.post_init();
  }

  override get_output_embeddings(): Linear {
    return this.predictions.decoder;
  }

  override forward(given: AlbertInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.albert.encode(given, labels);
    return tokenOutput(encoded, this.predictions.forward(encoded.x), labels);
  }
}

/** One label a text: `logits` [B, num_labels]. */
export class AlbertForSequenceClassification extends AlbertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly albert;
  readonly classifier;

  constructor(config: AlbertConfig) {
    super(config);
    this.albert = new AlbertModel(config);
    this.classifier = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: AlbertInputs): ModelOutput {
    const encoded = this.albert.encode(given);
    return sequenceOutput(encoded, this.classifier.forward(this.albert.pool(encoded)), given.labels, this.config);
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class AlbertForTokenClassification extends AlbertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly albert;
  readonly classifier;

  constructor(config: AlbertConfig) {
    super(config);
    this.albert = new AlbertModel(config, false);
    this.classifier = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: AlbertInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.albert.encode(given, labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class AlbertForQuestionAnswering extends AlbertPreTrainedModel {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly albert;
  readonly qa_outputs;

  constructor(config: AlbertConfig) {
    super(config);
    this.albert = new AlbertModel(config, false);
    this.qa_outputs = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: AlbertInputs & SpanLabels): ModelOutput {
    const encoded = this.albert.encode(given, spanCounts(given));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), given);
  }
}

/** One choice of K: inputs [B, K, T], `logits` [B, K]. */
export class AlbertForMultipleChoice extends AlbertPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly albert;
  readonly classifier;

  constructor(config: AlbertConfig) {
    super(config);
    this.albert = new AlbertModel(config);
    this.classifier = new Linear(config.hidden_size, 1);
    this.post_init();
  }

  override forward(given: AlbertInputs): ModelOutput {
    const { inputs: flat, choices } = flattenChoices(given);
    const encoded = this.albert.encode(flat);
    return choiceOutput(encoded, this.classifier.forward(this.albert.pool(encoded)), choices, labelIds(given.labels));
  }
}
