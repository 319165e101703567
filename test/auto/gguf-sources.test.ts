/** What becomes a GGUF file beside PyTorch's folders, and the tokenizers that go along. */
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertCheckpoint } from '../../lib/auto/convert-checkpoint';
import { convertToGguf } from '../../lib/auto/convert-to-gguf';
import { openGguf } from '../../lib/checkpoint/gguf/gguf';
import { ggufMetadata, stringOf } from '../../lib/checkpoint/gguf/gguf-values';
import { writeGguf } from '../../lib/checkpoint/gguf/gguf-writer';
import { GPT2Config, GPT2LMHeadModel } from '../../lib/models/gpt2/model';
import { LlamaConfig, LlamaForCausalLM } from '../../lib/models/llama/model';
import { Qwen2Config, Qwen2ForCausalLM } from '../../lib/models/qwen2/model';
import { AutoTokenizer } from '../../lib/preprocess';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { splitGguf } from '../checkpoint/gguf/split-gguf';
import { errorOf, scratchOfEachTest } from '../checkpoint/scratch';
import { loggedMessages } from '../logged-messages';
import { expectSameTensors, tensorsIn } from './same-tensors';

const goldens = join(__dirname, '..', 'goldens');
const vocabularies = join(goldens, 'vocabularies');
const sizes = {
  vocab_size: 700,
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};

const place = scratchOfEachTest();
const logged = loggedMessages();

const make: Record<string, () => PreTrainedModel> = {
  llama: () => new LlamaForCausalLM(new LlamaConfig(sizes)),
  qwen2: () => new Qwen2ForCausalLM(new Qwen2Config(sizes)),
  gpt2: () => new GPT2LMHeadModel(new GPT2Config({ vocab_size: 700, n_embd: 32, n_layer: 1, n_head: 2 })),
};

async function saved(family: string): Promise<string> {
  const model = make[family]?.() as PreTrainedModel;
  await model.save_pretrained(place('model'));
  await model.dispose();
  return place('model');
}

describe('weights of other frameworks', () => {
  it.each([
    'gpt2-tf-h5',
    'gpt2-flax-bf16',
    'gpt2-flax-chunked',
    'gpt2-tf1',
    'gpt2-tf1/model.ckpt',
    'gpt2-tf-h5/tf_model.h5',
  ])('become the GGUF file that the same weights of PyTorch become (%s)', async (name) => {
    const source = join(goldens, 'frameworks', name);
    await convertCheckpoint(source, { to: 'safetensors', output: place('safe') });
    const [direct, around] = [place('direct.gguf'), place('around.gguf')];
    for (const [from, output] of [
      [source, direct],
      [place('safe'), around],
    ] as const)
      await convertToGguf(from, { output, dtype: 'float32' });
    await expectSameTensors(direct, around);
  });

  it('come from shards, and their config from where it is said to be', async () => {
    const folder = await saved('gpt2');
    await convertCheckpoint(folder, { to: 'flax', output: place('flax'), max_shard_size: '20KB' });
    const [a, b] = [place('a.gguf'), place('b.gguf')];
    await convertToGguf(folder, { output: a });
    rmSync(place('flax', 'config.json'));
    expect(await errorOf(() => convertToGguf(place('flax'), { output: b }))).toMatchObject({ code: 'ERR_NO_CONFIG' });
    await convertToGguf(place('flax', 'flax_model.msgpack.index.json'), { output: b, config: folder });
    await expectSameTensors(a, b);
  });

  it('of a family that GGUF is not written for are refused by name, and leave no file', async () => {
    const error = await errorOf(() =>
      convertToGguf(join(goldens, 'frameworks', 't5-tf-h5'), { output: place('t5.gguf') }),
    );
    expect(error).toMatchObject({
      code: 'ERR_MODEL_TYPE',
      message: expect.stringMatching(/'t5' cannot be written to GGUF/),
    });
    expect(readdirSync(place())).toEqual([]);
  });
});

