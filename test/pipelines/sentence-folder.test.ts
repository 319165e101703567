import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { pipeline } from '../../lib/pipelines';
import type { Tensor } from '../../lib/tensor/tensor';
import { kGoldens } from './golden-pipelines';

const golden = join(kGoldens, 'sentence-flags');
const settings = '0_Transformer/sentence_bert_config.json';
const transformer = { type: 'sentence_transformers.models.Transformer', path: '0_Transformer' };
const pooling = { type: 'sentence_transformers.models.Pooling', path: '1_Pooling' };

let folder: string;
let log: ReturnType<typeof setLogHook>;
const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  log = setLogHook((_, message) => said.push(message));
  folder = mkdtempSync(join(tmpdir(), 'sentence-'));
  cpSync(golden, folder, { recursive: true });
});
afterEach(() => {
  setLogHook(log);
  rmSync(folder, { recursive: true });
});

const read = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value));

async function vectors(): Promise<unknown[]> {
  await using pipe = await pipeline('feature-extraction', folder);
  return ((await pipe(['The young fox watches the small river.', 'A train.'])) as Tensor).tolist() as unknown[];
}

describe('a folder of sentence-transformers', () => {
  it.each<[string, object, string, RegExp]>([
    ['1_Pooling/config.json', { pooling_mode_foo: true }, 'ERR_CONFIG_FIELD', /'pooling_mode_foo'/],
    [
      '1_Pooling/config.json',
      { pooling_mode_cls_token: 'yes' },
      'ERR_CONFIG_TYPE',
      /cls_token is "yes".*true or false/,
    ],
    ['1_Pooling/config.json', { pooling_mode: [] }, 'ERR_CONFIG_TYPE', /pooling_mode is \[\].*weightedmean/],
    ['1_Pooling/config.json', { pooling_mode: 'maen' }, 'ERR_CONFIG_TYPE', /pooling_mode is "maen"/],
    ['1_Pooling/config.json', { include_prompt: 0 }, 'ERR_CONFIG_TYPE', /include_prompt is 0/],
    [settings, { max_seq_length: 'x' }, 'ERR_CONFIG_TYPE', /max_seq_length is "x".*whole number/],
    [settings, { max_seq_length: 0 }, 'ERR_CONFIG_TYPE', /max_seq_length is 0/],
    [settings, { do_lower_case: 1 }, 'ERR_CONFIG_TYPE', /do_lower_case is 1/],
    [settings, { foo: 1 }, 'ERR_CONFIG_FIELD', /'foo'/],
    [settings, { max_seq_lenght: 1 }, 'ERR_CONFIG_FIELD', /did you mean 'max_seq_length'/],
    [settings, { transformer_task: 'fill-mask' }, 'ERR_CONFIG_FIELD', /transformer_task is "fill-mask"/],
    [settings, { modality_config: { text: { method: 'encode' } } }, 'ERR_CONFIG_FIELD', /modality_config/],
    [settings, { query_length: 32 }, 'ERR_CONFIG_FIELD', /query_length is 32/],
    [settings, { model_args: { torch_dtype: 'float16' } }, 'ERR_CONFIG_FIELD', /model_args .* torch_dtype/],
    [settings, { tokenizer_args: { padding_side: 'left' } }, 'ERR_CONFIG_FIELD', /tokenizer_args .* padding_side/],
    [settings, { processor_kwargs: { model_max_length: 'x' } }, 'ERR_CONFIG_TYPE', /model_max_length is "x"/],
    [settings, { model_args: [] }, 'ERR_CONFIG_TYPE', /model_args is \[\]/],
    ['2_Dense/config.json', { in_features: 'x' }, 'ERR_CONFIG_TYPE', /in_features is "x"/],
    ['2_Dense/config.json', { in_features: 71 }, 'ERR_SHAPE', /'linear.weight' .*\[16,72\].*\[16,71\]/],
    ['2_Dense/config.json', { activation_function: 'mine.ReLU' }, 'ERR_CONFIG_FIELD', /'mine.ReLU'.*torch.nn.Tanh/],
    ['2_Dense/config.json', { activation_function: null }, 'ERR_CONFIG_TYPE', /activation_function is null/],
    ['2_Dense/config.json', { use_residual: true }, 'ERR_CONFIG_FIELD', /use_residual is true/],
    ['2_Dense/config.json', { module_input_name: 'token_embeddings' }, 'ERR_CONFIG_FIELD', /module_input_name/],
    ['config_sentence_transformers.json', { prompts: { a: 5 } }, 'ERR_CONFIG_TYPE', /prompts is/],
    ['config_sentence_transformers.json', { default_prompt_name: 'b' }, 'ERR_CONFIG_TYPE', /query, title/],
  ])('with %s changed to %j is refused', async (name, change, code, message) => {
    write(name, { ...read(name), ...change });
    await expect(vectors()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each<[string, unknown, string, RegExp]>([
    ['an object', { a: 1 }, 'ERR_CONFIG_TYPE', /must be a list of modules/],
    ['a list of something else', [5], 'ERR_CONFIG_TYPE', /must be a list of modules/],
    ['nothing', [], 'ERR_NOT_SUPPORTED_YET', /lists nothing/],
    ['no pooling', [transformer], 'ERR_NOT_SUPPORTED_YET', /lists Transformer; a Transformer, then a Pooling/],
    ['two poolings', [transformer, pooling, pooling], 'ERR_NOT_SUPPORTED_YET', /Transformer, Pooling, Pooling/],
    ['pooling first', [pooling, transformer], 'ERR_NOT_SUPPORTED_YET', /lists Pooling, Transformer/],
    [
      'code of its own',
      [{ ...transformer, type: 'custom.Transformer' }, pooling],
      'ERR_NOT_SUPPORTED_YET',
      /never run/,
    ],
  ])('whose modules.json holds %s is refused', async (_, modules, code, message) => {
    write('modules.json', modules);
    await expect(vectors()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each(['1_Pooling', '2_Dense'])('without the config of %s is refused', async (module) => {
    rmSync(join(folder, module, 'config.json'));
    await expect(vectors()).rejects.toMatchObject({
      name: 'OSError',
      code: 'ERR_NO_CONFIG',
      message: expect.stringMatching(new RegExp(`${module}' has no config.json`)),
    });
  });

  it('may say what changes nothing', async () => {
    const own = await vectors();
    write(settings, {
      ...read(settings),
      unpad_inputs: true,
      processing_kwargs: {},
      query_length: null,
      model_args: { add_pooling_layer: false, trust_remote_code: true },
      tokenizer_args: { use_fast: true },
    });
    write('2_Dense/config.json', { ...read('2_Dense/config.json'), made_by: 'me' });
    expect(await vectors()).toEqual(own);
    expect(said.filter((message) => message.includes('made_by'))).toHaveLength(1);
  });

  it('means the mean when no flag is set, as in sentence-transformers', async () => {
    const [dense] = [read('modules.json') as unknown as object[]].map((modules) => modules.slice(0, 2));
    write('modules.json', dense);
    write('1_Pooling/config.json', { word_embedding_dimension: 24, pooling_mode_cls_token: false });
    const unset = await vectors();
    write('1_Pooling/config.json', { embedding_dimension: 24, pooling_mode: 'mean' });
    expect(unset).toEqual(await vectors());
  });

  it("is cut where its tokenizer's arguments say, before max_seq_length, in a file of any of its names", async () => {
    const own = await vectors();
    write(settings, { max_seq_length: 5 });
    const cut = await vectors();
    expect(cut[0]).not.toEqual(own[0]);
    write(settings, { max_seq_length: 100, tokenizer_args: { model_max_length: 5 } });
    expect(await vectors()).toEqual(cut);
    write(settings, { max_seq_length: 5 });
    renameSync(join(folder, settings), join(folder, '0_Transformer/sentence_distilbert_config.json'));
    expect(await vectors()).toEqual(cut);
  });
});
