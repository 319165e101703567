import { AutoConfig } from '../../lib/auto/auto-config';
import { AutoModel, AutoModelForMaskedLM } from '../../lib/auto/auto-model';
import { BartConfig, BartForConditionalGeneration } from '../../lib/models/bart/model';
import { BertConfig, BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { DistilBertConfig, DistilBertModel } from '../../lib/models/distilbert/model';
import { GPT2Config, GPT2Model } from '../../lib/models/gpt2/model';
import { LlamaConfig, LlamaModel } from '../../lib/models/llama/model';
import { T5Config, T5ForConditionalGeneration, T5ForTokenClassification } from '../../lib/models/t5/model';
import { Embedding } from '../../lib/nn/embedding';
import { Linear } from '../../lib/nn/linear';
import { LayerNorm } from '../../lib/nn/norm';
import type { PretrainedConfig } from '../../lib/pretrained/config';
import { set_seed, truncatedNormal } from '../../lib/pretrained/init';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { no_init_weights } from '../../lib/pretrained/weights-functions';
import type { Tensor } from '../../lib/tensor/tensor';
import { families, goldenFolder, moments, numbers, rows } from './surgery/tiny-models';

const sizes = { hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 128 };

async function config(family: (typeof families)[number], fields: object): Promise<PretrainedConfig> {
  const stored = await AutoConfig.from_pretrained(goldenFolder(family));
  for (const [name, value] of Object.entries(fields))
    if (stored.has(name) && !(family === 'modernbert' && name === 'num_hidden_layers'))
      stored.update({ [name]: value });
  return stored;
}

/** A tolerance of five percent, and of four deviations of a sample this small. */
function expectStd(values: number[], std: number): void {
  const found = moments(values);
  const slack = 4 / Math.sqrt(2 * values.length) + 0.05;
  expect(Math.abs(found.std / std - 1)).toBeLessThan(slack);
  expect(Math.abs(found.mean)).toBeLessThan((4 * std) / Math.sqrt(values.length));
}

describe('init_weights', () => {
  for (const family of families)
    it(`gives ${family} the distributions of its family, and it computes (rows 63, 125)`, async () => {
      set_seed(7);
      const model = AutoModel.from_config(await config(family, { ...sizes, initializer_range: 0.05 }));
      const layers = model.config['num_hidden_layers'] as number;
      for (const [name, module] of model.named_modules()) {
        if (module instanceof LayerNorm) {
          expect(new Set(await numbers(module.weight.value))).toEqual(new Set([1]));
          if (module.bias) expect(new Set(await numbers(module.bias.value))).toEqual(new Set([0]));
        } else if (module instanceof Linear) {
          const isNarrow = family === 'modernbert' && /Wo$/.test(name);
          const cut = family === 'modernbert' ? 0.88 : 1; // normal numbers beyond two deviations are drawn again
          expectStd(await numbers(module.weight.value), (isNarrow ? 0.05 / Math.sqrt(2 * layers) : 0.05) * cut);
          if (module.bias) expect(new Set(await numbers(module.bias.value))).toEqual(new Set([0]));
        } else if (module instanceof Embedding) {
          const rows = (await module.weight.value.getData()) && (module.weight.value.tolist() as number[][]);
          // modernbert's rule knows of no padding row
          if (module.padding_idx !== null && family !== 'modernbert')
            expect(new Set(rows[module.padding_idx])).toEqual(new Set([0]));
          const cut = family === 'modernbert' ? 0.88 : 1;
          expectStd(rows.filter((_, i) => family === 'modernbert' || i !== module.padding_idx).flat(), 0.05 * cut);
        }
      }
      const output = (await model({ input_ids: [[5, 6, 7]] })) as { last_hidden_state: Tensor };
      expect((await numbers(output.last_hidden_state)).every(Number.isFinite)).toBe(true);
      await model.dispose();
    });

  it('starts what ends a residual branch of gpt2 smaller, and norms of llama at 1 (row 63)', async () => {
    const gpt2 = new GPT2Model(new GPT2Config({ n_embd: 64, n_head: 4, n_layer: 8, vocab_size: 50, n_positions: 32 }));
    gpt2.init_weights();
    expectStd(await numbers(gpt2.get_parameter('h.3.attn.c_attn.weight').value), 0.02);
    for (const name of ['attn', 'mlp'])
      expectStd(await numbers(gpt2.get_parameter(`h.3.${name}.c_proj.weight`).value), 0.02 / 4);
    const llama = new LlamaModel(
      new LlamaConfig({ ...sizes, num_key_value_heads: 2, vocab_size: 50, max_position_embeddings: 32 }),
    );
    llama.init_weights();
    expect(new Set(await numbers(llama.get_parameter('norm.weight').value))).toEqual(new Set([1]));
    expectStd(await numbers(llama.get_parameter('layers.1.self_attn.q_proj.weight').value), 0.02);
    for (const model of [gpt2, llama] as PreTrainedModel[]) {
      const { last_hidden_state } = (await model({ input_ids: [[1, 2]] })) as unknown as { last_hidden_state: Tensor };
      expect((await numbers(last_hidden_state)).every(Number.isFinite)).toBe(true);
      await model.dispose();
    }
  });

  it('starts T5 by the width of what each weight reads, times its factor (row 63)', async () => {
    const shape = { d_model: 64, d_kv: 8, num_heads: 4, d_ff: 100, num_layers: 2, vocab_size: 60, num_labels: 40 };
    const factor = 0.5;
    const config = new T5Config({ ...shape, initializer_factor: factor, tie_word_embeddings: false });
    const model = T5ForConditionalGeneration._from_config(config);
    const classifier = T5ForTokenClassification._from_config(config);
    const self = 'decoder.block.1.layer.0.SelfAttention';
    const stds: Record<string, number> = {
      'shared.weight': 1,
      'lm_head.weight': 1,
      [`${self}.q.weight`]: (64 * 8) ** -0.5,
      [`${self}.k.weight`]: 64 ** -0.5,
      [`${self}.v.weight`]: 64 ** -0.5,
      [`${self}.o.weight`]: (4 * 8) ** -0.5,
      'encoder.block.0.layer.1.DenseReluDense.wi.weight': 64 ** -0.5,
      'encoder.block.0.layer.1.DenseReluDense.wo.weight': 100 ** -0.5,
      'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight': 64 ** -0.5,
    };
    for (const [name, std] of Object.entries(stds))
      expectStd(await numbers(model.get_parameter(name).value), factor * std);
    const norm = model.get_parameter('encoder.final_layer_norm.weight').value;
    expect(new Set(await numbers(norm))).toEqual(new Set([factor]));
    expectStd(await numbers(classifier.classifier.weight.value), factor);
    await Promise.all([model.dispose(), classifier.dispose()]);
  });

  it('starts BART with init_std, a padding row of zeros and a bias of the logits of zeros (row 63)', async () => {
    const halves = { encoder_layers: 1, decoder_layers: 1, encoder_ffn_dim: 90, decoder_ffn_dim: 90 };
    const heads = { encoder_attention_heads: 2, decoder_attention_heads: 2 };
    const config = new BartConfig({ ...halves, ...heads, d_model: 64, vocab_size: 60, init_std: 0.3 });
    const model = BartForConditionalGeneration._from_config(config);
    const table = await rows(model.get_parameter('model.shared.weight').value);
    expect(new Set(table[config.pad_token_id as number])).toEqual(new Set([0]));
    expectStd(table.filter((_, i) => i !== config.pad_token_id).flat(), 0.3);
    for (const name of ['encoder.layers.0.fc1', 'decoder.layers.0.encoder_attn.k_proj', 'decoder.embed_positions'])
      expectStd(await numbers(model.get_parameter(`model.${name}.weight`).value), 0.3);
    for (const name of ['model.encoder.layers.0.fc1.bias', 'final_logits_bias'])
      expect(new Set(await numbers(model.get_parameter(name).value))).toEqual(new Set([0]));
    await model.dispose();
  });

  it('repeats with the seed', async () => {
    const draw = async () => {
      set_seed(3);
      const model = AutoModel.from_config(new BertConfig({ ...sizes, vocab_size: 20 }));
      const values = await numbers((model as BertModel).get_parameter('pooler.dense.weight').value);
      await model.dispose();
      return values;
    };
    expect(await draw()).toEqual(await draw());
  });

  it('passes over modules that have their weights, and shares what the config ties (rows 125, 19)', async () => {
    const model = no_init_weights(() => new BertForMaskedLM(new BertConfig({ ...sizes, vocab_size: 20 })));
    await expect(model({ input_ids: [[1]] })).rejects.toThrow(/init_weights/);
    model.init_weights();
    const { dense } = model.cls.predictions.transform;
    const [kept, redrawn] = [model.get_input_embeddings().weight.value, dense.weight.value];
    dense._is_hf_initialized = false;
    model.init_weights();
    expect(model.get_input_embeddings().weight.value).toBe(kept);
    expect(dense.weight.value).not.toBe(redrawn);
    expect(model.cls.predictions.decoder.weight.value).toBe(kept);
    await model.dispose();
  });

  it('removes the heads that the config says are gone (row 125)', async () => {
    await using model = no_init_weights(() => new BertModel(new BertConfig({ ...sizes, vocab_size: 20 })));
    model.config.pruned_heads = { 1: [0, 2] };
    model.init_weights();
    const query = (layer: number) => model.get_parameter(`encoder.layer.${layer}.attention.self.query.weight`).dims;
    expect([query(0), query(1)]).toEqual([
      [64, 64],
      [32, 64],
    ]);
  });

  it('ties what has come apart (row 125)', async () => {
    await using model = new BertForMaskedLM(new BertConfig({ ...sizes, vocab_size: 20 }));
    const { weight } = model.get_input_embeddings();
    const { decoder } = model.cls.predictions;
    decoder.weight = weight.alike(weight.dims);
    decoder._is_hf_initialized = false;
    model.init_weights();
    expect(decoder.weight).toBe(weight);
  });

  it('leaves a loaded model alone', async () => {
    await using model = await BertModel.from_pretrained(goldenFolder('bert'));
    const before = [...model.state_dict().values()];
    model.init_weights();
    expect([...model.state_dict().values()]).toEqual(before);
  });

  it('starts learned activations and sinusoidal positions as upstream does', async () => {
    const model = new BertModel(new BertConfig({ ...sizes, vocab_size: 20, hidden_act: 'prelu' }));
    model.init_weights();
    expect(await numbers(model.get_parameter('encoder.layer.0.intermediate.intermediate_act_fn.weight').value)).toEqual(
      [0.25],
    );
    const distil = new DistilBertModel(
      new DistilBertConfig({
        dim: 8,
        n_heads: 2,
        n_layers: 1,
        hidden_dim: 8,
        vocab_size: 9,
        sinusoidal_pos_embds: true,
      }),
    );
    distil.init_weights();
    const positions = await numbers(distil.get_position_embeddings().weight.value);
    expect(positions.slice(0, 2)).toEqual([0, 1]);
    await Promise.all([model.dispose(), distil.dispose()]);
  });

  it('draws no truncated number beyond the limit', async () => {
    for (const cutoff of [0.5, 2, 3]) {
      const values = await numbers(truncatedNormal([20000], 2, cutoff));
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(2 * cutoff);
      expect(values.filter((x) => Math.abs(x) === 2 * cutoff).length).toBeLessThan(5);
    }
  });
});

describe('from_config', () => {
  it('makes a model in a dtype from a copy of the config', async () => {
    const given = new BertConfig({ ...sizes, vocab_size: 20 });
    const model: PreTrainedModel = AutoModelForMaskedLM.from_config(given, { dtype: 'bfloat16' });
    expect(model).toBeInstanceOf(BertForMaskedLM);
    expect([model.dtype, model.config.torch_dtype, given.torch_dtype, model.training]).toEqual([
      'bfloat16',
      'bfloat16',
      null,
      true,
    ]);
    model.resize_token_embeddings(25);
    expect(given.vocab_size).toBe(20);
    await model.dispose();
    const base = BertModel._from_config(given, { torch_dtype: 'float16' });
    expect(base.dtype).toBe('float16');
    await base.dispose();
  });

  it('refuses whole-number dtypes, unknown options and what is no config', () => {
    const given = new BertConfig({ ...sizes, vocab_size: 20 });
    expect(() => AutoModel.from_config(given, { dtype: 'int64' })).toThrow(/not a floating point dtype/);
    expect(() => AutoModel.from_config(given, { dtyp: 'float16' } as never)).toThrow(/did you mean 'dtype'/);
    expect(() => BertModel._from_config({} as never)).toThrow(expect.objectContaining({ name: 'TypeError' }));
  });
});
