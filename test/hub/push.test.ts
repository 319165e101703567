import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as hubDoor from '../../lib/hub';
import { newCard, withTags } from '../../lib/hub/model-card';
import { defaultMessage, type PushOptions, pushToHub } from '../../lib/hub/push-to-hub';
import { retryPolicy } from '../../lib/hub/retry';
import { uploadFolder } from '../../lib/hub/upload-folder';
import { setLogHook } from '../../lib/logging';
import { BertConfig, BertModel } from '../../lib/models/bert/model';
import { AutoTokenizer } from '../../lib/preprocess';
import { goodToken } from './hub-server';
import { allowWrites, type Writes } from './hub-writes';
import { bytesOf, useScratchHub } from './scratch-hub';

/** Pushing: what is saved, what is asked of the Hub and in which order, and that nothing is committed twice. */

const hub = useScratchHub();
let writes: Writes;
let said: string[];
const weights = bytesOf(60_000);
const startFolder = process.cwd();

beforeEach(() => {
  writes = allowWrites(hub.server);
  said = [];
  setLogHook((_, message) => said.push(message));
  mkdirSync(join(hub.home, 'work'));
  process.chdir(join(hub.home, 'work'));
  process.env['HF_TOKEN'] = goodToken;
});
afterEach(() => {
  process.chdir(startFolder);
  setLogHook(null);
});

const saved: { folder: string; options: object }[] = [];
const subject = {
  className: 'BertForMaskedLM',
  async save(folder: string, options: object) {
    saved.push({ folder, options });
    writeFileSync(join(folder, 'config.json'), '{"model_type": "bert"}');
    writeFileSync(join(folder, 'model.safetensors'), weights);
  },
};
const push = (id: string | null, options: PushOptions = {}) => pushToHub(subject, id, options);
const headFiles = (repo = 'org/name', branch = 'main') => {
  const known = hub.server.repos.get(repo)!;
  return known.commits.get(known.refs.get(branch) as string) as Map<string, Buffer>;
};
const lines = () => hub.server.requests().map((line) => line.replace(/[0-9a-f]{64}/, 'OID'));

describe('options of a fetch', () => {
  it.each([{ include: '*.json' }, { max_workers: '8' }, { local_files_only: 'false' }, { force_download: 'no' }])(
    '%j are refused before anything is asked',
    async (options) => {
      await expect(hubDoor.snapshotDownload('org/name', options as object)).rejects.toMatchObject({
        name: 'TypeError',
        message: expect.stringContaining(Object.keys(options)[0] as string),
      });
      expect(lines()).toEqual([]);
    },
  );
});

describe('options of a push', () => {
  it.each([
    [{ create_pr: 'false' }, /create_pr of push_to_hub must be true or false, not a string/],
    [{ private: 0 }, /private of push_to_hub must be true or false/],
    [{ use_temp_dir: 'no' }, /use_temp_dir/],
    [{ commit_message: 5 }, /commit_message of push_to_hub must be a text/],
    [[], /must be an object/],
  ])('%j are refused before anything is asked', async (options, message) => {
    await expect(push('org/name', options as PushOptions)).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(message),
    });
    expect(lines()).toEqual([]);
  });

  it('of a save leave no choice of the folder', async () => {
    const model = new BertModel(
      new BertConfig({ hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 1, intermediate_size: 8 }),
    );
    const options = { push_to_hub: true, use_temp_dir: true } as object;
    await expect(model.save_pretrained('m', options)).rejects.toThrow(/use_temp_dir is of push_to_hub/);
    expect(lines()).toEqual([]);
  });

  it('of a folder with its own card hold no tags, and nothing of saving', async () => {
    mkdirSync('m');
    writeFileSync(join('m', 'README.md'), '# mine');
    await expect(uploadFolder('m', 'org/name', { tags: ['a'] })).rejects.toThrow(/put them there/);
    await expect(hubDoor.uploadFolder('m', 'org/name', { organization: 'o' } as object)).rejects.toThrow(
      /organization/,
    );
    await expect(uploadFolder('nowhere', 'org/name')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    expect(lines()).toEqual([]);
  });
});

