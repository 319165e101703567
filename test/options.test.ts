import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoConfig } from '../lib/auto/auto-config';
import { AutoModel } from '../lib/auto/auto-model';
import { setLogHook } from '../lib/logging';
import { BertConfig, BertModel } from '../lib/models/bert/model';
import { pipeline } from '../lib/pipelines';
import { AutoTokenizer, BertTokenizer, type PreTrainedTokenizer } from '../lib/preprocess';
import { cat, cos_sim, interpolate_4d, layer_norm, ones, softmax, zeros_like } from '../lib/tensor/functions';
import { Tensor } from '../lib/tensor/tensor';

const folder = join(__dirname, 'goldens', 'pipelines', 'bert');
const judge = join(__dirname, 'goldens', 'pipelines', 'judge');
const x = new Tensor('float32', [1, 2, 3, 4], [1, 1, 2, 2]);

let tokenizer: PreTrainedTokenizer;
let log: ReturnType<typeof setLogHook>;
beforeAll(async () => {
  log = setLogHook(() => {});
  tokenizer = await AutoTokenizer.from_pretrained(folder);
});
afterAll(() => {
  setLogHook(log);
  tokenizer.dispose();
});

/** Calls that take options at their end, with what they give when there are none. */
const calls: [string, (options: null) => unknown][] = [
  ['AutoModel.from_pretrained', (options) => freed(AutoModel.from_pretrained(folder, options))],
  ['BertModel.from_pretrained', (options) => freed(BertModel.from_pretrained(folder, options))],
  ['AutoConfig.from_pretrained', (options) => AutoConfig.from_pretrained(folder, options)],
  ['BertConfig.from_pretrained', (options) => BertConfig.from_pretrained(folder, options)],
  ['BertConfig.from_dict', (options) => BertConfig.from_dict({}, options)],
  ['AutoTokenizer.from_pretrained', (options) => freed(AutoTokenizer.from_pretrained(folder, options))],
  ['BertTokenizer.from_pretrained', (options) => freed(BertTokenizer.from_pretrained(folder, options))],
  ['pipeline', (options) => freed(pipeline('text-classification', judge, options))],
  ['tokenizer()', (options) => tokenizer('a text', options)],
  ['encode', (options) => tokenizer.encode('a text', options)],
  ['tokenize', (options) => tokenizer.tokenize('a text', options)],
  ['decode', (options) => tokenizer.decode([1, 2], options)],
  ['batch_decode', (options) => tokenizer.batch_decode([[1, 2]], options)],
  ['convert_ids_to_tokens', (options) => tokenizer.convert_ids_to_tokens([1, 2], options)],
  [
    'convert_tokens_to_string',
    (options) => tokenizer.convert_tokens_to_string(['a'] as readonly string[], options as never),
  ],
  ['ones', (options) => ones([2], options)],
  ['zeros_like', (options) => zeros_like(x, options)],
  ['layer_norm', (options) => layer_norm(x, [2], options)],
];

/** What a call gave, to compare. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v instanceof Tensor ? v.tolist() : v));
}

/** The name of a thing's class, once it is freed. */
async function freed(made: Promise<unknown>): Promise<string> {
  const thing = (await made) as { dispose(): unknown };
  await thing.dispose();
  return thing.constructor.name;
}

