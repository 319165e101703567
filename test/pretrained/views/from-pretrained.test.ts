import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from '../../../lib';
import { inspectCheckpoint } from '../../../lib/auto/inspect';
import { writeHdf5 } from '../../../lib/checkpoint/hdf5/hdf5-writer';
import { setLogHook } from '../../../lib/logging';
import { expectRecorded, recordedCases } from '../recorded-case';

/** The classes of TensorFlow and Flax: views of PyTorch's, which read their framework's files. */

const { BertForMaskedLM, BertModel, FlaxBertForMaskedLM, FlaxBertModel, TFBertForMaskedLM, TFBertModel } = library;
const views: (typeof BertModel)[] = [TFBertModel, FlaxBertModel];
const classes: Record<string, typeof BertModel> = { BertModel, TFBertModel, FlaxBertModel };
const goldens = join(__dirname, '..', '..', 'goldens');
const frameworks = join(goldens, 'frameworks');
const inTensorFlow = join(frameworks, 'bert-mlm-tf-safetensors');
const inFlax = join(frameworks, 'bert-flax');
const inPyTorch = join(goldens, 'pytorch', 'bert-pt-zip');
const inputs = { input_ids: [[2, 5, 7, 3]] };

let folder: string;
const logged: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'views-'));
  logged.length = 0;
  setLogHook((_, message) => logged.push(message));
});
afterEach(async () => {
  setLogHook(null);
  await rm(folder, { recursive: true, force: true });
});

it.each(recordedCases(frameworks))('%s gives the same through its framework’s class (rows 151, 160)', (name) =>
  expectRecorded(join(frameworks, name), true),
);

