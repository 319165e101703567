/** Weights that stay in their files (`mmap`). */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoModel, AutoModelForCausalLM } from '../../lib/auto/auto-model';
import { memoryStats } from '../../lib/binding/runtime';
import { setLogHook } from '../../lib/logging';
import { BertModel } from '../../lib/models/bert/model';
import type { FromPretrainedOptions } from '../../lib/pretrained/from-pretrained';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import type { Tensor } from '../../lib/tensor/tensor';
import { resultOf } from '../binding/run-program';

const goldens = join(__dirname, '..', 'goldens');
const bert = join(goldens, 'bert', 'base');
const input_ids = [
  [1, 2, 3, 4, 5, 6],
  [7, 8, 9, 10, 11, 12],
];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mmap-'));
  setLogHook(() => {});
});

afterEach(() => {
  setLogHook(null);
  rmSync(folder, { recursive: true, force: true });
  expect(memoryStats().mapped).toBe(0);
});

/** The first output's numbers; of one token too, which takes other kernels. */
async function outputsOf(model: PreTrainedModel): Promise<unknown[]> {
  const [many] = (await model({ input_ids, return_dict: false })) as unknown as [Tensor];
  const [one] = (await model({ input_ids: [[3]], return_dict: false })) as unknown as [Tensor];
  return [await many.getData(), await one.getData()];
}

async function outputs(path: string, options: FromPretrainedOptions, Auto: typeof AutoModel = AutoModel) {
  const model = await Auto.from_pretrained(path, options);
  const { mapped } = memoryStats();
  try {
    return { mapped, numbers: await outputsOf(model) };
  } finally {
    await model.dispose();
  }
}

describe('mapped weights', () => {
  it.each([
    ['bert', 'base', 'float32'],
    ['modernbert', 'hub-config', 'float32'],
    ['gpt2', 'base', 'float32'],
    ['llama', 'base', 'float32'],
    ['llama', 'bfloat16', 'auto'],
  ])('of %s/%s give the same bits as weights that are read', async (family, name, dtype) => {
    const path = join(goldens, family, name);
    const Auto = family === 'gpt2' || family === 'llama' ? (AutoModelForCausalLM as typeof AutoModel) : AutoModel;
    const read = await outputs(path, { dtype, mmap: false }, Auto);
    const mapped = await outputs(path, { dtype, mmap: true }, Auto);
    expect(read.mapped).toBe(0);
    expect(mapped.mapped).toBeGreaterThan(0);
    expect(mapped.numbers).toEqual(read.numbers);
  });

  it.each([
    ['sharded safetensors', { max_shard_size: '100KB' }],
    ['a PyTorch file', { safe_serialization: false }],
    ['sharded PyTorch files', { safe_serialization: false, max_shard_size: '100KB' }],
  ])('are found in %s', async (_, how) => {
    await using model = await AutoModel.from_pretrained(bert);
    await model.save_pretrained(folder, how);
    const mapped = await outputs(folder, { mmap: true });
    expect(mapped.mapped).toBeGreaterThan(0);
    expect(mapped.numbers).toEqual(await outputsOf(model));
  });

  it('are shared by models of one file, and unmapped with the last of them', async () => {
    const one = await AutoModel.from_pretrained(bert, { mmap: true });
    const { mapped } = memoryStats();
    const two = await AutoModel.from_pretrained(bert, { mmap: true });
    expect(memoryStats().mapped).toBe(mapped);
    const expected = await outputsOf(one);
    await one.dispose();
    expect(memoryStats().mapped).toBe(mapped);
    expect(await outputsOf(two)).toEqual(expected);
    await two.dispose();
  });

  it('count in the footprint of the model and not as tensor memory', async () => {
    const { live } = memoryStats();
    await using mapped = await AutoModel.from_pretrained(bert, { mmap: true });
    const grown = memoryStats().live - live;
    await using read = await AutoModel.from_pretrained(bert);
    expect(mapped.get_memory_footprint()).toBe(read.get_memory_footprint());
    expect(grown).toBeLessThan(read.get_memory_footprint() / 4);
  });

  it('are read where they are cast', async () => {
    const cast = await outputs(bert, { mmap: true, dtype: 'bfloat16' });
    expect(cast.mapped).toBe(0);
    expect(cast.numbers).toEqual((await outputs(bert, { dtype: 'bfloat16' })).numbers);
  });

  it('survive a save over their own folder', async () => {
    cpSync(bert, folder, { recursive: true });
    await using model = await AutoModel.from_pretrained(folder, { mmap: true });
    const expected = await outputsOf(model);
    await model.save_pretrained(folder);
    expect(await outputsOf(model)).toEqual(expected);
    expect((await outputs(folder, { mmap: true })).numbers).toEqual(expected);
  });

  it('are edited in memory: the file stays as it is', async () => {
    cpSync(bert, folder, { recursive: true });
    const before = readFileSync(join(folder, 'model.safetensors'));
    await using model = await AutoModel.from_pretrained(folder, { mmap: true });
    await using other = await AutoModel.from_pretrained(folder);
    for (const each of [model, other]) {
      each.prune_heads({ 0: [0] });
      const rows = (each.config as unknown as { vocab_size: number }).vocab_size;
      await each.resize_token_embeddings(rows - 3);
      const [name, tensor] = [...each.state_dict()].find(([, { dims }]) => dims.length === 1) as [string, Tensor];
      expect(() => tensor.add_(1)).toThrow(/parameter/);
      each.load_state_dict({ [name]: tensor.add(1) }, { strict: false });
    }
    expect(await outputsOf(model)).toEqual(await outputsOf(other));
    await model.save_pretrained(join(folder, 'edited'));
    expect(readFileSync(join(folder, 'model.safetensors')).equals(before)).toBe(true);
  });
});

