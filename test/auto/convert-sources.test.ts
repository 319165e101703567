/** What conversions take beside folders in Hub layout: original releases of TensorFlow 1, and single files. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoConfig } from '../../lib/auto/auto-config';
import { type ConvertOptions, convertCheckpoint } from '../../lib/auto/convert-checkpoint';
import { type CheckpointSummary, inspectCheckpoint } from '../../lib/auto/inspect';
import { openAnyCheckpoint } from '../../lib/checkpoint/open-any';
import { inspectionLines } from '../../lib/cli/inspect';
import { BertConfig, BertForMaskedLM } from '../../lib/models/bert/model';
import { atOnce } from '../../lib/turns';
import { errorOf, scratchOfEachTest } from '../checkpoint/scratch';
import { loggedMessages } from '../logged-messages';
import { expectSameTensors, tensorsIn } from './same-tensors';

const inspectionText = (found: CheckpointSummary) => atOnce(inspectionLines(found)).join('\n');

const frameworks = join(__dirname, '..', 'goldens', 'frameworks');
const beside = ['config.json', 'generation_config.json', 'case.json', 'case.safetensors'];

const place = scratchOfEachTest();
const logged = loggedMessages();

/** The files of a golden's weights in a folder of its own, their names with `change` made. */
function files(golden: string, folder: string, change = (name: string) => name): string {
  mkdirSync(place(folder), { recursive: true });
  for (const name of readdirSync(join(frameworks, golden)))
    if (!beside.includes(name)) cpSync(join(frameworks, golden, name), place(folder, change(name)));
  return place(folder);
}

function configOf(golden: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(frameworks, golden, 'config.json'), 'utf8'));
}

/** BERT under the file names of Google's release. */
function googles(folder = 'google'): string {
  const made = files('bert-tf1-shards', folder, (name) => name.replace(/^model/, 'bert_model'));
  const { model_type, architectures, torch_dtype, transformers_version, _name_or_path, ...fields } =
    configOf('bert-tf1-shards');
  writeFileSync(join(made, 'bert_config.json'), JSON.stringify(fields));
  writeFileSync(join(made, 'bert_model.ckpt.meta'), 'a graph');
  writeFileSync(join(made, 'vocab.txt'), '[PAD]\n[UNK]\n');
  return made;
}

/** What a conversion of the golden itself gives, in its Hub layout. */
async function wanted(golden: string): Promise<string> {
  const output = place('wanted');
  await convertCheckpoint(join(frameworks, golden), { to: 'safetensors', output });
  return output;
}

async function converted(location: string, options: Partial<ConvertOptions> = {}) {
  const output = place('out');
  rmSync(output, { recursive: true, force: true });
  const report = await convertCheckpoint(location, { to: 'safetensors', output, ...options });
  return { ...report, output, names: readdirSync(output).sort() };
}

