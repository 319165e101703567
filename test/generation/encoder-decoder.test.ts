/** Going on from what an encoder read (rows 175, 181, 191; E-24 of the contract). */
import { AutoModelForSeq2SeqLM } from '../../lib/auto/auto-model';
import { T5Config, T5ForConditionalGeneration } from '../../lib/models/t5/model';
import { EncoderDecoderCache } from '../../lib/nn/encoder-decoder-cache';
import type { ModelOutput } from '../../lib/pretrained/model-output';
import type { Tensor } from '../../lib/tensor/tensor';
import { filledModel } from '../models/contract-model';

const config = () =>
  new T5Config({
    vocab_size: 17,
    d_model: 8,
    d_kv: 4,
    d_ff: 16,
    num_layers: 1,
    num_heads: 2,
    decoder_start_token_id: 0,
    pad_token_id: 0,
    eos_token_id: 1,
  });
const source = { input_ids: [[5, 6, 7, 0]], attention_mask: [[1, 1, 1, 0]] };
const tokens = (ids: Tensor) => (ids.tolist() as bigint[][]).map((row) => row.map(Number));

let model: T5ForConditionalGeneration;
const run = (inputs: object) => (model as unknown as (i: object) => Promise<ModelOutput>)(inputs);

beforeAll(async () => {
  model = await filledModel(T5ForConditionalGeneration, config(), /shared|embed_tokens|lm_head/);
});
afterAll(() => model.dispose());

it('computes what the contract says of its small T5', async () => {
  const { logits } = await run({ ...source, decoder_input_ids: [[0]] });
  const wanted = [1.4766, 0.3864, 0.5237, 0.0344, -1.0056, 0.3533];
  for (const [i, value] of wanted.entries()) expect((logits.data as Float32Array)[i]).toBeCloseTo(value, 4);
});

it('begins with the start token, and puts it before ids none of which do', async () => {
  expect(tokens(await model.generate({ ...source, max_new_tokens: 6 }))).toEqual([[0, 0, 0, 0, 0, 0, 0]]);
  const given = { ...source, decoder_input_ids: [[9]], max_new_tokens: 6 };
  expect(tokens(await model.generate(given))).toEqual([[0, 9, 9, 9, 9, 9, 9, 9]]);
  const begun = { ...source, decoder_input_ids: [[0, 9]], max_new_tokens: 6 };
  expect(tokens(await model.generate(begun))).toEqual([[0, 9, 9, 9, 9, 9, 9, 9]]);
});

it('gives the same with a cache and without, from ids and from what the encoder gave', async () => {
  const { encoder_last_hidden_state: hidden } = await run({ ...source, decoder_input_ids: [[0]] });
  const wanted = await model.generate({ ...source, decoder_input_ids: [[4]], max_new_tokens: 5 });
  const { attention_mask } = source;
  for (const call of [
    { ...source, use_cache: false },
    { encoder_outputs: { last_hidden_state: hidden }, attention_mask },
    { encoder_outputs: [hidden], attention_mask, use_cache: false },
    { ...source, decoder_attention_mask: [[1]] },
  ])
    expect(tokens(await model.generate({ ...call, decoder_input_ids: [[4]], max_new_tokens: 5 }))).toEqual(
      tokens(wanted),
    );
});

it('forces the first and the last token where the config says so', async () => {
  const forced = { ...source, max_new_tokens: 4, forced_bos_token_id: 3, forced_eos_token_id: 1 };
  const [row] = tokens(await model.generate(forced));
  expect(row?.slice(0, 2)).toEqual([0, 3]);
  expect(row?.at(-1)).toBe(1);
});

it('hands its cache in and out, as an object and as tuples', async () => {
  const whole = await run({ ...source, decoder_input_ids: [[0, 9, 4]] });
  const first = await run({ ...source, decoder_input_ids: [[0, 9]], use_cache: true });
  const cache = first.past_key_values as unknown as EncoderDecoderCache;
  expect(cache.get_seq_length()).toBe(2);
  expect(cache[0]?.map(({ dims }) => dims)).toEqual([
    [1, 2, 2, 4],
    [1, 2, 2, 4],
    [1, 2, 4, 4],
    [1, 2, 4, 4],
  ]);
  const last = (whole.logits.data as Float32Array).slice(-17);
  for (const past_key_values of [cache.to_legacy_cache(), cache]) {
    const { logits } = await run({ ...source, decoder_input_ids: [[4]], past_key_values });
    for (const [i, value] of (logits.data as Float32Array).entries()) expect(value).toBeCloseTo(last[i] as number, 5);
  }
  expect(cache.get_seq_length()).toBe(3);
  cache.dispose();
  await expect(run({ ...source, decoder_input_ids: [[4]], past_key_values: cache })).rejects.toMatchObject({
    code: 'ERR_DISPOSED',
  });
  expect(() => EncoderDecoderCache.from_legacy_cache([[last]] as never)).toThrow(TypeError);
});

it.each([
  [{ ...source, decoder_input_ids: [[1], [2]] }, 'decoder_input_ids'],
  [{ ...source, decoder_input_ids: [[99]] }, 'decoder_input_ids'],
  [{ ...source, decoder_attention_mask: [[1]] }, 'decoder_attention_mask'],
  [{ encoder_outputs: {} }, 'encoder_outputs'],
  [{ ...source, decoder_input_id: [[1]] }, 'decoder_input_ids'],
])('refuses %j by its name', async (call, name) => {
  await expect(model.generate({ ...call, max_new_tokens: 2 })).rejects.toThrow(name);
});

it('needs a start token', async () => {
  const without = await filledModel(
    T5ForConditionalGeneration,
    new T5Config({ vocab_size: 17, d_model: 8, d_kv: 4, d_ff: 16, num_layers: 1, num_heads: 2 }),
    /shared/,
  );
  await expect(without.generate({ ...source })).rejects.toThrow('decoder_start_token_id');
  await expect(
    (without as unknown as (i: object) => Promise<unknown>)({ ...source, labels: [[1, 2]] }),
  ).rejects.toMatchObject({ code: 'ERR_CONFIG_FIELD' });
  await without.dispose();
});

it('resizes its one table for both halves and the head', async () => {
  const resized = (await AutoModelForSeq2SeqLM.from_config(config())) as T5ForConditionalGeneration;
  const table = resized.resize_token_embeddings(20, { mean_resizing: false });
  expect(resized.encoder.embed_tokens).toBe(table);
  expect(resized.decoder.embed_tokens).toBe(table);
  expect(resized.lm_head.weight).toBe(table.weight);
  expect(resized.config.vocab_size).toBe(20);
  await resized.dispose();
});
