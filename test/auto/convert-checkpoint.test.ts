/** Every format into every other one, and back (rows 147, 149, 158, 161). */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadableClass } from '../../lib/auto/auto-model';
import { convertCheckpoint } from '../../lib/auto/convert-checkpoint';
import { convertToGguf } from '../../lib/auto/convert-to-gguf';
import { loadFamily } from '../../lib/auto/families';
import { GPT2Config, GPT2LMHeadModel } from '../../lib/models/gpt2/model';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { errorOf } from '../checkpoint/scratch';
import { tensorsIn } from './same-tensors';

const goldens = join(__dirname, '..', 'goldens');
let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'convert-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** A golden checkpoint in a folder of its own, as one class saves it. */
async function saved(family: string, className: string): Promise<string> {
  const ModelType = (loadFamily(family) as Record<string, unknown>)[className] as LoadableClass;
  const folder = join(parent, 'model');
  const model = (await ModelType.from_pretrained(join(goldens, family, 'base'), {
    dtype: 'float32',
  })) as PreTrainedModel;
  await model.save_pretrained(folder);
  await model.dispose();
  return folder;
}

/** Changes fields of a folder's config. */
function setConfig(folder: string, fields: Record<string, unknown>): void {
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...fields }));
}

const weightFiles = (folder: string) =>
  readdirSync(folder).filter((name) => /\.(safetensors|bin|h5|msgpack|gguf)/.test(name));

