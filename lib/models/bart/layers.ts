/** BART's halves: learned positions, post-layer-norm blocks of attention and feed-forward. */
import { ValueError } from '../../errors';
import { type Activation, createActivation } from '../../nn/activation';
import { attend } from '../../nn/attention';
import type { CausalTokens } from '../../nn/causal-tokens';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, runLayers, type TraceOptions } from '../../nn/encoded';
import type { EncoderMemory } from '../../nn/encoder-memory';
import { Linear } from '../../nn/linear';
import { Module, ModuleList } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import type { Parameter } from '../../nn/parameter';
import { headFactors, type TokenLimits, type Tokens } from '../../nn/tokens';
import { add, mul } from '../../tensor/ops/elementwise';
import { Tensor } from '../../tensor/tensor';
import type { BartConfig } from './config';

const kNormEps = 1e-5;
/** Rows of the position table before that of the first position. */
const kOffset = 2;

/** A table whose rows are scaled where they are looked up. */
export class BartScaledWordEmbedding extends Embedding {
  readonly embed_scale: number;

  /** @param weight - another table's, to share */
  constructor({ vocab_size, d_model, pad_token_id, scale_embedding }: BartConfig, weight: Parameter | null = null) {
    super(vocab_size, d_model, pad_token_id);
    this.embed_scale = scale_embedding ? Math.sqrt(d_model) : 1;
    if (weight) this.weight = weight;
  }

  override forward(ids: Tensor): Tensor {
    const rows = super.forward(ids);
    return this.embed_scale === 1 ? rows : mul(rows, this.embed_scale);
  }
}

class BartLearnedPositionalEmbedding extends Embedding {
  constructor({ max_position_embeddings, d_model }: BartConfig) {
    super(max_position_embeddings + kOffset, d_model);
  }

  override forward(positions: Tensor, x: Tensor): Tensor {
    return super.forward(add(positions, kOffset), x);
  }
}

class BartAttention extends Module {
  readonly k_proj;
  readonly v_proj;
  readonly q_proj;
  readonly out_proj;
  readonly heads: number;

  /** @param field - of the config, that says how many heads there are */
  constructor(config: BartConfig, field: 'encoder_attention_heads' | 'decoder_attention_heads') {
    super();
    const { d_model: C, [field]: H } = config;
    if (C % H !== 0)
      throw new ValueError(
        `embed_dim must be divisible by num_heads: config.d_model is ${C}, no multiple of config.${field}, ${H}`,
        { code: 'ERR_CONFIG_FIELD' },
      );
    this.k_proj = new Linear(C, C);
    this.v_proj = new Linear(C, C);
    this.q_proj = new Linear(C, C);
    this.out_proj = new Linear(C, C);
    this.heads = H;
  }

  /** Keys and values of what is looked at. */
  seen(x: Tensor): [k: Tensor, v: Tensor] {
    return [this.k_proj.forward(x), this.v_proj.forward(x)];
  }
}

type SelfAttend = (q: Tensor, k: Tensor, v: Tensor, heads: number) => { output: Tensor; probs: Tensor | null };

/** What the layers of both halves begin and end with. */
abstract class BartLayer extends Module {
  abstract readonly self_attn: BartAttention;
  abstract readonly self_attn_layer_norm: LayerNorm;
  abstract readonly fc1: Linear;
  abstract readonly fc2: Linear;
  abstract readonly final_layer_norm: LayerNorm;
  protected abstract readonly act: Activation;

  protected attendSelf(x: Tensor, attendWith: SelfAttend): LayerOutput {
    const { q_proj, out_proj, heads } = this.self_attn;
    const { output, probs } = attendWith(q_proj.forward(x), ...this.self_attn.seen(x), heads);
    return { x: this.self_attn_layer_norm.forward(out_proj.forward(output, { residual: x })), probs };
  }

  protected feed(x: Tensor): Tensor {
    const inner = this.fc1.forward(x, { activation: this.act });
    return this.final_layer_norm.forward(this.fc2.forward(inner, { residual: x }));
  }
}

class BartEncoderLayer extends BartLayer {
  readonly self_attn;
  readonly self_attn_layer_norm;
  readonly fc1;
  readonly fc2;
  readonly final_layer_norm;
  protected readonly act;

  constructor(config: BartConfig) {
    super();
    const { d_model: C, encoder_ffn_dim: F } = config;
    this.self_attn = new BartAttention(config, 'encoder_attention_heads');
    this.self_attn_layer_norm = new LayerNorm(C, kNormEps);
    this.fc1 = new Linear(C, F);
    this.fc2 = new Linear(F, C);
    this.final_layer_norm = new LayerNorm(C, kNormEps);
    this.act = createActivation(config.activation_function, 'activation_function');
  }

  override forward(x: Tensor, layer: number, tokens: Tokens, output_attentions: boolean): LayerOutput {
    const head_mask = tokens.head_mask(layer);
    const attended = this.attendSelf(x, (q, k, v, heads) =>
      attend(q, k, v, tokens.layout, { heads, head_mask, output_attentions }),
    );
    return { x: this.feed(attended.x), probs: attended.probs };
  }
}

/** What a decoder's layers share in one call. */
interface DecoderCall {
  tokens: CausalTokens;
  /** Null for a decoder alone: there is no cross-attention then. */
  memory: EncoderMemory | null;
  /** [H] factors of a layer's cross-attention, or null. */
  crossFactors(layer: number): Tensor | null;
  output_attentions: boolean;
}

