/**
 * GPT-2: decoder-only transformer; learned positions, pre-layer-norm blocks, Conv1D weights, GELU feed-forward.
 * Paper: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners". Upstream: transformers models/gpt2
 * (4.35.2, 4.57.6, 5.18.0).
 */

import { ValueError } from '../../errors';
import { type Activation, createActivation } from '../../nn/activation';
import { type CausalInputs, type CausalTokens, packCausalTokens, withoutCache } from '../../nn/causal-tokens';
import { Conv1D } from '../../nn/conv1d';
import { Embedding } from '../../nn/embedding';
import { type Encoded, type LayerOutput, runLayers } from '../../nn/encoded';
import { type IdInput, toIds } from '../../nn/ids';
import { Linear } from '../../nn/linear';
import { classLoss, type Labels, labelIds, tokenLoss } from '../../nn/losses';
import { Module, ModuleList } from '../../nn/module';
import { LayerNorm } from '../../nn/norm';
import { Buffer, type Parameter } from '../../nn/parameter';
import { type PrunableAttention, pruneProjections } from '../../nn/prune';
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
import { reshape } from '../../tensor/dispatch';
import { slice } from '../../tensor/ops/layout';
import { normal } from '../../tensor/ops/normal';
import type { Tensor } from '../../tensor/tensor';
import { GPT2Config } from './config';
import { flattenRows, GPT2SequenceSummary } from './sequence-summary';
import { tensorflow1Gpt2 } from './weights';

export { GPT2Config };

/** Inputs of a GPT-2 model; `labels` where the head has a loss. */
export type GPT2Inputs = CausalInputs & CallOptions & { labels?: Labels };

class GPT2Attention extends Module implements PrunableAttention {
  readonly bias;
  readonly masked_bias;
  c_attn;
  c_proj;
  num_heads: number;
  readonly attention_head_size: number;
  readonly pruned_heads = new Set<number>();
  private readonly scale: number;

  constructor(
    config: GPT2Config,
    private readonly index: number,
  ) {
    super();
    const { n_embd: C, n_head: H, n_positions: P } = config;
    if (C % H !== 0)
      throw new ValueError(`config.n_embd is ${C}, no multiple of config.n_head, ${H}`, { code: 'ERR_CONFIG_FIELD' });
    // Masks that older files hold.
    this.bias = new Buffer([1, 1, P, P], 'uint8', false, true);
    this.masked_bias = new Buffer([], 'float32', false, true);
    this.c_attn = new Conv1D(3 * C, C);
    this.c_proj = new Conv1D(C, C);
    this.num_heads = H;
    this.attention_head_size = C / H;
    const scale = config.scale_attn_weights ? (C / H) ** -0.5 : 1;
    this.scale = config.scale_attn_by_inverse_layer_idx ? scale / (index + 1) : scale;
  }

  get num_attention_heads(): number {
    return this.num_heads;
  }

  /** Width of the queries, keys or values of all heads. */
  get split_size(): number {
    return this.num_heads * this.attention_head_size;
  }

  prune_heads(heads: Iterable<number>): void {
    this.num_heads -= pruneProjections(this, heads, [this, ['c_attn']], [this, 'c_proj'], 3);
  }

  override forward(x: Tensor, residual: Tensor, tokens: CausalTokens, output_attentions: boolean): LayerOutput {
    const { num_heads: heads, scale, index, split_size } = this;
    const qkv = this.c_attn.forward(x); // [N, 3·H·D]
    const third = (i: number) => slice(qkv, 1, i * split_size, (i + 1) * split_size);
    const [q, k, v] = [third(0), third(1), third(2)];
    const head_mask = tokens.head_mask(index);
    const attended = tokens.attend(index, q, k, v, { heads, scale, head_mask, output_attentions });
    return { x: this.c_proj.forward(attended.output, { residual }), probs: attended.probs };
  }
}

class GPT2MLP extends Module {
  readonly c_fc;
  readonly c_proj;
  readonly act: Activation;

  constructor(intermediate_size: number, config: GPT2Config) {
    super();
    this.c_fc = new Conv1D(intermediate_size, config.n_embd);
    this.c_proj = new Conv1D(config.n_embd, intermediate_size);
    this.act = createActivation(config.activation_function, 'activation_function');
  }

  override forward(x: Tensor, residual: Tensor): Tensor {
    return this.c_proj.forward(this.c_fc.forward(x, { activation: this.act }), { residual });
  }
}

class GPT2Block extends Module {
  readonly ln_1;
  readonly attn;
  readonly ln_2;
  readonly mlp;

  constructor(config: GPT2Config, index: number) {
    super();
    this.ln_1 = new LayerNorm(config.n_embd, config.layer_norm_epsilon);
    this.attn = new GPT2Attention(config, index);
    this.ln_2 = new LayerNorm(config.n_embd, config.layer_norm_epsilon);
    this.mlp = new GPT2MLP(config.n_inner ?? 4 * config.n_embd, config);
  }

