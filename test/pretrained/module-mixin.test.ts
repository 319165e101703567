import { AssertionError } from '../../lib/errors';
import { LogLevel, setLogHook } from '../../lib/logging';
import { BertConfig, BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { GPT2Model } from '../../lib/models/gpt2/model';
import { LlamaModel } from '../../lib/models/llama/model';
import { ModernBertModel } from '../../lib/models/modernbert/model';
import { ModuleUtilsMixin } from '../../lib/pretrained/module-mixin';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { Tensor } from '../../lib/tensor/tensor';

let logged: [number, string][];

beforeEach(() => {
  logged = [];
  setLogHook((level, message) => logged.push([level, message]));
});

afterEach(() => {
  setLogHook(null);
});

const tiny = { vocab_size: 10, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 16 };

function bert(fields: Record<string, unknown> = {}): BertModel {
  const model = new BertModel(new BertConfig({ ...tiny, ...fields }));
  model.init_weights();
  return model;
}

const ids = [
  [1, 2, 3, 4, 5],
  [5, 4, 3, 2, 1],
];
const lowest = -3.4028234663852886e38;

describe('counting', () => {
  it('gives the numbers of the reference after pruning (rows 131, 132, 133)', async () => {
    await using model = bert();
    model.prune_heads({ 0: [1, 3], 1: [0, 2] });
    expect(model.num_parameters()).toBe(5200);
    expect(model.num_parameters({ exclude_embeddings: true })).toBe(1008);
    expect(model.get_memory_footprint()).toBe(28992);
    expect(model.get_memory_footprint({ return_buffers: false })).toBe(20800);
    expect(model.floating_point_ops({ input_ids: ids })).toBe(60480);
    expect(model.floating_point_ops({ input_ids: ids }, { exclude_embeddings: false })).toBe(6 * 10 * 5200);
  });

  it('counts no causal mask and no rotary frequencies (row 132)', () => {
    const sizes = { vocab_size: 9, hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 1, intermediate_size: 4 };
    for (const Class of [GPT2Model, LlamaModel, ModernBertModel]) {
      const model: PreTrainedModel = new Class(new Class.config_class({ ...sizes, pad_token_id: 0 }) as never);
      expect(model.get_memory_footprint()).toBe(model.get_memory_footprint({ return_buffers: false }));
    }
  });

  it('counts tied weights once, and only trained ones when asked (row 131)', async () => {
    const model = new BertForMaskedLM(new BertConfig(tiny));
    model.init_weights();
    const all = model.num_parameters();
    expect(all).toBe([...new Set(model.state_dict().values())].reduce((n, { size }) => n + size, 0));
    model.bert.embeddings.word_embeddings.weight.requires_grad = false;
    expect(model.num_parameters({ only_trainable: true })).toBe(all - 80);
    expect(model.requires_grad_(false).num_parameters({ only_trainable: true })).toBe(0);
    expect(model.half().get_memory_footprint({ return_buffers: false })).toBe(2 * all);
    await model.dispose();
  });

  it('counts the tokens of tensors and arrays; without any it warns once an instance and says 0 (row 133)', async () => {
    await using model = bert();
    await using other = bert();
    expect(model.estimate_tokens({ input_ids: ids })).toBe(10);
    expect(model.estimate_tokens({ input_ids: new Tensor('int64', [1, 2, 3], [1, 3]) })).toBe(3);
    expect([model.estimate_tokens({}), model.estimate_tokens({}), other.estimate_tokens({})]).toEqual([0, 0, 0]);
    expect(logged.map(([level]) => level)).toEqual([LogLevel.WARNING, LogLevel.WARNING]);
    expect(model.warnings_issued).toEqual({ estimate_tokens: true });
  });
});

describe('memory hooks', () => {
  it('add the change of resident memory around each forward, until they are reset (row 134)', async () => {
    await using model = bert();
    const plain = ((await model({ input_ids: ids })) as { last_hidden_state: Tensor }).last_hidden_state.tolist();
    model.add_memory_hooks();
    const layer = model.encoder.layer[0] as unknown as Record<string, number>;
    expect([layer['mem_rss_diff'], layer['mem_rss_pre_forward'], layer['mem_rss_post_forward']]).toEqual([0, 0, 0]);
    const hooked = ((await model({ input_ids: ids })) as { last_hidden_state: Tensor }).last_hidden_state.tolist();
    expect(hooked).toEqual(plain);
    const [before, after] = [layer['mem_rss_pre_forward'] as number, layer['mem_rss_post_forward'] as number];
    expect(before).toBeGreaterThan(1e6);
    expect(layer['mem_rss_diff']).toBe(after - before);
    await model({ input_ids: ids });
    const second = (layer['mem_rss_post_forward'] as number) - (layer['mem_rss_pre_forward'] as number);
    expect(layer['mem_rss_diff']).toBe(after - before + second);
    const rss = jest.spyOn(process.memoryUsage, 'rss');
    let bytes = 0;
    rss.mockImplementation(() => {
      bytes += 1000; // each look at the process finds more
      return bytes;
    });
    try {
      const embeddings = model.embeddings.LayerNorm as unknown as Record<string, number>;
      model.reset_memory_hooks_state();
      await model({ input_ids: ids });
      expect(embeddings['mem_rss_diff']).toBe(1000);
      await model({ input_ids: ids });
      expect(embeddings['mem_rss_diff']).toBe(2000);
      expect(layer['mem_rss_diff']).toBeGreaterThan(2000); // children are included
    } finally {
      rss.mockRestore();
    }
    model.reset_memory_hooks_state();
    expect([layer['mem_rss_diff'], layer['mem_rss_pre_forward'], layer['mem_rss_post_forward']]).toEqual([0, 0, 0]);
    expect([...model.state_dict().keys()].filter((name) => name.includes('mem'))).toEqual([]);
  });
});

describe('masks', () => {
  const mask = new Tensor('int64', [1, 1, 0, 1, 0, 0], [2, 3]);

  it('are inverted with an axis for heads, in two or three dimensions (row 135)', async () => {
    await using model = bert();
    const flat = model.invert_attention_mask(mask);
    expect([flat.type, flat.dims]).toEqual(['float32', [2, 1, 1, 3]]);
    expect([...((await flat.getData()) as Float32Array)].map((x) => x + 0)).toEqual([0, 0, lowest, 0, lowest, lowest]);
    expect(
      model.invert_attention_mask([
        [
          [1, 0],
          [1, 1],
        ],
      ]).dims,
    ).toEqual([1, 1, 2, 2]);
    expect(() => model.invert_attention_mask([1, 0])).toThrow(expect.objectContaining({ name: 'ValueError' }));
    for (const [type, low] of [
      ['float16', -65504],
      ['bfloat16', -3.3895313892515355e38],
    ] as const) {
      const inverted = model.to(type).invert_attention_mask(mask);
      await inverted.getData();
      expect([inverted.type, (inverted.tolist() as number[][][][])[1]?.[0]?.[0]?.map((x) => x + 0)]).toEqual([
        type,
        [0, low, low],
      ]);
    }
  });

  it('are extended, causally for a decoder; another rank is wrong (row 136)', async () => {
    await using model = bert();
    expect(model.get_extended_attention_mask(mask, [2, 3]).dims).toEqual([2, 1, 1, 3]);
    const square = model.get_extended_attention_mask(
      [
        [
          [1, 0],
          [0, 1],
        ],
      ],
      [1, 2],
    );
    expect(((await square.getData()) as Float32Array).map((x) => x + 0)).toEqual(Float32Array.of(0, lowest, lowest, 0));
    model.config.is_decoder = true;
    const causal = model.get_extended_attention_mask(mask, [2, 3]);
    expect(causal.dims).toEqual([2, 1, 3, 3]);
    expect([...((await causal.getData()) as Float32Array)].map((x) => (x === lowest ? 0 : 1))).toEqual([
      1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0,
    ]);
    expect(() => model.get_extended_attention_mask([1, 1], [2])).toThrow(/Wrong shape/);
    expect(model.get_extended_attention_mask(mask, [2, 3], { dtype: 'float16', device: 'cpu' }).type).toBe('float16');
    expect(logged.some(([, message]) => /FutureWarning/.test(message))).toBe(true);
  });

  it('of a decoder let all see what a cache holds (row 137)', async () => {
    const square = ModuleUtilsMixin.create_extended_attention_mask_for_decoder([1, 3], [[1, 1, 0]]);
    expect([await square.getData(), square.dims]).toEqual([Float32Array.of(1, 0, 0, 1, 1, 0, 1, 1, 0), [1, 1, 3, 3]]);
    const longer = ModuleUtilsMixin.create_extended_attention_mask_for_decoder(
      [1, 2],
      new Tensor('int64', [1, 1, 0], [1, 3]),
    );
    expect([longer.type, longer.dims]).toEqual(['int64', [1, 1, 2, 3]]);
    expect(await longer.getData()).toEqual(BigInt64Array.of(1n, 1n, 0n, 1n, 1n, 0n));
  });

  it('of heads get five axes, or six when chunked (row 138)', async () => {
    await using model = bert();
    expect(model.get_head_mask(null, 3)).toEqual([null, null, null]);
    const [one, two] = [
      model.get_head_mask([1, 0], 3),
      model.get_head_mask(
        [
          [1, 0],
          [0, 1],
        ],
        2,
      ),
    ] as [Tensor, Tensor];
    expect([one.dims, two.dims]).toEqual([
      [3, 1, 2, 1, 1],
      [2, 1, 2, 1, 1],
    ]);
    expect(await one.getData()).toEqual(Float32Array.of(1, 0, 1, 0, 1, 0));
    expect((model.get_head_mask(two, 2) as Tensor).dims).toEqual([2, 1, 2, 1, 1]);
    expect((model.get_head_mask([1, 0], 3, true) as Tensor).dims).toEqual([3, 1, 2, 1, 1, 1]);
    expect((model.half().get_head_mask([1, 0], 3) as Tensor).type).toBe('float16');
    expect(() => model.get_head_mask([[[1]]], 1)).toThrow(AssertionError);
    for (const mask of [[[1, 0]], two])
      expect(() => model.get_head_mask(mask, 3)).toThrow(
        expect.objectContaining({ code: 'ERR_SHAPE', message: expect.stringMatching(/for \d layers?, but .* has 3/) }),
      );
  });

  it('that are missing bring one warning when ids begin or end in padding (row 139)', async () => {
    await using model = bert({ pad_token_id: 3, sep_token_id: 3 });
    const warnings = () => logged.filter(([, message]) => /recommend passing in an `attention_mask`/.test(message));
    model.warn_if_padding_and_no_attention_mask([[1, 3, 2]], null);
    model.warn_if_padding_and_no_attention_mask([[1, 3, 3]], [[1, 1, 0]]);
    expect(warnings()).toHaveLength(0);
    model.warn_if_padding_and_no_attention_mask(
      [
        [1, 2, 2],
        [3, 1, 1],
      ],
      null,
    );
    model.warn_if_padding_and_no_attention_mask([[1, 2, 3]], null);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]?.[1]).toMatch(/You may ignore this warning if your `pad_token_id` \(3\)/);
    const other = bert({ pad_token_id: 2 });
    const count = warnings().length;
    await other({ input_ids: [[1, 2, 3]] });
    await other({ input_ids: new Tensor('int64', [1, 2], [1, 2]), attention_mask: [[1, 0]] });
    expect(warnings()).toHaveLength(count);
    await other({ input_ids: new Tensor('int64', [1, 2], [1, 2]) });
    expect(warnings()).toHaveLength(count + 1);
    await other.dispose();
    const without = bert({ pad_token_id: null });
    without.warn_if_padding_and_no_attention_mask([[0, 0]], null);
    expect(warnings()).toHaveLength(count + 1);
    await without.dispose();
  });
});