describe('a checkpoint', () => {
  // Each of the twelve ways from one format to another.
  const tour =
    'tensorflow flax pytorch safetensors flax tensorflow pytorch tensorflow safetensors pytorch flax safetensors';

  it.each([
    ['bert', 'BertForPreTraining'],
    ['gpt2', 'GPT2LMHeadModel'],
    ['t5', 'T5ForConditionalGeneration'],
    ['bart', 'BartForConditionalGeneration'],
    ['albert', 'AlbertForMaskedLM'],
    ['distilbert', 'DistilBertModel'],
  ])('of %s (%s) comes home from every format bit for bit', async (family, className) => {
    const folder = await saved(family, className);
    const before = await tensorsIn(folder);
    const ends = {
      tensorflow: 'tf_model.h5',
      flax: 'flax_model.msgpack',
      pytorch: 'pytorch_model.bin',
      safetensors: 'model.safetensors',
    };
    for (const to of tour.split(' ')) {
      const { left_out } = await convertCheckpoint(folder, { to });
      expect(left_out).toEqual([]);
      expect(weightFiles(folder)).toEqual([ends[to as keyof typeof ends]]);
    }
    expect(await tensorsIn(folder)).toEqual(before);
  });

  it.each(['tensorflow', 'flax'])('comes home from shards of %s', async (to) => {
    const folder = await saved('bert', 'BertForMaskedLM');
    const before = await tensorsIn(folder);
    await convertCheckpoint(folder, { to, max_shard_size: '9KB' });
    expect(weightFiles(folder).length).toBeGreaterThan(3);
    await convertCheckpoint(folder, { to: 'safetensors' });
    expect(weightFiles(folder)).toEqual(['model.safetensors']);
    expect(await tensorsIn(folder)).toEqual(before);
  });

  it.each([
    ['llama', 'LlamaForCausalLM'],
    ['qwen2', 'Qwen2ForCausalLM'],
    ['gpt2', 'GPT2LMHeadModel'],
  ])('of %s (%s) comes home from GGUF, and from there through .bin', async (family, className) => {
    const folder = await saved(family, className);
    const before = await tensorsIn(folder);
    const file = join(parent, 'model.gguf');
    await convertToGguf(folder, { output: file });
    const [bin, safe] = [join(parent, 'bin'), join(parent, 'safe')];
    await convertCheckpoint(file, { to: 'pytorch', output: bin });
    await convertCheckpoint(bin, { to: 'safetensors', output: safe });
    expect(readdirSync(bin).sort()).toEqual(['config.json', 'pytorch_model.bin']);
    // Names of one tensor in a .bin file are two tensors in safetensors.
    expect(await tensorsIn(safe)).toMatchObject(before);
    expect(JSON.parse(readFileSync(join(safe, 'config.json'), 'utf8'))).toMatchObject({ torch_dtype: 'float32' });
  });

  it('is cast on the way, and its config says so', async () => {
    const folder = await saved('t5', 'T5EncoderModel');
    const report = await convertCheckpoint(folder, { to: 'flax', dtype: 'bfloat16', output: join(parent, 'flax') });
    expect(report.dtypes.map(({ to }) => to)).toEqual(['bfloat16']);
    expect(JSON.parse(readFileSync(join(parent, 'flax', 'config.json'), 'utf8'))).toMatchObject({
      torch_dtype: 'bfloat16',
    });
    expect(new Set(Object.values(await tensorsIn(join(parent, 'flax'))).map((text) => text.split(' ')[0]))).toEqual(
      new Set(['bfloat16']),
    );
  });

  it('stays as it is in a dry run, which names the files', async () => {
    const folder = await saved('bert', 'BertForMaskedLM');
    const before = readdirSync(folder);
    const report = await convertCheckpoint(folder, { to: 'tensorflow', dryRun: true });
    expect(report).toMatchObject({ written: [{ file: 'tf_model.h5' }], removed: ['model.safetensors'] });
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('a conversion that is not defined', () => {
  const refused = async (folder: string, options: Parameters<typeof convertCheckpoint>[1]) => {
    const before = readdirSync(folder);
    const error = await errorOf(() => convertCheckpoint(folder, options));
    expect(readdirSync(folder)).toEqual(before);
    return error;
  };

  it('names the class that the framework never had', async () => {
    expect(await refused(await saved('llama', 'LlamaForCausalLM'), { to: 'flax' })).toMatchObject({
      code: 'UNSUPPORTED_LAYOUT',
      message: expect.stringContaining('Flax has no class for LlamaForCausalLM'),
    });
  });

  it('names the head that TensorFlow has no variable for', async () => {
    const folder = await saved('gpt2', 'GPT2LMHeadModel');
    const config = await GPT2Config.from_pretrained(folder, { tie_word_embeddings: false });
    await new GPT2LMHeadModel(config).save_pretrained(folder);
    expect(await refused(folder, { to: 'tensorflow' })).toMatchObject({
      code: 'UNSUPPORTED_LAYOUT',
      message: expect.stringContaining("'lm_head.weight' of GPT2LMHeadModel is not tied"),
    });
    expect((await convertCheckpoint(folder, { to: 'flax' })).left_out).toEqual([]);
  });

  it('names the weight that is missing, and leaves no folder', async () => {
    const folder = await saved('bert', 'BertForMaskedLM');
    setConfig(folder, { architectures: ['BertForTokenClassification'] });
    const error = await refused(folder, { to: 'flax', output: join(parent, 'out') });
    expect(error).toMatchObject({ code: 'ERR_STATE_DICT', message: expect.stringContaining('classifier.weight') });
    expect(readdirSync(parent)).toEqual(['model']);
  });

  it('names what HDF5 files of Keras cannot hold', async () => {
    expect(
      await refused(await saved('bert', 'BertForMaskedLM'), { to: 'tensorflow', dtype: 'bfloat16' }),
    ).toMatchObject({
      code: 'UNKNOWN_DTYPE',
      message: expect.stringContaining('bfloat16'),
    });
  });

  it('names options that mean nothing', async () => {
    const folder = await saved('bert', 'BertForMaskedLM');
    expect((await refused(folder, { to: 'onnx' })).message).toMatch(/'onnx'.*safetensors/);
    expect((await refused(folder, { to: 'flax', variant: 'fp16' })).message).toMatch(/variant/);
  });
});

describe('what a class has no place for', () => {
  it('is told, and left out', async () => {
    const folder = await saved('bert', 'BertForPreTraining');
    setConfig(folder, { architectures: ['BertForNextSentencePrediction'] });
    const { left_out } = await convertCheckpoint(folder, { to: 'flax', output: join(parent, 'out') });
    expect(left_out).toContain('cls.predictions.transform.dense.weight');
    expect(left_out.every((name) => name.startsWith('cls.predictions.'))).toBe(true);
  });
});