describe('another GGUF file', () => {
  it('is quantised again, from its parts too, and keeps its words and its tokenizer', async () => {
    const folder = await saved('llama');
    copyFileSync(join(vocabularies, 'llama.model'), join(folder, 'tokenizer.model'));
    const { file } = await convertToGguf(folder, { output: place('m.gguf') });
    const parts = await splitGguf(file, place('split', 'm'), 3);
    const [whole, pieces] = [
      await convertToGguf(file, { quantize: 'Q8_0' }),
      await convertToGguf(parts[1] as string, { quantize: 'Q8_0' }),
    ];
    expect([whole.file, pieces.file]).toEqual([place('m-Q8_0.gguf'), place('split', 'm-Q8_0.gguf')]);
    await expectSameTensors(whole.file, pieces.file);
    await using a = await openGguf(file);
    await using b = await openGguf(pieces.file);
    const [before, after] = [ggufMetadata(a), ggufMetadata(b)];
    for (const key of before?.keys() ?? [])
      if (!/file_type/.test(key)) expect([key, after?.get(key)]).toEqual([key, before?.get(key)]);
    expect(after?.has('split.count')).toBe(false);
  });

  it('is found in a folder that holds nothing else, and written as a folder in Hub layout', async () => {
    const { file } = await convertToGguf(await saved('llama'), { output: place('alone', 'm.gguf') });
    const again = await convertToGguf(place('alone'), { quantize: 'Q8_0', output: place('again.gguf') });
    expect(again.tensors.length).toBeGreaterThan(5);
    const { names, written } = await convertCheckpoint(place('alone'), {
      to: 'safetensors',
      output: place('safe'),
    }).then((report) => ({ ...report, names: readdirSync(place('safe')).sort() }));
    expect([names, written.length]).toEqual([['config.json', 'model.safetensors'], 2]);
    await expectSameTensors(place('safe'), place('model'));
    const error = await errorOf(() => convertCheckpoint(place('alone'), { to: 'safetensors' }));
    expect(error.message).toMatch(/is a file; give a new folder/);
    expect(readdirSync(place('alone'))).toEqual(['m.gguf']);
    expect(file).toBe(place('alone', 'm.gguf'));
  });

  it('keeps the factors of its rotary frequencies, and what it says of its origin', async () => {
    const { file } = await convertToGguf(await saved('llama'), { output: place('m.gguf') });
    await using source = await openGguf(file);
    const tensors = await Promise.all(
      source.names().map(async (name) => {
        const bytes = await source.read(name);
        return { ...source.info(name), name, bytes: () => bytes };
      }),
    );
    const factors = new Uint8Array(Float32Array.from({ length: 8 }, (_, i) => 1 + i).buffer);
    tensors.push({
      ...tensors[0],
      name: 'rope_freqs.weight',
      dtype: 'float32',
      shape: [8],
      bytes: () => factors,
    } as never);
    const metadata = new Map([
      ...(ggufMetadata(source) ?? []),
      ['general.author', { type: 'string', value: 'me' }] as never,
    ]);
    const given = place('given.gguf');
    await writeGguf(given, metadata, tensors);
    const report = await convertToGguf(given, { quantize: 'Q8_0' });
    expect(report.tensors.at(-1)).toMatchObject({ name: 'rope_freqs.weight', to: 'float32', error: null });
    const [before, after] = [await tensorsIn(given), await tensorsIn(report.file)];
    expect(after['rope_freqs.weight']).toBe(before['rope_freqs.weight']);
    await using again = await openGguf(report.file);
    expect(stringOf(ggufMetadata(again) as never, 'general.author')).toBe('me');
    expect((await convertToGguf(given, { quantize: 'Q8_0', dryRun: true })).tensors).toHaveLength(
      report.tensors.length,
    );
  });
});

describe('a tokenizer without tokenizer.json', () => {
  const texts = ['Hello, World!', "it's 12345", '日本語 🙂', '\n\n x\t', 'the quick brown fox'];

  it.each([
    ['llama', { 'tokenizer.model': 'llama.model' }],
    ['qwen2', { 'vocab.json': 'bytes.json', 'merges.txt': 'bytes.txt' }],
    ['gpt2', { 'vocab.json': 'bytes.json', 'merges.txt': 'bytes.txt' }],
  ])('of %s goes along from its vocabulary, and cuts texts as before', async (family, files) => {
    const folder = await saved(family);
    for (const [name, from] of Object.entries(files)) copyFileSync(join(vocabularies, from), join(folder, name));
    const { file } = await convertToGguf(folder);
    const [before, after] = [await AutoTokenizer.from_pretrained(folder), await AutoTokenizer.from_pretrained(file)];
    for (const text of texts) {
      const ids = await before.encode(text, { add_special_tokens: false });
      expect([text, await after.encode(text)]).toEqual([text, ids]);
    }
    for (const tokenizer of [before, after]) tokenizer.dispose();
  });

  it.each([
    [
      { 'tokenizer.model': 'llama-unigram.model' },
      'ERR_NO_TOKENIZER',
      /type Unigram cannot be written to GGUF here; BPE can/,
    ],
    [{ 'vocab.txt': 'cased.txt' }, 'ERR_NO_TOKENIZER', /neither tokenizer\.json nor tokenizer\.model/],
  ])('that GGUF has no words for is refused (%p)', async (files, code, message) => {
    const folder = await saved('llama');
    for (const [name, from] of Object.entries(files)) copyFileSync(join(vocabularies, from), join(folder, name));
    const error = await errorOf(() => convertToGguf(folder));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(readdirSync(folder)).not.toContain('model.gguf');
  });

  it('that has more tokens than the model has embeddings is refused', async () => {
    const folder = await saved('qwen2');
    const vocab = JSON.parse(readFileSync(join(vocabularies, 'bytes.json'), 'utf8')) as Record<string, number>;
    writeFileSync(join(folder, 'vocab.json'), JSON.stringify({ ...vocab, beyond: 900 }));
    copyFileSync(join(vocabularies, 'bytes.txt'), join(folder, 'merges.txt'));
    expect(await errorOf(() => convertToGguf(folder))).toMatchObject({ code: 'ERR_TOKENIZER_FILE' });
  });

  it('where there is no vocabulary at all, the file says so, and so does a line', async () => {
    const { file } = await convertToGguf(await saved('llama'));
    expect(logged.filter((line) => /holds no tokenizer .*tokenizer\.model/.test(line))).toHaveLength(1);
    await using source = await openGguf(file);
    expect(stringOf(ggufMetadata(source) as never, 'tokenizer.ggml.model')).toBe('none');
  });
});
