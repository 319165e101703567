import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { editCheckpoint } from '../../lib/auto/edit-checkpoint';
import { openCheckpoint } from '../../lib/checkpoint/open';
import { pruneHeadsCommand, resizeEmbeddingsCommand } from '../../lib/cli/edit';
import { runCli } from '../../lib/cli/run-cli';
import { BertForMaskedLM } from '../../lib/models/bert/model';
import { set_seed } from '../../lib/pretrained/init';
import { cast } from '../../lib/tensor/ops/cast';
import { Running } from '../jobs/start-process';

const golden = join(__dirname, '..', 'goldens', 'bert', 'base');
const commands = [resizeEmbeddingsCommand, pruneHeadsCommand].map((command) =>
  command(async () => ({ edit: editCheckpoint, set_seed })),
);

let parent: string;
let folder: string;

/** A folder that one class holds whole, with a tokenizer beside it. */
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'edit-'));
  folder = join(parent, 'model');
  mkdirSync(folder);
  await using model = await BertForMaskedLM.from_pretrained(golden);
  await model.save_pretrained(folder);
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

function everyFile(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(path, name)).isFile(),
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(path, name), 'base64')]));
}

async function bytesOf(path: string, name: string): Promise<Buffer> {
  await using source = await openCheckpoint(path);
  return Buffer.from(await source.read(name));
}

const table = 'bert.embeddings.word_embeddings.weight';

describe('resize-embeddings', () => {
  it('changes the table, the bias and the config in place, and keeps the other files', async () => {
    const size = config().vocab_size as number;
    const old = await bytesOf(folder, table);
    const result = await run('resize-embeddings', folder, '--tokens', String(size + 2), '--no-mean-resizing');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(new RegExp(`vocab_size +${size} +${size + 2}`));
    expect(config().vocab_size).toBe(size + 2);
    expect((await bytesOf(folder, table)).subarray(0, old.length).equals(old)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['1_Pooling', 'config.json', 'model.safetensors', 'tokenizer.json']);
    await using model = await BertForMaskedLM.from_pretrained(folder);
    expect(model.cls.predictions.bias.dims).toEqual([size + 2]);
  });

  it('with --dry-run says the same and changes nothing', async () => {
    const before = everyFile(folder);
    const dry = await run('resize-embeddings', folder, '--pad-to-multiple-of', '64', '--dry-run');
    expect([dry.code, dry.stderr, everyFile(folder)]).toEqual([0, '', before]);
    expect(dry.stdout).toMatch(/Nothing was changed: this was a dry run/);
    const wet = await run('resize-embeddings', folder, '--pad-to-multiple-of', '64');
    expect(wet.stdout.split('\n').slice(0, -2)).toEqual(dry.stdout.split('\n').slice(0, -2));
  });

  it('into another folder takes the other files along and leaves the old folder; a seed repeats the rows', async () => {
    const before = everyFile(folder);
    for (const name of ['one', 'two']) {
      const output = join(parent, 'new', name);
      const args = ['--tokens', '100', '--seed', '3', '--no-mean-resizing', '-o', output, '--max-shard-size', '5KB'];
      expect(await run('resize-embeddings', folder, ...args, '--json')).toMatchObject({ code: 0, stderr: '' });
    }
    expect(everyFile(folder)).toEqual(before);
    const made = everyFile(join(parent, 'new', 'one'));
    expect(everyFile(join(parent, 'new', 'two'))).toEqual(made);
    expect(Object.keys(made)).toEqual(expect.arrayContaining(['1_Pooling/config.json', 'tokenizer.json']));
    expect(Object.keys(made).filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(1);
    expect(readdirSync(join(parent, 'new')).sort()).toEqual(['one', 'two']);
  });

  it('refuses lines without a size, and folders that are not empty', async () => {
    expect(await run('resize-embeddings', folder)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--tokens or --pad-to-multiple-of is missing/),
    });
    const result = await run('resize-embeddings', folder, '--tokens', '9', '-o', parent);
    expect(result).toMatchObject({ code: 65, stderr: expect.stringMatching(/is not empty/) });
  });
});

