/** The bias of BART's logits: a buffer that checkpoints hold. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BartConfig, BartForCausalLM, BartForConditionalGeneration, set_seed, Tensor } from '../../lib';

const kWidth = 8;
const tiny = {
  vocab_size: 11,
  d_model: kWidth,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_ffn_dim: 12,
  decoder_ffn_dim: 12,
  encoder_attention_heads: 2,
  decoder_attention_heads: 2,
  max_position_embeddings: 16,
};
const ids = [[0, 5, 6, 2]];

function makeModel(): BartForConditionalGeneration {
  set_seed(7);
  const model = new BartForConditionalGeneration(new BartConfig(tiny)).eval();
  return model as BartForConditionalGeneration;
}

const withBias = (model: BartForConditionalGeneration, bias: number[]) => {
  model.load_state_dict(new Map([['final_logits_bias', new Tensor('float32', bias, [1, bias.length])]]), {
    strict: false,
  });
  return model;
};

const biasOf = (model: BartForConditionalGeneration) =>
  Array.from(model.state_dict().get('final_logits_bias')?.data as Float32Array);

const logitsOf = async (model: BartForConditionalGeneration) =>
  Array.from((await model({ input_ids: ids })).logits.data as Float32Array);

const ramp = Array.from({ length: tiny.vocab_size }, (_, i) => i / 4);

it('starts as zeros, and is added to the logits of every token', async () => {
  const model = makeModel();
  expect(biasOf(model)).toEqual(ramp.map(() => 0));
  const plain = await logitsOf(model);
  const raised = await logitsOf(withBias(model, ramp));
  for (const [i, value] of raised.entries())
    expect(value).toBeCloseTo((plain[i] as number) + (ramp[i % ramp.length] as number), 5);
});

it('is no parameter that is counted or trained, but is a part of the footprint', () => {
  const model = makeModel();
  const others = [...model.named_parameters()].filter(([name]) => name !== 'final_logits_bias');
  expect(model.num_parameters()).toBe(others.reduce((n, [, { size }]) => n + size, 0));
  const without = model.get_memory_footprint({ return_buffers: false });
  expect(model.get_memory_footprint() - without).toBe(4 * tiny.vocab_size);
  model.requires_grad_(true);
  expect(model.final_logits_bias.requires_grad).toBe(false);
});

it('is cut with the tables, and gets zeros behind it', async () => {
  const model = withBias(makeModel(), ramp);
  model.resize_token_embeddings(14, { mean_resizing: false });
  expect(biasOf(model)).toEqual([...ramp, 0, 0, 0]);
  expect((await model({ input_ids: ids })).logits.dims).toEqual([1, 4, 14]);
  model.resize_token_embeddings(7);
  expect(biasOf(model)).toEqual(ramp.slice(0, 7));
  expect(model.get_decoder().embed_tokens.num_embeddings).toBe(7);
});

it('is saved and loaded, and is not missed where a file lacks it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bart-'));
  try {
    await withBias(makeModel(), ramp).save_pretrained(folder);
    expect(biasOf(await BartForConditionalGeneration.from_pretrained(folder))).toEqual(ramp);
    const state = (await BartForConditionalGeneration.from_pretrained(folder)).state_dict();
    state.delete('final_logits_bias');
    const [model, info] = await BartForConditionalGeneration.from_pretrained(null, {
      config: new BartConfig(tiny),
      state_dict: state,
      output_loading_info: true,
    });
    expect(info.missing_keys).toEqual([]);
    expect(biasOf(model)).toEqual(ramp.map(() => 0));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('is not there in the decoder alone, whose cross-attention sees the encoder that a call brings', async () => {
  const whole = makeModel();
  const alone = new BartForCausalLM(new BartConfig(tiny)).eval() as BartForCausalLM;
  const state = new Map([...whole.state_dict()].filter(([name]) => /^(lm_head|model\.decoder)/.test(name)));
  alone.load_state_dict(state);
  const inputs = { input_ids: ids, decoder_input_ids: [[2, 4, 9]] };
  const wanted = await whole(inputs);
  const found = await alone({
    input_ids: inputs.decoder_input_ids,
    encoder_hidden_states: wanted.encoder_last_hidden_state,
    output_attentions: true,
  });
  expect(found.logits.data).toEqual(wanted.logits.data);
  expect(found.cross_attentions).toHaveLength(1);
});

it('has no part in set_input_embeddings, which puts the table into both halves', () => {
  const model = makeModel();
  const other = makeModel().get_input_embeddings();
  model.set_input_embeddings(other);
  expect([model.get_encoder().embed_tokens, model.get_decoder().embed_tokens]).toEqual([other, other]);
});
