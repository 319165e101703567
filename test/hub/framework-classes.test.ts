import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoModelForMaskedLM, AutoModelForSeq2SeqLM } from '../../lib/auto/auto-model';
import { setLogHook } from '../../lib/logging';
import { BertConfig, BertForMaskedLM } from '../../lib/models/bert/model';
import { FlaxBertForMaskedLM, FlaxT5ForConditionalGeneration } from '../../lib/models/flax';
import { TFBertForMaskedLM } from '../../lib/models/tensorflow';
import { goodToken } from './hub-server';
import { allowWrites } from './hub-writes';
import { useScratchHub } from './scratch-hub';

/** What the classes of TensorFlow and Flax ask a repository for (T-17, F-10). */

const hub = useScratchHub();
const frameworks = join(__dirname, '..', 'goldens', 'frameworks');

beforeEach(() => setLogHook(() => {}));
afterEach(() => setLogHook(null));

function filesOf(folder: string): Record<string, Buffer> {
  const names = readdirSync(folder).filter((name) => !name.startsWith('case.'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]));
}

/** The files that were asked for, each once, without the config. */
function asked(): string[] {
  const heads = hub.server.requests().filter((line) => line.startsWith('HEAD'));
  return [...new Set(heads.map((line) => line.slice(line.lastIndexOf('/') + 1)))].filter(
    (name) => name !== 'config.json',
  );
}

it('TensorFlow’s ask for safetensors, then for HDF5, and then for its index and every shard', async () => {
  const files = filesOf(join(frameworks, 'bert-mlm-tf-h5-sharded'));
  hub.server.commit('org/bert', files);
  await using model = await TFBertForMaskedLM.from_pretrained('org/bert');
  expect(model.framework).toBe('tf');
  const order = ['model.safetensors', 'tf_model.h5', 'tf_model.h5.index.json'];
  expect(asked().slice(0, 3)).toEqual(order);
  expect(asked().slice(3).sort()).toEqual(Object.keys(files).filter((name) => name.endsWith('.h5')));
});

it('Flax’ ask for msgpack, then for its index and every shard', async () => {
  const files = filesOf(join(frameworks, 't5-flax-sharded'));
  hub.server.commit('org/t5', files);
  await using model = await FlaxT5ForConditionalGeneration.from_pretrained('org/t5');
  expect(model.framework).toBe('flax');
  expect(asked().slice(0, 2)).toEqual(['flax_model.msgpack', 'flax_model.msgpack.index.json']);
});

it('PyTorch’s take shards of either from a repository, with from_tf and from_flax, and say so without', async () => {
  const cases = [
    ['bert-mlm-tf-h5-sharded', AutoModelForMaskedLM, 'from_tf', 'tf_model.h5'],
    ['t5-flax-sharded', AutoModelForSeq2SeqLM, 'from_flax', 'flax_model.msgpack'],
  ] as const;
  for (const [name, Model, option, single] of cases) {
    const files = filesOf(join(frameworks, name));
    hub.server.commit('org/m', files);
    await expect(Model.from_pretrained('org/m')).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringMatching(new RegExp(`^org/m .* weights in shards: set ${option} `)),
    });
    hub.server.forget();
    const [model, info] = await Model.from_pretrained('org/m', { [option]: true, output_loading_info: true });
    await model.dispose();
    expect([info.missing_keys, info.unexpected_keys]).toEqual([[], []]);
    expect(asked().slice(0, 2)).toEqual([single, `${single}.index.json`]);
    const offline = await Model.from_pretrained('org/m', { [option]: true, local_files_only: true });
    await offline.dispose();
  }
  await expect(BertForMaskedLM.from_pretrained('org/m', { from_tf: true })).rejects.toMatchObject({
    code: 'WEIGHTS_NOT_FOUND',
    message: expect.stringMatching(/^org\/m .* tf_model\.h5, nor tf_model\.h5\.index\.json: leave from_tf out/),
  });
});

it('both say what to do where there are PyTorch files alone, and take them with from_pt', async () => {
  const { 'config.json': config } = filesOf(join(frameworks, 'bert-mlm-tf-safetensors'));
  hub.server.commit('org/bert', { 'config.json': config as Buffer, 'pytorch_model.bin': 'x' });
  for (const load of [
    () => TFBertForMaskedLM.from_pretrained('org/bert'),
    () => FlaxBertForMaskedLM.from_pretrained('org/bert'),
  ])
    await expect(load()).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringMatching(/^org\/bert has no file .*from_pt=True/),
    });
  await expect(TFBertForMaskedLM.from_pretrained('org/bert', { from_pt: true })).rejects.toMatchObject({
    code: 'UNKNOWN_FORMAT',
    message: expect.stringMatching(/pytorch_model\.bin/),
  });
});

it('what Keras saved while it trained is restored from a repository that has both files', async () => {
  const keras = join(__dirname, '..', 'goldens', 'keras-checkpoint');
  const read = (name: string) => readFileSync(join(keras, name));
  const model = new TFBertForMaskedLM(await BertConfig.from_pretrained(keras));
  let given = 0;
  model.optimizer = { set_weights: (weights) => (given = weights.length) };
  hub.server.commit('org/keras', { 'checkpoint/weights.h5': read('checkpoint/weights.h5') });
  await expect(model.load_repo_checkpoint('org/keras')).rejects.toMatchObject({
    name: 'FileNotFoundError',
    message: expect.stringMatching(/extra_data\.pickle in repo org\/keras/),
  });
  expect([given, hub.server.requests().filter((line) => line.startsWith('GET'))]).toEqual([0, []]);
  hub.server.commit('org/keras', {
    'checkpoint/weights.h5': read('checkpoint/weights.h5'),
    'checkpoint/extra_data.pickle': read('checkpoint/extra_data.pickle'),
  });
  expect([await model.load_repo_checkpoint('org/keras'), given]).toEqual([{ epoch: 3 }, 53]);
});

it('both are pushed in their framework’s files, under their own names (T-34)', async () => {
  allowWrites(hub.server);
  process.env['HF_TOKEN'] = goodToken;
  const config = new BertConfig({ hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 });
  for (const [View, repo, file] of [
    [TFBertForMaskedLM, 'org/tf', 'tf_model.h5'],
    [FlaxBertForMaskedLM, 'org/flax', 'flax_model.msgpack'],
  ] as const) {
    const { commit_message } = await new View(config).push_to_hub(repo);
    const known = hub.server.repos.get(repo)!;
    const files = known.commits.get(known.refs.get('main') as string) as Map<string, Buffer>;
    expect([...files.keys()].filter((name) => !name.startsWith('.')).sort()).toEqual(
      ['README.md', 'config.json', file].sort(),
    );
    expect(commit_message).toBe(`Upload ${View.name}`);
  }
});
