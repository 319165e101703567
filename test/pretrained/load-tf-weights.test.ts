import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { BertConfig, BertForPreTraining } from '../../lib/models/bert/model';
import { GPT2Config, GPT2Model } from '../../lib/models/gpt2/model';
import { LlamaModel } from '../../lib/models/llama/model';
import { T5Model } from '../../lib/models/t5/model';

/** `load_tf_weights` of PyTorch's classes: the original TensorFlow 1 releases. */

const frameworks = join(__dirname, '..', 'goldens', 'frameworks');

beforeEach(() => setLogHook(() => {}));
afterEach(() => setLogHook(null));

it('is there where there was such a release, and null elsewhere', () => {
  expect([GPT2Model, T5Model].map((type) => typeof type.load_tf_weights)).toEqual(['function', 'function']);
  expect(LlamaModel.load_tf_weights).toBeNull();
});

it('fills a model as from_pretrained does, from the prefix and from the index', async () => {
  const folder = join(frameworks, 'bert-tf1-shards');
  const config = await BertConfig.from_pretrained(folder);
  const wanted = await BertForPreTraining.from_pretrained(folder, { from_tf: true });
  for (const path of ['model.ckpt', 'model.ckpt.index']) {
    const model = new BertForPreTraining(config);
    expect(await BertForPreTraining.load_tf_weights?.(model, config, join(folder, path))).toBe(model);
    for (const [name, tensor] of wanted.state_dict()) expect(model.state_dict().get(name)?.data).toEqual(tensor.data);
  }
  await wanted.dispose();
});

it('says that there is no such checkpoint', async () => {
  const folder = join(frameworks, 'gpt2-tf1');
  const config = await GPT2Config.from_pretrained(folder);
  const model = new GPT2Model(config);
  await GPT2Model.load_tf_weights?.(model, config, join(folder, 'model.ckpt'));
  await expect(GPT2Model.load_tf_weights?.(model, config, join(folder, 'none'))).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
  });
});