describe("Google's release of BERT", () => {
  it.each(['', 'bert_model.ckpt', 'bert_model.ckpt.index'])(
    'is taken by its folder and its files (%s)',
    async (name) => {
      const { output, names, class: as, left_out } = await converted(join(googles(), name));
      expect([as, left_out]).toEqual(['BertForPreTraining', []]);
      expect(
        logged.filter((line) => /names no class, and is taken for that of a BertForPreTraining/.test(line)),
      ).toHaveLength(1);
      expect(names).toEqual(
        ['config.json', 'model.safetensors', 'vocab.txt', ...(name ? [] : ['bert_config.json'])].sort(),
      );
      await expectSameTensors(output, await wanted('bert-tf1-shards'));
      const [made, said] = await Promise.all(
        [output, place('wanted')].map((folder) => AutoConfig.from_pretrained(folder)),
      );
      expect(made?.to_dict()).toEqual({ ...said?.to_dict(), torch_dtype: 'float32' });
    },
  );

  it('becomes a folder in Hub layout in its place, and nothing of TensorFlow stays', async () => {
    const folder = googles();
    const { removed } = await convertCheckpoint(folder, { to: 'flax' });
    expect(removed).toEqual([
      'bert_model.ckpt.data-00000-of-00002',
      'bert_model.ckpt.data-00001-of-00002',
      'bert_model.ckpt.index',
      'bert_model.ckpt.meta',
      'checkpoint',
    ]);
    expect(readdirSync(folder).sort()).toEqual(['bert_config.json', 'config.json', 'flax_model.msgpack', 'vocab.txt']);
  });

  it('is converted as another class, by which the config is named, and what that has no place for is told', async () => {
    const { output, left_out, class: as } = await converted(googles(), { class: 'TFBertForMaskedLM' });
    expect(as).toBe('BertForMaskedLM');
    expect(left_out.sort()).toEqual([
      'bert/pooler/dense/bias',
      'bert/pooler/dense/kernel',
      'cls/seq_relationship/output_bias',
      'cls/seq_relationship/output_weights',
    ]);
    const [model, info] = await BertForMaskedLM.from_pretrained(output, { output_loading_info: true });
    expect([model.config.architectures, info.missing_keys, info.unexpected_keys]).toEqual([
      ['BertForMaskedLM'],
      [],
      [],
    ]);
    await model.dispose();
  });

  it.each([
    [
      { class: 'BertForTokenClassification' },
      'ERR_STATE_DICT',
      /lacks weights of BertForTokenClassification, the class that it is converted as: classifier/,
    ],
    [
      { class: 'BertForMaskedLN' },
      'ERR_ARCHITECTURE',
      /no class 'BertForMaskedLN' here; did you mean BertForMaskedLM\?/,
    ],
    [
      { class: 'GPT2Model', config: join(frameworks, 'bert-flax') },
      'ERR_ARCHITECTURE',
      /GPT2Model is a class of 'gpt2', and the config in .* is of 'bert'/,
    ],
    [{ class: 7 as never }, 'ERR_TYPE', /class of convertCheckpoint must be a text/],
  ])('is not converted as %p', async (options, code, message) => {
    const error = await errorOf(() => converted(googles(), options));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(readdirSync(place())).toEqual(['google']);
  });

  it('is no folder for from_pretrained, which says what it takes', async () => {
    const error = await errorOf(() =>
      BertForMaskedLM.from_pretrained(googles(), { from_tf: true, config: new BertConfig() }),
    );
    expect(error.message).toMatch(
      /'bert_model\.ckpt' is a TensorFlow 1 checkpoint under a name of its own: give that path/,
    );
  });

  it('of several steps is asked for by name', async () => {
    const folder = googles();
    for (const step of [100, 2000])
      files('bert-tf1-shards', 'google', (name) => name.replace(/^model.ckpt/, `bert.ckpt-${step}`));
    for (const name of readdirSync(folder)) if (name.startsWith('bert_model')) rmSync(join(folder, name));
    expect(await errorOf(() => converted(folder))).toMatchObject({
      code: 'ERR_AMBIGUOUS',
      message: expect.stringMatching(
        /several TensorFlow checkpoints: bert\.ckpt-100, bert\.ckpt-2000; give the path of one/,
      ),
    });
    for (const name of ['bert.ckpt-2000', 'bert.ckpt-2000.index'])
      expect((await converted(join(folder, name))).written.map(({ file }) => file)).toEqual([
        'model.safetensors',
        'config.json',
      ]);
  });

  it('is inspected: what it would load as, and how', async () => {
    const folder = googles();
    const found = await inspectCheckpoint(folder);
    expect(found).toMatchObject({
      loads: true,
      model_type: 'bert',
      call: `BertForPreTraining.from_pretrained('${join(folder, 'bert_model.ckpt')}', { from_tf: true, config: '${join(folder, 'bert_config.json')}' })`,
    });
    expect(inspectionText(found)).toMatch(/It will load: BertForPreTraining\.from_pretrained\(/);
    const other = await inspectCheckpoint(join(folder, 'bert_model.ckpt'), { class: 'BertForMaskedLM' });
    expect(other).toMatchObject({
      isFile: true,
      loads: true,
      reasons: [expect.stringMatching(/^not used: .*seq_relationship/)],
    });
    expect(inspectionText(other)).toMatch(/bert\/embeddings\/word_embeddings +float32/);
    expect((await inspectCheckpoint(folder, { class: 'BertForMaskedLN' })).reasons).toEqual([
      expect.stringMatching(/did you mean/),
    ]);
  });
});

describe('other releases of TensorFlow 1', () => {
  it.each([
    ['gpt2-tf1', 'GPT2LMHeadModel'],
    ['t5-tf1', 'T5ForConditionalGeneration'],
  ])('%s is taken by the start of its files, as a %s where the config names no class', async (golden, className) => {
    const folder = files(golden, 'model');
    const { architectures, ...fields } = configOf(golden);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(fields));
    const { output, class: as, names } = await converted(join(folder, 'model.ckpt'));
    expect([as, names]).toEqual([className, ['config.json', 'model.safetensors']]);
    expect(logged.some((line) => line.includes(`taken for that of a ${className}`))).toBe(true);
    await expectSameTensors(output, await wanted(golden));
    expect((await AutoConfig.from_pretrained(output)).architectures).toEqual([className]);
  });

  it("of GPT-2 is taken with OpenAI's own config and vocabulary, which get the names that they have here", async () => {
    const folder = files('gpt2-tf1', 'model');
    const { n_embd, n_head, n_layer } = configOf('gpt2-tf1');
    writeFileSync(join(folder, 'hparams.json'), JSON.stringify({ n_vocab: 101, n_ctx: 64, n_embd, n_head, n_layer }));
    writeFileSync(join(folder, 'encoder.json'), '{"a":0}');
    writeFileSync(join(folder, 'vocab.bpe'), '#version: 0.2\n');
    expect(await inspectCheckpoint(folder)).toMatchObject({
      loads: false,
      reasons: [expect.stringMatching(/fields of '.*hparams\.json' have other names .*convert makes of this/)],
    });
    const { output } = await converted(folder);
    await expectSameTensors(output, await wanted('gpt2-tf1'));
    expect(await AutoConfig.from_pretrained(output)).toMatchObject({ vocab_size: 101, n_positions: 64, n_embd });
    expect(readFileSync(join(output, 'vocab.json'), 'utf8')).toBe('{"a":0}');
    expect(existsSync(join(output, 'merges.txt'))).toBe(true);
  });
});