  override forward(x: Tensor, tokens: CausalTokens, output_attentions: boolean): LayerOutput {
    const attended = this.attn.forward(this.ln_1.forward(x), x, tokens, output_attentions);
    return { x: this.mlp.forward(this.ln_2.forward(attended.x), attended.x), probs: attended.probs };
  }
}

const inputs = [
  'input_ids',
  'attention_mask',
  'token_type_ids',
  'position_ids',
  'head_mask',
  'inputs_embeds',
  ...cacheInputs,
];

export abstract class GPT2PreTrainedModel extends DecoderModel {
  static override readonly config_class: typeof PretrainedConfig = GPT2Config;
  static override readonly base_model_prefix = 'transformer';
  static override readonly _skip_keys_device_placement = 'past_key_values';
  static override readonly _supports_flash_attn_2 = true;
  static override readonly _supports_sdpa = true;
  static override readonly tensorflow1 = tensorflow1Gpt2;
  static override readonly input_names: readonly string[] = inputs;
  static override readonly _no_split_modules = ['GPT2Block'];
  static override readonly is_parallelizable = true;
  static override readonly supports_gradient_checkpointing = true;
  declare readonly config: GPT2Config;

  protected override get positionCount(): number {
    return this.config.n_positions;
  }

  /** Projections that end a residual branch start smaller, the more of them there are. */
  override _init_weights(name: string, parameter: Parameter, owner: Module): Tensor {
    if (!name.endsWith('c_proj.weight')) return super._init_weights(name, parameter, owner);
    return normal(parameter.dims, 0, this.config.initializer_range / Math.sqrt(2 * this.config.n_layer));
  }
}

/** The decoder alone. */
export class GPT2Model extends GPT2PreTrainedModel {
  readonly wte;
  readonly wpe;
  readonly h;
  readonly ln_f;

  constructor(config: GPT2Config) {
    super(config);
    this.wte = new Embedding(config.vocab_size, config.n_embd);
    this.wpe = new Embedding(config.n_positions, config.n_embd);
    this.h = new ModuleList(Array.from({ length: config.n_layer }, (_, i) => new GPT2Block(config, i)));
    this.ln_f = new LayerNorm(config.n_embd, config.layer_norm_epsilon);
    this.post_init();
  }

  override get_input_embeddings(): Embedding {
    return this.wte;
  }

  override prunableAttention(): PrunableAttention[] {
    return [...this.h].map(({ attn }) => attn);
  }

  /** @internal The tokens of a call through all layers. A cache is kept when the inputs ask for it themselves. */
  encode(given: GPT2Inputs, counted: Counted = null): Encoded {
    const { config } = this;
    const limits = {
      vocab_size: config.vocab_size,
      positions: config.n_positions,
      types: given.token_type_ids ? config.vocab_size : 0,
      width: config.n_embd,
      layers: config.n_layer,
      heads: config.n_head,
    };
    const tokens = packCausalTokens(given, limits, counted);
    let x = tokens.inputs_embeds ?? this.wte.forward(tokens.input_ids as Tensor);
    x = this.wpe.forward(tokens.position_ids, x);
    if (tokens.token_type_ids) x = this.wte.forward(tokens.token_type_ids, x); // [N, C]
    const encoded = runLayers(this.h, x, tokens.layout, given, (block, hidden) =>
      block.forward(hidden, tokens, given.output_attentions ?? false),
    );
    const last = this.ln_f.forward(encoded.x);
    if (given.output_hidden_states) encoded.hidden_states.splice(-1, 1, last);
    return { ...encoded, x: last, past_key_values: given.use_cache ? tokens.past_key_values : null };
  }

  override forward(given: GPT2Inputs): ModelOutput {
    const encoded = this.encode(given);
    return new ModelOutput({ last_hidden_state: encoded.layout.unpack(encoded.x), ...causalTraceOf(encoded) });
  }
}

/** Language modelling: `logits` [B, T, V], or for `logits_to_keep` positions of each row. */
export class GPT2LMHeadModel extends GPT2PreTrainedModel {
  static override readonly input_names = [...inputs, 'labels', 'logits_to_keep'];
  static override readonly _tied_weights_keys = ['lm_head.weight'];
  readonly transformer;
  readonly lm_head;

  constructor(config: GPT2Config) {
    super(config);
    this.transformer = new GPT2Model(config);
    this.lm_head = new Linear(config.n_embd, config.vocab_size, { bias: false });
    this.post_init();
  }

  override can_generate(): boolean {
    return true;
  }

  override get_output_embeddings(): Linear {
    return this.lm_head;
  }

  override forward(given: GPT2Inputs & { logits_to_keep?: number | IdInput }): ModelOutput {
    const labels = nextTokenLabels(given.labels, lengthOf(given));
    const encoded = this.transformer.encode(given, labels);
    return causalOutput(encoded, this.lm_head, labels, given.logits_to_keep);
  }
}