describe('a push', () => {
  it('asks the Hub in the order of the contract, and says what came of it', async () => {
    const info = await push('org/name');
    expect(lines()).toEqual([
      'POST /api/repos/create',
      'HEAD /org/name/resolve/main/README.md',
      'POST /api/validate-yaml',
      'GET /api/models/org/name/revision/main',
      'POST /api/models/org/name/preupload/main',
      'POST /org/name.git/info/lfs/objects/batch',
      'PUT storage/put/OID',
      'POST /org/name.git/info/lfs/objects/verify',
      'POST /api/models/org/name/commit/main',
    ]);
    expect(headFiles().get('model.safetensors')!.equals(weights)).toBe(true);
    expect([...headFiles().keys()].sort()).toEqual(['.gitattributes', 'README.md', 'config.json', 'model.safetensors']);
    expect(info).toMatchObject({
      repo_id: 'org/name',
      oid: hub.server.repos.get('org/name')!.refs.get('main'),
      commit_message: 'Upload BertForMaskedLM',
      pr_url: null,
      pr_num: null,
    });
    expect(writes.commits[0]!.header).toMatchObject({
      summary: 'Upload BertForMaskedLM',
      parentCommit: expect.any(String),
    });
  });

  it('shows its token to the Hub alone', async () => {
    await push('org/name');
    for (const { server, url, headers } of hub.server.log) {
      const isVerify = url.endsWith('/verify');
      const basic = `Basic ${Buffer.from(`USER:${goodToken}`).toString('base64')}`;
      const expected = server === 'storage' ? undefined : isVerify ? basic : `Bearer ${goodToken}`;
      expect([url, headers.authorization]).toEqual([url, expected]);
      expect(headers['user-agent']).toMatch(/^native-transformers\//);
    }
  });

  it('sends a large file that the Hub has no second time', async () => {
    await push('org/name');
    hub.server.forget();
    await push('org/name', { commit_message: 'again' });
    expect(lines().filter((line) => line.startsWith('PUT'))).toEqual([]);
  });

  it('sends a very large file in parts', async () => {
    writes.partSize = 25_000;
    await push('org/name');
    expect(lines().filter((line) => line.startsWith('PUT'))).toHaveLength(3);
    expect(lines()).toContain('POST storage/put/OID/complete');
    expect(lines()).toContain('POST /org/name.git/info/lfs/objects/verify');
    expect(headFiles().get('model.safetensors')!.equals(weights)).toBe(true);
  });

  it("takes an id without a namespace as one of the token's owner (H-02)", async () => {
    expect((await push('name')).repo_id).toBe('someone/name');
    expect(lines().slice(0, 2)).toEqual(['GET /api/whoami-v2', 'POST /api/repos/create']);
  });

  it('forwards how to save (row 110), and makes a repository private where asked', async () => {
    await push('org/name', { max_shard_size: '1GB', safe_serialization: false, private: true });
    expect(saved.at(-1)!.options).toEqual({ max_shard_size: '1GB', safe_serialization: false });
    expect(hub.server.repos.get('org/name')!.private).toBe(true);
  });

  it('makes the branch, and opens a pull request, as asked (H-06, H-12)', async () => {
    await push('org/name', { revision: 'v1' });
    expect(lines()).toContain('POST /api/models/org/name/branch/v1');
    expect(headFiles('org/name', 'v1').has('model.safetensors')).toBe(true);
    expect(headFiles().has('model.safetensors')).toBe(false);
    const pr = await push('org/name', { create_pr: true, commit_message: 'Fix', commit_description: 'Why' });
    expect(pr).toMatchObject({
      pr_num: 1,
      pr_revision: 'refs/pr/1',
      pr_url: `${hub.server.endpoint}/org/name/discussions/1`,
    });
    expect(writes.commits.at(-1)!.header).toMatchObject({ summary: 'Fix', description: 'Why' });
    expect(hub.server.log.at(-1)!.url).toBe('/api/models/org/name/commit/main?create_pr=1');
    // A second commit goes to the same request, which is no branch that could be made.
    hub.server.forget();
    await push('org/name', { revision: 'refs/pr/1', commit_message: 'More' });
    expect(hub.server.requests().filter((request) => request.includes('/branch/'))).toEqual([]);
    expect(hub.server.log.at(-1)!.url).toBe('/api/models/org/name/commit/refs%2Fpr%2F1');
  });

  it('opens a pull request also where it may not make the branch (H-06)', async () => {
    hub.server.commit('org/name', { 'config.json': '{}' }, 'v1');
    hub.server.faults.push({ on: 'POST /api/models/org/name/branch/v1', status: 403 });
    const forbidden = push('org/name', { revision: 'v1' });
    await expect(forbidden).rejects.toMatchObject({ name: 'HfHubHTTPError', status: 403 });
    expect(await push('org/name', { revision: 'v1', create_pr: true })).toMatchObject({ pr_num: 1 });
    expect(writes.commits.at(-1)).toMatchObject({ branch: 'v1', pr: true });
  });

  it('needs a token that may write (H-09)', async () => {
    await expect(push('org/name', { token: 'hf_reader' })).rejects.toMatchObject({
      name: 'HfHubHTTPError',
      status: 403,
      serverMessage: 'this token may only read',
    });
    delete process.env['HF_TOKEN'];
    await expect(push('org/name')).rejects.toMatchObject({ name: 'LocalTokenNotFoundError' });
    await expect(push('org/name', { token: false })).rejects.toMatchObject({ name: 'LocalTokenNotFoundError' });
  });

  it('reports its bytes, and stops for a signal', async () => {
    const events: string[] = [];
    await push('org/name', {
      progress_callback: (info) => events.push(`${info.status} ${'file' in info ? info.file : ''}`),
    });
    expect(events).toEqual(
      expect.arrayContaining(['initiate model.safetensors', 'done model.safetensors', 'done config.json']),
    );
    const controller = new AbortController();
    hub.server.faults.push({ on: 'POST preupload', silent: true });
    setTimeout(() => controller.abort('enough'), 100);
    await expect(push('org/other', { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(writes.commits).toHaveLength(1);
  });
});

describe('the folder of a push (H-03, H-04)', () => {
  it('is a temporary one, which is removed', async () => {
    await push('org/name');
    expect(() => readdirSync(saved.at(-1)!.folder)).toThrow('ENOENT');
    expect(readdirSync('.')).toEqual([]);
  });

  it("is the one of the model's name when there is one: only what is new of it is sent", async () => {
    mkdirSync('name/logs', { recursive: true });
    mkdirSync('name/old');
    writeFileSync('name/notes.txt', 'old');
    writeFileSync('name/config.json', 'old');
    for (const path of ['name/notes.txt', 'name/config.json', 'name/logs', 'name/old']) utimesSync(path, 1, 1);
    const inside = {
      ...subject,
      async save(folder: string) {
        await subject.save(folder, {});
        writeFileSync(join(folder, 'logs', 'run.txt'), 'new');
        mkdirSync(join(folder, 'logs', 'deep'));
        writeFileSync(join(folder, 'logs', 'deep', 'x.txt'), 'new');
      },
    };
    await pushToHub(inside, 'org/name', {});
    expect(writes.commits[0]!.paths.sort()).toEqual(['README.md', 'config.json', 'logs/run.txt', 'model.safetensors']);
    expect(readdirSync('name')).toContain('model.safetensors');
  });

  it('is made when use_temp_dir is false', async () => {
    await push('org/name', { use_temp_dir: false });
    expect(readdirSync('name').sort()).toEqual(['README.md', 'config.json', 'model.safetensors']);
  });

  it('that changes while it is uploaded is not committed (H-11)', async () => {
    hub.server.extensions.unshift((_, entry) => {
      if (entry.method === 'PUT')
        writeFileSync(join(saved.at(-1)!.folder, 'config.json'), 'something longer than before');
      return false;
    });
    await expect(push('org/name')).rejects.toMatchObject({ code: 'ERR_HUB_FILE_CHANGED' });
    expect(writes.commits).toEqual([]);
  });
});

describe('old names (row 113)', () => {
  it.each([
    [{ repo_path_or_name: 'org/name' }, 'repo_path_or_name'],
    [{ repo_url: 'ENDPOINT/org/name' }, 'repo_url'],
  ])('%j are taken with a warning, and not together with repo_id', async (options, name) => {
    const given = Object.fromEntries(
      Object.entries(options).map(([key, value]) => [key, value.replace('ENDPOINT', hub.server.endpoint)]),
    );
    expect((await push(null, given)).repo_id).toBe('org/name');
    expect(said.join()).toContain(`FutureWarning: the option \`${name}\``);
    await expect(push('org/name', given)).rejects.toThrow('are both specified');
  });

  it('organization goes before the name', async () => {
    expect((await push('name', { organization: 'team' })).repo_id).toBe('team/name');
    expect((await push('other/name', { organization: 'team' })).repo_id).toBe('team/name');
    expect((await push('team/name', { organization: 'team' })).repo_id).toBe('team/name');
  });

  it('use_auth_token is the token', async () => {
    delete process.env['HF_TOKEN'];
    expect((await push('org/name', { use_auth_token: goodToken })).repo_id).toBe('org/name');
    await expect(push('org/name', { use_auth_token: 'a', token: 'b' })).rejects.toThrow('are both specified');
  });

  it('a name that is none is a TypeError', async () => {
    await expect(push('org/name', { comit_message: 'x' } as never)).rejects.toThrow("did you mean 'commit_message'?");
    await expect(push(null)).rejects.toThrow('needs `repo_id`');
  });
});

describe('a server that fails while it is written to', () => {
  it.each(['create', 'preupload', 'batch', 'PUT', 'verify', 'commit'])('at %s is asked again', async (step) => {
    hub.server.faults.push({ on: step, status: 503, times: 2 });
    await push('org/name');
    expect(writes.commits).toHaveLength(1);
    expect(headFiles().get('model.safetensors')!.equals(weights)).toBe(true);
  });

  it.each(['preupload', 'PUT', 'commit'])('for good at %s ends with its error', async (step) => {
    hub.server.faults.push({ on: step, status: 500 });
    await expect(push('org/name')).rejects.toMatchObject({ name: 'HfHubHTTPError', status: 500 });
    expect(hub.server.requests().filter((line) => line.includes(step))).toHaveLength(1 + retryPolicy.most);
    expect(writes.commits).toEqual([]);
  });

  it('after the commit, so that its answer is lost, has committed once', async () => {
    writes.loseAnswers = 1;
    const info = await push('org/name');
    expect(writes.commits).toHaveLength(1);
    expect(info.oid).toBe(hub.server.repos.get('org/name')!.refs.get('main'));
  });

  it('after a pull request is not asked for a second one', async () => {
    writes.loseAnswers = 1;
    await expect(push('org/name', { create_pr: true })).rejects.toMatchObject({ code: 'ERR_HUB_CONNECTION' });
    expect(writes.commits).toHaveLength(1);
  });

  it('while somebody else commits says so, and overwrites nothing', async () => {
    hub.server.extensions.unshift((server, entry) => {
      if (entry.method === 'PUT') server.commit('org/name', { 'other.txt': 'of somebody else' });
      return false;
    });
    await expect(push('org/name')).rejects.toMatchObject({ code: 'ERR_HUB_MOVED' });
    expect([...headFiles().keys()]).toEqual(['other.txt']);
  });

  it('that sends a write on to another host is refused', async () => {
    hub.server.faults.push({
      on: 'POST preupload',
      status: 307,
      headers: { Location: `${hub.server.storageEndpoint}/x` },
    });
    await expect(push('org/name')).rejects.toThrow('refused');
    expect(hub.server.log.some(({ server }) => server === 'storage')).toBe(false);
  });
});

describe('the model card (H-07)', () => {
  it('is made when there is none, with what Python looks for', async () => {
    await push('org/name', { tags: ['mine', 'yes'] });
    const card = headFiles().get('README.md')!.toString();
    expect(card).toMatch(/^---\nlibrary_name: transformers\ntags:\n- mine\n- "yes"\n---\n/);
  });

  it('that is there is kept, with the tags, and sent only when it changes', async () => {
    hub.server.commit('org/name', { 'README.md': '---\nlicense: mit\ntags:\n  - old\n---\n# Mine\n' });
    await push('org/name', { tags: 'new' });
    expect(headFiles().get('README.md')!.toString()).toBe('---\nlicense: mit\ntags:\n  - old\n  - new\n---\n# Mine\n');
    await push('org/name', { tags: 'new' });
    expect(writes.commits.at(-1)!.paths).not.toContain('README.md');
  });

  it('that the Hub finds wrong is an error before anything is sent', async () => {
    await expect(push('org/name', { tags: 'bad-tag' })).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_HUB_CARD',
    });
    expect(writes.commits).toEqual([]);
  });

  it.each([
    ['# No front matter\n', '---\ntags:\n- a\n---\n\n# No front matter\n'],
    ['---\nlicense: mit\n---\ntext', '---\nlicense: mit\ntags:\n- a\n---\ntext'],
    ['---\ntags: [x, "y"]\n---\n', '---\ntags: [x, "y", a]\n---\n'],
    ['---\ntags: x\nz: 1\n---\n', '---\ntags: [x, a]\nz: 1\n---\n'],
    ['---\ntags:\n- x\nother:\n- y\n---\n', '---\ntags:\n- x\n- a\nother:\n- y\n---\n'],
    ['---\r\ntags:\r\n- x\r\n---\r\nb\r\n', '---\r\ntags:\r\n- x\r\n- a\r\n---\r\nb\r\n'],
    ['---\ntags:\n- a\n---\n', '---\ntags:\n- a\n---\n'],
    ['---\ntags: *anchor\n---\n', '---\ntags: *anchor\n---\n'],
  ])('%j becomes %j', (before, after) => {
    expect(withTags(before, ['a'])).toBe(after);
  });

  it('without tags has an empty list', () => {
    expect(newCard('org/name', [])).toContain('tags: []\n');
  });
});

describe('what can be pushed (H-08, H-13)', () => {
  it('is a config, also while it is saved: the repository is named for the folder', async () => {
    const config = new BertConfig({ hidden_size: 32, num_attention_heads: 4 });
    expect((await config.push_to_hub('org/name')).commit_message).toBe('Upload config');
    expect(JSON.parse(headFiles().get('config.json')!.toString())).toMatchObject({
      hidden_size: 32,
      model_type: 'bert',
    });
    await config.save_pretrained('kept', { push_to_hub: true, commit_message: 'Mine', create_pr: true });
    expect(writes.commits.at(-1)).toMatchObject({ repo: 'someone/kept', pr: true, header: { summary: 'Mine' } });
    expect(readdirSync('kept').sort()).toEqual(['README.md', 'config.json']);
    await config.save_pretrained('kept', { push_to_hub: true, repo_id: 'org/other', revision: 'v2' });
    expect(writes.commits.at(-1)).toMatchObject({ repo: 'org/other', branch: 'v2' });
    await expect(config.save_pretrained('kept', { commit_message: 'x' })).rejects.toThrow(
      "unexpected option 'commit_message'",
    );
  });

  it('is a tokenizer', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(join(__dirname, '..', 'goldens', 'pipelines', 'bert'));
    const info = await tokenizer.push_to_hub('org/name', { commit_message: null });
    tokenizer.dispose();
    expect(info.commit_message).toBe(`Upload tokenizer`);
    expect([...headFiles().keys()]).toEqual(expect.arrayContaining(['tokenizer.json', 'tokenizer_config.json']));
  });

  it('is a model while it is saved', async () => {
    const model = new BertModel(new BertConfig({ hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 1 }));
    model.init_weights();
    await model.save_pretrained(join('deep', 'kept'), { push_to_hub: true, max_shard_size: '20kB', tags: ['mine'] });
    const { repo, paths } = writes.commits[0]!;
    expect(repo).toBe('someone/kept'); // the last part of the path
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'config.json', 'model.safetensors.index.json']));
    await using again = await BertModel.from_pretrained('someone/kept', { token: goodToken });
    expect(again.num_parameters()).toBe(model.num_parameters());
    await model.dispose();
  });

  it('is a model', async () => {
    const model = new BertModel(new BertConfig({ hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 1 }));
    const saves = { max_shard_size: '' };
    Object.assign(model, {
      save_pretrained: async (folder: string, options: typeof saves) => {
        Object.assign(saves, options);
        await subject.save(folder, {});
      },
    });
    expect((await model.push_to_hub('org/name', { max_shard_size: '2GB' })).commit_message).toBe('Upload model');
    expect(saves.max_shard_size).toBe('2GB');
    await model.dispose();
  });
});