describe('casts and moves (row 143)', () => {
  it('cast the weights, which the next call uses; what was given away stays', async () => {
    await using model = bert();
    const wide = ((await model({ input_ids: ids })) as { last_hidden_state: Tensor }).last_hidden_state.tolist();
    for (const [cast, type] of [
      [() => model.half(), 'float16'],
      [() => model.bfloat16(), 'bfloat16'],
      [() => model.float(), 'float32'],
      [() => model.to('torch.float16'), 'float16'],
      [() => model.to({ dtype: 'float32', device: 'cpu' }), 'float32'],
    ] as const) {
      expect(cast()).toBe(model);
      expect(new Set([...model.parameters()].map((parameter) => parameter.type))).toEqual(new Set([type]));
      expect([model.dtype, model.encoder.layer[0]?.attention.self.query.weight.value.type]).toEqual([type, type]);
      const { last_hidden_state } = (await model({ input_ids: ids })) as { last_hidden_state: Tensor };
      expect(last_hidden_state.tolist()).not.toEqual(type === 'float32' ? [] : wide);
    }
    expect(model.cpu().to('cpu')).toBe(model);
    expect(model.to('cpu', 'float16').to('float32', 'cpu').dtype).toBe('float32');
    for (const [first, second] of [
      ['float16', 'bfloat16'],
      ['cpu', 'cpu'],
    ] as const)
      expect(() => model.to(first, second)).toThrow(/names two of one kind/);
    expect(model.dtype).toBe('float32');
  });

  it('refuse devices that are not here, and types that weights cannot have', async () => {
    await using model = bert();
    for (const move of [() => model.cuda(), () => model.to('cuda:1'), () => model.to({ device: 'mps' })])
      expect(move).toThrow(expect.objectContaining({ name: 'ValueError', code: 'ERR_DEVICE' }));
    for (const type of ['int64', 'float64', 'bool'])
      expect(() => model.to(type)).toThrow(expect.objectContaining({ code: 'ERR_DTYPE' }));
    expect(() => model.double()).toThrow(/cannot be held as float64/);
    expect(() => model.to({ dtyp: 'float16' } as never)).toThrow(/did you mean 'dtype'/);
    expect(() => model.to(3 as never)).toThrow(expect.objectContaining({ name: 'TypeError' }));
    expect(model.dtype).toBe('float32');
  });
});