describe('mmap', () => {
  it('is off for a folder, and on for what lies in a Hub cache unless it is false', async () => {
    expect((await outputs(bert, {})).mapped).toBe(0);
    const repository = join(folder, 'models--org--bert');
    const snapshot = join(repository, 'snapshots', 'c0ffee');
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(join(repository, 'blobs'));
    for (const name of ['config.json', 'model.safetensors']) {
      cpSync(join(bert, name), join(repository, 'blobs', `blob-of-${name}`));
      symlinkSync(join('..', '..', 'blobs', `blob-of-${name}`), join(snapshot, name));
    }
    expect((await outputs(snapshot, {})).mapped).toBeGreaterThan(0);
    expect((await outputs(snapshot, { mmap: null })).mapped).toBeGreaterThan(0);
    expect((await outputs(snapshot, { mmap: false })).mapped).toBe(0);
  });

  it('refuses what is neither true nor false, and weights that are given', async () => {
    await expect(AutoModel.from_pretrained(bert, { mmap: 'yes' as never })).rejects.toThrow(
      'mmap of AutoModel.from_pretrained must be true or false',
    );
    await using model = await AutoModel.from_pretrained(bert);
    const given = { config: model.config, state_dict: model.state_dict(), mmap: true };
    await expect(BertModel.from_pretrained(null, given)).rejects.toThrow('mmap says how a file of weights is read');
  });
});

interface Outcome {
  [step: string]: string;
}

describe('a file that others change while it is mapped', () => {
  it.each(['truncated', 'emptied', 'rewritten'])('%s: calls fail with FILE_CHANGED, and nothing else', async (how) => {
    cpSync(bert, folder, { recursive: true });
    const outcome = await resultOf<Outcome>('change-mapped', { args: [folder, how] });
    expect(outcome).toEqual({
      before: 'computed',
      call: 'FILE_CHANGED',
      again: 'FILE_CHANGED',
      read: 'FILE_CHANGED',
      save: 'FILE_CHANGED',
      worker: 'FILE_CHANGED',
      other: 'computed',
    });
  });

  it('a bus error of somebody else ends the process as ever', async () => {
    cpSync(bert, folder, { recursive: true });
    await expect(resultOf('change-mapped', { args: [folder, 'raised'] })).rejects.toThrow('SIGBUS');
  });
});