describe('options', () => {
  it.each(calls)('of %s may be null, or undefined, or undefined one by one', async (_name, call) => {
    const without = await call(undefined as never);
    for (const options of [null, {}, { no_such_option: undefined }, { signal: undefined }, { dtype: undefined }])
      expect(plain(await call(options as never))).toEqual(plain(without));
  });

  it.each(calls)('of %s must be an object', async (_name, call) => {
    for (const options of ['x', 3, [1]])
      await expect(async () => call(options as never)).rejects.toMatchObject({
        name: 'TypeError',
        code: 'ERR_TYPE',
        message: expect.stringMatching(/^the options of .* must be an object,.* not a (string|number|list)/),
      });
  });

  it('of a pipeline call may be null', async () => {
    await using classify = await pipeline('text-classification', judge, null);
    expect(await classify('good', null as never)).toEqual(await classify('good'));
    await expect(classify('good', 'x' as never)).rejects.toThrow(/options of text-classification must be an object/);
  });

  it('of interpolate_4d need a size, as they do when they are null', async () => {
    await expect(interpolate_4d(x, null)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) });
    expect((await interpolate_4d(x, { size: [4, 4], mode: null })).dims).toEqual([1, 1, 4, 4]);
  });

  it('that are null mean what they do in Transformers, or are refused', async () => {
    for (const name of ['dtype', 'config', 'state_dict', 'variant', 'use_safetensors', 'device', 'subfolder', 'signal'])
      expect(await freed(AutoModel.from_pretrained(folder, { [name]: null }))).toBe('BertModel');
    expect(await freed(AutoTokenizer.from_pretrained(folder, { subfolder: null, signal: null }))).toBe('BertTokenizer');
    expect(ones([1], { dtype: null }).type).toBe('float32');
    await expect(AutoModel.from_pretrained(folder, { hidden_act: null })).rejects.toMatchObject({
      code: 'ERR_CONFIG_TYPE',
      message: expect.stringContaining("config.hidden_act is null; expected a text such as 'gelu'"),
    });
    await expect(AutoTokenizer.from_pretrained(folder, { do_lower_case: null })).rejects.toMatchObject({
      code: 'ERR_TYPE',
      message: expect.stringContaining('do_lower_case must be true or false, got null'),
    });
  });
});

describe('arguments behind the last', () => {
  const more = { add_special_tokens: false } as never;
  it.each<[string, () => unknown]>([
    ['encode()', () => tokenizer.encode('a text', ...([null, more] as unknown as [null]))],
    ['tokenize()', () => tokenizer.tokenize('a text', null, more)],
    ['decode()', () => tokenizer.decode([1, 2], null, more)],
    ['batch_decode()', () => tokenizer.batch_decode([[1, 2]], null, more)],
    ['pipeline()', () => pipeline('text-classification', judge, null, more)],
    ['ones', () => ones([2], null, more)],
    ['layer_norm', () => layer_norm(x, [2], null, more)],
    ['softmax', () => (softmax as (...args: unknown[]) => unknown)(x, -1, more)],
    ['cat', () => cat([x, x], 0, more)],
    ['cos_sim', () => cos_sim([1, 2], [2, 1], more)],
    ['Tensor.add', () => x.add(1, more)],
    ['Tensor.sum', () => x.sum(0, false, more)],
    ['Tensor.clamp_', () => x.clamp_(0, 9, more)],
    ['Tensor.map', () => x.map(Number, more)],
    ['Tensor.squeeze', () => x.squeeze(0, more)],
    ['Tensor.to', () => x.to('int32', more)],
    ['Tensor.tolist', () => x.tolist(more)],
    ['Tensor.getData', () => x.getData(null, more)],
  ])('of %s are an error, where JS would drop them', async (name, call) => {
    await expect(async () => call()).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining(`${name} got an argument more than it takes, an object`),
    });
  });

  it('may be undefined', () => {
    expect(cos_sim([1, 2], [1, 2], undefined as never)).toBeCloseTo(1);
  });
});

describe('arguments that are null', () => {
  it('are refused, or give null where Python does', async () => {
    expect(tokenizer.convert_tokens_to_ids(null)).toBeNull();
    for (const call of [
      () => tokenizer.convert_tokens_to_ids(undefined as never),
      () => tokenizer.convert_tokens_to_ids([null] as never),
      () => tokenizer.convert_tokens_to_string(null as never),
      () => new BertConfig().update(null as never),
      () => new BertConfig().save_pretrained(null as never),
    ])
      await expect(async () => call()).rejects.toMatchObject({ name: 'TypeError', code: 'ERR_TYPE' });
    const scratch = mkdtempSync(join(tmpdir(), 'options-'));
    await new BertConfig().save_pretrained(scratch, null);
    rmSync(scratch, { recursive: true });
  });

  it('of a tokenizer must be of their types', async () => {
    const load = (options: Record<string, unknown>) => AutoTokenizer.from_pretrained(folder, options);
    await expect(load({ progress_callback: 3 })).rejects.toThrow(/progress_callback of .* must be a function/);
    await expect(load({ subfolder: [] })).rejects.toThrow(/subfolder of .* must be a text, not a list/);
    await expect(tokenizer.decode([1], { skip_special_tokens: 'yes' } as never)).rejects.toThrow(
      /skip_special_tokens of decode.* must be true or false, not a string \(yes\)/,
    );
    await expect(load({ config: 'x' })).rejects.toThrow(/config of .* must be an object, not a string \(x\)/);
  });
});
