import {
  GPT2Config,
  GPT2DoubleHeadsModel,
  GPT2ForSequenceClassification,
  GPT2LMHeadModel,
  GPT2Model,
} from '../../lib/models/gpt2/model';
import type { Module } from '../../lib/nn/module';
import type { Parameter } from '../../lib/nn/parameter';
import type { ConfigFields } from '../../lib/pretrained/config';
import { Tensor } from '../../lib/tensor/tensor';
import { contractModel } from './contract-model';

const tiny = { vocab_size: 9, n_positions: 16, n_embd: 8, n_layer: 1, n_head: 2 };
const build = (fields: ConfigFields) => new GPT2Model(new GPT2Config({ ...tiny, ...fields }));

describe('the config of GPT-2', () => {
  it('answers to the names of other families', () => {
    const config = new GPT2Config({ ...tiny, num_hidden_layers: 3 });
    expect([config.n_layer, config.hidden_size, config.max_position_embeddings]).toEqual([3, 8, 16]);
  });

  it.each([
    [{ add_cross_attention: true }, 'config.add_cross_attention is true'],
    [{ activation_function: 'swoosh' }, "config.activation_function is 'swoosh'"],
  ])('refuses what the layers do not compute: %j', (fields, message) => {
    expect(() => build(fields)).toThrow(
      expect.objectContaining({
        name: 'NotImplementedError',
        code: 'ERR_CONFIG_FIELD',
        message: expect.stringContaining(message),
      }),
    );
  });

  it('refuses what cannot be', () => {
    expect(() => build({ n_head: 3 })).toThrow('config.n_embd is 8, no multiple of config.n_head, 3');
    const summary = (summary_type: string) => () => new GPT2DoubleHeadsModel(new GPT2Config({ ...tiny, summary_type }));
    expect(summary('middle')).toThrow("config.summary_type is 'middle'");
    expect(summary('attn')).toThrow(expect.objectContaining({ name: 'NotImplementedError' }));
  });

  it('has the attributes of its classes (row 4)', () => {
    expect([GPT2Model._no_split_modules, GPT2Model.is_parallelizable]).toEqual([['GPT2Block'], true]);
    const { lm_head, transformer } = new GPT2LMHeadModel(new GPT2Config(tiny));
    expect(lm_head.weight).toBe(transformer.wte.weight);
  });
});

describe("the contract's small GPT-2", () => {
  let model: GPT2LMHeadModel;
  beforeAll(async () => {
    model = await contractModel(GPT2LMHeadModel);
  });
  afterAll(() => model.dispose());

  it('has the logits and the loss that it is said to have (E-01, E-02, row 191)', async () => {
    const wanted = [
      -0.0133, 0.1286, -2.1468, 3.5739, -1.8291, -1.7488, -1.7994, 3.6944, -0.949, 2.441, -3.146, 0.5323, -2.6725,
      0.9943, 6.2704, 1.6697, 1.6836,
    ];
    const { logits, loss } = await model({ input_ids: [[1, 2, 3]], labels: [[1, 2, 3]] });
    const last = (logits.tolist() as number[][][])[0]?.[2] as number[];
    for (const [i, value] of wanted.entries()) expect(Math.abs((last[i] as number) - value)).toBeLessThan(1e-4);
    expect(loss.item()).toBeCloseTo(6.87029, 4);
  });

  it('gives the logits of the last positions only, where asked', async () => {
    const input_ids = [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ];
    const all = ((await model({ input_ids })).logits.tolist() as number[][][]).map((row) => row.slice(-2));
    expect((await model({ input_ids, logits_to_keep: 2 })).logits.tolist()).toEqual(all);
    expect((await model({ input_ids, logits_to_keep: [2, -1] })).logits.tolist()).toEqual(all);
    await expect(model({ input_ids, logits_to_keep: -1 })).rejects.toThrow(/logits_to_keep is -1/);
    await expect(model({ input_ids, logits_to_keep: [4] })).rejects.toThrow(/rows have 4 positions/);
    await expect(model({ input_ids, logits_to_keep: 1, labels: input_ids })).rejects.toThrow(
      /leave logits_to_keep out/,
    );
  });

  it('passes over the masks that older files hold, with and without the prefix', async () => {
    const masks = ['attn.bias', 'attn.masked_bias'].map((name) => `h.0.${name}`);
    const mask = new Tensor('uint8', new Uint8Array(4), [1, 1, 2, 2]);
    for (const prefix of ['transformer.', '']) {
      const kept = [...model.state_dict()].filter(([name]) => name !== 'lm_head.weight');
      const state_dict = new Map([
        ...kept.map(([name, tensor]): [string, Tensor] => [name.replace('transformer.', prefix), tensor]),
        ...masks.map((name): [string, Tensor] => [prefix + name, mask]),
      ]);
      const options = { config: model.config, state_dict, output_loading_info: true } as const;
      const [loaded, info] = await GPT2LMHeadModel.from_pretrained(null, options);
      expect(info).toMatchObject({ missing_keys: [], unexpected_keys: [] });
      await loaded.dispose();
    }
  });

  it('starts projections that end a residual branch smaller, the more there are (row 63)', () => {
    const large = new GPT2Model(new GPT2Config({ ...tiny, n_embd: 64, n_layer: 8 }));
    const spread = (name: string, parameter: Parameter) => {
      const values = large._init_weights(name, parameter, large.h[0]?.attn as Module).data as Float32Array;
      return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    };
    const { c_attn, c_proj } = (large.h[0] as GPT2Model['h'][number]).attn;
    expect(spread('h.0.attn.c_attn.weight', c_attn.weight) / 0.02).toBeCloseTo(1, 1);
    expect((spread('h.0.attn.c_proj.weight', c_proj.weight) / 0.02) * Math.sqrt(16)).toBeCloseTo(1, 1);
    expect(spread('h.0.attn.c_attn.bias', c_attn.bias)).toBe(0);
  });

  it('refuses several rows where no padding token tells their ends', async () => {
    const classifier = await contractModel(GPT2ForSequenceClassification);
    await expect(classifier({ input_ids: [[1], [2]] })).rejects.toThrow(/no padding token is defined/);
    expect((await classifier({ input_ids: [[1, 2]] })).logits.dims).toEqual([1, 2]);
    await classifier.dispose();
  });
});
