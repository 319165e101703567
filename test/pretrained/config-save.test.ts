import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PretrainedConfig } from '../../lib/pretrained/config';

class TinyConfig extends PretrainedConfig {
  static override readonly model_type: string = 'tiny';
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 50257,
    n_layer: 12,
    layer_norm_epsilon: 1e-5,
    dropout: 0,
    bos_token_id: 50256,
    use_cache: true,
  };
  static override readonly floats: readonly string[] = ['dropout'];
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-save-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('to_dict (C-10)', () => {
  it('adds model_type and the version, and drops what belongs to the process', () => {
    const config = new TinyConfig({ name_or_path: 'here', _commit_hash: 'abc', _attn_implementation: 'eager' });
    const saved = config.to_dict();
    expect(saved).toMatchObject({ model_type: 'tiny', n_layer: 12 });
    expect(saved['transformers_version']).toMatch(/^\d+\.\d+\.\d+$/);
    for (const name of ['_commit_hash', '_auto_class', '_name_or_path', '_attn_implementation'])
      expect(saved).not.toHaveProperty(name);
  });

  it('gives copies', () => {
    const config = new TinyConfig({ deep: { a: [1] } });
    (config.to_dict()['deep'] as { a: number[] }).a.push(2);
    expect(config['deep']).toEqual({ a: [1] });
  });

  it('asks an object for its own dictionary', () => {
    const config = new TinyConfig({ quantization_config: { to_dict: () => ({ bits: 4, transformers_version: 'x' }) } });
    expect(config.to_dict()['quantization_config']).toEqual({ bits: 4 });
  });
});

describe('to_diff_dict (C-11)', () => {
  it('keeps what a bare config does not have, at its default too', () => {
    expect(new TinyConfig().to_diff_dict()).toMatchObject({ vocab_size: 50257, n_layer: 12, use_cache: true });
  });

  it('drops defaults of every config, the generation group among them', () => {
    const saved = new TinyConfig().to_diff_dict();
    for (const name of ['num_beams', 'return_dict', 'id2label', 'torch_dtype', 'pruned_heads', 'top_p'])
      expect(saved).not.toHaveProperty(name);
  });

  it('keeps what differs from either default', () => {
    expect(new TinyConfig({ num_beams: 4 }).to_diff_dict()['num_beams']).toBe(4);
    expect(new TinyConfig().to_diff_dict()['bos_token_id']).toBe(50256);
    expect(new TinyConfig({ bos_token_id: null }).to_diff_dict()).toHaveProperty('bos_token_id', null);
    expect(new TinyConfig({ num_labels: 3 }).to_diff_dict()).toHaveProperty('id2label');
  });
});

