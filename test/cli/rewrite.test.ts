import {
  cpSync,
  lstatSync,
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
import { PassThrough } from 'node:stream';
import { AutoModel } from '../../lib/auto/auto-model';
import { convertCheckpoint } from '../../lib/auto/convert-checkpoint';
import { convertToGguf } from '../../lib/auto/convert-to-gguf';
import { rewriteCheckpoint } from '../../lib/auto/rewrite-checkpoint';
import { openCheckpoint } from '../../lib/checkpoint/open';
import { parseCommand } from '../../lib/cli/parse';
import { castCommand, convertCommand, shardCommand } from '../../lib/cli/rewrite';
import { runCli } from '../../lib/cli/run-cli';
import { BertForMaskedLM } from '../../lib/models/bert/model';
import { errorOf } from '../checkpoint/scratch';

const golden = join(__dirname, '..', 'goldens', 'bert', 'base');
const rewrite = async () => rewriteCheckpoint;
const commands = [
  ...[castCommand, shardCommand].map((command) => command(rewrite)),
  convertCommand({
    convert: async () => convertCheckpoint,
    toGguf: async () => convertToGguf,
  }),
];

let parent: string;
let folder: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'rewrite-'));
  folder = join(parent, 'model');
  mkdirSync(folder);
  for (const name of ['config.json', 'model.safetensors']) cpSync(join(golden, name), join(folder, name));
  writeFileSync(join(folder, 'tokenizer.json'), '{}');
  mkdirSync(join(folder, '1_Pooling'));
  writeFileSync(join(folder, '1_Pooling', 'config.json'), '{}');
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

async function run(...args: string[]) {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => {
    const through = Object.assign(new PassThrough(), { isTTY: false, columns: 80 });
    through.on('data', (chunk) => {
      said[name] += chunk;
    });
    return through;
  };
  const terminal = { stdin: new PassThrough(), stdout: stream('stdout'), stderr: stream('stderr'), env: {} };
  const code = await runCli(commands, args, terminal, '1.2.3');
  await new Promise(setImmediate);
  return { code, ...said };
}

const config = (path = folder) => JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
const weightsFiles = (path = folder) =>
  readdirSync(path)
    .filter((name) => name.includes('safetensors'))
    .sort();

function everyFile(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(path, name)).isFile(),
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(path, name), 'base64')]));
}

async function tensors(path: string): Promise<Map<string, string>> {
  await using source = await openCheckpoint(path);
  const found = new Map<string, string>();
  for (const name of [...source.names()].sort())
    found.set(name, `${source.info(name).dtype} ${Buffer.from(await source.read(name)).toString('base64')}`);
  return found;
}

