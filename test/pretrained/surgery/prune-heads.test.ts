import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoModel } from '../../../lib/auto/auto-model';
import { BertConfig, BertForMaskedLM, BertModel } from '../../../lib/models/bert/model';
import { GPT2LMHeadModel } from '../../../lib/models/gpt2/model';
import { ModernBertModel } from '../../../lib/models/modernbert/model';
import { T5EncoderModel, T5ForConditionalGeneration } from '../../../lib/models/t5/model';
import type { Conv1D } from '../../../lib/nn/conv1d';
import type { Tensor } from '../../../lib/tensor/tensor';
import { causalLM, goldenFolder, numbers, prunable } from './tiny-models';

const tiny = { vocab_size: 10, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 16 };

function tinyBert(fields: Record<string, unknown> = {}): BertModel {
  const model = new BertModel(new BertConfig({ ...tiny, ...fields }));
  model.init_weights();
  return model;
}

const inputs = {
  input_ids: [
    [5, 6, 7, 8],
    [3, 4, 1, 1],
  ],
  attention_mask: [
    [1, 1, 1, 1],
    [1, 1, 0, 0],
  ],
};

async function states(model: (inputs: object) => Promise<unknown>, further: object = {}): Promise<number[]> {
  const { last_hidden_state } = (await model({ ...inputs, ...further })) as { last_hidden_state: Tensor };
  return numbers(last_hidden_state);
}

function largestDifference(a: number[], b: number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0);
}

/** Where a head mask holds a layer. ALBERT's groups read it from their own place on, by the layer inside the group. */
function maskRow(config: object, layer: number): number {
  const {
    inner_group_num: inner,
    num_hidden_groups: groups,
    num_hidden_layers: all,
  } = config as Record<string, number>;
  if (inner === undefined) return layer;
  return Math.floor(layer / inner) * Math.trunc((all as number) / (groups as number)) + (layer % inner);
}