describe('the file (C-12)', () => {
  const text = [
    '{',
    '  "bos_token_id": 50256,',
    '  "dropout": 0.0,',
    '  "id2label": {',
    '    "0": "caf\\u00e9",',
    '    "1": "b",',
    '    "2": "c"',
    '  },',
    '  "label2id": {',
    '    "b": 1,',
    '    "c": 2,',
    '    "caf\\u00e9": 0',
    '  },',
    '  "layer_norm_epsilon": 1e-05,',
    '  "model_type": "tiny",',
    '  "n_layer": 12,',
    '  "transformers_version": "VERSION",',
    '  "use_cache": true,',
    '  "vocab_size": 50257',
    '}',
    '',
  ].join('\n');
  const config = new TinyConfig({ id2label: { 0: 'café', 1: 'b', 2: 'c' }, label2id: { café: 0, b: 1, c: 2 } });
  const expected = text.replace('VERSION', String(config.to_dict()['transformers_version']));

  it('is what Python writes', () => {
    expect(config.to_json_string()).toBe(expected);
    expect(config.to_json_string(false)).toContain('  "top_p": 1.0,\n');
    expect(config.toString()).toBe(`TinyConfig ${expected}`);
  });

  it('is written by save_pretrained into a new folder, and leaves nothing beside it', async () => {
    const target = join(folder, 'new', 'folder');
    await config.save_pretrained(target);
    await config.save_pretrained(target);
    expect(await readdir(target)).toEqual(['config.json']);
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe(expected);
  });

  it('comes back equal, number for number', async () => {
    const odd =
      '{\n  "a": 1.0,\n  "b": 1e-12,\n  "c": 9007199254740993,\n  "d": NaN,\n  "dropout": 0,\n  "n_layer": 2,\n';
    await writeFile(join(folder, 'config.json'), `${odd}  "top_p": 2\n}`);
    const loaded = await TinyConfig.from_pretrained(folder);
    await loaded.save_pretrained(folder);
    const again = await readFile(join(folder, 'config.json'), 'utf8');
    for (const line of odd.split('\n').slice(1, -1)) expect(again).toContain(line);
    expect(again).toContain('"top_p": 2,');
    expect((await TinyConfig.from_pretrained(folder)).clone().to_json_string()).toBe(again);
  });

  it('is written and read with null for no options; other names and kinds are refused', async () => {
    const file = join(folder, 'null.json');
    await config.to_json_file(file, null, null);
    expect(await readFile(file, 'utf8')).toBe(config.to_json_string());
    expect((await TinyConfig.from_json_file(file, null)).to_json_string()).toBe(config.to_json_string());
    const options = { revision: 'x' } as object;
    const unknown = { code: 'ERR_UNKNOWN_NAME', message: expect.stringContaining('revision') };
    await expect(TinyConfig.from_json_file(file, options)).rejects.toMatchObject(unknown);
    await expect(config.to_json_file(file, true, options)).rejects.toMatchObject(unknown);
    const kind = { name: 'TypeError', code: 'ERR_TYPE' };
    await expect(config.to_json_file(file, 'no' as never)).rejects.toMatchObject(kind);
    await expect(config.to_json_file(null as never)).rejects.toMatchObject(kind);
    await expect(TinyConfig.from_json_file(null as never)).rejects.toMatchObject(kind);
    await expect(TinyConfig.from_json_file(file, null, { num_labels: 3 } as never)).rejects.toMatchObject(kind);
  });

  it('is written whole by to_json_file when asked', async () => {
    await config.to_json_file(join(folder, 'all.json'), false);
    expect(await TinyConfig.from_json_file(join(folder, 'all.json'))).toMatchObject({ num_beams: 1, n_layer: 12 });
  });

  it('is refused where a file stands in place of the folder', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'mine');
    await expect(config.save_pretrained(file)).rejects.toMatchObject({
      name: 'AssertionError',
      message: expect.stringContaining('should be a directory, not a file'),
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('is refused where the folder cannot be made', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'link'));
    await expect(config.save_pretrained(join(folder, 'link'))).rejects.toMatchObject({ name: 'OSError' });
  });

  it('leaves the old file when a field cannot be written', async () => {
    await config.save_pretrained(folder);
    await expect(new TinyConfig({ when: new Date(0) }).save_pretrained(folder)).rejects.toMatchObject({
      message: expect.stringContaining("'when'"),
    });
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe(expected);
  });

  it('is not written when the signal has been given', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(config.save_pretrained(folder, { signal })).rejects.toMatchObject({ code: 'ABORT_ERR' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses options that it does not have', async () => {
    await expect(config.save_pretrained(folder, { push_to_hub: true, token: false })).rejects.toMatchObject({
      name: 'LocalTokenNotFoundError',
    });
    await expect(config.save_pretrained(folder, { push_to_hubb: true } as object)).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_NAME',
      message: expect.stringContaining("'push_to_hub'"),
    });
  });

  it('is refused for a class registered for an auto class (C-15)', async () => {
    class Remote extends TinyConfig {}
    expect(() => Remote.register_for_auto_class('AutoThing')).toThrow(expect.objectContaining({ name: 'ValueError' }));
    Remote.register_for_auto_class();
    await expect(new Remote().save_pretrained(folder)).rejects.toMatchObject({ name: 'NotImplementedError' });
    expect(TinyConfig._auto_class).toBeNull();
  });
});