describe('load_state_dict', () => {
  it('copies tensors in the dtype of the parameters, all or none', async () => {
    await using model = bert();
    await using other = bert();
    model.half();
    const state = other.state_dict();
    expect(model.load_state_dict(state)).toEqual({ missing_keys: [], unexpected_keys: [] });
    expect(model.dtype).toBe('float16');
    const [a, b] = [model.float(), other.half().float()].map((m) => m.get_parameter('pooler.dense.weight').value);
    expect(await a?.getData()).toEqual(await b?.getData());
    const bias = model.get_parameter('pooler.dense.bias').value;
    const wrong = { 'pooler.dense.bias': new Tensor('float32', [1], [1]), 'pooler.dense.wait': bias };
    expect(() => model.load_state_dict(wrong)).toThrow(
      /BertModel:\n\tMissing key\(s\)[\s\S]*Unexpected key\(s\) in state_dict: "pooler.dense.wait"[\s\S]*size mismatch for pooler.dense.bias/,
    );
    expect(() => model.load_state_dict(wrong, { strict: false })).toThrow(/size mismatch/);
    expect(model.get_parameter('pooler.dense.bias').value).toBe(bias);
    expect(model.load_state_dict({ x: bias }, { strict: false }).unexpected_keys).toEqual(['x']);
    expect(() => model.load_state_dict({}, { stric: false } as never)).toThrow(/did you mean 'strict'/);
  });
});

