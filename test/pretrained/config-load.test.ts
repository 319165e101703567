import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { PretrainedConfig } from '../../lib/pretrained/config';

class TinyConfig extends PretrainedConfig {
  static override readonly model_type: string = 'tiny';
  static override readonly defaults: Record<string, unknown> = { n_layer: 12 };
  declare n_layer: number;
}

const warnings: string[] = [];
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-load-'));
  warnings.length = 0;
  setLogHook((_, message) => warnings.push(message));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
afterAll(() => {
  setLogHook(null);
});

async function put(name: string, content: unknown): Promise<string> {
  const text = typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

describe('from_pretrained (C-05, C-06)', () => {
  it('keeps fields that the class does not know', async () => {
    await put('config.json', { model_type: 'tiny', n_layer: 3, odd: { a: [1, null] } });
    const config = await TinyConfig.from_pretrained(folder);
    expect(config).toMatchObject({ n_layer: 3, odd: { a: [1, null] } });
    expect(config.to_diff_dict()['odd']).toEqual({ a: [1, null] });
    expect(warnings).toEqual([]);
  });

  it('overrides fields and returns what is none', async () => {
    await put('config.json', { n_layer: 3 });
    const [config, unused] = await TinyConfig.from_pretrained(folder, {
      foo: 1,
      n_layer: 7,
      num_labels: 4,
      revision: 'main',
      local_files_only: true,
      return_unused_kwargs: true,
    });
    expect([config.n_layer, config.num_labels, unused]).toEqual([7, 4, { foo: 1 }]);
  });

  it('reads a file by its path, and from a subfolder', async () => {
    await mkdir(join(folder, 'sub'));
    const file = await put('sub/config.json', { n_layer: 5 });
    expect((await TinyConfig.from_pretrained(file)).n_layer).toBe(5);
    expect((await TinyConfig.from_pretrained(folder, { subfolder: 'sub' })).n_layer).toBe(5);
  });

  it('stops when the signal is given', async () => {
    await put('config.json', {});
    const reason = new Error('enough');
    await expect(TinyConfig.from_pretrained(folder, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: reason,
    });
  });

  it('refuses both names of the token', async () => {
    await put('config.json', {});
    await expect(TinyConfig.from_pretrained(folder, { token: 'a', use_auth_token: 'b' })).rejects.toMatchObject({
      name: 'ValueError',
      message: expect.stringContaining('are both specified'),
    });
  });
});

describe('get_config_dict (C-07)', () => {
  it('gives the dictionary and the options that are no place', async () => {
    await put('config.json', { n_layer: 5 });
    expect(await PretrainedConfig.get_config_dict(folder, { n_layer: 7, cache_dir: 'x' })).toEqual([
      { n_layer: 5, _commit_hash: null },
      { n_layer: 7 },
    ]);
  });

  it('names the commit of a folder in the cache of the Hub', async () => {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    const snapshot = join(folder, 'snapshots', commit);
    await mkdir(snapshot, { recursive: true });
    await writeFile(join(snapshot, 'config.json'), '{}');
    expect((await PretrainedConfig.get_config_dict(snapshot))[0]).toEqual({ _commit_hash: commit });
  });

  it('takes another name of the file', async () => {
    await put('other.json', { n_layer: 6 });
    expect((await TinyConfig.from_pretrained(folder, { _configuration_file: 'other.json' })).n_layer).toBe(6);
  });

  it('takes the file for the highest version that is not above its own', async () => {
    const names = ['config.4.9.0.json', 'config.4.10.1.json', 'config.99.0.0.json', 'config.json', '../config.1.json'];
    await put('config.json', { n_layer: 1, configuration_files: names });
    await put('config.4.9.0.json', { n_layer: 9 });
    await put('config.4.10.1.json', { n_layer: 10 });
    expect((await TinyConfig.from_pretrained(folder)).n_layer).toBe(10);
    await put('config.json', { n_layer: 1, configuration_files: ['config.99.0.0.json'] });
    expect((await TinyConfig.from_pretrained(folder)).n_layer).toBe(1);
  });
});

describe('faults (C-08)', () => {
  it('says that a model id is in no folder and not in the cache', async () => {
    await expect(TinyConfig.from_pretrained('bert-base-uncased')).rejects.toMatchObject({
      name: 'OSError',
      code: 'ERR_HUB_LOCAL_ENTRY_NOT_FOUND',
      message: expect.stringMatching(/couldn't connect.*bert-base-uncased/),
    });
  });

  it('says that a path is empty, or no path', async () => {
    await expect(TinyConfig.from_pretrained('')).rejects.toMatchObject({
      name: 'OSError',
      code: 'ERR_NO_FOLDER',
      message: expect.stringContaining("the path of the model is empty ('')"),
    });
    for (const path of [undefined, null, {}, [], Symbol('x')])
      await expect(TinyConfig.from_pretrained(path as never)).rejects.toMatchObject({ code: 'ERR_TYPE' });
  });

  it('says that a folder has no config.json', async () => {
    const fault = {
      name: 'OSError',
      code: 'ERR_NO_CONFIG',
      message: expect.stringContaining('does not appear to have a file named config.json'),
    };
    await expect(TinyConfig.from_pretrained(folder)).rejects.toMatchObject(fault);
    await mkdir(join(folder, 'config.json'));
    await expect(TinyConfig.from_pretrained(folder)).rejects.toMatchObject({
      ...fault,
      message: expect.stringContaining("config.json' is a folder"),
    });
  });

  it.each([
    ['an empty file', ''],
    ['a truncated file', '{"n_layer": 1'],
    ['a trailing comma', '{"n_layer": 1,}'],
    ['a pointer of git-lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a byte order mark', '\ufeff{}'],
  ])('refuses %s', async (_, content) => {
    const file = await put('config.json', content);
    await expect(TinyConfig.from_pretrained(folder)).rejects.toMatchObject({
      name: 'OSError',
      code: 'ERR_CONFIG_JSON',
      message: expect.stringContaining(`'${file}' is not a valid JSON file`),
    });
  });

  it.each(['[1]', 'null', '"text"', '3'])('refuses %s, which is JSON but no object', async (text) => {
    await put('config.json', text);
    await expect(TinyConfig.from_pretrained(folder)).rejects.toMatchObject({ code: 'ERR_CONFIG_JSON' });
  });
});

describe('another model type (C-09)', () => {
  it('warns and goes on', async () => {
    await put('config.json', { model_type: 'bert', n_layer: 4 });
    const config = await TinyConfig.from_pretrained(folder);
    expect(config.n_layer).toBe(4);
    expect(warnings).toEqual([expect.stringContaining('You are using a model of type bert')]);
    expect(config.to_dict()['model_type']).toBe('tiny');
  });
});
