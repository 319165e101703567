import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStats } from '../../lib/binding/runtime';
import type { GenerateOptions } from '../../lib/generation/generate';
import { GenerationConfig } from '../../lib/generation/generation-config';
import { LogLevel, setLogHook } from '../../lib/logging';
import { GPT2Config, GPT2LMHeadModel, GPT2Model } from '../../lib/models/gpt2/model';
import { LlamaForCausalLM, LlamaModel } from '../../lib/models/llama/model';
import type { DecoderModel } from '../../lib/pretrained/decoder-model';
import { Tensor } from '../../lib/tensor/tensor';
import { contractModel } from '../models/contract-model';
import { expectLive } from '../nn/live-memory';

const llama = join(__dirname, '..', 'goldens', 'llama', 'base');

const ids = async (result: Promise<Tensor>) => ((await result).tolist() as bigint[][]).map((row) => row.map(Number));

describe('generate', () => {
  let model: GPT2LMHeadModel;
  let warnings: string[];
  let unhook: () => void;
  beforeAll(async () => {
    model = await contractModel(GPT2LMHeadModel);
  });
  afterAll(() => model.dispose());
  beforeEach(() => {
    warnings = [];
    const before = setLogHook((level, text) => {
      if (level === LogLevel.WARNING) warnings.push(text);
    });
    unhook = () => setLogHook(before);
  });
  afterEach(() => unhook());

  const tail = async (rows: number[][], options: GenerateOptions = {}) => {
    const input_ids = new Tensor('int64', rows.flat(), [rows.length, rows[0]?.length ?? 0]);
    const attention_mask = rows.map((row) => row.map(() => 1));
    const all = await ids(
      model.generate({ input_ids, attention_mask }, { pad_token_id: 15, max_new_tokens: 8, ...options }),
    );
    return all.map((row) => row.slice(rows[0]?.length));
  };

  it('chooses the likeliest token each time (E-03, E-04)', async () => {
    expect(await tail([[1, 2, 3]])).toEqual([[14, 14, 7, 7, 7, 10, 0, 0]]);
    expect(await tail([[4, 9]])).toEqual([[10, 13, 14, 14, 14, 14, 0, 0]]);
  });

  it('ends a row at its end token, or at one of several, and fills it (E-05, E-06)', async () => {
    expect(await tail([[1, 2, 3]], { eos_token_id: 7 })).toEqual([[14, 14, 7]]);
    const rows = [
      [1, 2, 3],
      [4, 9, 5],
    ];
    expect(await tail(rows, { eos_token_id: [10, 0] })).toEqual([
      [14, 14, 7, 7, 7, 10],
      [14, 14, 7, 7, 7, 10],
    ]);
    const padded = {
      input_ids: [
        [1, 2, 3],
        [15, 4, 9],
      ],
      attention_mask: [
        [1, 1, 1],
        [0, 1, 1],
      ],
    };
    const all = await ids(model.generate(padded, { eos_token_id: 10, pad_token_id: 15, max_new_tokens: 8 }));
    expect(all.map((row) => row.slice(3))).toEqual([
      [14, 14, 7, 7, 7, 10],
      [10, 15, 15, 15, 15, 15],
    ]);
  });

  it('gives a row that is padded on the left what it has alone (E-22)', async () => {
    const input_ids = [
      [15, 15, 1, 2, 3],
      [4, 5, 6, 7, 8],
    ];
    const attention_mask = [
      [0, 0, 1, 1, 1],
      [1, 1, 1, 1, 1],
    ];
    const all = await ids(model.generate({ input_ids, attention_mask, max_new_tokens: 4, pad_token_id: 15 }));
    expect(all.map((row) => row.slice(5))).toEqual([
      [14, 14, 7, 7],
      [10, 10, 0, 10],
    ]);
  });

  it('tells padding by its id where no mask is given, unless it ends texts too', async () => {
    const input_ids = [
      [15, 15, 1, 2, 3],
      [4, 5, 6, 7, 8],
    ];
    const told = await ids(model.generate({ input_ids, max_new_tokens: 4, pad_token_id: 15 }));
    expect(told.map((row) => row.slice(5))).toEqual([
      [14, 14, 7, 7],
      [10, 10, 0, 10],
    ]);
    const attention_mask = input_ids.map((row) => row.map(() => 1));
    const both = { max_new_tokens: 4, pad_token_id: 15, eos_token_id: [16, 15] };
    expect(await ids(model.generate({ input_ids, ...both }))).toEqual(
      await ids(model.generate({ input_ids, attention_mask, ...both })),
    );
  });

  it('generates the same without a cache', async () => {
    expect(await tail([[1, 2, 3]], { use_cache: false })).toEqual(await tail([[1, 2, 3]]));
    const inputs_embeds = new Tensor(
      'float32',
      Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
      [1, 3, 8],
    );
    const options = { inputs_embeds, max_new_tokens: 6, pad_token_id: 15 };
    expect(await ids(model.generate({ ...options, use_cache: false }))).toEqual(await ids(model.generate(options)));
  });

  it('starts from the bos token when there is no prompt', async () => {
    const whole = await ids(model.generate({ bos_token_id: 4, max_new_tokens: 3, pad_token_id: 15 }));
    expect(whole).toEqual(await ids(model.generate([[4]], { max_new_tokens: 3, pad_token_id: 15 })));
    await expect(model.generate({ bos_token_id: null, max_new_tokens: 3 })).rejects.toThrow(/bos_token_id/);
  });

  it('generates 20 tokens where no length is given, within the positions that there are', async () => {
    const prompt = (length: number) => [Array.from({ length }, (_, i) => (i % 9) + 1)];
    const options = { eos_token_id: null, pad_token_id: 15 };
    expect((await model.generate(prompt(3), options)).dims).toEqual([1, 23]);
    expect((await model.generate(prompt(25), options)).dims).toEqual([1, 45]);
    expect((await model.generate(prompt(50), options)).dims).toEqual([1, 64]);
    await expect(model.generate(prompt(25), { ...options, max_length: 20 })).rejects.toMatchObject({
      name: 'ValueError',
      message: expect.stringMatching(/25.*max_length is 20/),
    });
    expect((await model.generate(prompt(3), { ...options, max_length: 9 })).dims).toEqual([1, 9]);
    expect((await model.generate(prompt(3), { ...options, max_length: 9, max_new_tokens: 2 })).dims).toEqual([1, 5]);
    expect(warnings.join()).toMatch(/both max_new_tokens \(2\) and max_length \(9\)/);
  });

  it('takes the end token for padding, and says so', async () => {
    await model.generate([[1, 2, 3]], { max_new_tokens: 2 });
    expect(warnings.join('\n')).toMatch(/attention mask and the pad token id were not set/);
    expect(warnings.join('\n')).toMatch(/Setting pad_token_id to eos_token_id: 16/);
  });

  it('warns of padding behind the text', async () => {
    const rows = [
      [1, 2, 3],
      [4, 15, 15],
    ];
    await model.generate(rows, { max_new_tokens: 1, pad_token_id: 15 });
    expect(warnings.join()).toMatch(/padding_side: 'left'/);
  });

  it.each([
    ['temperature', 0.5, /temperature.*sampling/],
    ['num_beams', 4, /num_beams: 4/],
    ['do_sample', true, /do_sample: true.*only greedy search/],
    ['repetition_penalty', 1.2, /repetition_penalty/],
    ['num_return_sequences', 2, /num_return_sequences/],
    ['return_dict_in_generate', true, /return_dict_in_generate/],
    ['stop_strings', ['a'], /stop_strings/],
    ['streamer', {}, /streamer/],
    ['past_key_values', {}, /past_key_values/],
    ['position_ids', [[0, 1, 2]], /position_ids/],
  ])('names %s, which it does not do yet', async (name, value, message) => {
    await expect(model.generate([[1, 2, 3]], { max_new_tokens: 2, [name]: value })).rejects.toMatchObject({
      name: 'NotImplementedError',
      code: 'ERR_NOT_SUPPORTED_YET',
      message: expect.stringMatching(message),
    });
  });

  it('lets a field pass that has its default', async () => {
    const options = { num_beams: 1, temperature: 1, repetition_penalty: 1, stop_strings: null, synced_gpus: false };
    expect(await tail([[1, 2, 3]], options)).toEqual(await tail([[1, 2, 3]]));
  });

  it('refuses an argument behind its options', async () => {
    await expect(model.generate([[1]], { max_new_tokens: 2 }, { num_beams: 4 } as never)).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/generate got an argument more than it takes, an object/),
    });
  });

  it('lists arguments that mean nothing to it', async () => {
    await expect(model.generate([[1]], { foo: 1, max_new_token: 3 })).rejects.toMatchObject({
      name: 'ValueError',
      message: expect.stringMatching(/not used by the model: \['foo', 'max_new_token'\]/),
    });
  });

  it.each([
    [{ max_new_tokens: 0 }, /max_new_tokens is 0/],
    [{ max_new_tokens: 1.5 }, /max_new_tokens is 1.5/],
    [{ eos_token_id: 'a' }, /eos_token_id/],
    [{ eos_token_id: [] }, /eos_token_id/],
    [{ pad_token_id: -2 }, /pad_token_id/],
    [{ use_cache: 1 }, /use_cache/],
    [{ max_length: null }, /max_length/],
    [{ input_ids: [[1]] }, /given twice/],
    [{ attention_mask: [[1]] }, /attention_mask/],
  ])('refuses %j', async (options, message) => {
    await expect(model.generate([[1, 2, 3]], options as GenerateOptions)).rejects.toMatchObject({
      name: 'ValueError',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [{ pad_token_id: 99 }, /pad_token_id is 99/],
    [{ bos_token_id: 17 }, /bos_token_id is 17/],
    [{ eos_token_id: 99 }, /eos_token_id is 99/],
    [{ eos_token_id: [3, 99] }, /eos_token_id is 99/],
    [{ decoder_start_token_id: 99 }, /decoder_start_token_id is 99/],
    [{ forced_bos_token_id: 99 }, /forced_bos_token_id is 99/],
    [{ forced_eos_token_id: [99] }, /forced_eos_token_id is 99/],
  ])('names a token of the call that its vocabulary lacks: %j', async (options, message) => {
    await expect(model.generate([[1, 2, 3]], options as GenerateOptions)).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_INDEX_OUT_OF_RANGE',
      message: expect.stringMatching(new RegExp(`^${message.source}.*below 17 \\(config.vocab_size\\)`)),
    });
  });

  it('minds a token of the config that its vocabulary lacks where it is used', async () => {
    const attention_mask = [[1, 1, 1]];
    const padded = new GenerationConfig({ pad_token_id: 99, max_new_tokens: 3 });
    const one = await ids(model.generate([[1, 2, 3]], { attention_mask, generation_config: padded }));
    expect(one).toEqual([[1, 2, 3, 14, 14, 7]]);
    const two = model.generate([[1], [2]], { attention_mask: [[1], [1]], generation_config: padded });
    await expect(two).rejects.toThrow(/^pad_token_id is 99/);
    const begun = new GenerationConfig({ bos_token_id: 99 });
    await expect(model.generate({ generation_config: begun })).rejects.toThrow(/^bos_token_id is 99/);
    const ended = new GenerationConfig({ eos_token_id: 98, pad_token_id: 15, max_new_tokens: 3 });
    expect(await ids(model.generate([[1, 2, 3]], { generation_config: ended }))).toEqual(one);
    expect(warnings.join()).toMatch(/eos_token_id of the generation config is 98.*no text ends with it/);
  });

  it('goes as far as there are positions, padding not counted; what cannot fit is refused before it computes', async () => {
    const prompt = (length: number) => [Array.from({ length }, (_, i) => (i % 9) + 1)];
    const options = { generation_config: new GenerationConfig({ pad_token_id: 15 }), eos_token_id: null };
    expect((await model.generate(prompt(60), { ...options, max_new_tokens: 5 })).dims).toEqual([1, 65]);
    const attention_mask = [Array.from({ length: 60 }, (_, i) => Number(i >= 10))];
    const masked = await model.generate(prompt(60), { ...options, attention_mask, max_new_tokens: 15 });
    expect(masked.dims).toEqual([1, 75]);
    const refused = { name: 'ValueError', code: 'ERR_TOO_MANY_TOKENS' };
    for (const [length, more] of [
      [60, 6],
      [3, 2 ** 40],
    ] as const)
      await expect(model.generate(prompt(length), { ...options, max_new_tokens: more })).rejects.toMatchObject({
        ...refused,
        message: `max_length is ${length + more}, and a row comes to ${length + more - 1} tokens, but GPT2LMHeadModel has 64 positions (config.max_position_embeddings): lower max_new_tokens or max_length, or shorten the prompt`,
      });
    await expect(model.generate(prompt(65), { max_new_tokens: 1 })).rejects.toMatchObject(refused);
    expect(warnings.join()).not.toMatch(/positions/);
  });

  it('warns of a length beyond its positions where rows may end before, and fails where they do not', async () => {
    expect(await tail([[1, 2, 3]], { max_new_tokens: 2 ** 40, eos_token_id: 10 })).toEqual([[14, 14, 7, 7, 7, 10]]);
    expect(warnings.join()).toMatch(/max_length is 1099511627779, and GPT2LMHeadModel has 64 positions/);
    await expect(tail([[1, 2, 3]], { max_length: 100, max_new_tokens: null, eos_token_id: 12 })).rejects.toThrow(
      /max_length is 100, and a row comes to 65 tokens, but GPT2LMHeadModel has 64 positions/,
    );
  });

  it('grows as it goes, so that a length costs nothing before it is there', async () => {
    const rotary = await LlamaForCausalLM.from_pretrained(llama);
    const attention_mask = [
      [0, 0, 1],
      [1, 1, 1],
    ];
    const input_ids = [
      [0, 0, 5],
      [5, 6, 7],
    ];
    const from = (max_new_tokens: number) =>
      ids(rotary.generate(input_ids, { attention_mask, max_new_tokens, eos_token_id: null, pad_token_id: 0 }));
    const [long, short] = [await from(540), await from(250)];
    expect(long.map((row) => row.slice(0, 253))).toEqual(short);
    expect(long.map((row) => row.length)).toEqual([543, 543]);
    const [first] = await ids(
      rotary.generate([[5]], { max_length: 2 ** 40, eos_token_id: short[0]?.[5] as number, pad_token_id: 0 }),
    );
    expect(first).toEqual(short[0]?.slice(2, 2 + (first?.length ?? 0)));
    await rotary.dispose();
  });

  it('refuses ids that are none of the vocabulary, and no ids', async () => {
    await expect(model.generate([[1, 17]])).rejects.toMatchObject({ code: 'ERR_INDEX_OUT_OF_RANGE' });
    await expect(model.generate([[]])).rejects.toThrow(/no token/);
  });

  it('is not for classes without a language modelling head (row 140)', async () => {
    const base = new GPT2Model(new GPT2Config({ n_layer: 1, n_embd: 8, n_head: 2, vocab_size: 9 }));
    expect([base.can_generate(), model.can_generate(), base.generation_config]).toEqual([false, true, null]);
    await expect(base.generate([[1]])).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/GPT2Model.*LMHeadModel/),
    });
  });

  it('stops when its signal does, before and between tokens', async () => {
    const aborted = AbortSignal.abort();
    await expect(model.generate([[1]], { signal: aborted })).rejects.toMatchObject({ name: 'AbortError' });
    const controller = new AbortController();
    const long = model.generate([[1, 2, 3]], { signal: controller.signal, max_new_tokens: 60, eos_token_id: null });
    setImmediate(() => controller.abort());
    await expect(long).rejects.toMatchObject({ name: 'AbortError' });
    expect(await tail([[1, 2, 3]])).toEqual([[14, 14, 7, 7, 7, 10, 0, 0]]);
  });

  it('leaves no memory behind', async () => {
    await tail([[1, 2, 3]]);
    const { live } = memoryStats();
    for (let i = 0; i < 3; i++) await tail([[1, 2, 3]]);
    await expectLive(live);
  });
});

