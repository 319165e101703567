/** T5's blocks: pre-RMS-norm layers of attention with bucketed relative positions, and a feed-forward of two kinds. */
import { type Activation, createActivation } from '../../nn/activation';
import { attend } from '../../nn/attention';
import type { CausalTokens } from '../../nn/causal-tokens';
import { Embedding } from '../../nn/embedding';
import type { Encoded, LayerOutput, TraceOptions } from '../../nn/encoded';
import type { EncoderMemory } from '../../nn/encoder-memory';
import { Linear } from '../../nn/linear';
import { Module, ModuleList } from '../../nn/module';
import { RMSNorm } from '../../nn/norm';
import { keptBias, type PrunableAttention, pruneProjections } from '../../nn/prune';
import { relativeBias } from '../../nn/relative-bias';
import { headFactors, type Tokens } from '../../nn/tokens';
import { mul } from '../../tensor/ops/elementwise';
import { Tensor } from '../../tensor/tensor';
import type { T5Config } from './config';

/** RMS norm under T5's name: frameworks name its weight by it. */
export class T5LayerNorm extends RMSNorm {}

/** Scores are not scaled: the starting weights are. */
const kScale = 1;

export class T5Attention extends Module implements PrunableAttention {
  q;
  k;
  v;
  o;
  readonly relative_attention_bias?: Embedding;
  num_attention_heads: number;
  readonly attention_head_size: number;
  readonly pruned_heads = new Set<number>();

  constructor(config: T5Config, hasRelativeBias: boolean) {
    super();
    const { d_model: C, d_kv: D, num_heads: H } = config;
    this.q = new Linear(C, H * D, { bias: false });
    this.k = new Linear(C, H * D, { bias: false });
    this.v = new Linear(C, H * D, { bias: false });
    this.o = new Linear(H * D, C, { bias: false });
    if (hasRelativeBias) this.relative_attention_bias = new Embedding(config.relative_attention_num_buckets, H);
    this.num_attention_heads = H;
    this.attention_head_size = D;
  }

  prune_heads(heads: Iterable<number>): void {
    this.num_attention_heads -= pruneProjections(this, heads, [this, ['q', 'k', 'v']], [this, 'o']);
  }
}

/** What a stack's layers share in one call. */
export interface StackCall {
  tokens: Tokens;
  /** Set for a decoder. */
  causal: CausalTokens | null;
  memory: EncoderMemory | null;
  /** [1, H, T, S] */
  bias: Tensor;
  /** [H] factors of a layer's cross-attention, or null. */
  crossFactors(layer: number): Tensor | null;
  output_attentions: boolean;
}

class T5LayerSelfAttention extends Module {
  readonly SelfAttention;
  readonly layer_norm;

  constructor(config: T5Config, hasRelativeBias: boolean) {
    super();
    this.SelfAttention = new T5Attention(config, hasRelativeBias);
    this.layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon);
  }

  override forward(x: Tensor, layer: number, { tokens, causal, bias, output_attentions }: StackCall): LayerOutput {
    const { q, k, v, o, num_attention_heads: heads } = this.SelfAttention;
    const h = this.layer_norm.forward(x);
    const own = keptBias(bias, this.SelfAttention);
    const options = { heads, scale: kScale, bias: own, head_mask: tokens.head_mask(layer), output_attentions };
    const [queries, keys, values] = [q.forward(h), k.forward(h), v.forward(h)]; // [N, H·D]
    const attended = causal
      ? causal.attend(layer, queries, keys, values, options)
      : attend(queries, keys, values, tokens.layout, options);
    return { x: o.forward(attended.output, { residual: x }), probs: attended.probs };
  }
}

class T5LayerCrossAttention extends Module {
  readonly EncDecAttention;
  readonly layer_norm;

  constructor(config: T5Config) {
    super();
    this.EncDecAttention = new T5Attention(config, false);
    this.layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon);
  }

  override forward(x: Tensor, layer: number, call: StackCall): LayerOutput {
    const { q, k, v, o, num_attention_heads: heads } = this.EncDecAttention;
    const queries = q.forward(this.layer_norm.forward(x));
    const options = {
      heads,
      scale: kScale,
      head_mask: call.crossFactors(layer),
      output_attentions: call.output_attentions,
    };
    const project = (hidden: Tensor): [Tensor, Tensor] => [k.forward(hidden), v.forward(hidden)];
    const attended = (call.memory as EncoderMemory).attend(layer, queries, call.tokens.layout, project, options);
    return { x: o.forward(attended.output, { residual: x }), probs: attended.probs };
  }
}

export class T5DenseActDense extends Module {
  readonly wi;
  readonly wo;
  readonly act: Activation;

  constructor({ d_model: C, d_ff: F, dense_act_fn }: T5Config) {
    super();
    this.wi = new Linear(C, F, { bias: false });
    this.wo = new Linear(F, C, { bias: false });
    this.act = createActivation(dense_act_fn, 'feed_forward_proj');
  }

  override forward(x: Tensor, residual: Tensor): Tensor {
    return this.wo.forward(this.wi.forward(x, { activation: this.act }), { residual });
  }
}

export class T5DenseGatedActDense extends Module {
  readonly wi_0;
  readonly wi_1;
  readonly wo;
  readonly act: Activation;

