import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '../../lib/auto/auto-model';
import { openCheckpoint } from '../../lib/checkpoint/open';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { writeWhole } from '../../lib/checkpoint/staged-file';
import { NotImplementedError, RuntimeError, TypeError, ValueError } from '../../lib/errors';
import { LocalTokenNotFoundError } from '../../lib/hub/hub-errors';
import { LogLevel, setLogHook, setLogLevel } from '../../lib/logging';
import { BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel } from '../../lib/models/bert/model';
import { no_init_weights } from '../../lib/pretrained/weights-functions';
import type { BytesProgressInfo, SaveProgressInfo } from '../../lib/progress-info';
import { Tensor } from '../../lib/tensor/tensor';
import { errorOf } from '../checkpoint/scratch';

const goldens = join(__dirname, '..', 'goldens');
const golden = join(goldens, 'bert', 'base');
const saved = join(goldens, 'save');

let folder: string;
let logged: [number, string][];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'save-pretrained-'));
  logged = [];
  setLogHook((level, message) => logged.push([level, message]));
  setLogLevel(LogLevel.INFO);
});

afterEach(() => {
  setLogHook(null);
  setLogLevel(LogLevel.WARNING);
  rmSync(folder, { recursive: true, force: true });
});

const load = () => BertForMaskedLM.from_pretrained(golden);
const list = (path: string) => readdirSync(path).sort();
const config = (path: string) => JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
const warnings = () => logged.filter(([level]) => level === LogLevel.WARNING).map(([, message]) => message);

/** Every file of `path`, and nothing beside it. */
function snapshot(path: string): Record<string, string> {
  return Object.fromEntries(list(path).map((name) => [name, readFileSync(join(path, name), 'base64')]));
}

