import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from '../../../lib';
import { openSafetensors } from '../../../lib/checkpoint/safetensors';
import { setLogHook } from '../../../lib/logging';
import { small } from './small-models';

/** What classes of TensorFlow and Flax save (T-21, F-12). */

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'views-save-'));
  setLogHook(() => {});
});
afterEach(async () => {
  setLogHook(null);
  await rm(folder, { recursive: true, force: true });
});

const files = async () => (await readdir(folder)).filter((name) => !name.endsWith('config.json')).sort();

describe.each([
  ['TFBertForMaskedLM', small.bert, 'tf_model.h5'],
  ['TFGPT2LMHeadModel', small.gpt2, 'tf_model.h5'],
  ['TFT5ForConditionalGeneration', small.t5, 'tf_model.h5'],
  ['TFBartForConditionalGeneration', small.bart, 'tf_model.h5'],
  ['TFAlbertForMaskedLM', small.albert, 'tf_model.h5'],
  ['FlaxBertForMaskedLM', small.bert, 'flax_model.msgpack'],
  ['FlaxGPT2LMHeadModel', small.gpt2, 'flax_model.msgpack'],
  ['FlaxT5ForConditionalGeneration', small.t5, 'flax_model.msgpack'],
  ['FlaxBartForConditionalGeneration', small.bart, 'flax_model.msgpack'],
] as const)('%s', (name, config, file) => {
  const View = (library as unknown as Record<string, typeof library.TFBertForMaskedLM>)[
    name
  ] as typeof library.TFBertForMaskedLM;

  it('saves its framework’s file, and loads it again to the bit', async () => {
    const model = new View(config() as never);
    await model.save_pretrained(folder);
    expect(await files()).toEqual([file]);
    const saved = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as { architectures: string[] };
    expect(saved.architectures).toEqual([name.replace(/^(TF|Flax)/, '')]);
    const [again, info] = await View.from_pretrained(folder, { output_loading_info: true });
    expect(info).toMatchObject({ missing_keys: [], unexpected_keys: [], mismatched_keys: [] });
    for (const [key, tensor] of model.state_dict()) expect(again.state_dict().get(key)?.data).toEqual(tensor.data);
    await again.dispose();
  });

  it('saves shards and safetensors, and takes away what they replace', async () => {
    const model = new View(config() as never);
    await model.save_pretrained(folder, { max_shard_size: '2KB' });
    const index = `${file}.index.json`;
    expect((await files()).filter((each) => !/-\d{5}-of-\d{5}\./.test(each))).toEqual([index]);
    const again = await View.from_pretrained(folder);
    await model.save_pretrained(folder);
    expect(await files()).toEqual([file]);
    await rm(join(folder, file));
    await model.save_pretrained(folder, { safe_serialization: true });
    await using source = await openSafetensors(join(folder, 'model.safetensors'));
    expect(source.metadata.get('format')).toBe(name.startsWith('TF') ? 'tf' : 'flax');
    const safe = await View.from_pretrained(folder);
    for (const [key, tensor] of model.state_dict())
      for (const each of [again, safe]) expect(each.state_dict().get(key)?.data).toEqual(tensor.data);
    await Promise.all([again.dispose(), safe.dispose()]);
  });
});

it('a config keeps the dtype that it says, and classes of TensorFlow write no programs', async () => {
  const config = small.bert();
  config.torch_dtype = 'bfloat16';
  const model = new library.TFBertModel(config);
  await model.save_pretrained(folder);
  expect(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))).toMatchObject({ torch_dtype: 'bfloat16' });
  const saved = model.save_pretrained(folder, { saved_model: true });
  await expect(saved).rejects.toThrow(library.NotImplementedError);
  await expect(model.save_pretrained(folder, { version: 1 })).rejects.toThrow(/saved_model/);
});

it('params are saved in place of a Flax model’s own (F-12)', async () => {
  const [a, b] = [
    new library.FlaxBertModel(small.bert(), { seed: 1 }),
    new library.FlaxBertModel(small.bert(), { seed: 2 }),
  ];
  await a.save_pretrained(folder, { params: b.params });
  const again = await library.FlaxBertModel.from_pretrained(folder);
  for (const [key, tensor] of b.state_dict()) expect(again.state_dict().get(key)?.data).toEqual(tensor.data);
  await again.dispose();
});

it('a Flax model without parameters of its own saves those that it is given', async () => {
  const model = new library.FlaxBertModel(small.bert(), { _do_init: false });
  const params = model.init_weights(3);
  await model.save_pretrained(folder, { params });
  const [again, loaded] = await library.FlaxBertModel.from_pretrained(folder, { _do_init: false });
  const answer = (given: library.FlaxTree) => again({ input_ids: [[1, 2]], params: given });
  const [a, b] = await Promise.all([answer(params), answer(loaded)]);
  expect(a.last_hidden_state.data).toEqual(b.last_hidden_state.data);
  await expect(model.save_pretrained(folder)).rejects.toMatchObject({ code: expect.any(String) });
});

it('a state_dict with what the model has no place for is refused, and nothing is written', async () => {
  const model = new library.TFBertForMaskedLM(small.bert() as never);
  const [name, tensor] = [...model.state_dict()][0] as [string, library.Tensor];
  const refused = (state_dict: Record<string, library.Tensor>) => model.save_pretrained(folder, { state_dict });
  await expect(refused({ more: tensor })).rejects.toMatchObject({
    code: 'ERR_STATE_DICT',
    message: expect.stringContaining("'more' of state_dict"),
  });
  await expect(refused({ [name]: new library.Tensor('float32', new Float32Array(3), [3]) })).rejects.toMatchObject({
    code: 'ERR_STATE_DICT',
    message: expect.stringContaining(`of shape [3], has shape [${tensor.dims}]`),
  });
  expect(await files()).toEqual([]);
  await refused({ [name]: tensor });
  expect(await files()).toEqual(['tf_model.h5']);
});
