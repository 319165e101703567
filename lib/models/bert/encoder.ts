/**
 * The blocks of BERT: post-layer-norm attention and feed-forward (arXiv:1810.04805). RoBERTa, ELECTRA and their kin
 * have the same ones under the same names. Upstream: transformers models/bert (4.35.2, 5.18.0).
 */
import { ValueError } from '../../errors';
import { createActivation } from '../../nn/activation';
import { attend } from '../../nn/attention';
import { checkChunks } from '../../nn/chunks';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, runLayers, type TraceOptions } from '../../nn/encoded';
import { Linear } from '../../nn/linear';
import { Module, ModuleList } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { type PrunableAttention, pruneProjections } from '../../nn/prune';
import type { Tokens } from '../../nn/tokens';
import { relative_position_scores } from '../../tensor/ops/attention';
import type { Tensor } from '../../tensor/tensor';

/** The config fields that the blocks read. */
export interface BlockConfig {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: string;
  layer_norm_eps: number;
  max_position_embeddings: number;
  /** 'absolute', 'relative_key' or 'relative_key_query' */
  position_embedding_type: string;
  chunk_size_feed_forward: number;
}

const positionTypes = ['absolute', 'relative_key', 'relative_key_query'];

class BertSelfAttention extends Module {
  query;
  key;
  value;
  readonly distance_embedding?: Embedding;
  num_attention_heads: number;
  readonly attention_head_size: number;
  private readonly kind: string;

  constructor(config: BlockConfig) {
    super();
    const { hidden_size: C, num_attention_heads: H } = config;
    if (C % H !== 0)
      throw new ValueError(`The hidden size (${C}) is not a multiple of the number of attention heads (${H})`);
    this.query = new Linear(C, C);
    this.key = new Linear(C, C);
    this.value = new Linear(C, C);
    this.num_attention_heads = H;
    this.attention_head_size = C / H;
    this.kind = config.position_embedding_type;
    if (!positionTypes.includes(this.kind))
      throw new ValueError(
        `config.position_embedding_type is '${this.kind}'; it must be one of ${positionTypes.join(', ')}`,
      );
    if (this.kind !== 'absolute')
      this.distance_embedding = new Embedding(2 * config.max_position_embeddings - 1, C / H);
  }

  get all_head_size(): number {
    return this.num_attention_heads * this.attention_head_size;
  }

  override forward(x: Tensor, tokens: Tokens, layer: number, output_attentions: boolean): LayerOutput {
    const { layout } = tokens;
    const [q, k, v] = [this.query.forward(x), this.key.forward(x), this.value.forward(x)]; // [N, H·D]
    const bias = this.distance_embedding
      ? relative_position_scores(q, k, this.distance_embedding.weight.value, layout.cu_seqlens, {
          heads: this.num_attention_heads,
          both: this.kind === 'relative_key_query',
          length: layout.length,
        })
      : null;
    const { output, probs } = attend(q, k, v, layout, {
      heads: this.num_attention_heads,
      bias,
      head_mask: tokens.head_mask(layer),
      output_attentions,
    });
    return { x: output, probs };
  }
}

class BertSelfOutput extends Module {
  dense;
  readonly LayerNorm;

  constructor(width: number, config: BlockConfig) {
    super();
    this.dense = new Linear(width, config.hidden_size);
    this.LayerNorm = new LayerNorm(config.hidden_size, config.layer_norm_eps);
  }

  override forward(x: Tensor, residual: Tensor): Tensor {
    return this.LayerNorm.forward(this.dense.forward(x, { residual }));
  }
}

class BertAttention extends Module implements PrunableAttention {
  readonly self;
  readonly output;
  readonly pruned_heads = new Set<number>();

  constructor(config: BlockConfig) {
    super();
    this.self = new BertSelfAttention(config);
    this.output = new BertSelfOutput(config.hidden_size, config);
  }

  get num_attention_heads(): number {
    return this.self.num_attention_heads;
  }

  get attention_head_size(): number {
    return this.self.attention_head_size;
  }

  prune_heads(heads: Iterable<number>): void {
    const { self, output } = this;
    self.num_attention_heads -= pruneProjections(this, heads, [self, ['query', 'key', 'value']], [output, 'dense']);
  }

  override forward(x: Tensor, tokens: Tokens, layer: number, output_attentions: boolean): LayerOutput {
    const attended = this.self.forward(x, tokens, layer, output_attentions);
    return { x: this.output.forward(attended.x, x), probs: attended.probs };
  }
}

class BertIntermediate extends Module {
  readonly dense;
  readonly intermediate_act_fn;

  constructor(config: BlockConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.intermediate_size);
    this.intermediate_act_fn = createActivation(config.hidden_act, 'hidden_act');
  }

  override forward(x: Tensor): Tensor {
    return this.dense.forward(x, { activation: this.intermediate_act_fn }); // [N, F]
  }
}

class BertLayer extends Module {
  readonly attention;
  readonly intermediate;
  readonly output;

  constructor(config: BlockConfig) {
    super();
    this.attention = new BertAttention(config);
    this.intermediate = new BertIntermediate(config);
    this.output = new BertSelfOutput(config.intermediate_size, config);
  }

  override forward(x: Tensor, tokens: Tokens, layer: number, output_attentions: boolean): LayerOutput {
    const attended = this.attention.forward(x, tokens, layer, output_attentions);
    return { x: this.output.forward(this.intermediate.forward(attended.x), attended.x), probs: attended.probs };
  }
}

export class BertEncoder extends Module {
  readonly layer;
  private readonly chunk: number;

  constructor(config: BlockConfig) {
    super();
    this.layer = new ModuleList(Array.from({ length: config.num_hidden_layers }, () => new BertLayer(config)));
    this.chunk = config.chunk_size_feed_forward;
  }

  /** Each layer's attention. */
  get attentions(): PrunableAttention[] {
    return [...this.layer].map(({ attention }) => attention);
  }

  /** @param x - [N, C], the embeddings' output */
  override forward(x: Tensor, tokens: Tokens, options: TraceOptions): Encoded {
    checkChunks(this.chunk, tokens.layout.length);
    return runLayers(this.layer, x, tokens.layout, options, (layer, x, i) =>
      layer.forward(x, tokens, i, options.output_attentions ?? false),
    );
  }
}

export class BertPooler extends Module {
  readonly dense;

  constructor(config: BlockConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
  }

  /** @param first - [B, C], each row's first token */
  override forward(first: Tensor): Tensor {
    return this.dense.forward(first, { activation: { fused: 'tanh' } });
  }
}
