import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { frameworkOf, openCheckpoint, requirePyTorch } from '../../lib/checkpoint/open';
import { type ResolveOptions, resolveWeights } from '../../lib/checkpoint/resolve';
import { errorOf, scratchFolder, writeVectors } from './scratch';

const root = scratchFolder();
let count = 0;

/** A folder that holds empty files of these names. */
function folderOf(...names: string[]): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  for (const name of names) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), '');
  }
  return folder;
}

const EVERYTHING = [
  'model.ckpt.index',
  'tf_model.h5',
  'tf_model.h5.index.json',
  'flax_model.msgpack',
  'flax_model.msgpack.index.json',
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

describe('finding weights in a folder', () => {
  it.each<[ResolveOptions, string[]]>([
    [{}, EVERYTHING.slice(5)],
    [{ use_safetensors: null }, EVERYTHING.slice(5)],
    [{ use_safetensors: true }, EVERYTHING.slice(5, 7)],
    [{ use_safetensors: false }, EVERYTHING.slice(7)],
    [{ from_tf: true }, [...EVERYTHING.slice(0, 3), ...EVERYTHING.slice(5)]],
    [{ from_flax: true }, [...EVERYTHING.slice(3, 5), ...EVERYTHING.slice(5)]],
    [{ from_tf: true, from_flax: true }, EVERYTHING],
    [{ from_tf: true, use_safetensors: false }, [...EVERYTHING.slice(0, 3), ...EVERYTHING.slice(7)]],
  ])('with %j takes the first of the files in order', async (options, order) => {
    for (let i = 0; i < order.length; i++) {
      // All candidates from the i-th on, and every file that the options do not allow.
      const folder = folderOf(...order.slice(i), ...EVERYTHING.filter((name) => !order.includes(name)));
      const { path, sharded } = await resolveWeights(folder, options);
      expect(path).toBe(join(folder, order[i] as string));
      expect(sharded).toBe(path.endsWith('.json'));
    }
  });

  it.each<[string, string, ResolveOptions]>([
    ['model.safetensors', 'config.json', {}],
    ['model.safetensors', 'config.json', { use_safetensors: true }],
    ['model.safetensors', 'config.json', { variant: 'fp16' }],
    ['model.fp16.safetensors', 'config.json', { variant: 'fp16' }],
    ['pytorch_model.bin.index.json', 'config.json', { use_safetensors: false }],
    ['tf_model.h5', 'config.json', { from_tf: true }],
    ['flax_model.msgpack.index.json', 'config.json', { from_flax: true }],
    ['tf_model.h5', 'config.json', { framework: 'tf' }],
    ['flax_model.msgpack', 'config.json', { framework: 'flax' }],
  ])('says that %s is a folder, beside %s and with %j', async (name, beside, options) => {
    const folder = folderOf(join(name, 'inner'), beside);
    const error = await errorOf(() => resolveWeights(folder, options));
    expect(error).toMatchObject({ code: 'WEIGHTS_NOT_FOUND' });
    expect(error.message).toContain(`'${name}' is a folder, where a file of weights has its name`);
    expect(error.message).not.toMatch(/leave (variant|use_safetensors) out/);
  });

  it.each<[string, ResolveOptions]>([
    ['model.safetensors', {}],
    ['tf_model.h5', { from_tf: true }],
    ['flax_model.msgpack', { from_flax: true }],
    ['model.ckpt.index', { from_tf: true }],
    ['tf_model.h5', { framework: 'tf' }],
    ['flax_model.msgpack', { framework: 'flax' }],
  ])('says that %s is a link to nothing, with %j', async (name, options) => {
    const folder = folderOf('config.json');
    symlinkSync('gone', join(folder, name));
    const { message } = await errorOf(() => resolveWeights(folder, options));
    expect(message).toContain(`'${name}' is a link to a file that is gone: fetch it again`);
  });

  it('takes a folder for a folder, whatever its name', async () => {
    const folder = join(folderOf('model.safetensors/model.safetensors'), 'model.safetensors');
    expect(await resolveWeights(folder)).toMatchObject({ path: join(folder, 'model.safetensors') });
    const empty = join(folderOf('model.safetensors/config.json'), 'model.safetensors');
    expect((await errorOf(() => resolveWeights(empty))).message).toMatch(/has none of the files .*; check the path/);
  });

  it('tells the format', async () => {
    const format = async (name: string, options: ResolveOptions = {}) =>
      (await resolveWeights(folderOf(name), options)).format;
    expect(await format('model.safetensors')).toBe('safetensors');
    expect(await format('pytorch_model.bin')).toBe('pytorch');
    expect(await format('tf_model.h5', { from_tf: true })).toBe('tensorflow');
    expect(await format('model.ckpt.index', { from_tf: true })).toBe('tensorflow1');
    expect(await format('flax_model.msgpack', { from_flax: true })).toBe('flax');
  });

  it.each([
    ['model.fp16.safetensors', 'safetensors'],
    ['model.safetensors.index.fp16.json', 'safetensors'],
    ['pytorch_model.fp16.bin', 'pytorch'],
    ['pytorch_model.bin.index.fp16.json', 'pytorch'],
  ])('takes %s for variant fp16 only', async (name, format) => {
    const folder = folderOf(name);
    expect(await resolveWeights(folder, { variant: 'fp16' })).toMatchObject({ path: join(folder, name), format });
    const error = await errorOf(() => resolveWeights(folder));
    expect(error.code).toBe('WEIGHTS_NOT_FOUND');
    expect(error.message).toMatch(/'fp16'.*variant/);
  });

  it('looks in the subfolder, there only', async () => {
    const folder = folderOf('model.safetensors', 'sub/pytorch_model.bin', 'empty/x');
    expect((await resolveWeights(folder, { subfolder: 'sub' })).path).toBe(join(folder, 'sub', 'pytorch_model.bin'));
    expect((await errorOf(() => resolveWeights(folder, { subfolder: 'empty' }))).code).toBe('WEIGHTS_NOT_FOUND');
    expect((await errorOf(() => resolveWeights(folder, { subfolder: 'none' }))).code).toBe('FILE_NOT_FOUND');
  });

  it("takes a folder of a file's name for no file", async () => {
    const folder = folderOf('model.safetensors/x', 'pytorch_model.bin');
    expect((await resolveWeights(folder)).format).toBe('pytorch');
  });
});

describe('a folder without weights', () => {
  const messageOf = async (folder: string, options: ResolveOptions = {}) => {
    const error = await errorOf(() => resolveWeights(folder, options));
    expect(error.code).toBe('WEIGHTS_NOT_FOUND');
    expect(error.constructor.name).toBe('CheckpointError');
    expect(error.message).toContain(folder);
    return error.message;
  };

  it('that is empty: names every file looked for, and the folder', async () => {
    const message = await messageOf(folderOf());
    for (const name of [
      'model.safetensors',
      'pytorch_model.bin',
      'tf_model.h5',
      'model.ckpt.index',
      'flax_model.msgpack',
    ]) {
      expect(message).toContain(name);
    }
  });

  it('with TensorFlow weights: names from_tf=True, before Flax', async () => {
    for (const name of ['tf_model.h5', 'model.ckpt.index', 'tf_model.h5.index.json']) {
      expect(await messageOf(folderOf(name, 'flax_model.msgpack'))).toContain('from_tf=True');
      expect(await messageOf(folderOf(name), { use_safetensors: true })).toContain('from_tf=True');
    }
  });

  it('with Flax weights: names from_flax=True', async () => {
    expect(await messageOf(folderOf('flax_model.msgpack'))).toContain('from_flax=True');
    expect(await messageOf(folderOf('flax_model.msgpack.index.json'))).toContain('from_flax=True');
  });

  it('when only safetensors are asked for: names that file alone', async () => {
    const message = await messageOf(folderOf('pytorch_model.bin'), { use_safetensors: true });
    expect(message).toContain('model.safetensors');
    expect(message).not.toMatch(/pytorch_model|tf_model|flax_model/);
  });

  it('of the variant asked for: says that there is one without, or names the variant in all files', async () => {
    expect(await messageOf(folderOf('model.safetensors'), { variant: 'fp16' })).toContain('variant=None');
    expect(await messageOf(folderOf(), { variant: 'fp16' })).toContain('pytorch_model.fp16.bin');
  });

  it('with a link to a file that is gone: says so', async () => {
    const folder = folderOf();
    symlinkSync(join('..', '..', 'blobs', 'gone'), join(folder, 'model.safetensors'));
    expect(await messageOf(folder)).toMatch(/'model\.safetensors' is a link to a file that is gone/);
  });

  it('with shards of a variant: names the variant; with another kind of the one asked for: names use_safetensors', async () => {
    const shards = folderOf('model.fp16-00001-of-00002.safetensors', 'model.safetensors.index.fp16.json');
    expect((await errorOf(() => resolveWeights(shards))).message).toMatch(/weights of variant 'fp16': set variant/);
    const options = { variant: 'fp16', use_safetensors: false };
    expect((await errorOf(() => resolveWeights(shards, options))).message).toMatch(
      /'fp16' of another kind: leave use_saf/,
    );
  });

  it('with an adapter: says that it is one', async () => {
    const folder = folderOf('adapter_config.json', 'adapter_model.safetensors');
    expect((await errorOf(() => resolveWeights(folder))).message).toMatch(/holds an adapter .*not supported yet/);
  });

  it('with a GGUF file: names gguf_file', async () => {
    expect(await messageOf(folderOf('model-q4.gguf'))).toMatch(/'model-q4\.gguf'.*gguf_file/);
  });

  it('that does not exist: says so', async () => {
    const error = await errorOf(() => resolveWeights(join(root, 'none')));
    expect(error.code).toBe('FILE_NOT_FOUND');
    expect(error.message).toContain(join(root, 'none'));
  });
});

describe('other locations and options', () => {
  it('a file is itself, its format told by its name', async () => {
    const folder = folderOf('a.safetensors', 'a.safetensors.index.json', 'b.bin', 'c.gguf', 'd.txt');
    expect(await resolveWeights(join(folder, 'a.safetensors'))).toMatchObject({
      format: 'safetensors',
      sharded: false,
    });
    expect(await resolveWeights(join(folder, 'a.safetensors.index.json'))).toMatchObject({
      format: 'safetensors',
      sharded: true,
    });
    expect(await resolveWeights(join(folder, 'b.bin'))).toMatchObject({ format: 'pytorch' });
    expect(await resolveWeights(join(folder, 'c.gguf'))).toMatchObject({ format: 'gguf' });
    expect((await errorOf(() => resolveWeights(join(folder, 'd.txt')))).code).toBe('UNSUPPORTED_FORMAT');
  });

  it.each([
    ['504b030414000808', 'pytorch'],
    ['80027d7101580100', 'pytorch'],
    ['894844460d0a1a0a', 'tensorflow'],
    ['4747554603000000', 'gguf'],
    ['10000000000000007b2261', 'safetensors'],
  ])('tells by the first bytes, %s, what a file is whose name says nothing', async (hex, format) => {
    const path = join(folderOf('epoch=3.ckpt'), 'epoch=3.ckpt');
    writeFileSync(path, Buffer.from(hex, 'hex'));
    expect(await resolveWeights(path)).toEqual({ format, path, sharded: false });
  });

  it('the start of a TensorFlow 1 checkpoint needs from_tf', async () => {
    const folder = folderOf('bert.ckpt.index', 'model.ckpt-1000.index');
    for (const name of ['bert.ckpt', 'bert.ckpt.index', 'model.ckpt-1000', 'model.ckpt-1000.index']) {
      const location = join(folder, name);
      const error = await errorOf(() => resolveWeights(location));
      expect(error.name).toBe('ValueError');
      expect(error.message).toContain('from_tf');
      expect(await resolveWeights(location, { from_tf: true })).toMatchObject({ format: 'tensorflow1' });
    }
  });

  it('a file that the config names is taken without a search, if its name is safe', async () => {
    const folder = folderOf('model.safetensors', 'other.safetensors', 'x.safetensors.index.json');
    const named = (transformers_weights: string) => resolveWeights(folder, { transformers_weights });
    expect((await named('other.safetensors')).path).toBe(join(folder, 'other.safetensors'));
    expect((await named('x.safetensors.index.json')).sharded).toBe(true);
    expect((await errorOf(() => named('gone.safetensors'))).code).toBe('WEIGHTS_NOT_FOUND');
    expect((await errorOf(() => named('pytorch_model.bin'))).name).toBe('ValueError');
    expect((await errorOf(() => named('../x.safetensors'))).code).toBe('UNSAFE_SHARD_NAME');
  });

  it('an unknown option is named, with the nearest known one', async () => {
    for (const use of [resolveWeights, openCheckpoint]) {
      const error = await errorOf(() => use(root, { use_safetensor: true } as never));
      expect(error.name).toBe('TypeError');
      expect(error.message).toMatch(/'use_safetensor'.*did you mean 'use_safetensors'/);
    }
  });

  it('an aborted signal ends the search', async () => {
    expect((await errorOf(() => resolveWeights(root, { signal: AbortSignal.abort() }))).code).toBe('ABORT_ERR');
  });
});

describe('opening a folder', () => {
  const withFormat = (format: string | null) => {
    const folder = folderOf();
    writeVectors(join(folder, 'model.safetensors'), { a: [1] }, format === null ? { other: 'x' } : { format });
    return folder;
  };
  const sharded = (format: string, first = 'pt') => {
    const folder = folderOf();
    writeVectors(join(folder, '1.safetensors'), { a: [1] }, { format: first });
    writeVectors(join(folder, '2.safetensors'), { b: [1] }, { format });
    const weight_map = { a: '1.safetensors', b: '2.safetensors' };
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
    return folder;
  };

  it.each(['pt', 'mlx', 'tf', 'flax', null])('takes metadata format %s', async (format) => {
    await using source = await openCheckpoint(withFormat(format));
    expect(source.names()).toEqual(['a']);
  });

  it.each([
    ['tf', 'TensorFlow', { from_flax: true }],
    ['flax', 'Flax', { from_tf: true }],
  ])('knows by metadata format %s who wrote it, a shard or a file', async (format, framework, other) => {
    for (const folder of [withFormat(format), sharded(format, format)]) {
      await using source = await openCheckpoint(folder);
      expect(frameworkOf(source)).toBe(framework);
      expect(() => requirePyTorch(source, 'this test')).toThrow(framework);
      const error = await errorOf(() => openCheckpoint(folder, other));
      expect(error.name).toBe('ValueError');
      expect(error.message).toContain(framework);
    }
    const mixed = await errorOf(() => openCheckpoint(sharded(format)));
    expect(mixed.name).toBe('OSError');
    expect(mixed.message).toMatch(/metadata.*1\.safetensors.*2\.safetensors/);
  });

  it('refuses another metadata format by its name', async () => {
    const error = await errorOf(() => openCheckpoint(withFormat('onnx')));
    expect(error.name).toBe('ValueError');
    expect(error.message).toContain("'onnx'");
    const shard = await errorOf(() => openCheckpoint(sharded('onnx')));
    expect(shard.name).toBe('OSError');
    expect(shard.message).toMatch(/2\.safetensors.*metadata/);
  });

  it.each(['tf_model.h5', 'model.ckpt.index'])('opens %s as what its name says', async (name) => {
    const folder = folderOf(name);
    const error = await errorOf(() => openCheckpoint(folder, { from_tf: true }));
    expect(['EMPTY_FILE', 'UNKNOWN_FORMAT']).toContain(error.code);
    expect(error.message).toContain(join(folder, name));
  });

  it('prefers a single file to shards, as Transformers does', async () => {
    const folder = sharded('pt');
    writeVectors(join(folder, 'model.safetensors'), { single: [1] });
    await using source = await openCheckpoint(folder);
    expect(source.names()).toEqual(['single']);
  });
});