describe('cast', () => {
  it('gives the bytes that the model would have in that type, and says so in the config', async () => {
    const model = await BertForMaskedLM.from_pretrained(folder, { dtype: 'bfloat16' });
    await model.save_pretrained(join(parent, 'expected'));
    expect(await run('cast', folder, '--dtype', 'bf16')).toMatchObject({ code: 0, stderr: '' });
    const [made, expected] = [await tensors(folder), await tensors(join(parent, 'expected'))];
    for (const [name, bytes] of expected) expect([name, made.get(name)]).toEqual([name, bytes]);
    expect(config()).toMatchObject({ torch_dtype: 'bfloat16' });
    expect(config()).not.toHaveProperty('dtype');
    expect({ ...config(), torch_dtype: null }).toEqual({
      ...JSON.parse(readFileSync(join(golden, 'config.json'), 'utf8')),
      torch_dtype: null,
    });
    expect(readdirSync(folder).sort()).toEqual(['1_Pooling', 'config.json', 'model.safetensors', 'tokenizer.json']);
    expect(readdirSync(parent).sort()).toEqual(['expected', 'model']);
  });

  it('prints what would change, and changes nothing, in a dry run', async () => {
    const before = everyFile(folder);
    const { code, stdout } = await run('cast', folder, '--dtype', 'float16', '--max-shard-size', '20KB', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(/float32 → float16 +\d+ +\d+\.\d kB +\d+\.\d kB/);
    expect(stdout).toMatch(/write +model-00001-of-00002\.safetensors/);
    expect(stdout).toMatch(/write +model\.safetensors\.index\.json/);
    expect(stdout).toMatch(/write +config\.json/);
    expect(stdout).toMatch(/remove +model\.safetensors/);
    expect(stdout).toMatch(/keep +tokenizer\.json/);
    expect(stdout).toContain('Nothing was changed');
    expect(everyFile(folder)).toEqual(before);
    expect(readdirSync(parent)).toEqual(['model']);
  });

  it('writes elsewhere with everything beside the weights, and leaves the checkpoint', async () => {
    const before = everyFile(folder);
    const out = join(parent, 'out');
    expect((await run('cast', folder, '--dtype', 'fp16', '-o', out)).code).toBe(0);
    expect(Object.keys(everyFile(out))).toEqual(Object.keys(before));
    expect(config(out).torch_dtype).toBe('float16');
    expect(statSync(join(out, 'tokenizer.json')).ino).not.toBe(statSync(join(folder, 'tokenizer.json')).ino);
    expect(everyFile(folder)).toEqual(before);
    const again = await run('cast', folder, '--dtype', 'fp16', '-o', out);
    expect(again).toMatchObject({ code: 65, stderr: expect.stringContaining('is not empty') });
  });

  it('refuses quantised weights, other types, and folders that are none', async () => {
    expect((await run('cast', folder, '--dtype', 'int8')).code).toBe(2);
    expect(await run('cast', join(parent, 'none'), '--dtype', 'fp16')).toMatchObject({ code: 65 });
    writeFileSync(join(folder, 'config.json'), '{"quantization_config": {"quant_method": "gptq"}}');
    const before = everyFile(folder);
    expect(await run('cast', folder, '--dtype', 'fp16')).toMatchObject({
      code: 65,
      stderr: expect.stringContaining('quantised'),
    });
    expect(everyFile(folder)).toEqual(before);
  });
});

describe('shard', () => {
  it('changes files and no tensor, there and back, in any number of steps', async () => {
    const before = everyFile(folder);
    const values = await tensors(folder);
    expect((await run('shard', folder, '--max-shard-size', '12KB')).code).toBe(0);
    const many = weightsFiles();
    expect(many.length).toBeGreaterThan(4);
    expect(await tensors(folder)).toEqual(values);
    expect((await run('shard', folder, '--max-shard-size', '30KB')).code).toBe(0);
    expect(weightsFiles().length).toBeLessThan(many.length);
    expect(await tensors(folder)).toEqual(values);
    expect((await run('shard', folder, '--max-shard-size', '1TB')).code).toBe(0);
    expect(everyFile(folder)).toEqual(before);
  });

  it('rewrites one variant and leaves the others', async () => {
    cpSync(join(folder, 'model.safetensors'), join(folder, 'model.fp16.safetensors'));
    expect((await run('shard', folder, '--variant', 'fp16', '--max-shard-size', '30KB')).code).toBe(0);
    expect(weightsFiles()).toEqual([
      'model.fp16-00001-of-00002.safetensors',
      'model.fp16-00002-of-00002.safetensors',
      'model.safetensors',
      'model.safetensors.index.fp16.json',
    ]);
  });

  it('refuses sizes that are none', async () => {
    expect(await run('shard', folder, '--max-shard-size', 'small')).toMatchObject({
      code: 65,
      stderr: expect.stringContaining('max_shard_size'),
    });
  });
});

describe('convert', () => {
  it('writes safetensors with another type and other files at once, and prints JSON', async () => {
    const { code, stdout } = await run(
      'convert',
      folder,
      '--to',
      'safetensors',
      '--dtype',
      'bf16',
      '--max-shard-size',
      '20KB',
      '--json',
    );
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.removed).toEqual(['model.safetensors']);
    expect(report.kept).toEqual(['1_Pooling', 'tokenizer.json']);
    expect(report.written.map(({ file }: { file: string }) => file).sort()).toEqual(
      [...weightsFiles(), 'config.json'].sort(),
    );
    const [model, info] = await BertForMaskedLM.from_pretrained(folder, { dtype: 'auto', output_loading_info: true });
    expect(model.dtype).toBe('bfloat16');
    expect(info.missing_keys).toEqual([]);
  });

  it('writes .bin files and reads them back: the same tensors, the same bytes', async () => {
    const before = everyFile(folder);
    const values = await tensors(folder);
    for (const size of ['30KB', '1TB']) {
      expect(await run('convert', folder, '--to', 'pytorch', '--max-shard-size', size)).toMatchObject({
        code: 0,
        stderr: '',
      });
      expect(weightsFiles()).toEqual([]);
      expect(await tensors(folder)).toEqual(values);
    }
    expect(readdirSync(folder)).toContain('pytorch_model.bin');
    expect((await run('convert', folder, '--to', 'safetensors')).code).toBe(0);
    expect(everyFile(folder)).toEqual(before);
  });

  it('keeps tied names tied from .bin to .bin, and gives each its bytes in safetensors files', async () => {
    const model = await BertForMaskedLM.from_pretrained(folder);
    const tied = ['bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'] as const;
    const bin = join(parent, 'bin');
    await model.save_pretrained(bin, { safe_serialization: false });
    const storages = async (path: string) => {
      await using source = await openCheckpoint(path);
      return tied.map((name) => `${source.info(name).file} ${source.info(name).byteOffset}`);
    };
    for (const args of [
      ['cast', bin, '--dtype', 'fp16'],
      ['shard', bin, '--max-shard-size', '9KB'],
    ]) {
      expect((await run(...args)).code).toBe(0);
      const [table, head] = await storages(bin);
      expect(head).toBe(table);
    }
    expect((await run('convert', bin, '--to', 'safetensors')).code).toBe(0);
    expect(readdirSync(bin).sort()).toEqual(['config.json', 'model.safetensors']);
    const [table, head] = await storages(bin);
    expect(head).not.toBe(table);
    const found = await tensors(bin);
    expect(found.get(tied[1])).toBe(found.get(tied[0]));
  });
});