describe('the generation config of a model (row 67)', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'generation-'));
    for (const file of ['config.json', 'model.safetensors']) symlinkSync(join(llama, file), join(folder, file));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const withFile = async (fields: object): Promise<DecoderModel> => {
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(fields));
    return LlamaForCausalLM.from_pretrained(folder);
  };

  it('is what its config says where there is no file', async () => {
    const model = await LlamaForCausalLM.from_pretrained(llama);
    expect(model.generation_config).toMatchObject({ _from_model_config: true, eos_token_id: 2, pad_token_id: 0 });
    model.config.eos_token_id = 7;
    await model.generate([[5]], { max_new_tokens: 2 });
    expect(model.generation_config?.eos_token_id).toBe(7);
    await model.dispose();
  });

  it('is what the file says; what shapes a distribution is inert while nothing is drawn from it', async () => {
    const model = await withFile({ max_new_tokens: 3, eos_token_id: null, temperature: 0.6, top_p: 0.9, top_k: 20 });
    expect(model.generation_config).toMatchObject({ max_new_tokens: 3, _from_model_config: false });
    expect((await model.generate([[5]])).dims).toEqual([1, 4]);
    await model.dispose();
  });

  it('that samples is an error which says how to go on without', async () => {
    const model = await withFile({ do_sample: true, temperature: 0.6, max_new_tokens: 3, eos_token_id: null });
    await expect(model.generate([[5]])).rejects.toMatchObject({
      name: 'NotImplementedError',
      message: expect.stringMatching(/do_sample: true.*pass do_sample: false/),
    });
    expect((await model.generate([[5]], { do_sample: false })).dims).toEqual([1, 4]);
    await model.dispose();
  });

  it.each([
    [{ num_beams: 4 }, /num_beams: 4.*pass num_beams: 1/],
    [{ repetition_penalty: 1.1 }, /repetition_penalty: 1.1.*pass repetition_penalty: 1/],
    [{ something_else: 3 }, /something_else: 3.*delete it from model.generation_config/],
  ])('that asks for %j is refused by name', async (fields, message) => {
    const model = await withFile(fields);
    await expect(model.generate([[5]], { max_new_tokens: 2 })).rejects.toMatchObject({
      name: 'NotImplementedError',
      message: expect.stringMatching(message),
    });
    await model.dispose();
  });

  it('gives way to one that the load is given', async () => {
    writeFileSync(join(folder, 'generation_config.json'), '{"max_new_tokens": 3}');
    const generation_config = new GenerationConfig({ max_new_tokens: 2, eos_token_id: null, pad_token_id: 0 });
    const model = await LlamaForCausalLM.from_pretrained(folder, { generation_config });
    expect((await model.generate([[5]])).dims).toEqual([1, 3]);
    expect(model.generation_config).not.toBe(generation_config);
    await model.dispose();
    const load = (options: Record<string, unknown>) => LlamaModel.from_pretrained(folder, options);
    await expect(load({ generation_config })).rejects.toThrow(/LlamaModel does not generate/);
    await expect(load({ generation_config: {} })).rejects.toMatchObject({ name: 'TypeError' });
  });

  it('gives way to one that the call passes, which leaves to it what it does not set', async () => {
    const model = await withFile({ max_new_tokens: 3, eos_token_id: null, num_beams: 2 });
    const generation_config = new GenerationConfig({ max_new_tokens: 5 });
    await expect(model.generate([[5]], { generation_config })).rejects.toThrow(/num_beams/);
    expect((await model.generate([[5]], { generation_config, num_beams: 1 })).dims).toEqual([1, 6]);
    await model.dispose();
  });
});
