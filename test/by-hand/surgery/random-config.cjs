/** Random sequences' random numbers, and small random configs of every family. */

/** mulberry32, so that a seed names a sequence. */
function createRandom(seed) {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (from, to) => from + Math.floor(unit() * (to - from + 1));
  const pick = (items) => items[int(0, items.length - 1)];
  return { unit, int, pick, chance: (p) => unit() < p };
}

const heads = (prefix, names) => [`${prefix}Model`, ...names.map((name) => prefix + name)];
const four = ['ForSequenceClassification', 'ForTokenClassification', 'ForQuestionAnswering', 'ForMultipleChoice'];

/** Family → its classes, and whether its heads can be pruned. */
const families = {
  bert: {
    classes: heads('Bert', ['ForMaskedLM', 'ForPreTraining', 'ForNextSentencePrediction', ...four]),
    prunes: true,
  },
  roberta: { classes: heads('Roberta', ['ForMaskedLM', ...four]), prunes: true },
  'xlm-roberta': { classes: heads('XLMRoberta', ['ForMaskedLM', ...four]), prunes: true },
  camembert: { classes: heads('Camembert', ['ForMaskedLM', ...four]), prunes: true },
  distilbert: { classes: heads('DistilBert', ['ForMaskedLM', ...four]), prunes: true },
  mpnet: { classes: heads('MPNet', ['ForMaskedLM', ...four]), prunes: true },
  electra: { classes: heads('Electra', ['ForMaskedLM', 'ForPreTraining', ...four]), prunes: true },
  albert: { classes: heads('Albert', ['ForMaskedLM', 'ForPreTraining', ...four]), prunes: true },
  modernbert: { classes: heads('ModernBert', ['ForMaskedLM', ...four]), prunes: false },
  gpt2: { classes: heads('GPT2', ['LMHeadModel', 'DoubleHeadsModel', ...four.slice(0, 3)]), prunes: true },
  llama: { classes: heads('Llama', ['ForCausalLM', ...four.slice(0, 3)]), prunes: false },
  qwen2: { classes: heads('Qwen2', ['ForCausalLM', ...four.slice(0, 3)]), prunes: false },
  t5: {
    classes: heads('T5', ['ForConditionalGeneration', 'ForSequenceClassification', 'ForQuestionAnswering']),
    prunes: false,
  },
  // Upstream prunes it, and cannot load what it has saved of it.
  't5-encoder': { classes: ['T5EncoderModel', 'T5ForTokenClassification'], prunes: false },
  bart: {
    classes: heads('Bart', ['ForConditionalGeneration', 'ForSequenceClassification', 'ForQuestionAnswering']),
    prunes: false,
  },
};