describe('cast and shard', () => {
  const frameworks = join(__dirname, '..', 'goldens', 'frameworks');
  const file = () => join(folder, 'model.safetensors');

  it('take one file of weights, with what belongs to the model beside it, into a new folder', async () => {
    writeFileSync(join(folder, 'notes.txt'), '');
    const before = everyFile(folder);
    const out = join(parent, 'out');
    expect(await run('cast', file(), '--dtype', 'fp16', '-o', out)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(out).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    expect(config(out).torch_dtype).toBe('float16');
    await run('cast', folder, '--dtype', 'fp16', '-o', join(parent, 'whole'));
    expect(await tensors(out)).toEqual(await tensors(join(parent, 'whole')));
    expect(everyFile(folder)).toEqual(before);
    expect(await run('shard', file(), '--max-shard-size', '20KB')).toMatchObject({
      code: 65,
      stderr: expect.stringContaining('give a new folder for the result as output'),
    });
  });

  it('take an index of shards, of .bin files too', async () => {
    const values = await tensors(folder);
    await run('convert', folder, '--to', 'pytorch', '--max-shard-size', '20KB');
    const index = join(folder, 'pytorch_model.bin.index.json');
    const out = join(parent, 'out');
    expect((await run('shard', index, '--max-shard-size', '1TB', '-o', out)).code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['config.json', 'pytorch_model.bin', 'tokenizer.json']);
    expect(await tensors(out)).toEqual(values);
  });

  it('go by the class that is named, and tell what it has no place for', async () => {
    const out = join(parent, 'out');
    const { code, stdout } = await run(
      'shard',
      file(),
      '--max-shard-size',
      '1TB',
      '--class',
      'BertModel',
      '--json',
      '-o',
      out,
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      class: 'BertModel',
      left_out: expect.arrayContaining(['cls.predictions.bias']),
    });
    expect(config(out).architectures).toEqual(['BertModel']);
    const elsewhere = join(parent, 'elsewhere');
    mkdirSync(elsewhere);
    cpSync(file(), join(elsewhere, 'w.safetensors'));
    const named = await run(
      'cast',
      join(elsewhere, 'w.safetensors'),
      '--dtype',
      'fp16',
      '--config',
      folder,
      '-o',
      join(parent, 'x'),
    );
    expect([named.code, config(join(parent, 'x')).torch_dtype]).toEqual([0, 'float16']);
  });

  it.each([
    ['gpt2-tf-h5', 'tf_model.h5'],
    ['bert-flax', 'flax_model.msgpack'],
  ])("leave %s's weights in the format that they have", async (name, weights) => {
    const made = join(parent, name);
    mkdirSync(made);
    for (const each of ['config.json', weights]) cpSync(join(frameworks, name, each), join(made, each));
    expect(await run('cast', made, '--dtype', 'fp16')).toMatchObject({ code: 0 });
    expect(readdirSync(made).sort()).toEqual(['config.json', weights].sort());
    expect(config(made).torch_dtype).toBe('float16');
    const loaded = await AutoModel.from_pretrained(made, {
      [weights.endsWith('.h5') ? 'from_tf' : 'from_flax']: true,
      dtype: 'auto',
    });
    expect(loaded.dtype).toBe('float16');
    await loaded.dispose();
  });

  it.each([
    [
      'a GGUF file',
      join(__dirname, '..', 'goldens', 'gguf', 'llama-vocabulary.gguf'),
      /a file of GGUF.*convert --to gguf/,
    ],
    [
      'a TensorFlow 1 checkpoint',
      join(frameworks, 'bert-tf1-shards', 'model.ckpt'),
      /a file of TensorFlow 1.*convert --to safetensors/,
    ],
  ])('refuse %s, and say what writes it', async (_, path, words) => {
    for (const args of [
      ['cast', '--dtype', 'fp16'],
      ['shard', '--max-shard-size', '1MB'],
    ]) {
      const { code, stderr } = await run(...args, path, '-o', join(parent, 'out'));
      expect([code, stderr]).toEqual([65, expect.stringMatching(words)]);
    }
    expect(readdirSync(parent)).toEqual(['model']);
  });
});