/**
 * Language modelling and multiple choice: inputs [B, K, T], `logits` [B, K, T, V], `mc_logits` [B, K] by the token of each
 * choice that `mc_token_ids` [B, K] names. Without choices, inputs [B, T]: `logits` [B, T, V], `mc_logits` [B].
 */
export class GPT2DoubleHeadsModel extends GPT2PreTrainedModel {
  static override readonly input_names = [...inputs, 'labels', 'mc_token_ids', 'mc_labels'];
  static override readonly _tied_weights_keys = ['lm_head.weight'];
  readonly transformer;
  readonly lm_head;
  readonly multiple_choice_head;

  constructor(config: GPT2Config) {
    super(config);
    config.num_labels = 1;
    this.transformer = new GPT2Model(config);
    this.lm_head = new Linear(config.n_embd, config.vocab_size, { bias: false });
    this.multiple_choice_head = new GPT2SequenceSummary(config);
    this.post_init();
  }

  override can_generate(): boolean {
    return true;
  }

  override get_output_embeddings(): Linear {
    return this.lm_head;
  }

  override forward(given: GPT2Inputs & { mc_token_ids?: IdInput; mc_labels?: Labels }): ModelOutput {
    const { mc_token_ids, mc_labels } = given;
    const { inputs: flat, leading } = flattenRows(given);
    const rows = leading.reduce((n, d) => n * d, 1);
    const T = lengthOf(flat);
    const labels = nextTokenLabels(given.labels, T);
    const positions = mc_token_ids
      ? toIds('mc_token_ids', mc_token_ids).data.map((p) => (p < 0 ? p + T : p))
      : new Int32Array(rows).fill(T - 1);
    const counted = this.multiple_choice_head.counts(positions, T, labels);
    const encoded = this.transformer.encode(flat, counted);
    const { layout } = encoded;
    const tokens = this.lm_head.forward(encoded.x); // [N, V]
    const mc_logits = this.multiple_choice_head.forward(encoded, leading, positions); // [B, K]
    return new ModelOutput({
      loss: labels && tokenLoss(tokens, labels, layout),
      mc_loss: mc_labels === undefined ? null : classLoss(asRows(mc_logits), labelIds(mc_labels) as Int32Array),
      logits: reshape(layout.unpack(tokens), [...leading, T, tokens.dims[1] as number]),
      mc_logits,
      ...withChoices(causalTraceOf(encoded), [...leading, T]),
    });
  }
}

/** Upstream gives the last of the hidden states [B, K, T, C], and the others [B·K, T, C]. */
function withChoices(trace: Record<string, unknown>, dims: readonly number[]): Record<string, unknown> {
  const states = trace['hidden_states'] as Tensor[] | undefined;
  if (!states) return trace;
  const last = reshape(states.at(-1) as Tensor, [...dims, -1]);
  return { ...trace, hidden_states: [...states.slice(0, -1), last] };
}

/** The last axis holds the choices. */
function asRows(logits: Tensor): Tensor {
  return reshape(logits, [-1, logits.dims.at(-1) as number]);
}

/** One label a text, by its last token that is not padding: `logits` [B, num_labels]. */
export class GPT2ForSequenceClassification extends GPT2PreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly transformer;
  readonly score;

  constructor(config: GPT2Config) {
    super(config);
    this.transformer = new GPT2Model(config);
    this.score = new Linear(config.n_embd, config.num_labels, { bias: false });
    this.post_init();
  }

  override forward(given: GPT2Inputs): ModelOutput {
    const positions = lastTokens(given, this.config.pad_token_id, this.constructor.name);
    const counted = countOnly(positions, lengthOf(given));
    const encoded = this.transformer.encode(given, counted);
    return lastTokenOutput(encoded, this.score, positions, given.labels, this.config);
  }
}

/** One label a token: `logits` [B, T, num_labels]. */
export class GPT2ForTokenClassification extends GPT2PreTrainedModel {
  static override readonly input_names = [...inputs, 'labels'];
  readonly transformer;
  readonly classifier;

  constructor(config: GPT2Config) {
    super(config);
    this.transformer = new GPT2Model(config);
    this.classifier = new Linear(config.n_embd, config.num_labels);
    this.post_init();
  }

  override forward(given: GPT2Inputs): ModelOutput {
    const labels = labelIds(given.labels);
    const encoded = this.transformer.encode(withoutCache(given), labels);
    return tokenOutput(encoded, this.classifier.forward(encoded.x), labels);
  }
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class GPT2ForQuestionAnswering extends GPT2PreTrainedModel {
  static override readonly input_names = [...inputs, 'start_positions', 'end_positions'];
  readonly transformer;
  readonly qa_outputs;

  constructor(config: GPT2Config) {
    super(config);
    this.transformer = new GPT2Model(config);
    this.qa_outputs = new Linear(config.n_embd, 2);
    this.post_init();
  }

  override forward(given: GPT2Inputs & SpanLabels): ModelOutput {
    const encoded = this.transformer.encode(withoutCache(given), spanCounts(given));
    return spanOutput(encoded, this.qa_outputs.forward(encoded.x), given);
  }
}
