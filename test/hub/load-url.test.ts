import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoConfig } from '../../lib/auto/auto-config';
import { AutoModel, AutoModelForCausalLM } from '../../lib/auto/auto-model';
import { env } from '../../lib/env';
import { setLogHook } from '../../lib/logging';
import { BertConfig, BertModel } from '../../lib/models/bert/model';
import { bytesOf, useScratchHub } from './scratch-hub';

/** Files with an address of their own, and the commit that a config keeps. */

const hub = useScratchHub();
const goldens = join(__dirname, '..', 'goldens');
const golden = join(goldens, 'bert', 'base');
const read = (folder: string, name: string) => readFileSync(join(folder, name));
const files = { 'config.json': read(golden, 'config.json'), 'model.safetensors': read(golden, 'model.safetensors') };

let logged: string[];
let before: string[];
const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith('native-transformers-url-'));

beforeEach(() => {
  logged = [];
  before = temporary();
  setLogHook((_, message) => logged.push(message));
});
afterEach(() => {
  setLogHook(null);
  expect(temporary()).toEqual(before);
});

/** The address of a file of a repository on the server. */
const at = (file: string) => `${hub.server.endpoint}/org/bert/resolve/main/${file}`;

describe('the address of one file (rows 16, 41)', () => {
  it('of weights is fetched at each load, with a warning and without a token, beside a config', async () => {
    hub.server.commit('org/bert', files);
    process.env['HF_TOKEN'] = 'hf_good';
    const config = await BertConfig.from_pretrained(golden);
    const url = `${at('model.safetensors')}?download=true`;
    for (const type of [BertModel, AutoModel] as (typeof AutoModel)[]) {
      hub.server.forget();
      const seen: string[] = [];
      await using model = await type.from_pretrained(url, {
        config,
        progress_callback: ({ status }) => seen.push(status),
      });
      expect(model.config.name_or_path).toBe(url);
      expect(hub.server.log.map(({ headers }) => headers.authorization)).not.toContain('Bearer hf_good');
      expect(hub.server.requests()[0]).toBe('GET /org/bert/resolve/main/model.safetensors');
      expect([seen[0], seen.at(-1)]).toEqual(['initiate', 'done']);
      const { last_hidden_state } = await model({ input_ids: [[5, 6]] });
      await using local = await BertModel.from_pretrained(golden);
      expect(last_hidden_state.tolist()).toEqual((await local({ input_ids: [[5, 6]] })).last_hidden_state.tolist());
    }
    expect(logged).toContainEqual(expect.stringMatching(/FutureWarning: a URL .*deprecated/));
    expect(existsSync(hub.cache)).toBe(false);
  });

  it('of a config is read; a URL object is its address', async () => {
    hub.server.commit('org/bert', files);
    const config = await AutoConfig.from_pretrained(at('config.json'));
    expect(config).toMatchObject({ hidden_size: 24, _commit_hash: null });
    await using model = await BertModel.from_pretrained(new URL(at('model.safetensors')), {
      config: at('config.json'),
    });
    expect(model.config.hidden_size).toBe(24);
  });

  it('of weights of a model that generates asks for no generation config beside it', async () => {
    const folder = join(goldens, 'gpt2', 'base');
    hub.server.commit('org/bert', { 'model.safetensors': read(folder, 'model.safetensors') });
    await using model = await AutoModelForCausalLM.from_pretrained(at('model.safetensors'), { config: folder });
    expect(model.generation_config?._from_model_config).toBe(true);
    expect(
      hub.server.requests().filter((line) => !line.includes('model.safetensors') && !/storage/.test(line)),
    ).toEqual([]);
  });

  it.each([
    ['', {}, 'ERR_URL', /not the address of a file of weights \(but of a folder\).*namespace\/name/],
    ['config.json', {}, 'ERR_URL', /'config.json' does not end like one/],
    ['model.safetensors', { config: null }, 'ERR_NO_CONFIG', /give its config too/],
    ['model.safetensors', { local_files_only: true }, 'ERR_HUB_OFFLINE', /local_files_only is set/],
    ['none.safetensors', {}, 'ERR_HUB_ENTRY_NOT_FOUND', /none.safetensors/],
  ])('%j with %j is an error', async (file, options, code, message) => {
    hub.server.commit('org/bert', files);
    const config = await BertConfig.from_pretrained(golden);
    hub.server.forget();
    const load = BertModel.from_pretrained(at(file), { config, ...options });
    await expect(load).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(hub.server.log.length > 0).toBe(file.startsWith('none'));
  });

  it('asks nothing where the network may not be asked', async () => {
    const config = await BertConfig.from_pretrained(golden);
    process.env['HF_HUB_OFFLINE'] = '1';
    await expect(BertModel.from_pretrained(at('model.safetensors'), { config })).rejects.toThrow(/offline mode/);
    delete process.env['HF_HUB_OFFLINE'];
    env.allowRemoteModels = false;
    try {
      await expect(BertModel.from_pretrained(at('model.safetensors'), { config })).rejects.toThrow(/allowRemoteModels/);
      await expect(AutoConfig.from_pretrained(at('config.json'))).rejects.toThrow(/allowRemoteModels/);
    } finally {
      env.allowRemoteModels = true;
    }
    await expect(AutoConfig.from_pretrained(at(''))).rejects.toMatchObject({ code: 'ERR_URL' });
    expect(hub.server.log).toEqual([]);
  });

  it('that is damaged or cut leaves nothing behind', async () => {
    const config = await BertConfig.from_pretrained(golden);
    hub.server.commit('org/bert', { 'model.safetensors': bytesOf(5000) });
    await expect(BertModel.from_pretrained(at('model.safetensors'), { config })).rejects.toMatchObject({
      name: 'CheckpointError',
    });
    hub.server.commit('org/bert', files);
    hub.server.faults.push({ on: /storage|GET/, cut: 3000, times: 1 });
    await using model = await BertModel.from_pretrained(at('model.safetensors'), { config });
    expect(model.dtype).toBe('float32');
    const controller = new AbortController();
    hub.server.faults.push({ on: 'GET', slow: 5 });
    const load = BertModel.from_pretrained(at('model.safetensors'), { config, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(load).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });
});

describe('the commit (row 68)', () => {
  it('is on the config, whether that came with the model or was given', async () => {
    const first = hub.server.commit('org/bert', files);
    const config = await AutoConfig.from_pretrained('org/bert');
    expect(config._commit_hash).toBe(first);
    const second = hub.server.commit('org/bert', { ...files, 'README.md': 'new' });
    hub.server.forget();
    await using pinned = await BertModel.from_pretrained('org/bert', { config });
    expect([pinned.config._commit_hash, pinned.config.name_or_path]).toEqual([first, 'org/bert']);
    await using newer = await BertModel.from_pretrained('org/bert', { config, revision: 'main' });
    expect(newer.config._commit_hash).toBe(second);
    const stranger = await BertConfig.from_pretrained(golden);
    await using other = await BertModel.from_pretrained('org/bert', { config: stranger });
    expect(other.config._commit_hash).toBe(second);
    await using beside = await BertModel.from_pretrained('org/bert', { config: join(golden, 'config.json') });
    expect([beside.config._commit_hash, beside.name_or_path]).toEqual([second, 'org/bert']);
    expect(config._commit_hash).toBe(first);
  });

  it('is that of a snapshot, whose folder was given', async () => {
    const commit = hub.server.commit('org/bert', files);
    await (await BertModel.from_pretrained('org/bert')).dispose();
    const snapshot = join(hub.cache, 'models--org--bert', 'snapshots', commit);
    await using model = await BertModel.from_pretrained(snapshot);
    expect([model.config._commit_hash, model.config.name_or_path]).toEqual([commit, snapshot]);
    await using local = await BertModel.from_pretrained(golden);
    expect(local.config._commit_hash).toBeNull();
  });

  it('is one for the config and the weights, although the branch moves between them', async () => {
    const commit = hub.server.commit('org/bert', files);
    let moved = false;
    hub.server.faults.push({
      on: ({ method, url }) => {
        if (method === 'GET' && url.includes('config.json') && !moved) {
          moved = true;
          hub.server.commit('org/bert', { ...files, 'model.safetensors': bytesOf(900) });
        }
        return false;
      },
    });
    await using model = await AutoModel.from_pretrained('org/bert');
    expect([moved, model.config._commit_hash]).toEqual([true, commit]);
  });
});

describe('a config that names its file of weights', () => {
  const config = { ...JSON.parse(String(files['config.json'])), transformers_weights: 'other.safetensors' };

  it('has that file alone fetched', async () => {
    const named = { 'config.json': JSON.stringify(config), 'other.safetensors': files['model.safetensors'] };
    hub.server.commit('org/bert', { ...named, 'model.safetensors': bytesOf(50) });
    await using model = await AutoModel.from_pretrained('org/bert');
    expect(model.dtype).toBe('float32');
    expect(hub.server.requests().filter((line) => line.includes('model.safetensors'))).toEqual([]);
  });

  it('is an error where the repository has no such file', async () => {
    hub.server.commit('org/bert', { 'config.json': JSON.stringify(config), 'model.safetensors': bytesOf(50) });
    await expect(AutoModel.from_pretrained('org/bert')).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringMatching(/named other\.safetensors, which its config's transformers_weights names/),
    });
  });
});