  constructor({ d_model: C, d_ff: F, dense_act_fn }: T5Config) {
    super();
    this.wi_0 = new Linear(C, F, { bias: false });
    this.wi_1 = new Linear(C, F, { bias: false });
    this.wo = new Linear(F, C, { bias: false });
    this.act = createActivation(dense_act_fn, 'feed_forward_proj');
  }

  override forward(x: Tensor, residual: Tensor): Tensor {
    const gate = this.wi_0.forward(x, { activation: this.act });
    return this.wo.forward(mul(gate, this.wi_1.forward(x)), { residual });
  }
}

class T5LayerFF extends Module {
  readonly DenseReluDense;
  readonly layer_norm;

  constructor(config: T5Config) {
    super();
    this.DenseReluDense = config.is_gated_act ? new T5DenseGatedActDense(config) : new T5DenseActDense(config);
    this.layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon);
  }

  override forward(x: Tensor): Tensor {
    return this.DenseReluDense.forward(this.layer_norm.forward(x), x);
  }
}

type T5Layer = T5LayerSelfAttention | T5LayerCrossAttention | T5LayerFF;

/** `layer` holds the block's parts in order: its own attention, a decoder's cross-attention, the feed-forward. */
class T5Block extends Module {
  readonly layer: ModuleList<T5Layer>;

  constructor(config: T5Config, isDecoder: boolean, hasRelativeBias: boolean) {
    super();
    const cross = isDecoder ? [new T5LayerCrossAttention(config)] : [];
    this.layer = new ModuleList<T5Layer>([
      new T5LayerSelfAttention(config, hasRelativeBias),
      ...cross,
      new T5LayerFF(config),
    ]);
  }

  override forward(x: Tensor, index: number, call: StackCall): LayerOutput & { cross: Tensor | null } {
    const [own, ...rest] = this.layer as Iterable<T5Layer> as [T5LayerSelfAttention, ...T5Layer[]];
    const attended = own.forward(x, index, call);
    const feed = rest.pop() as T5LayerFF;
    const [crossing] = rest as T5LayerCrossAttention[];
    const crossed = crossing?.forward(attended.x, index, call);
    return { x: feed.forward(crossed?.x ?? attended.x), probs: attended.probs, cross: crossed?.probs ?? null };
  }
}

/** Half of T5: the encoder, or the decoder. */
export class T5Stack extends Module {
  readonly embed_tokens: Embedding;
  readonly block: ModuleList<T5Block>;
  readonly final_layer_norm;
  private readonly config: T5Config;

  constructor(
    config: T5Config,
    private readonly isDecoder: boolean,
    embed_tokens: Embedding,
  ) {
    super();
    this.embed_tokens = embed_tokens;
    const layers = isDecoder ? config.num_decoder_layers : config.num_layers;
    this.block = new ModuleList(Array.from({ length: layers }, (_, i) => new T5Block(config, isDecoder, i === 0)));
    this.final_layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon);
    this.config = config;
  }

  /**
   * @param tokens - a decoder's, with what they look at, or an encoder's
   * @param crossMask - [H] or [L, H], factors on the probabilities of cross-attention
   */
  run(
    tokens: Tokens | CausalTokens,
    memory: EncoderMemory | null,
    options: TraceOptions,
    crossMask: Tensor | number[] | number[][] | null = null,
  ): { encoded: Encoded; cross_attentions: Tensor[] } {
    const { output_attentions = false, output_hidden_states = false } = options;
    const causal = memory ? (tokens as CausalTokens) : null;
    const factors = crossMask && headFactors(crossMask, this.limits(), 'cross_attn_head_mask');
    const call: StackCall = {
      tokens,
      causal,
      memory,
      bias: this.biasFor(tokens, causal),
      crossFactors: (layer) => (factors ? new Tensor('float32', factors[layer] as Float32Array) : null),
      output_attentions,
    };
    let x = tokens.inputs_embeds ?? this.embed_tokens.forward(tokens.input_ids as Tensor); // [N, C]
    const hidden_states: Tensor[] = output_hidden_states ? [x] : [];
    const [attentions, cross_attentions]: [Tensor[], Tensor[]] = [[], []];
    let index = 0;
    for (const block of this.block) {
      const output = block.forward(x, index++, call);
      x = output.x;
      if (output_hidden_states) hidden_states.push(x);
      if (output.probs) attentions.push(output.probs);
      if (output.cross) cross_attentions.push(output.cross);
    }
    x = this.final_layer_norm.forward(x);
    if (output_hidden_states) hidden_states.splice(-1, 1, x);
    return { encoded: { layout: tokens.layout, x, hidden_states, attentions }, cross_attentions };
  }

  /** Each layer's attention to its own tokens. */
  selfAttention(): T5Attention[] {
    return [...this.block].map(({ layer }) => (layer[0] as T5LayerSelfAttention).SelfAttention);
  }

  /** Layers and heads of this half. */
  limits(): { layers: number; heads: number } {
    return { layers: this.block.length, heads: this.config.num_heads };
  }

  /** The first layer's table holds the positions of all. */
  private biasFor(tokens: Tokens, causal: CausalTokens | null): Tensor {
    const { relative_attention_num_buckets: buckets, relative_attention_max_distance: maxDistance } = this.config;
    const table = this.selfAttention()[0]?.relative_attention_bias as Embedding;
    const { length } = tokens.layout;
    const keys = causal?.keyLength ?? length;
    return relativeBias(table, keys, { buckets, maxDistance, bidirectional: !this.isDecoder }, length); // [1, H, T, S]
  }
}
