import { join } from 'node:path';
import {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForMultipleChoice,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../../lib/auto/auto-model';
import * as modernbert from '../../lib/models/modernbert/model';
import type { ConfigFields } from '../../lib/pretrained/config';

const { ModernBertConfig, ModernBertForSequenceClassification, ModernBertModel } = modernbert;
const tiny = { vocab_size: 8, hidden_size: 4, intermediate_size: 4, num_hidden_layers: 2, num_attention_heads: 2 };
const build = (fields: ConfigFields) => new ModernBertModel(new ModernBertConfig({ ...tiny, ...fields }));

describe('the config of ModernBERT', () => {
  it.each([
    [{ rope_scaling: { rope_type: 'linear', factor: 2 } }, "config.rope_scaling is of type 'linear'"],
    [{ rope_parameters: { sliding_attention: { rope_type: 'yarn', rope_theta: 1 } } }, "'yarn'"],
    [{ head_dim: 4 }, 'config.head_dim is 4; only 2 is supported here'],
  ])('refuses what the layers do not compute: %j', (fields, message) => {
    expect(() => build(fields)).toThrow(
      expect.objectContaining({
        name: 'NotImplementedError',
        code: 'ERR_CONFIG_FIELD',
        message: expect.stringContaining(message),
      }),
    );
  });

  it.each([
    [{ layer_types: ['full_attention'] }, 'for each of 2 layers'],
    [{ layer_types: ['full_attention', 'narrow_attention'] }, 'narrow_attention'],
    [{ layer_types: 'full_attention' }, 'config.layer_types'],
    [{ global_attn_every_n_layers: 0 }, 'config.global_attn_every_n_layers is 0; it must be 1 or more'],
    [{ num_attention_heads: 3 }, 'not a multiple'],
  ])('refuses what cannot be: %j', (fields, message) => {
    expect(() => build(fields)).toThrow(
      expect.objectContaining({ name: 'ValueError', message: expect.stringContaining(message) }),
    );
  });

  it('refuses a pooling that is not known', () => {
    const config = new ModernBertConfig({ ...tiny, classifier_pooling: 'max' });
    expect(() => new ModernBertForSequenceClassification(config)).toThrow("config.classifier_pooling is 'max'");
  });

  it('lets the local base be null, as the first checkpoints may have it', () => {
    expect(build({ local_rope_theta: null, global_rope_theta: 300 }).config.rope_parameters).toMatchObject({
      sliding_attention: { rope_theta: 300 },
    });
    expect(() => build({ global_rope_theta: null })).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_TYPE' }));
  });

  it.each([0, 1])('lets a token of a local layer see itself alone: local_attention %d', async (local_attention) => {
    const folder = join(__dirname, '..', 'goldens', 'modernbert', 'base');
    const fields = { global_attn_every_n_layers: 9, local_attention };
    const model = await ModernBertModel.from_pretrained(folder, fields);
    const { attentions } = await model({ input_ids: [[1, 2, 3]], output_attentions: true });
    const [, local] = attentions as { tolist(): number[][][][] }[];
    expect(local?.tolist()[0]?.[0]).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    await model.dispose();
  });

  it('takes any position, as it has no table of them', async () => {
    const folder = join(__dirname, '..', 'goldens', 'modernbert', 'base');
    const model = await ModernBertModel.from_pretrained(folder);
    const at = async (first: number) =>
      (await model({ input_ids: [[1, 2, 3]], position_ids: [[first, first + 1, first + 2]] })).last_hidden_state;
    const [here, before] = [(await at(0)).data, (await at(-2)).data] as [Float32Array, Float32Array];
    here.forEach((x, i) => {
      expect(before[i]).toBeCloseTo(x, 4);
    });
    await model.dispose();
  });

  it('lets layer types go before the period of global layers', () => {
    const layer_types = ['sliding_attention', 'full_attention'];
    expect(() => build({ layer_types, global_attn_every_n_layers: 0 })).not.toThrow();
  });

  it('writes whole floats as floats', () => {
    expect(new ModernBertConfig().to_json_string()).toContain('"global_rope_theta": 160000.0');
  });
});

it.each([
  [AutoModel, 'ModernBertModel', 'base'],
  [AutoModelForMaskedLM, 'ModernBertForMaskedLM', 'base'],
  [AutoModelForTokenClassification, 'ModernBertForTokenClassification', 'base'],
  [AutoModelForQuestionAnswering, 'ModernBertForQuestionAnswering', 'base'],
  [AutoModelForSequenceClassification, 'ModernBertForSequenceClassification', 'choice'],
  [AutoModelForMultipleChoice, 'ModernBertForMultipleChoice', 'choice'],
] as const)('%p finds %s', async (Auto, name, checkpoint) => {
  const folder = join(__dirname, '..', 'goldens', 'modernbert', checkpoint);
  await using model = await Auto.from_pretrained(folder);
  expect(model.constructor.name).toBe(name);
});

it('gives NaN for the mean of a text of padding alone, as the reference does', async () => {
  const folder = join(__dirname, '..', 'goldens', 'modernbert', 'mean-biases');
  await using model = await ModernBertForSequenceClassification.from_pretrained(folder);
  const inputs = {
    input_ids: [
      [4, 5],
      [4, 5],
    ],
    attention_mask: [
      [1, 0],
      [0, 0],
    ],
  };
  const { logits } = (await model(inputs)) as unknown as { logits: { tolist(): number[][] } };
  expect(logits.tolist().map((row) => row.every(Number.isNaN))).toEqual([false, true]);
});

it('gives no logits when no label counts in sparse prediction', async () => {
  const folder = join(__dirname, '..', 'goldens', 'modernbert', 'sparse');
  await using model = await modernbert.ModernBertForMaskedLM.from_pretrained(folder);
  const output = (await model({ input_ids: [[4, 5]], labels: [[-100, -100]] })) as unknown as {
    loss: { item(): number };
    logits: { dims: number[] };
  };
  expect(output.logits.dims).toEqual([0, 43]);
  expect(output.loss.item()).toBeNaN();
  await expect(model({ input_ids: [[4, 5]], labels: [[4]] })).rejects.toThrow('labels has 1 elements');
});
