/**
 * Llama: decoder-only transformer; rotary positions, grouped queries, pre-RMS-norm blocks, gated feed-forward.
 * Papers: arXiv:2302.13971, arXiv:2307.09288, arXiv:2407.21783. Upstream: transformers models/llama (4.57.6, 5.18.0).
 */
import { type Activation, createActivation } from '../../nn/activation';
import { type CausalInputs, type CausalTokens, packCausalTokens, withoutCache } from '../../nn/causal-tokens';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, runLayers } from '../../nn/encoded';
import type { IdInput } from '../../nn/ids';
import { Linear } from '../../nn/linear';
import { type Labels, labelIds } from '../../nn/losses';
import { Module, ModuleList } from '../../nn/module';
import { RMSNorm } from '../../nn/norm';
import type { Parameter } from '../../nn/parameter';
import { RotaryEmbedding, rotaryFrequencies } from '../../nn/rope';
import type { Counted } from '../../nn/tokens';
import {
  causalOutput,
  causalTraceOf,
  countOnly,
  lastTokenOutput,
  lastTokens,
  lengthOf,
  nextTokenLabels,
} from '../../pretrained/causal-heads';
import type { PretrainedConfig } from '../../pretrained/config';
import { cacheInputs, DecoderModel } from '../../pretrained/decoder-model';
import { type SpanLabels, spanCounts, spanOutput, tokenOutput } from '../../pretrained/heads';
import { ModelOutput } from '../../pretrained/model-output';
import type { CallOptions } from '../../pretrained/pretrained-model';
import { mul } from '../../tensor/ops/elementwise';
import { Tensor } from '../../tensor/tensor';
import { checkLlamaConfig, headDim, LlamaConfig, rotaryConfigOf } from './config';

export { LlamaConfig };

/** Inputs of a Llama model; `labels` where the head has a loss. */
export type LlamaInputs = CausalInputs & CallOptions & { labels?: Labels };

class LlamaAttention extends Module {
  readonly q_proj;
  readonly k_proj;
  readonly v_proj;
  readonly o_proj;
  private readonly heads: number;
  private readonly kv_heads: number;
  private readonly window: number | null;

  constructor(
    config: LlamaConfig,
    private readonly index: number,
  ) {
    super();
    const { hidden_size: C, num_attention_heads: H, num_key_value_heads: G } = config;
    const { qkv_bias: bias, o_bias, window } = config.blockOf(index);
    const D = headDim(config);
    this.q_proj = new Linear(C, H * D, { bias });
    this.k_proj = new Linear(C, G * D, { bias });
    this.v_proj = new Linear(C, G * D, { bias });
    this.o_proj = new Linear(H * D, C, { bias: o_bias });
    this.heads = H;
    this.kv_heads = G;
    this.window = window;
  }

  override forward(
    x: Tensor,
    residual: Tensor,
    tokens: CausalTokens,
    rotary: RotaryEmbedding,
    output_attentions: boolean,
  ): LayerOutput {
    const { heads, kv_heads, window } = this;
    const q = rotary.rotate(this.q_proj.forward(x), heads); // [N, H·D]
    const k = rotary.rotate(this.k_proj.forward(x), kv_heads); // [N, G·D]
    const v = this.v_proj.forward(x);
    const attended = tokens.attend(this.index, q, k, v, { heads, kv_heads, window, output_attentions });
    return { x: this.o_proj.forward(attended.output, { residual }), probs: attended.probs };
  }
}

class LlamaMLP extends Module {
  readonly gate_proj;
  readonly up_proj;
  readonly down_proj;
  readonly act_fn: Activation;

  constructor(config: LlamaConfig, index: number) {
    super();
    const { hidden_size: C, intermediate_size: F } = config;
    const options = { bias: config.blockOf(index).mlp_bias };
    this.gate_proj = new Linear(C, F, options);
    this.up_proj = new Linear(C, F, options);
    this.down_proj = new Linear(F, C, options);
    this.act_fn = createActivation(config.hidden_act, 'hidden_act');
  }

  override forward(x: Tensor, residual: Tensor): Tensor {
    const gate = this.gate_proj.forward(x, { activation: this.act_fn });
    return this.down_proj.forward(mul(gate, this.up_proj.forward(x)), { residual });
  }
}

class LlamaDecoderLayer extends Module {
  readonly self_attn;
  readonly mlp;
  readonly input_layernorm;
  readonly post_attention_layernorm;

  constructor(config: LlamaConfig, index: number) {
    super();
    this.self_attn = new LlamaAttention(config, index);
    this.mlp = new LlamaMLP(config, index);
    this.input_layernorm = new RMSNorm(config.hidden_size, config.rms_norm_eps);
    this.post_attention_layernorm = new RMSNorm(config.hidden_size, config.rms_norm_eps);
  }

  override forward(x: Tensor, tokens: CausalTokens, rotary: RotaryEmbedding, output_attentions: boolean): LayerOutput {
    const attended = this.self_attn.forward(this.input_layernorm.forward(x), x, tokens, rotary, output_attentions);
    return {
      x: this.mlp.forward(this.post_attention_layernorm.forward(attended.x), attended.x),
      probs: attended.probs,
    };
  }
}

const inputs = ['input_ids', 'attention_mask', 'position_ids', 'inputs_embeds', ...cacheInputs];