describe('a file of weights', () => {
  it.each([
    ['gpt2-tf-h5', 'tf_model.h5'],
    ['bert-mlm-tf-h5-sharded', 'tf_model.h5.index.json'],
    ['bert-mlm-tf-safetensors', 'model.safetensors'],
    ['gpt2-flax-chunked', 'flax_model.msgpack'],
    ['t5-flax-sharded', 'flax_model.msgpack.index.json'],
  ])('is converted with what belongs to the model beside it (%s)', async (golden, file) => {
    const folder = files(golden, 'model');
    writeFileSync(join(folder, 'config.json'), JSON.stringify(configOf(golden)));
    for (const name of ['tokenizer.json', 'notes.txt', 'other.bin']) writeFileSync(join(folder, name), '{}');
    const before = readdirSync(folder);
    const { output, names, kept } = await converted(join(folder, file));
    expect([names, kept]).toEqual([
      ['config.json', 'model.safetensors', 'tokenizer.json'],
      ['config.json', 'tokenizer.json'],
    ]);
    expect(readdirSync(folder)).toEqual(before);
    await expectSameTensors(output, await wanted(golden));
  });

  it('of PyTorch becomes another file of PyTorch without a config, and by one in its names', async () => {
    const bin = place('bin');
    await convertCheckpoint(join(frameworks, 'bert-mlm-tf-safetensors'), { to: 'pytorch', output: bin });
    rmSync(join(bin, 'config.json'));
    const alone = await converted(join(bin, 'pytorch_model.bin'));
    expect([alone.class, alone.names]).toEqual([null, ['model.safetensors']]);
    const config = join(frameworks, 'bert-mlm-tf-safetensors', 'config.json');
    const named = await converted(join(bin, 'pytorch_model.bin'), { config });
    expect([named.class, named.names]).toEqual(['BertForMaskedLM', ['config.json', 'model.safetensors']]);
    await expectSameTensors(named.output, await wanted('bert-mlm-tf-safetensors'));
  });

  it('takes a config of its own, as a path or an object', async () => {
    const folder = files('bert-flax', 'model');
    const path = join(frameworks, 'bert-flax', 'config.json');
    for (const config of [path, await AutoConfig.from_pretrained(path)]) {
      const { output, names } = await converted(join(folder, 'flax_model.msgpack'), { config });
      expect(names).toEqual(['config.json', 'model.safetensors']);
      expect((await AutoConfig.from_pretrained(output)).architectures).toEqual(['BertForPreTraining']);
    }
    expect((await inspectCheckpoint(join(folder, 'flax_model.msgpack'), { config: path })).call).toBe(
      `BertForPreTraining.from_pretrained('${join(folder, 'flax_model.msgpack')}', { from_flax: true, config: '${path}' })`,
    );
  });

  it('without a config, or without a folder for the result, is refused', async () => {
    const file = join(files('bert-flax', 'model'), 'flax_model.msgpack');
    expect(await errorOf(() => converted(file))).toMatchObject({
      code: 'ERR_NO_CONFIG',
      message: expect.stringMatching(
        /has none of the files config\.json, bert_config\.json, hparams\.json; give the config/,
      ),
    });
    writeFileSync(place('model', 'config.json'), '{"hidden_size":32}');
    expect(await errorOf(() => converted(file))).toMatchObject({
      code: 'ERR_MODEL_TYPE',
      message: expect.stringMatching(/as class/),
    });
    expect((await errorOf(() => convertCheckpoint(file, { to: 'pytorch' }))).message).toMatch(
      /is a file; give a new folder/,
    );
    expect((await errorOf(() => converted(file, { output: place('model') }))).message).toMatch(/is not empty/);
    expect(await errorOf(() => converted(place('nowhere')))).toMatchObject({ code: 'ERR_NO_FOLDER' });
    expect(existsSync(place('out'))).toBe(false);
  });
});