class BartDecoderLayer extends BartLayer {
  readonly self_attn;
  readonly self_attn_layer_norm;
  readonly encoder_attn;
  readonly encoder_attn_layer_norm;
  readonly fc1;
  readonly fc2;
  readonly final_layer_norm;
  protected readonly act;

  constructor(config: BartConfig) {
    super();
    const { d_model: C, decoder_ffn_dim: F } = config;
    this.self_attn = new BartAttention(config, 'decoder_attention_heads');
    this.self_attn_layer_norm = new LayerNorm(C, kNormEps);
    this.encoder_attn = new BartAttention(config, 'decoder_attention_heads');
    this.encoder_attn_layer_norm = new LayerNorm(C, kNormEps);
    this.fc1 = new Linear(C, F);
    this.fc2 = new Linear(F, C);
    this.final_layer_norm = new LayerNorm(C, kNormEps);
    this.act = createActivation(config.activation_function, 'activation_function');
  }

  override forward(x: Tensor, layer: number, call: DecoderCall): LayerOutput & { cross: Tensor | null } {
    const { tokens, memory, output_attentions } = call;
    const head_mask = tokens.head_mask(layer);
    const attended = this.attendSelf(x, (q, k, v, heads) =>
      tokens.attend(layer, q, k, v, { heads, head_mask, output_attentions }),
    );
    const crossed = memory && this.attendMemory(attended.x, layer, memory, call);
    return { x: this.feed(crossed?.x ?? attended.x), probs: attended.probs, cross: crossed?.probs ?? null };
  }

  private attendMemory(x: Tensor, layer: number, memory: EncoderMemory, call: DecoderCall): LayerOutput {
    const { encoder_attn } = this;
    const { heads, q_proj, out_proj } = encoder_attn;
    const options = { heads, head_mask: call.crossFactors(layer), output_attentions: call.output_attentions };
    const project = (hidden: Tensor) => encoder_attn.seen(hidden);
    const { output, probs } = memory.attend(layer, q_proj.forward(x), call.tokens.layout, project, options);
    return { x: this.encoder_attn_layer_norm.forward(out_proj.forward(output, { residual: x })), probs };
  }
}

/** Half of BART. */
abstract class BartHalf<L extends BartLayer> extends Module {
  embed_tokens: Embedding;
  readonly embed_positions;
  readonly layers: ModuleList<L>;
  readonly layernorm_embedding;
  private readonly config: BartConfig;

  /** @param table - that of the whole model, to share */
  constructor(config: BartConfig, layers: L[], table: Parameter | null) {
    super();
    this.embed_tokens = new BartScaledWordEmbedding(config, table);
    this.embed_positions = new BartLearnedPositionalEmbedding(config);
    this.layers = new ModuleList(layers);
    this.layernorm_embedding = new LayerNorm(config.d_model, kNormEps);
    this.config = config;
  }

  /** What ids of a call may be. */
  limits(): TokenLimits {
    const { config, layers } = this;
    const heads = (layers[0] as L | undefined)?.self_attn.heads ?? 0;
    const { vocab_size, max_position_embeddings: positions, d_model: width } = config;
    return { vocab_size, positions, types: 0, width, layers: layers.length, heads };
  }

  /** [N, C] */
  protected embed(tokens: Tokens): Tensor {
    const x = tokens.inputs_embeds ?? this.embed_tokens.forward(tokens.input_ids as Tensor);
    return this.layernorm_embedding.forward(this.embed_positions.forward(tokens.position_ids, x));
  }
}

export class BartEncoder extends BartHalf<BartEncoderLayer> {
  constructor(config: BartConfig, table: Parameter | null = null) {
    super(
      config,
      fill(config.encoder_layers, () => new BartEncoderLayer(config)),
      table,
    );
  }

  run(tokens: Tokens, options: TraceOptions): Encoded {
    return runLayers(this.layers, this.embed(tokens), tokens.layout, options, (layer, x, index) =>
      layer.forward(x, index, tokens, options.output_attentions ?? false),
    );
  }
}

export class BartDecoder extends BartHalf<BartDecoderLayer> {
  constructor(config: BartConfig, table: Parameter | null = null) {
    super(
      config,
      fill(config.decoder_layers, () => new BartDecoderLayer(config)),
      table,
    );
  }

  /** @param crossMask - [H] or [L, H], factors on the probabilities of cross-attention */
  run(
    tokens: CausalTokens,
    memory: EncoderMemory | null,
    options: TraceOptions,
    crossMask: Tensor | number[] | number[][] | null = null,
  ): { encoded: Encoded; cross_attentions: Tensor[] } {
    const factors = crossMask && headFactors(crossMask, this.limits(), 'cross_attn_head_mask');
    const call: DecoderCall = {
      tokens,
      memory,
      crossFactors: (layer) => (factors ? new Tensor('float32', factors[layer] as Float32Array) : null),
      output_attentions: options.output_attentions ?? false,
    };
    const cross_attentions: Tensor[] = [];
    const encoded = runLayers(this.layers, this.embed(tokens), tokens.layout, options, (layer, x, index) => {
      const output = layer.forward(x, index, call);
      if (output.cross) cross_attentions.push(output.cross);
      return output;
    });
    return { encoded, cross_attentions };
  }
}

function fill<L>(length: number, make: () => L): L[] {
  return Array.from({ length }, make);
}