describe('save_pretrained', () => {
  it.each([
    ['single', {}],
    ['sharded', { max_shard_size: '12KB' }],
    ['variant', { max_shard_size: '24KB', variant: 'fp16' }],
  ])('writes the bytes and the names that Transformers writes: %s', async (layout, options) => {
    const model = await load();
    const target = join(folder, 'model');
    expect(await model.save_pretrained(target, options)).toBeUndefined();
    const { 'config.json': text, ...weights } = snapshot(target);
    expect(text).toBeDefined();
    expect(weights).toEqual(snapshot(join(saved, layout)));
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('names dtype and class in the config, in memory too', async () => {
    const model = await BertForSequenceClassification.from_pretrained(golden, { dtype: 'bfloat16' });
    model.config.architectures = ['BertModel'];
    await model.save_pretrained(folder);
    expect(config(folder)).toMatchObject({ torch_dtype: 'bfloat16', architectures: ['BertForSequenceClassification'] });
    expect(model.config.torch_dtype).toBe('bfloat16');
    expect(model.config.architectures).toEqual(['BertForSequenceClassification']);
  });

  it('says in config.json what the weights are now, not what they were (row 93)', async () => {
    const model = await load();
    expect(model.config.torch_dtype).toBe('float32');
    await model.half().save_pretrained(folder);
    expect([config(folder).torch_dtype, model.config.torch_dtype]).toEqual(['float16', 'float16']);
  });

  it('refuses a model whose config class is registered for an auto class (row 103)', async () => {
    class CustomConfig extends BertConfig {}
    class Custom extends BertModel {
      static override readonly config_class = CustomConfig;
    }
    CustomConfig.register_for_auto_class();
    const model = no_init_weights(() => new Custom(new CustomConfig({ vocab_size: 9, num_hidden_layers: 1 })));
    await expect(model.save_pretrained(folder)).rejects.toMatchObject({
      name: 'NotImplementedError',
      message: expect.stringContaining('registered for an auto class'),
    });
    expect(list(folder)).toEqual([]);
  });

  it('logs an error for a file in place of the folder, and leaves it', async () => {
    const model = await load();
    const file = join(folder, 'model');
    writeFileSync(file, 'mine');
    await model.save_pretrained(file);
    expect(logged).toContainEqual([LogLevel.ERROR, expect.stringContaining('should be a directory, not a file')]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('makes the folder with its parents', async () => {
    const model = await load();
    await model.save_pretrained(join(folder, 'a', 'b', 'c'));
    expect(list(join(folder, 'a', 'b', 'c'))).toEqual(['config.json', 'model.safetensors']);
  });

  it("keeps a config's auto_map", async () => {
    const model = await load();
    model.config['auto_map'] = { AutoModel: 'modeling.Custom' };
    await model.save_pretrained(folder);
    expect(config(folder).auto_map).toEqual({ AutoModel: 'modeling.Custom' });
  });

  it('says where the weights are', async () => {
    const model = await load();
    await model.save_pretrained(folder, { max_shard_size: '12KB' });
    const message = logged.find(([, text]) => text.includes('split in'));
    expect(message).toEqual([LogLevel.INFO, expect.stringContaining('5 checkpoint shards')]);
    expect(message?.[1]).toContain(join(folder, 'model.safetensors.index.json'));
  });

  it('drops names that _tied_weights_keys declares, and ties them again', async () => {
    const model = await load();
    await model.save_pretrained(folder);
    await using source = await openSafetensors(join(folder, 'model.safetensors'));
    const absent = [...model.state_dict().keys()].filter((name) => !source.has(name));
    expect(absent).toEqual(['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias']);
    const [again, info] = await BertForMaskedLM.from_pretrained(folder, { output_loading_info: true });
    expect(info).toEqual({ missing_keys: [], unexpected_keys: [], mismatched_keys: [], error_msgs: [] });
    const state = again.state_dict();
    expect(state.get('cls.predictions.decoder.weight')).toBe(state.get('bert.embeddings.word_embeddings.weight'));
  });

  it('keeps the last of names that are all declared, in their order: one has to stay (row 96)', async () => {
    class Declaring extends BertForMaskedLM {
      static override readonly _tied_weights_keys = ['^[abc]$'];
    }
    const model = await Declaring.from_pretrained(golden);
    const tensor = new Tensor('float32', [1, 2]);
    await model.save_pretrained(folder, { state_dict: { b: tensor, c: tensor, a: tensor } });
    await using source = await openSafetensors(join(folder, 'model.safetensors'));
    expect(source.names()).toEqual(['c']);
  });

  it('refuses names that share memory undeclared, and keeps parts of one array apart', async () => {
    const model = await load();
    const values = Float32Array.from({ length: 6 }, (_, i) => i);
    const whole = new Tensor('float32', values, [6]);
    const first = new Tensor('float32', values.subarray(0, 3), [3]);
    const second = new Tensor('float32', values.subarray(3), [3]);
    const overlap = new Tensor('float32', values.subarray(2), [4]);
    for (const state_dict of [
      { a: whole, b: whole },
      { a: first, b: overlap },
    ]) {
      const error = await errorOf(() => model.save_pretrained(folder, { state_dict }));
      expect(error).toBeInstanceOf(RuntimeError);
      expect(error.message).toMatch(/'a' and 'b' share memory/);
    }
    expect(list(folder)).toEqual([]);
    await model.save_pretrained(folder, { state_dict: { a: first, b: second } });
    await using source = await openSafetensors(join(folder, 'model.safetensors'));
    expect(new Float32Array((await source.read('b')).slice().buffer)).toEqual(Float32Array.from([3, 4, 5]));
  });

  it('leaves out _keys_to_ignore_on_save by their exact names', async () => {
    class Ignoring extends BertModel {
      static override readonly _keys_to_ignore_on_save = ['pooler.dense.bias', 'pooler.dense'];
    }
    const model = await Ignoring.from_pretrained(golden);
    await model.save_pretrained(folder);
    await using source = await openSafetensors(join(folder, 'model.safetensors'));
    expect(source.has('pooler.dense.bias')).toBe(false);
    expect(source.has('pooler.dense.weight')).toBe(true);
  });

  it("writes a state_dict argument in place of the model's own, with the model's config", async () => {
    const model = await load();
    const x = new Tensor('float16', Uint16Array.from([0x3c00, 0x4000, 0x4200]), [3]);
    await model.save_pretrained(folder, { state_dict: new Map([['x', x]]) });
    await using source = await openSafetensors(join(folder, 'model.safetensors'));
    expect(source.names()).toEqual(['x']);
    expect(source.info('x').dtype).toBe('float16');
    expect(config(folder).torch_dtype).toBe('float32');
  });

  it('writes weights alone when it is not the main process, and cleans nothing up', async () => {
    const model = await load();
    writeFileSync(join(folder, 'model-00001-of-00009.safetensors'), 'old');
    await model.save_pretrained(folder, { is_main_process: false });
    expect(list(folder)).toEqual(['model-00001-of-00009.safetensors', 'model.safetensors']);
    await model.save_pretrained(folder, { save_config: false });
    expect(warnings()).toContainEqual(expect.stringContaining('is_main_process'));
    expect(existsSync(join(folder, 'config.json'))).toBe(false);
  });

  it('gives .bin files to save_function, with their names, and says that safetensors files are not its', async () => {
    const model = await load();
    const shards: [string[], string][] = [];
    const save_function = (shard: Map<string, Tensor>, path: string) => {
      shards.push([[...shard.keys()], path.split('/').at(-1) as string]);
      writeFileSync(path, `of ${shard.size}`);
    };
    await model.save_pretrained(folder, { safe_serialization: false, save_function, max_shard_size: '30KB' });
    expect(shards.map(([, name]) => name)).toEqual([
      'pytorch_model-00001-of-00002.bin',
      'pytorch_model-00002-of-00002.bin',
    ]);
    expect(shards.flatMap(([names]) => names).sort()).toEqual([...model.state_dict().keys()].sort());
    expect(list(folder)).toContain('pytorch_model.bin.index.json');
    shards.length = 0;
    await model.save_pretrained(folder, { save_function });
    expect(shards).toEqual([]);
    expect(warnings()).toContainEqual(expect.stringContaining('save_function'));
  });

  it('keeps names of one tensor in .bin files as names of one storage', async () => {
    const model = await load();
    for (const options of [{}, { max_shard_size: '12KB' }]) {
      const target = join(folder, `bin${options.max_shard_size ?? ''}`);
      await model.save_pretrained(target, { ...options, safe_serialization: false });
      await using source = await openCheckpoint(target);
      expect([...source.names()].sort()).toEqual([...model.state_dict().keys()].sort());
      const place = (name: string) => {
        const { file, byteOffset, storage } = source.info(name);
        return { file, byteOffset, storage };
      };
      const table = place('bert.embeddings.word_embeddings.weight');
      expect(table.storage).toBeDefined();
      expect(place('cls.predictions.decoder.weight')).toEqual(table);
      expect(place('cls.predictions.decoder.bias')).toEqual(place('cls.predictions.bias'));
      expect(place('cls.predictions.transform.dense.bias')).not.toEqual(place('cls.predictions.bias'));
    }
    const index = JSON.parse(readFileSync(join(folder, 'bin12KB', 'pytorch_model.bin.index.json'), 'utf8'));
    const safe = JSON.parse(readFileSync(join(saved, 'sharded', 'model.safetensors.index.json'), 'utf8'));
    expect(index.metadata).toEqual(safe.metadata);
  });

  it('reports bytes as they are written', async () => {
    const model = await load();
    const heard: SaveProgressInfo[] = [];
    await model.save_pretrained(folder, { max_shard_size: '30KB', progress_callback: (info) => heard.push(info) });
    await model.save_pretrained(folder, {
      max_shard_size: '30KB',
      safe_serialization: false,
      progress_callback: (info) => heard.push(info),
    });
    const files = ['model', 'pytorch_model'].flatMap((stem, i) =>
      [1, 2].map((n) => `${stem}-0000${n}-of-00002.${i === 0 ? 'safetensors' : 'bin'}`),
    );
    expect(heard.filter(({ status }) => status === 'initiate').map(({ file }) => file)).toEqual(files);
    expect(heard.filter(({ status }) => status === 'done').map(({ file }) => file)).toEqual(files);
    for (const file of files) {
      const steps = heard.filter((info): info is BytesProgressInfo => info.status === 'progress' && info.file === file);
      const loaded = steps.map((info) => info.loaded);
      expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
      expect(steps.at(-1)).toMatchObject({ loaded: steps[0]?.total, progress: 100, name: folder });
    }
  });
});

describe('what save_pretrained refuses', () => {
  it.each([
    [{ max_shard_siez: 3 }, TypeError, /max_shard_siez.*did you mean 'max_shard_size'/],
    [{ is_main_process: 'yes' }, TypeError, /is_main_process/],
    [{ repo_id: 'me/mine' }, ValueError, /repo_id.*push_to_hub/],
    [{ push_to_hub: true, token: false }, LocalTokenNotFoundError, /Token is required/],
    [{ token: 'a', use_auth_token: 'b' }, ValueError, /are both specified/],
    [{ token: 3 }, TypeError, /token/],
    [{ variant: 'a/b' }, ValueError, /variant/],
    [{ max_shard_size: 'much' }, ValueError, /max_shard_size/],
    [{ max_shard_size: 0 }, ValueError, /max_shard_size/],
    [{ save_function: 3 }, TypeError, /save_function/],
    [{ state_dict: { a: 3 } }, TypeError, /'a'/],
    [{ signal: 3 }, TypeError, /signal/],
  ])('%j', async (options, type, words) => {
    const model = await load();
    const error = await errorOf(() => model.save_pretrained(folder, options as never));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(words);
    expect(list(folder)).toEqual([]);
  });

  it('a disposed model, and one whose class is registered for an auto class', async () => {
    const model = await load();
    class Custom extends BertModel {}
    Custom.register_for_auto_class('AutoModel');
    const custom = await Custom.from_pretrained(golden);
    expect(await errorOf(() => custom.save_pretrained(folder))).toBeInstanceOf(NotImplementedError);
    await model.dispose();
    expect(await errorOf(() => model.save_pretrained(folder))).toMatchObject({ code: 'ERR_DISPOSED' });
    expect(list(folder)).toEqual([]);
  });
});

describe('a save that cannot go on', () => {
  it('leaves the old state and no litter when it is aborted at any step', async () => {
    const model = await load();
    const target = join(folder, 'model');
    await model.save_pretrained(target);
    const before = snapshot(target);
    let steps = 0;
    await model.save_pretrained(join(folder, 'other'), { progress_callback: () => steps++ });
    rmSync(join(folder, 'other'), { recursive: true });
    for (let at = 1; at <= steps; at += 7) {
      const controller = new AbortController();
      let step = 0;
      const progress_callback = () => {
        if (++step === at) controller.abort(new Error('enough'));
      };
      const { signal } = controller;
      const error = await errorOf(() =>
        model.save_pretrained(target, { max_shard_size: '30KB', progress_callback, signal }),
      );
      expect(error).toMatchObject({ name: 'AbortError', cause: new Error('enough') });
      expect(snapshot(target)).toEqual(before);
      expect(readdirSync(folder)).toEqual(['model']);
    }
  });

  it('leaves the old state when the model is disposed under it', async () => {
    const model = await load();
    const progress_callback = ({ status }: SaveProgressInfo) => {
      if (status === 'progress') void model.dispose();
    };
    const error = await errorOf(() => model.save_pretrained(join(folder, 'model'), { progress_callback }));
    expect(error).toMatchObject({ name: 'RuntimeError', code: 'ERR_DISPOSED' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves the old state and no litter when the disk is full', async () => {
    // A limit on the size of files is what every user can set; the system's error is another, the way is the same.
    const program = join(__dirname, 'programs', 'save-too-large.cjs');
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['-c', 'ulimit -f 4096; exec "$0" "$@"', process.execPath, program, join(folder, 'model')],
      { encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { errors, unchanged } = JSON.parse(stdout) as { errors: unknown[]; unchanged: boolean };
    const said = { name: 'OSError', code: 'DISK_FULL', message: expect.stringContaining(`'${join(folder, 'model')}`) };
    expect(errors).toEqual([said, said]);
    expect(unchanged).toBe(true);
    expect(readdirSync(folder)).toEqual(['model']);
  });
});

describe('saving over an older state', () => {
  it('removes the weights of its own kind that would win at the next load, and nothing else', async () => {
    const model = await load();
    const foreign = {
      'pytorch_model.bin': 'another format',
      'model.fp16-00001-of-00002.safetensors': 'another variant',
      'model.safetensors.index.fp16.json': '{}',
      'model-1-of-2.safetensors': 'no shard',
      'tokenizer.json': '{}',
      'README.md': 'mine',
    };
    for (const [name, text] of Object.entries(foreign)) writeFileSync(join(folder, name), text);
    await model.save_pretrained(folder, { max_shard_size: '12KB' });
    await model.save_pretrained(folder, { max_shard_size: '30KB' });
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    expect(list(folder)).toEqual(
      [...Object.keys(foreign), ...shards, 'config.json', 'model.safetensors.index.json'].sort(),
    );
    await model.save_pretrained(folder);
    expect(list(folder)).toEqual([...Object.keys(foreign), 'config.json', 'model.safetensors'].sort());
    await model.save_pretrained(folder, { max_shard_size: '30KB' });
    expect(existsSync(join(folder, 'model.safetensors'))).toBe(false);
    for (const [name, text] of Object.entries(foreign)) expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  });

  it('saves over the folder that is loaded', async () => {
    const first = await load();
    await first.save_pretrained(folder);
    const before = readFileSync(join(folder, 'model.safetensors'));
    const model = await BertForMaskedLM.from_pretrained(folder);
    await model.save_pretrained(folder);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(before)).toBe(true);
    const again = await BertForMaskedLM.from_pretrained(folder, { dtype: 'float16' });
    await again.save_pretrained(folder);
    await using source = await openCheckpoint(folder);
    expect(new Set(source.names().map((name) => source.info(name).dtype))).toEqual(new Set(['float16']));
  });

  it('holds one tensor beyond the model', () => {
    const program = join(__dirname, 'programs', 'save-memory.cjs');
    const run = (task: string) => spawnSync(process.execPath, [program, task, folder], { encoding: 'utf8' });
    expect(run('make')).toMatchObject({ status: 0, stderr: '' });
    const { beyond, largest } = JSON.parse(run('save').stdout) as { beyond: number; largest: number };
    expect(beyond).toBeLessThan(1.1 * largest); // of 38 MB
    expect(beyond).toBeGreaterThan(0.9 * largest); // panels are unpacked, or this measures nothing
  });

  it('goes well beside a tokenizer that is saved into the same folder at the same time', async () => {
    const model = await load();
    const target = join(folder, 'model');
    for (let i = 0; i < 25; i++) {
      if (i % 5 === 0) rmSync(target, { recursive: true, force: true });
      mkdirSync(target, { recursive: true });
      const text = `of turn ${i}`;
      const names = ['tokenizer.json', 'vocab.txt', 'special_tokens_map.json'];
      await Promise.all([
        model.save_pretrained(target, i % 2 ? { max_shard_size: '30KB' } : {}),
        ...names.map((name) => writeWhole(join(target, name), Buffer.from(text))),
      ]);
      for (const name of names) expect(readFileSync(join(target, name), 'utf8')).toBe(text);
      expect(list(target).filter((name) => name.startsWith('.'))).toEqual([]);
    }
  });

  it('keeps links, folders, modes and hard links of what it does not write', async () => {
    const model = await load();
    mkdirSync(join(folder, 'checkpoint', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'checkpoint', 'deep', 'state.bin'), 'state');
    chmodSync(join(folder, 'checkpoint'), 0o750);
    writeFileSync(join(folder, 'notes.txt'), 'notes');
    chmodSync(join(folder, 'notes.txt'), 0o600);
    symlinkSync('notes.txt', join(folder, 'link'));
    symlinkSync('nowhere', join(folder, 'dangling'));
    const outside = join(folder, '..', `${folder.split('/').at(-1)}-outside`);
    linkSync(join(folder, 'notes.txt'), outside);
    try {
      chmodSync(folder, 0o710);
      await model.save_pretrained(folder);
      expect(statSync(folder).mode & 0o777).toBe(0o710);
      expect(statSync(join(folder, 'checkpoint')).mode & 0o777).toBe(0o750);
      expect(readFileSync(join(folder, 'checkpoint', 'deep', 'state.bin'), 'utf8')).toBe('state');
      expect(statSync(join(folder, 'notes.txt')).mode & 0o777).toBe(0o600);
      expect(statSync(outside).ino).toBe(statSync(join(folder, 'notes.txt')).ino);
      expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('notes');
      expect(list(folder)).toContain('dangling');
    } finally {
      rmSync(outside);
    }
  });
});