describe('prune-heads', () => {
  it('removes heads, and says which shapes change', async () => {
    const before = everyFile(folder);
    const dry = await run('prune-heads', folder, '--heads', '0:1;1:0', '--dry-run', '--json');
    const report = JSON.parse(dry.stdout);
    expect(report.config).toEqual([{ field: 'pruned_heads', before: {}, after: { 0: [1], 1: [0] } }]);
    expect(report.tensors.map(({ name }: { name: string }) => name)).toContain(
      'bert.encoder.layer.0.attention.self.query.weight',
    );
    expect(report.parameters.after).toBeLessThan(report.parameters.before);
    expect(everyFile(folder)).toEqual(before);
    expect(await run('prune-heads', folder, '--heads', '0:1 1:0')).toMatchObject({ code: 0, stderr: '' });
    expect(config().pruned_heads).toEqual({ '0': [1], '1': [0] });
    await using model = await BertForMaskedLM.from_pretrained(folder);
    expect(model.bert.encoder.layer[0]?.attention.pruned_heads).toEqual(new Set([1]));
  });

  it('refuses what is no list of heads, and heads that are not there, changing nothing', async () => {
    const before = everyFile(folder);
    for (const text of ['0', '0:', 'a:1', ' ; '])
      expect(await run('prune-heads', folder, '--heads', text)).toMatchObject({ code: 2 });
    for (const text of ['0:99', '77:0'])
      expect(await run('prune-heads', folder, '--heads', text)).toMatchObject({ code: 65 });
    expect(everyFile(folder)).toEqual(before);
  });
});

describe('a signal', () => {
  it.each([
    ['SIGINT', 130, 'prune-heads', ['--heads', '0:0']],
    ['SIGTERM', 143, 'prune-heads', ['--heads', '0:0']],
    ['SIGINT', 130, 'cast', ['--dtype', 'bf16']],
    ['SIGTERM', 143, 'cast', ['--dtype', 'bf16']],
  ] as const)('%s ends with %i, and leaves the folder as it was: %s', async (signal, code, command, args) => {
    const before = everyFile(folder);
    const running = new Running(process.execPath, [join(__dirname, 'edit-process.cjs'), command, folder, ...args], {});
    await running.until('start');
    running.child.kill(signal);
    expect(await running.ended).toEqual({ code, signal: null });
    expect(running.stdout).toBe('');
    expect(running.stderr).toContain('stopped: nothing was changed\n');
    expect(everyFile(folder)).toEqual(before);
    expect(readdirSync(parent)).toEqual(['model']);
  });
});

describe('editing a checkpoint', () => {
  const edit = (options: object = {}) => editCheckpoint(folder, (model) => model.prune_heads({ 0: [0] }), options);

  it('refuses one whose class is not here, or does not hold all weights, or is of several types', async () => {
    const stored = config();
    const write = (fields: object) =>
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...stored, ...fields }));
    write({ architectures: ['BertForEverything'] });
    await expect(edit()).rejects.toThrow(/is a BertForEverything, which is not supported/);
    write({ architectures: null });
    await expect(edit()).rejects.toThrow(/of no named architecture/);
    write({ architectures: ['BertForSequenceClassification'] });
    await expect(edit()).rejects.toThrow(/missing .*classifier\.weight.*left over .*cls\.predictions/);
    expect(existsSync(join(folder, 'model.safetensors'))).toBe(true);
    await using model = await BertForMaskedLM.from_pretrained(golden);
    const mixed = new Map([...model.state_dict()].map(([name, t]) => [name, name === table ? cast(t, 'float16') : t]));
    await model.save_pretrained(folder, { state_dict: mixed });
    await expect(edit()).rejects.toThrow(/bring them to one type first: native-transformers cast/);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const controller = new AbortController();
    controller.abort();
    const output = join(parent, 'other');
    await expect(edit({ output, signal: controller.signal })).rejects.toMatchObject({ code: 'ABORT_ERR' });
    const late = new AbortController();
    const running = editCheckpoint(
      folder,
      (model) => {
        model.prune_heads({ 0: [0] });
        late.abort();
      },
      { output, signal: late.signal },
    );
    await expect(running).rejects.toMatchObject({ code: 'ABORT_ERR' });
    expect(readdirSync(parent)).toEqual(['model']);
  });
});