export abstract class LlamaPreTrainedModel extends DecoderModel {
  static override readonly config_class: typeof PretrainedConfig = LlamaConfig;
  static override readonly base_model_prefix: string = 'model';
  static override readonly _skip_keys_device_placement = ['past_key_values'];
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly input_names: readonly string[] = inputs;
  static override readonly _no_split_modules = ['LlamaDecoderLayer'];
  static override readonly supports_gradient_checkpointing = true;
  // Older files hold each layer's frequencies.
  static override readonly _keys_to_ignore_on_load_unexpected = ['rotary_emb\\.inv_freq'];
  /** @internal The class of the network inside heads: a family that is this one under another name has its own. */
  static readonly headless: () => typeof LlamaModel = () => LlamaModel;
  declare readonly config: LlamaConfig;

  override _init_weights(name: string, parameter: Parameter, owner: Module): Tensor {
    if (owner instanceof RMSNorm)
      return new Tensor('float32', new Float32Array(parameter.size).fill(1), parameter.dims);
    return super._init_weights(name, parameter, owner);
  }
}

/** The decoder alone. */
export class LlamaModel extends LlamaPreTrainedModel {
  readonly embed_tokens;
  readonly layers;
  readonly norm;

  constructor(config: LlamaConfig) {
    super(config);
    this.embed_tokens = new Embedding(config.vocab_size, config.hidden_size, config.pad_token_id);
    this.layers = new ModuleList(
      Array.from({ length: config.num_hidden_layers }, (_, i) => new LlamaDecoderLayer(config, i)),
    );
    this.norm = new RMSNorm(config.hidden_size, config.rms_norm_eps);
    checkLlamaConfig(config);
    rotaryFrequencies(rotaryConfigOf(config), 1); // what cannot be is refused here, not at the first call
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.embed_tokens;
  }

  /** @internal The tokens of a call through all layers. A cache is kept when the inputs ask for it themselves. */
  encode(given: LlamaInputs, counted: Counted = null): Encoded {
    const { config } = this;
    const limits = {
      vocab_size: config.vocab_size,
      positions: Infinity,
      types: 0,
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
    };
    const tokens = packCausalTokens(given, limits, counted);
    const x = tokens.inputs_embeds ?? this.embed_tokens.forward(tokens.input_ids as Tensor); // [N, C]
    const rotary = new RotaryEmbedding(rotaryConfigOf(config), tokens.position_ids, tokens.seq_len);
    const encoded = runLayers(this.layers, x, tokens.layout, given, (layer, h) =>
      layer.forward(h, tokens, rotary, given.output_attentions ?? false),
    );
    const last = this.norm.forward(encoded.x);
    if (given.output_hidden_states) encoded.hidden_states.splice(-1, 1, last);
    return { ...encoded, x: last, past_key_values: tokens.past_key_values };
  }

  override forward(given: LlamaInputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({ last_hidden_state: encoded.layout.unpack(encoded.x), ...causalTraceOf(encoded) });
  }
}

/** Language modelling: `logits` [B, T, V], or for `logits_to_keep` positions of each row. */
export class LlamaForCausalLM extends LlamaPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels', 'logits_to_keep'];
  static override readonly _tied_weights_keys = ['lm_head.weight'];
  readonly model;
  readonly lm_head;

  constructor(config: LlamaConfig) {
    super(config);
    this.model = new (new.target.headless())(config);
    this.lm_head = new Linear(config.hidden_size, config.vocab_size, { bias: false });
    this.post_init();
  }

  override can_generate(): boolean {
    return true;
  }

  override get_output_embeddings(): Linear {
    return this.lm_head;
  }

  override forward(given: LlamaInputs & { logits_to_keep?: number | IdInput }): ModelOutput {
    const labels = nextTokenLabels(given.labels, lengthOf(given));
    const encoded = this.model.encode(given, labels);
    return causalOutput(encoded, this.lm_head, labels, given.logits_to_keep);
  }
}

/** One label a text, by its last token that is not padding: `logits` [B, num_labels]. */
export class LlamaForSequenceClassification extends LlamaPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly model;
  readonly score;

  constructor(config: LlamaConfig) {
    super(config);
    this.model = new (new.target.headless())(config);
    this.score = new Linear(config.hidden_size, config.num_labels, { bias: false });
    this.post_init();
  }

  override forward(given: LlamaInputs): ModelOutput {
    const positions = lastTokens(given, this.config.pad_token_id, this.constructor.name);
    const counted = countOnly(positions, lengthOf(given));
    const encoded = this.model.encode(given, counted);
    return lastTokenOutput(encoded, this.score, positions, given.labels, this.config);
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class LlamaForTokenClassification extends LlamaPreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly model;
  readonly score;

  constructor(config: LlamaConfig) {
    super(config);
    this.model = new (new.target.headless())(config);
    this.score = new Linear(config.hidden_size, config.num_labels);
    this.post_init();
  }

  override forward(given: LlamaInputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.model.encode(withoutCache(given), labels);
    return tokenOutput(encoded, this.score.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class LlamaForQuestionAnswering extends LlamaPreTrainedModel {
  static override readonly base_model_prefix = 'transformer';
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly transformer;
  readonly qa_outputs;

  constructor(config: LlamaConfig) {
    super(config);
    this.transformer = new (new.target.headless())(config);
    this.qa_outputs = new Linear(config.hidden_size, 2);
    this.post_init();
  }

  override forward(given: LlamaInputs & SpanLabels): ModelOutput {
    const encoded = this.transformer.encode(withoutCache(given), spanCounts(given));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), given);
  }
}