describe('prune_heads', () => {
  const cases = [
    ...prunable.map((family) => [family, 'base'] as const),
    ['gpt2', 'base'] as const,
    ['gpt2', 'scaled'] as const,
    ['bert', 'relative-key'] as const,
    ['bert', 'relative-key-query'] as const,
    ['albert', 'groups'] as const,
    ['albert', 'relative-key-query'] as const,
  ];
  for (const [family, name] of cases)
    it(`of ${family} (${name}) computes what masking the heads does, in two steps too (row 128)`, async () => {
      await using model = await AutoModel.from_pretrained(goldenFolder(family, name));
      const { num_attention_heads: H, num_hidden_layers: L } = model.config as unknown as Record<string, number>;
      const layers = (model.prunableAttention() as object[]).length;
      const last = layers - 1;
      const gone: [number, number][] = [
        [0, 0],
        [last, (H as number) - 1],
        ...((H as number) > 2 ? [[0, 2] as [number, number]] : []),
      ];
      const mask = Array.from({ length: L as number }, () => new Array<number>(H as number).fill(1));
      for (const [layer, head] of gone) (mask[maskRow(model.config, layer)] as number[])[head] = 0;
      const masked = await states(model as never, { head_mask: mask });
      for (const [layer, head] of gone) model.prune_heads({ [layer]: [head] });
      expect(largestDifference(await states(model as never), masked)).toBeLessThan(1e-6);
    });

  it("of T5's encoder computes what masking the heads does, and is saved and loaded so (rows 69, 128)", async () => {
    await using model = await T5EncoderModel.from_pretrained(goldenFolder('t5'));
    const { num_heads: H, num_layers: L } = model.config;
    const mask = Array.from({ length: L }, (_, layer) => Array.from({ length: H }, (_, h) => Number(h !== layer % H)));
    const masked = await states(model as never, { head_mask: mask });
    for (let layer = 0; layer < L; layer++) model.prune_heads({ [layer]: [layer % H] });
    const pruned = await states(model as never);
    expect(largestDifference(pruned, masked)).toBeLessThan(1e-6);
    const folder = mkdtempSync(join(tmpdir(), 'pruned-'));
    await model.save_pretrained(folder);
    const [loaded, info] = await T5EncoderModel.from_pretrained(folder, { output_loading_info: true });
    expect([info.missing_keys, info.unexpected_keys]).toEqual([[], []]);
    expect(await states(loaded as never)).toEqual(pruned);
    await loaded.dispose();
    rmSync(folder, { recursive: true });
  });

  it('of T5 with a decoder is an error that names the class, and changes nothing', async () => {
    await using model = await T5ForConditionalGeneration.from_pretrained(goldenFolder('t5'));
    expect(() => model.prune_heads({ 0: [0] })).toThrow(/T5ForConditionalGeneration does not support prune_heads/);
    expect(model.config.pruned_heads).toEqual({});
  });

  it('keeps a union of heads in the config, passing over those that are gone (row 126)', async () => {
    await using model = tinyBert();
    model.prune_heads({ 0: [1], 1: [0, 2] });
    model.prune_heads({ 0: [1, 3] });
    expect(model.config.pruned_heads).toEqual({ 0: [1, 3], 1: [0, 2] });
    expect(Object.keys(JSON.parse(model.config.to_json_string()).pruned_heads)).toEqual(['0', '1']);
    const attention = model.encoder.layer[0]?.attention;
    expect([attention?.self.num_attention_heads, attention?.self.all_head_size]).toEqual([2, 4]);
    const before = [...model.state_dict().values()];
    model.prune_heads(new Map([[0, [3, 1]]]));
    expect([...model.state_dict().values()]).toEqual(before);
  });

  it('cuts rows of query, key and value and columns of the output (row 127)', async () => {
    await using model = tinyBert();
    model.prune_heads({ 0: [1, 3] });
    const shape = (name: string) => model.get_parameter(`encoder.layer.0.attention.${name}`).dims;
    for (const name of ['query', 'key', 'value'])
      expect([shape(`self.${name}.weight`), shape(`self.${name}.bias`)]).toEqual([[4, 8], [4]]);
    expect([shape('output.dense.weight'), shape('output.dense.bias')]).toEqual([[8, 4], [8]]);
  });

  it('has a model made or loaded from the config born pruned (rows 69, 126)', async () => {
    const config = new BertConfig({ ...tiny, pruned_heads: { '1': [0] } });
    const born = new BertForMaskedLM(config);
    expect(born.get_parameter('bert.encoder.layer.1.attention.self.query.weight').dims).toEqual([6, 8]);
    born.init_weights();
    expect(((await born({ input_ids: [[1]] })) as { logits: Tensor }).logits.dims).toEqual([1, 1, 10]);
    born.prune_heads({ 1: [2] });
    const twin = new BertModel(born.config);
    expect(twin.get_parameter('encoder.layer.1.attention.self.query.weight').dims).toEqual([4, 8]);
    const state_dict = born.state_dict();
    const [loaded, info] = await BertForMaskedLM.from_pretrained(null, {
      config: new BertConfig(JSON.parse(born.config.to_json_string(false))),
      state_dict,
      output_loading_info: true,
    });
    expect([info.missing_keys, info.unexpected_keys, info.mismatched_keys]).toEqual([[], [], []]);
    for (const [name, tensor] of loaded.state_dict())
      expect(await numbers(tensor)).toEqual(await numbers(state_dict.get(name) as Tensor));
    await loaded.dispose();
    await born.dispose();
  });

  it('refuses what is not there, and the last head of a layer, changing nothing (row 128)', async () => {
    await using model = tinyBert();
    model.prune_heads({ 1: [0] });
    const before = [...model.state_dict().values()];
    const wrong: Record<number, number[]>[] = [
      { 2: [0] },
      { 0: [1], 1: [4] },
      { 0: [-1] },
      { 0: [0.5] },
      { 0: [0, 1, 2, 3] },
      { 1: [1, 2, 3] },
    ];
    for (const heads of wrong)
      expect(() => model.prune_heads(heads)).toThrow(expect.objectContaining({ name: 'ValueError' }));
    expect(() => model.prune_heads({ 0: 1 } as never)).toThrow(/array of heads/);
    expect(() => model.prune_heads(null as never)).toThrow(/takes an object/);
    expect([model.config.pruned_heads, [...model.state_dict().values()]]).toEqual([{ 1: [0] }, before]);
    expect(() => tinyBert({ pruned_heads: { 5: [0] } })).toThrow(/layers 0 to 1, not 5/);
  });

  it('is an error that names the class where the family cannot, and changes nothing', async () => {
    await using model = await ModernBertModel.from_pretrained(goldenFolder('modernbert'));
    expect(() => model.prune_heads({ 0: [0] })).toThrow(/ModernBertModel does not support prune_heads/);
    expect(model.config.pruned_heads).toEqual({});
  });

  it('of grouped-query attention is an error that names the class, and changes nothing (row 128)', async () => {
    await using model = await causalLM('llama');
    expect(() => model.prune_heads({ 0: [0] })).toThrow(/LlamaForCausalLM does not support prune_heads/);
    expect(model.config.pruned_heads).toEqual({});
  });

  it("of gpt2 cuts Conv1D's columns three times, and generates with and without a cache (row 127)", async () => {
    await using model = await GPT2LMHeadModel.from_pretrained(goldenFolder('gpt2'));
    model.prune_heads({ 0: [1], 2: [0, 3] });
    const attn = model.transformer.h[2]?.attn as { c_attn: Conv1D; c_proj: Conv1D; split_size: number };
    const { c_attn, c_proj } = attn;
    expect([c_attn.weight.dims, c_attn.bias.dims, c_proj.weight.dims, c_proj.bias.dims, attn.split_size]).toEqual([
      [20, 30],
      [30],
      [10, 20],
      [20],
      10,
    ]);
    const generated = async (use_cache: boolean) =>
      (await model.generate({ input_ids: [[5, 6, 7]], max_new_tokens: 6, use_cache })).tolist();
    expect(await generated(true)).toEqual(await generated(false));
    const born = new GPT2LMHeadModel(model.config);
    expect(born.get_parameter('transformer.h.0.attn.c_attn.weight').dims).toEqual([20, 45]);
  });

  it('keeps half-precision weights in their type', async () => {
    await using model = tinyBert();
    model.half().prune_heads({ 0: [2] });
    for (const parameter of model.parameters()) expect(parameter.type).toBe('float16');
    expect((await states(model)).every(Number.isFinite)).toBe(true);
  });
});