it("the message is of the class's name (H-05)", () => {
  const names = [
    'GPT2LMHeadModel',
    'BertForMaskedLM',
    'BertConfig',
    'BertTokenizer',
    'XFeatureExtractor',
    'XProcessor',
  ];
  expect(names.map(defaultMessage)).toEqual([
    'Upload model',
    'Upload BertForMaskedLM',
    'Upload config',
    'Upload tokenizer',
    'Upload feature extractor',
    'Upload processor',
  ]);
});

describe('a folder', () => {
  it("is pushed as it is, without what is not the model's", async () => {
    mkdirSync('m/sub', { recursive: true });
    mkdirSync('m/.git');
    for (const name of ['config.json', 'sub/a.txt', '.git/HEAD', '.x.tmp']) writeFileSync(join('m', name), name);
    const info = await uploadFolder('m', 'org/name');
    expect(writes.commits[0]!.paths.sort()).toEqual(['README.md', 'config.json', 'sub/a.txt']);
    expect(info.commit_message).toBe('Upload folder using native-transformers');
    expect(readFileSync('m/config.json', 'utf8')).toBe('config.json');
    rmSync('m/config.json');
    rmSync('m/sub', { recursive: true });
    await expect(uploadFolder('m', 'org/name')).rejects.toMatchObject({ code: 'ERR_HUB_NO_FILES' });
  });
});