describe('the tree of modules', () => {
  it('is walked and asked by dotted names', async () => {
    await using model = bert();
    expect([...model.children()]).toEqual([model.embeddings, model.encoder, model.pooler]);
    expect([...model.named_children()].map(([name]) => name)).toEqual(['embeddings', 'encoder', 'pooler']);
    expect([...model.modules()]).toHaveLength([...model.named_modules()].length);
    expect(model.get_submodule('encoder.layer.1')).toBe(model.encoder.layer[1]);
    expect(model.get_submodule('')).toBe(model);
    expect(model.get_parameter_or_buffer('pooler.dense.bias')).toBe(model.pooler?.dense.bias);
    expect(model.get_parameter_or_buffer('embeddings.position_ids')).toBe(model.get_buffer('embeddings.position_ids'));
    for (const ask of [
      () => model.get_submodule('encoder.layers'),
      () => model.get_parameter('pooler.dense'),
      () => model.get_buffer('pooler'),
      () => model.get_parameter_or_buffer('nothing'),
    ])
      expect(ask).toThrow(expect.objectContaining({ name: 'AttributeError' }));
    const seen: unknown[] = [];
    expect(model.apply((module) => seen.push(module))).toBe(model);
    expect([seen.length, seen.at(-1)]).toEqual([[...model.modules()].length, model]);
    model.train();
    expect([...model.modules()].every(({ training }) => training)).toBe(true);
    model.eval();
    expect([...model.modules()].some(({ training }) => training)).toBe(false);
  });
});