it('a folder of PyTorch whose class is chosen becomes that class in its place', async () => {
  const folder = await wanted('bert-tf1-shards');
  const { class: as, left_out } = await convertCheckpoint(folder, { to: 'safetensors', class: 'BertModel' });
  expect([as, left_out.every((name) => name.startsWith('cls.')), left_out.length]).toEqual(['BertModel', true, 7]);
  await using source = await openAnyCheckpoint(folder);
  expect(source.names().filter((name) => !/^(embeddings|encoder|pooler)\./.test(name))).toEqual([]);
  expect((await AutoConfig.from_pretrained(folder)).architectures).toEqual(['BertModel']);
  // The same class again changes files alone, and leaves the config as it is.
  const before = readFileSync(join(folder, 'config.json'), 'utf8');
  await convertCheckpoint(folder, { to: 'pytorch', class: 'BertModel' });
  expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe(before);
});

it.each(['safetensors', 'flax'])(
  'weights that the config names are those that become %s, and the result has usual names',
  async (to) => {
    const folder = await wanted('bert-tf1-shards');
    const before = await tensorsIn(folder);
    cpSync(join(folder, 'model.safetensors'), join(folder, 'other.safetensors'));
    // Another file of the usual name would go along with Flax', as all files do.
    if (to === 'safetensors') writeFileSync(join(folder, 'model.safetensors'), 'of something else');
    else rmSync(join(folder, 'model.safetensors'));
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ ...config, transformers_weights: 'other.safetensors' }),
    );
    const output = place('out');
    await convertCheckpoint(folder, { to, output });
    expect(JSON.parse(readFileSync(join(output, 'config.json'), 'utf8'))).toEqual(config);
    await convertCheckpoint(output, { to: 'safetensors' });
    expect(await tensorsIn(output)).toEqual(before);
  },
);

it("the first ports to PyTorch, whose config is Google's, get one that names family and class", async () => {
  const folder = place('port');
  await convertCheckpoint(googles(), { to: 'pytorch', output: folder });
  rmSync(join(folder, 'config.json'));
  const { output, class: as } = await converted(folder);
  expect(as).toBe('BertForPreTraining');
  await using source = await openAnyCheckpoint(output);
  expect(source.has('cls.seq_relationship.weight')).toBe(true);
  expect((await AutoConfig.from_pretrained(output)).architectures).toEqual(['BertForPreTraining']);
});