/** A config as both sides' constructors take it, and what the driver has to know of it. */
function randomConfig(family, random, tiny) {
  const { int, pick, chance } = random;
  const rotary = ['llama', 'qwen2', 'modernbert'].includes(family);
  const H = pick(tiny ? [1, 2] : [1, 2, 3, 4, 6]);
  const D = rotary ? pick(tiny ? [2] : [2, 4, 8]) : pick(tiny ? [1, 2] : [1, 2, 3, 4, 8]);
  const [C, L, V, P] = [H * D, int(1, 3), int(6, tiny ? 9 : 60), int(6, 40)];
  const common = {
    vocab_size: V,
    initializer_range: pick([0.02, 0.1, 0.5]),
    tie_word_embeddings: chance(0.65),
    ...(chance(0.6) && { num_labels: pick([1, 2, 2, 3, 5]) }),
    ...(chance(0.06) && { torchscript: true }),
  };
  const plain = { hidden_size: C, num_hidden_layers: L, num_attention_heads: H, intermediate_size: int(1, 20) };
  const encoder = { ...common, ...plain, max_position_embeddings: P, type_vocab_size: int(1, 3) };
  const relative = pick(['absolute', 'absolute', 'absolute', 'relative_key', 'relative_key_query']);
  const result = { computes: true, layers: L, heads: H, width: C, family };
  const bert = { ...encoder, position_embedding_type: relative, pad_token_id: family === 'bert' ? pick([0, 3]) : 1 };
  switch (family) {
    case 'bert':
    case 'roberta':
    case 'xlm-roberta':
    case 'camembert':
      return { ...result, config: bert };
    case 'electra':
      return { ...result, config: { ...bert, embedding_size: pick([C, int(1, 9)]), pad_token_id: 0 } };
    case 'albert': {
      const num_hidden_groups = int(1, L);
      const inner_group_num = int(1, 2);
      const shape = { embedding_size: int(1, 9), num_hidden_groups, inner_group_num, pad_token_id: 0 };
      // Upstream cannot compute a group of more layers than its share.
      const computes = inner_group_num <= Math.floor(L / num_hidden_groups);
      return { ...result, computes, layers: num_hidden_groups * inner_group_num, config: { ...bert, ...shape } };
    }
    case 'mpnet': {
      const { type_vocab_size, ...rest } = encoder;
      return { ...result, config: { ...rest, pad_token_id: 1 } };
    }
    case 'distilbert': {
      const shape = { dim: C, n_layers: L, n_heads: H, hidden_dim: int(1, 20), max_position_embeddings: P };
      return {
        ...result,
        config: { ...common, ...shape, sinusoidal_pos_embds: chance(0.2), pad_token_id: pick([0, 2]) },
      };
    }
    case 'gpt2': {
      const shape = {
        n_embd: C,
        n_layer: L,
        n_head: H,
        n_positions: P,
        n_inner: pick([null, int(1, 20)]),
        pad_token_id: 0,
      };
      return { ...result, config: { ...common, ...shape, scale_attn_by_inverse_layer_idx: chance(0.3) } };
    }
    case 'llama': {
      const kv = pick([1, 2, 3, 4, 6].filter((n) => H % n === 0));
      const bias = { attention_bias: chance(0.4), mlp_bias: chance(0.4), num_key_value_heads: kv, pad_token_id: 0 };
      const wide = chance(0.3) ? { head_dim: pick([2, 4, 6]) } : {};
      return { ...result, config: { ...common, ...plain, ...bias, ...wide, max_position_embeddings: P } };
    }
    case 'qwen2': {
      const kv = pick([1, 2, 3, 4, 6].filter((n) => H % n === 0));
      return {
        ...result,
        config: { ...common, ...plain, num_key_value_heads: kv, pad_token_id: 0, max_position_embeddings: P },
      };
    }
    case 't5':
    case 't5-encoder': {
      const { initializer_range, torchscript, ...rest } = common;
      const shape = { d_model: C, d_kv: int(1, 4), d_ff: int(1, 20), num_heads: H, num_layers: L };
      const buckets = {
        relative_attention_num_buckets: pick([4, 8, 32]),
        relative_attention_max_distance: pick([9, 128]),
      };
      const more = {
        ...(family === 't5' && { num_decoder_layers: int(1, 3) }),
        initializer_factor: initializer_range * 2,
        feed_forward_proj: pick(['relu', 'gated-gelu', 'gated-silu']),
        decoder_start_token_id: 0,
      };
      return { ...result, config: { ...rest, ...shape, ...buckets, ...more } };
    }
    case 'bart': {
      // Without ties upstream draws both halves' tables anew at each load: it has not saved them.
      const { initializer_range, torchscript, tie_word_embeddings, ...rest } = common;
      const halves = {
        encoder_layers: L,
        decoder_layers: int(1, 3),
        encoder_attention_heads: H,
        decoder_attention_heads: H,
      };
      const widths = {
        d_model: C,
        encoder_ffn_dim: int(1, 20),
        decoder_ffn_dim: int(1, 20),
        init_std: initializer_range,
      };
      return { ...result, config: { ...rest, ...halves, ...widths, max_position_embeddings: P } };
    }
    case 'modernbert': {
      const names = ['mlp_bias', 'attention_bias', 'norm_bias', 'decoder_bias', 'classifier_bias'];
      const biases = Object.fromEntries(names.map((name) => [name, chance(0.5)]));
      const more = {
        initializer_cutoff_factor: pick([1, 2, 3]),
        global_attn_every_n_layers: int(1, 3),
        classifier_pooling: pick(['cls', 'mean']),
        pad_token_id: pick([0, 3]),
      };
      return { ...result, config: { ...common, ...plain, ...biases, ...more, max_position_embeddings: P } };
    }
  }
  throw new Error(`no such family: ${family}`);
}

module.exports = { createRandom, families, randomConfig };
