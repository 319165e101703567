import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AutoConfig } from '../../lib/auto/auto-config';
import { AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM } from '../../lib/auto/auto-model';
import { convertToGguf } from '../../lib/auto/convert-to-gguf';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { type TensorToWrite, writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import { env } from '../../lib/env';
import { snapshotDownload } from '../../lib/hub/snapshot';
import { setLogHook } from '../../lib/logging';
import { BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { GPT2Config, GPT2LMHeadModel } from '../../lib/models/gpt2/model';
import { LlamaConfig, LlamaForCausalLM } from '../../lib/models/llama/model';
import { Qwen2Config, Qwen2ForCausalLM } from '../../lib/models/qwen2/model';
import { AutoTokenizer } from '../../lib/preprocess';
import type { ProgressInfo } from '../../lib/progress-info';
import type { Tensor } from '../../lib/tensor/tensor';
import { splitGguf } from '../checkpoint/gguf/split-gguf';
import { goodToken } from './hub-server';
import { useScratchHub } from './scratch-hub';

/** `from_pretrained` by the id of a repository. */

const hub = useScratchHub();
const goldens = join(__dirname, '..', 'goldens');
const bert = filesOf(join(goldens, 'bert', 'base'), ['config.json', 'model.safetensors']);

beforeEach(() => setLogHook(() => {}));
afterEach(() => setLogHook(null));

function filesOf(folder: string, names = readdirSync(folder)): Record<string, Buffer> {
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]));
}

/** The repository under a name of its own, with the requests that loading it makes. */
const lines = () =>
  hub.server.requests().map((line) => line.replace(/[0-9a-f]{40}/, 'COMMIT').replace('/org/bert/resolve/', ''));