describe('a file in which Keras numbers the weights', () => {
  const weight = (name: string, shape: number[]) => ({
    name,
    dtype: 'float32' as const,
    shape,
    bytes: new Float32Array(shape.reduce((n, dim) => n * dim, 1)),
  });
  const layer = 'layers/tf_bert_main_layer/embeddings/LayerNorm';

  it.each([
    ['TFBertModel', {}],
    ['BertModel', { from_tf: true }],
  ])('is refused by %s, which would leave all of it out', async (name, options) => {
    await cp(join(inFlax, 'config.json'), join(folder, 'config.json'));
    const numbered = [weight(`${layer}/vars/0`, [8]), weight(`${layer}/vars/1`, [8]), weight('optimizer/vars/0', [])];
    await writeHdf5(join(folder, 'tf_model.h5'), numbered);
    await expect(classes[name]?.from_pretrained(folder, options)).rejects.toMatchObject({
      name: 'NotImplementedError',
      code: 'UNSUPPORTED_LAYOUT',
      message: expect.stringMatching(/tf_model\.h5' holds weights as Keras 3 numbers them .*vars\/0.*save_pretrained/),
    });
    const { tensors, loads } = await inspectCheckpoint(join(folder, 'tf_model.h5'), { class: 'BertModel' });
    expect([tensors.map((tensor) => tensor.name), loads]).toEqual([numbered.map((tensor) => tensor.name), false]);
  });

  it('is none where one weight has a name', async () => {
    await cp(join(inFlax, 'config.json'), join(folder, 'config.json'));
    const named = weight('bert/embeddings/LayerNorm/gamma:0', [8]);
    await writeHdf5(join(folder, 'tf_model.h5'), [weight(`${layer}/vars/0`, [8]), named]);
    const [model, info] = await TFBertModel.from_pretrained(folder, {
      output_loading_info: true,
      ignore_mismatched_sizes: true,
    });
    expect(info.unexpected_keys).toEqual([layer.slice('layers/'.length).replaceAll('/', '.') + '.vars.0']);
    await model.dispose();
  });
});

describe('a class of TensorFlow or Flax', () => {
  it('is PyTorch’s class with another framework, name and base (A-16, T-33)', () => {
    const config = new library.BertConfig({
      hidden_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 8,
      vocab_size: 9,
    });
    const model = new TFBertForMaskedLM(config);
    expect([model.framework, TFBertForMaskedLM.framework, TFBertForMaskedLM.name]).toEqual([
      'tf',
      'tf',
      'TFBertForMaskedLM',
    ]);
    expect([BertModel.framework, new BertModel(config).framework]).toEqual(['pt', 'pt']);
    const bases = [
      library.TFPreTrainedModel,
      library.TFBertPreTrainedModel,
      library.TFModelUtilsMixin,
      BertForMaskedLM,
    ];
    for (const base of bases) expect(model).toBeInstanceOf(base);
    const others = [TFBertModel, FlaxBertForMaskedLM, library.FlaxPreTrainedModel, library.FlaxBertPreTrainedModel];
    for (const other of others) expect(model).not.toBeInstanceOf(other);
    expect(new BertForMaskedLM(config)).not.toBeInstanceOf(TFBertForMaskedLM);
    expect(new FlaxBertModel(config).framework).toBe('flax');
  });

  it('is computed with its own subclasses, which are its instances and no one else’s', () => {
    class Mine extends TFBertModel {}
    const config = new library.BertConfig({
      hidden_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 8,
    });
    expect(new Mine(config)).toBeInstanceOf(Mine);
    expect(new Mine(config)).toBeInstanceOf(TFBertModel);
    expect(new TFBertModel(config)).not.toBeInstanceOf(Mine);
  });

  it('takes PyTorch’s weights with from_pt, and computes what PyTorch’s class computes', async () => {
    const [wanted, tf, flax] = await Promise.all([
      BertModel.from_pretrained(inPyTorch),
      TFBertModel.from_pretrained(inPyTorch, { from_pt: true }),
      FlaxBertModel.from_pretrained(inPyTorch, { from_pt: true }),
    ]);
    const { last_hidden_state } = await wanted(inputs);
    for (const model of [tf, flax])
      expect(await (await model(inputs)).last_hidden_state.getData()).toEqual(await last_hidden_state.getData());
    await Promise.all([wanted, tf, flax].map((model) => model.dispose()));
  });

  it('takes PyTorch’s safetensors, single and sharded, without a word', async () => {
    const model = await BertModel.from_pretrained(inPyTorch);
    for (const max_shard_size of ['5GB', '4KB']) {
      await model.save_pretrained(folder, { max_shard_size });
      for (const View of views) {
        const [again, info] = await View.from_pretrained(folder, { output_loading_info: true });
        expect(info).toMatchObject({ missing_keys: [], unexpected_keys: [] });
        expect(again).toBeInstanceOf(View);
        await again.dispose();
      }
    }
    await model.dispose();
  });

  it.each([
    ['TFBertModel', inPyTorch, {}, /tf_model\.h5.*from_pt=True/],
    ['FlaxBertModel', inPyTorch, {}, /flax_model\.msgpack.*from_pt=True/],
    ['TFBertModel', inFlax, {}, /tf_model\.h5.*flax_model\.msgpack.*from_flax/],
    ['FlaxBertModel', join(frameworks, 'bert-mlm-tf-h5-sharded'), {}, /flax_model\.msgpack.*tf_model\.h5.*from_tf/],
    ['TFBertModel', inPyTorch, { use_safetensors: true, from_pt: true }, /has none of the files/],
  ] as const)(
    '%s says what to do where its files are not: %s %j (T-17, F-10)',
    async (name, path, options, message) => {
      const error = (classes[name] as typeof BertModel).from_pretrained(path, options);
      await expect(error).rejects.toThrow(library.OSError);
      await expect(error).rejects.toMatchObject({ code: 'WEIGHTS_NOT_FOUND', message: expect.stringMatching(message) });
    },
  );

  it('refuses a single file of another framework, and says what takes it', async () => {
    const config = await library.BertConfig.from_pretrained(inPyTorch);
    const bin = join(inPyTorch, 'pytorch_model.bin');
    await expect(TFBertModel.from_pretrained(bin, { config })).rejects.toMatchObject({
      code: 'UNSUPPORTED_LAYOUT',
      message: expect.stringMatching(/from_pt=True/),
    });
    await (await TFBertModel.from_pretrained(bin, { config, from_pt: true })).dispose();
    const msgpack = join(inFlax, 'flax_model.msgpack');
    await expect(TFBertModel.from_pretrained(msgpack, { config, from_pt: true })).rejects.toThrow(/a class of Flax/);
  });

  it.each([
    ['BertModel', { from_pt: true }, /from_pt is no option of BertModel/],
    ['TFBertModel', { from_flax: true }, /from_flax is no option of TFBertModel.*with BertModel/],
    ['FlaxBertModel', { from_tf: true }, /from_tf is no option of FlaxBertModel.*with BertModel/],
  ] as const)('%s refuses %j', async (name, options, message) => {
    await expect((classes[name] as typeof BertModel).from_pretrained(inPyTorch, options)).rejects.toMatchObject({
      code: 'ERR_OPTION_VALUE',
      message: expect.stringMatching(message),
    });
  });

  it('is said in configs by PyTorch’s name', async () => {
    const model = await TFBertForMaskedLM.from_pretrained(inTensorFlow);
    await model.save_pretrained(folder);
    expect((await library.BertConfig.from_pretrained(folder)).architectures).toEqual(['BertForMaskedLM']);
    await model.dispose();
  });
});

describe('the Auto classes of TensorFlow and Flax', () => {
  it('pick the class of their framework', async () => {
    const [tf, flax] = await Promise.all([
      library.TFAutoModelForMaskedLM.from_pretrained(inTensorFlow),
      library.FlaxAutoModel.from_pretrained(inFlax),
    ]);
    expect([tf, flax].map((model) => model.constructor)).toEqual([TFBertForMaskedLM, FlaxBertModel]);
    await Promise.all([tf.dispose(), flax.dispose()]);
  });

  it('say which architectures have no such class', async () => {
    const llama = await library.AutoConfig.from_pretrained(join(goldens, 'pytorch', 'llama-pt-zip'));
    expect(() => library.TFAutoModel.from_config(llama)).toThrow(
      /Unrecognized configuration class LlamaConfig.*TFAutoModel/,
    );
    const mpnet = new library.MPNetConfig();
    expect(() => library.FlaxAutoModelForMaskedLM.from_config(mpnet)).toThrow(library.ValueError);
    expect(() => new library.TFAutoModel()).toThrow(/TFAutoModel.from_pretrained/);
  });

  it('take a class that a program registers', async () => {
    class Mine extends FlaxBertModel {}
    library.FlaxAutoModel.register(library.BertConfig, Mine, { exist_ok: true });
    try {
      const model = await library.FlaxAutoModel.from_pretrained(inFlax);
      expect(model).toBeInstanceOf(Mine);
      await model.dispose();
    } finally {
      library.FlaxAutoModel.register(library.BertConfig, FlaxBertModel, { exist_ok: true });
    }
  });

  it('are names that a class can be registered for', () => {
    class Mine extends TFBertModel {}
    Mine.register_for_auto_class('TFAutoModelForMaskedLM');
    expect(Mine._auto_class).toBe('TFAutoModelForMaskedLM');
    expect(() => Mine.register_for_auto_class('TFAutoModelForTables')).toThrow(/not a valid auto class/);
  });
});

it('a Flax folder with a stray PyTorch file gives Flax’ weights, with from_pt too (F-10)', async () => {
  await cp(inFlax, folder, { recursive: true });
  await cp(join(inPyTorch, 'pytorch_model.bin'), join(folder, 'pytorch_model.bin'));
  const [a, b] = await Promise.all([
    FlaxBertModel.from_pretrained(folder, { from_pt: true }),
    FlaxBertModel.from_pretrained(inFlax),
  ]);
  const name = 'encoder.layer.0.attention.self.query.weight';
  expect(await a.get_parameter(name).value.getData()).toEqual(await b.get_parameter(name).value.getData());
  await Promise.all([a.dispose(), b.dispose()]);
});