describe('all three', () => {
  it('leave a Hub cache as it was downloaded, and write what it holds elsewhere', async () => {
    const cache = join(parent, 'models--a--b');
    const snapshot = join(cache, 'snapshots', '0'.repeat(40));
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(join(cache, 'blobs'));
    for (const name of ['config.json', 'model.safetensors']) {
      cpSync(join(folder, name), join(cache, 'blobs', name));
      symlinkSync(join('..', '..', 'blobs', name), join(snapshot, name));
    }
    const refused = await run('shard', snapshot, '--max-shard-size', '30KB');
    expect(refused).toMatchObject({ code: 65, stderr: expect.stringContaining('Hub cache') });
    const out = join(parent, 'out');
    expect((await run('shard', snapshot, '--max-shard-size', '30KB', '-o', out)).code).toBe(0);
    expect(lstatSync(join(out, 'config.json')).isFile()).toBe(true);
    expect(await tensors(out)).toEqual(await tensors(folder));
  });

  it('stop at a signal with the old state whole', async () => {
    const before = everyFile(folder);
    const controller = new AbortController();
    const done = errorOf(() => rewriteCheckpoint(folder, { dtype: 'float16', signal: controller.signal }));
    setImmediate(() => controller.abort());
    expect(await done).toMatchObject({ name: 'AbortError' });
    expect(everyFile(folder)).toEqual(before);
    expect(readdirSync(parent)).toEqual(['model']);
  });

  it('show examples that they understand', () => {
    for (const command of commands)
      for (const { line } of command.examples)
        expect(() => parseCommand(command, line.split(' ').slice(2), {})).not.toThrow();
  });
});