describe('a model', () => {
  it('is loaded from its repository, and then from the cache by one question', async () => {
    const commit = hub.server.commit('org/bert', { ...bert, 'README.md': 'not wanted' });
    await using model = await AutoModel.from_pretrained('org/bert');
    expect(model).toBeInstanceOf(BertModel);
    expect(model.config.name_or_path).toBe('org/bert');
    expect(model.config._commit_hash).toBe(commit);
    expect(lines().map((line) => line.replace(/lfs\/.*/, 'lfs'))).toEqual([
      'HEAD main/config.json',
      'GET main/config.json',
      'HEAD COMMIT/model.safetensors',
      'GET storage/lfs',
    ]);
    const agents = hub.server.log.map(({ headers }) => headers['user-agent']);
    expect(agents[0]).toMatch(/^native-transformers\/[\d.]+; node\/[\d.]+; file_type\/config; from_auto_class\/true$/);
    expect(agents[2]).toMatch(/; file_type\/model$/);
    hub.server.forget();
    await using again = await AutoModel.from_pretrained('org/bert');
    expect(again.num_parameters()).toBe(model.num_parameters());
    expect(lines()).toEqual(['HEAD main/config.json']);
    hub.server.forget();
    await using pinned = await AutoModelForMaskedLM.from_pretrained('org/bert', { revision: commit });
    expect(pinned).toBeInstanceOf(BertForMaskedLM);
    expect(lines()).toEqual([]);
  });

  it('is one commit, though the branch moves in between', async () => {
    hub.server.commit('org/bert', bert);
    hub.server.extensions.push((server, entry) => {
      if (entry.url.includes('model.safetensors')) server.commit('org/bert', { 'config.json': '{}' });
      return false;
    });
    await using model = await BertModel.from_pretrained('org/bert');
    expect(model.config._commit_hash).not.toBe(hub.server.repos.get('org/bert')!.refs.get('main'));
  });

  it('comes with its config and its tokenizer from the GGUF file that gguf_file names', async () => {
    const folder = join(hub.home, 'gguf');
    const sizes = {
      hidden_size: 32,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      vocab_size: 5000,
    };
    const qwen2 = new Qwen2ForCausalLM(new Qwen2Config({ ...sizes, num_key_value_heads: 1 }));
    await qwen2.save_pretrained(folder);
    const tokens = join(goldens, 'tokenizers', 'byte-level');
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      copyFileSync(join(tokens, name), join(folder, name));
    const { file } = await convertToGguf(folder);
    hub.server.commit('org/gguf', { 'weights/m.gguf': readFileSync(file), 'README.md': 'not wanted' });
    const given = { gguf_file: 'm.gguf', subfolder: 'weights' };
    await using model = await AutoModelForCausalLM.from_pretrained('org/gguf', given);
    const tokenizer = await AutoTokenizer.from_pretrained('org/gguf', given);
    expect(hub.server.requests().filter((line) => /README|json|safetensors/.test(line))).toEqual([]);
    expect(model).toBeInstanceOf(Qwen2ForCausalLM);
    const input_ids = [await tokenizer.encode('Hello, World!')];
    const logitsOf = async (of: typeof model) => ((await of({ input_ids })) as { logits: Tensor }).logits.tolist();
    expect(await logitsOf(model)).toEqual(await logitsOf(qwen2));
    tokenizer.dispose();
    await qwen2.dispose();
  });

  describe('split over GGUF files', () => {
    const part = (n: number) => `m-0000${n}-of-00003.gguf`;
    const given = { gguf_file: part(1), subfolder: 'weights' };
    let files: Record<string, Buffer>;
    let logits: unknown;
    const logitsOf = async (of: (inputs: object) => Promise<unknown>) =>
      ((await of({ input_ids: [[1, 2, 3]] })) as { logits: Tensor }).logits.tolist();

    beforeEach(async () => {
      const folder = join(hub.home, 'gguf');
      const sizes = { hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2 };
      const whole = new LlamaForCausalLM(new LlamaConfig({ ...sizes, num_key_value_heads: 1, vocab_size: 700 }));
      logits = await logitsOf(whole);
      await whole.save_pretrained(folder);
      await whole.dispose();
      copyFileSync(join(goldens, 'vocabularies', 'llama.model'), join(folder, 'tokenizer.model'));
      const { file } = await convertToGguf(folder);
      files = Object.fromEntries(
        (await splitGguf(file, join(folder, 'm'), 3)).map((path) => [`weights/${basename(path)}`, readFileSync(path)]),
      );
    });

    const fetched = () => hub.server.requests().flatMap((line) => /GET .*-(\d{5})-of-/.exec(line)?.[1] ?? []);

    it('is fetched in all its parts, whichever is named, and then from the cache, without a network too', async () => {
      const commit = hub.server.commit('org/split', { ...files, 'README.md': 'not wanted' }, 'v1');
      hub.server.commit('org/split', { 'README.md': 'elsewhere' });
      for (const gguf_file of [part(1), part(3)]) {
        await using model = await AutoModelForCausalLM.from_pretrained('org/split', {
          ...given,
          gguf_file,
          revision: 'v1',
        });
        expect(await logitsOf(model)).toEqual(logits);
        expect(model.config._commit_hash).toBe(commit);
      }
      expect(fetched().sort()).toEqual(['00001', '00002', '00003']);
      hub.server.forget();
      await using offline = await AutoModelForCausalLM.from_pretrained('org/split', {
        ...given,
        revision: 'v1',
        local_files_only: true,
      });
      expect(await logitsOf(offline)).toEqual(logits);
      expect(hub.server.requests()).toEqual([]);
    });

    it('has its config from all parts, as ties are seen by tensors, and its tokenizer from the first', async () => {
      hub.server.commit('org/split', files);
      const tokenizer = await AutoTokenizer.from_pretrained('org/split', { ...given, gguf_file: part(2) });
      expect(fetched()).toEqual(['00001']);
      expect((await tokenizer.encode('Hello world')).length).toBeGreaterThan(1);
      tokenizer.dispose();
      const config = await AutoConfig.from_pretrained('org/split', given);
      expect(config).toMatchObject({ model_type: 'llama', vocab_size: 700, tie_word_embeddings: false });
    });

    it('is an error that names the part which the repository lacks', async () => {
      const { [`weights/${part(2)}`]: _, ...others } = files;
      hub.server.commit('org/split', others);
      await expect(AutoModelForCausalLM.from_pretrained('org/split', given)).rejects.toMatchObject({
        code: 'ERR_HUB_ENTRY_NOT_FOUND',
        message: expect.stringMatching(
          /org\/split does not appear to have a file named weights\/m-00002-of-00003\.gguf.* one of 3 parts/,
        ),
      });
    });

    it('is an error that names a part which the cache lacks, where the Hub may not be asked', async () => {
      hub.server.commit('org/split', files);
      (await AutoTokenizer.from_pretrained('org/split', given)).dispose();
      await expect(
        AutoModelForCausalLM.from_pretrained('org/split', { ...given, local_files_only: true }),
      ).rejects.toMatchObject({
        name: 'OSError',
        message: expect.stringMatching(
          /'weights\/m-0000[23]-of-00003\.gguf' of org\/split, and it is not in the cached/,
        ),
      });
    });
  });

  it('comes with the first of the files that Transformers asks for', async () => {
    const { 'model.safetensors': weights, ...others } = bert;
    hub.server.commit('org/bert', { ...others, 'pytorch_model.bin': weights as Buffer });
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT' });
    expect(lines().filter((line) => line.startsWith('HEAD'))).toEqual([
      'HEAD main/config.json',
      'HEAD COMMIT/model.safetensors',
      'HEAD COMMIT/model.safetensors.index.json',
      'HEAD COMMIT/pytorch_model.bin',
    ]);
    hub.server.forget();
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toMatchObject({ code: 'UNKNOWN_FORMAT' });
    expect(lines()).toEqual(['HEAD main/config.json']);
  });

  it.each([
    [{ 'tf_model.h5': 'x' }, {}, 'from_tf=True'],
    [{ 'flax_model.msgpack': 'x' }, {}, 'from_flax=True'],
    [{ 'pytorch_model.bin': 'x' }, { variant: 'fp16' }, 'variant=None'],
    [{ 'pytorch_model.bin': 'x' }, { use_safetensors: true }, 'safe_serialization=True'],
    [{ 'model.safetensors': 'x' }, { use_safetensors: false }, 'but model.safetensors: leave use_safetensors out'],
    [{}, {}, /model\.safetensors, pytorch_model\.bin, tf_model\.h5, model\.ckpt\.index or flax_model\.msgpack/],
  ])('without weights that the options take says what is there: %j', async (files, options, what) => {
    hub.server.commit('org/bert', { 'config.json': bert['config.json'] as Buffer, ...files });
    const call = AutoModel.from_pretrained('org/bert', options);
    await expect(call).rejects.toMatchObject({ name: 'OSError', code: 'WEIGHTS_NOT_FOUND' });
    await expect(AutoModel.from_pretrained('org/bert', options)).rejects.toThrow(what);
  });

  it('in shards comes with each of them, of the same commit', async () => {
    const files = await sharded();
    hub.server.commit('org/bert', files);
    const [model, info] = await AutoModel.from_pretrained('org/bert', { output_loading_info: true });
    await model.dispose();
    expect(info.missing_keys).toEqual([]);
    const asked = lines().filter((line) => line.startsWith('HEAD'));
    expect(asked.slice(0, 3)).toEqual([
      'HEAD main/config.json',
      'HEAD COMMIT/model.safetensors',
      'HEAD COMMIT/model.safetensors.index.json',
    ]);
    expect(asked.slice(3).sort()).toEqual(
      ['00001', '00002', '00003'].map((n) => `HEAD COMMIT/model-${n}-of-00003.safetensors`),
    );
  });

  it('with a shard missing names it and the index', async () => {
    const { 'model-00002-of-00003.safetensors': _, ...files } = await sharded();
    hub.server.commit('org/bert', files);
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toThrow(
      /model-00002-of-00003\.safetensors.*model\.safetensors\.index\.json/,
    );
  });

  it('whose index names files outside of it is refused', async () => {
    const index = JSON.stringify({ metadata: {}, weight_map: { a: '../../../evil.safetensors' } });
    hub.server.commit('org/bert', {
      'config.json': bert['config.json'] as Buffer,
      'model.safetensors.index.json': index,
    });
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toMatchObject({ code: 'UNSAFE_SHARD_NAME' });
  });

  it('takes subfolder, variant, revision, cache_dir and token', async () => {
    const files = {
      'part/config.json': bert['config.json']!,
      'part/model.fp16.safetensors': bert['model.safetensors']!,
    };
    hub.server.commit('org/bert', files, 'v1');
    hub.server.repos.get('org/bert')!.private = true;
    const cache_dir = join(hub.home, 'elsewhere');
    const options = { subfolder: 'part', variant: 'fp16', revision: 'v1', cache_dir, token: goodToken };
    await using model = await AutoModel.from_pretrained('org/bert', options);
    expect(model).toBeInstanceOf(BertModel);
    expect(existsSync(hub.cache)).toBe(false);
    expect(readdirSync(cache_dir)).toContain('models--org--bert');
    const toHub = hub.server.log.filter(({ server }) => server === 'hub');
    expect(new Set(toHub.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${goodToken}`]));
  });

  it('tells of each file that it fetches once, and of their sum', async () => {
    hub.server.commit('org/bert', bert);
    const events: ProgressInfo[] = [];
    await using model = await BertModel.from_pretrained('org/bert', {
      progress_callback: (event) => events.push(event),
    });
    expect(model).toBeDefined();
    const of = (status: string) =>
      events.filter((event) => event.status === status).map((event) => 'file' in event && event.file);
    expect(of('initiate')).toEqual(['model.safetensors']);
    expect(of('done')).toEqual(['model.safetensors']);
    const sum = events.filter(({ status }) => status === 'progress_total').at(-1);
    expect(sum).toMatchObject({ name: 'org/bert', progress: 100, total: bert['model.safetensors']!.length });
  });

  it('is found in a folder of the same name first, without a request', async () => {
    const saved = env.localModelPath;
    env.localModelPath = goldens;
    try {
      await using model = await AutoModel.from_pretrained('bert/base');
      expect(model).toBeInstanceOf(BertModel);
      expect(hub.server.log).toEqual([]);
    } finally {
      env.localModelPath = saved;
    }
  });

  it('is not looked for on the Hub when env.allowRemoteModels is false', async () => {
    hub.server.commit('org/bert', bert);
    env.allowRemoteModels = false;
    try {
      await expect(AutoModel.from_pretrained('org/bert')).rejects.toMatchObject({ code: 'ERR_NO_FOLDER' });
      expect(hub.server.log).toEqual([]);
    } finally {
      env.allowRemoteModels = true;
    }
  });
});

it('a model that generates comes with its generation config', async () => {
  const tiny = { n_layer: 1, n_head: 2, n_embd: 8, vocab_size: 11, n_positions: 16 };
  const made = new GPT2LMHeadModel(new GPT2Config(tiny));
  made.init_weights();
  const folder = join(hub.home, 'gpt2');
  await made.save_pretrained(folder);
  await made.dispose();
  hub.server.commit('org/gpt2', { ...filesOf(folder), 'generation_config.json': '{"max_new_tokens": 7}' });
  await using model = await GPT2LMHeadModel.from_pretrained('org/gpt2');
  expect(model.generation_config).toMatchObject({ max_new_tokens: 7 });
  hub.server.commit('org/gpt2', filesOf(folder, ['config.json', 'model.safetensors']));
  await using other = await GPT2LMHeadModel.from_pretrained('org/gpt2');
  expect(other.generation_config).toMatchObject({ max_new_tokens: null });
});

describe('an error of the Hub is an OSError that says what to do', () => {
  it.each([
    ['org/unknown', {}, 'is not a valid model identifier'],
    ['org/bert', { revision: 'v9' }, 'is not a valid git identifier'],
    ['org/bert', { subfolder: 'none' }, 'does not appear to have a file named none/config.json'],
    ['not an id', {}, 'incorrect path_or_model_id'],
  ])('%s %j', async (id, options, words) => {
    hub.server.commit('org/bert', bert);
    const error = await AutoConfig.from_pretrained(id, options).catch((e) => e);
    expect(error).toMatchObject({ name: 'OSError' });
    expect(error.message).toContain(words);
  });

  it('of a gated repository', async () => {
    hub.server.commit('org/bert', bert);
    hub.server.repos.get('org/bert')!.gated = true;
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toThrow('You are trying to access a gated repo');
  });

  it('without a connection', async () => {
    hub.server.faults.push({ on: 'HEAD', status: 503 });
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toThrow("couldn't connect");
  });

  it('of another status', async () => {
    hub.server.faults.push({ on: 'GET', status: 418 });
    hub.server.commit('org/bert', bert);
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toThrow('There was a specific connection error');
  });

  it('when both names of the token are given', async () => {
    const options = { token: 'a', use_auth_token: 'b' };
    await expect(AutoModel.from_pretrained('org/bert', options)).rejects.toThrow('are both specified');
    await expect(AutoTokenizer.from_pretrained('org/bert', options)).rejects.toThrow('are both specified');
  });
});

describe('a tokenizer', () => {
  const files = filesOf(join(goldens, 'pipelines', 'bert'));

  it('is loaded from its repository', async () => {
    hub.server.commit('org/bert', files);
    const tokenizer = await AutoTokenizer.from_pretrained('org/bert');
    tokenizer.dispose();
    hub.server.forget();
    (await AutoTokenizer.from_pretrained('org/bert')).dispose();
    expect(lines()).toEqual(['HEAD main/tokenizer.json']);
  });

  it('is made of the vocabulary that its repository has instead of tokenizer.json', async () => {
    const vocab = '[UNK]\n[CLS]\n[SEP]\nthe\n';
    hub.server.commit('org/bert', { 'vocab.txt': vocab, 'config.json': '{"model_type":"bert"}' });
    const tokenizer = await AutoTokenizer.from_pretrained('org/bert');
    expect(await tokenizer.encode('The')).toEqual([1, 3, 2]);
    tokenizer.dispose();
    hub.server.forget();
    const again = await AutoTokenizer.from_pretrained('org/bert', { local_files_only: true });
    again.dispose();
    expect(hub.server.log).toEqual([]);
  });

  it('that is not there names the repository and what it has', async () => {
    hub.server.commit('org/bert', { 'vocab.txt': 'a' });
    await expect(AutoTokenizer.from_pretrained('org/bert')).rejects.toThrow(/org\/bert.*vocab\.txt/);
  });
});

describe('offline', () => {
  it('a model and its tokenizer come from a cache that was filled as a whole, without a request', async () => {
    const texts = filesOf(join(goldens, 'pipelines', 'bert'), ['tokenizer.json', 'tokenizer_config.json']);
    const files = { ...texts, ...(await sharded()) };
    hub.server.commit('org/bert', files);
    await snapshotDownload('org/bert');
    hub.server.forget();
    process.env['HF_HUB_OFFLINE'] = '1';
    await using model = await AutoModel.from_pretrained('org/bert');
    expect(model).toBeInstanceOf(BertModel);
    (await AutoTokenizer.from_pretrained('org/bert')).dispose();
    delete process.env['HF_HUB_OFFLINE'];
    await using again = await AutoModel.from_pretrained('org/bert', { local_files_only: true });
    expect(again).toBeInstanceOf(BertModel);
    expect(hub.server.log).toEqual([]);
    await hub.server.close();
    (await AutoTokenizer.from_pretrained('org/bert')).dispose();
  });

  it('weights that the cache does not have are an error that says so', async () => {
    hub.server.commit('org/bert', bert);
    await AutoConfig.from_pretrained('org/bert');
    await expect(AutoModel.from_pretrained('org/bert', { local_files_only: true })).rejects.toThrow(
      /model\.safetensors.*in the cache.*local_files_only/,
    );
  });
});

/** The golden checkpoint in three shards. */
async function sharded(): Promise<Record<string, Buffer>> {
  const folder = join(hub.home, 'shards');
  mkdirSync(folder);
  await using source = await openSafetensors(join(goldens, 'bert', 'base', 'model.safetensors'));
  const files: Record<string, Buffer> = { 'config.json': bert['config.json'] as Buffer };
  const weight_map: Record<string, string> = {};
  const parts: TensorToWrite[][] = [[], [], []];
  for (const [i, name] of source.names().entries()) {
    const { dtype, shape } = source.info(name);
    parts[i % 3]!.push({ name, dtype: dtype as never, shape, bytes: await source.read(name) });
    weight_map[name] = `model-0000${(i % 3) + 1}-of-00003.safetensors`;
  }
  for (const [i, part] of parts.entries()) {
    const name = `model-0000${i + 1}-of-00003.safetensors`;
    await writeSafetensors(join(folder, name), part);
    files[name] = readFileSync(join(folder, name));
  }
  return { ...files, 'model.safetensors.index.json': Buffer.from(JSON.stringify({ metadata: {}, weight_map })) };
}
