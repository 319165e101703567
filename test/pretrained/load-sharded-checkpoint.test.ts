import { mkdtempSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BertConfig, BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { load_sharded_checkpoint } from '../../lib/pretrained/load-sharded-checkpoint';
import {
  get_checkpoint_shard_files,
  load_state_dict,
  no_init_weights,
  shard_checkpoint,
  unwrap_model,
} from '../../lib/pretrained/weights-functions';
import { Tensor } from '../../lib/tensor/tensor';
import { goldenFolder, numbers } from './surgery/tiny-models';

let folder: string;

/** A masked LM in shards. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shards-'));
  await using model = await BertForMaskedLM.from_pretrained(goldenFolder('bert'));
  await model.save_pretrained(folder, { max_shard_size: '6KB' });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function filled(dims: readonly number[], value: number): Tensor {
  const size = dims.reduce((n, d) => n * d, 1);
  return new Tensor('float32', new Float32Array(size).fill(value), dims);
}

async function config(): Promise<BertConfig> {
  return BertConfig.from_pretrained(folder);
}

describe('load_sharded_checkpoint (row 90)', () => {
  it('loads every shard in the dtype of the parameters; tied names are not missing', async () => {
    const model = new BertForMaskedLM(await config());
    model.to('bfloat16');
    expect(await load_sharded_checkpoint(model, folder)).toEqual({ missing_keys: [], unexpected_keys: [] });
    await using wanted = await BertForMaskedLM.from_pretrained(folder, { dtype: 'bfloat16' });
    for (const [name, tensor] of model.state_dict())
      expect(await numbers(tensor)).toEqual(await numbers(wanted.state_dict().get(name) as Tensor));
    await model.dispose();
  });

  it('strict refuses names on one side, before it loads; else it says them', async () => {
    const model = new BertModel(await config());
    model.init_weights();
    const before = [...model.state_dict().values()];
    await expect(load_sharded_checkpoint(model, folder)).rejects.toThrow(
      /BertModel[\s\S]*Missing key\(s\): "embeddings[\s\S]*Unexpected key\(s\): /,
    );
    const keys = await load_sharded_checkpoint(model, folder, { strict: false });
    expect(keys.missing_keys).toContain('pooler.dense.weight');
    expect(keys.unexpected_keys).toContain('cls.predictions.bias');
    expect([...model.state_dict().values()]).toEqual(before);
    await model.dispose();
  });

  it('refuses other shapes, unknown options, an aborted signal, and a folder without an index', async () => {
    const stored = await config();
    stored.vocab_size += 1;
    const model = new BertForMaskedLM(stored);
    await expect(load_sharded_checkpoint(model, folder, { strict: false })).rejects.toThrow(/size mismatch for bert/);
    await expect(load_sharded_checkpoint(model, folder, { stric: true } as never)).rejects.toThrow(/'strict'/);
    const aborted = load_sharded_checkpoint(model, folder, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORT_ERR' });
    await expect(load_sharded_checkpoint(model, goldenFolder('bert'))).rejects.toThrow(/Can't find a checkpoint index/);
  });

  it('takes the index that prefer_safe says, and the one that there is', async () => {
    const other = await BertForMaskedLM.from_pretrained(folder);
    const { weight } = other.bert.embeddings.word_embeddings;
    const stored = await numbers(weight.value);
    other.load_state_dict(new Map([['bert.embeddings.word_embeddings.weight', filled(weight.dims, 3)]]), {
      strict: false,
    });
    await other.save_pretrained(folder, { max_shard_size: '6KB', safe_serialization: false });
    const model = no_init_weights(() => new BertForMaskedLM(other.config));
    const table = async (options: object) => {
      await load_sharded_checkpoint(model, folder, options);
      return numbers(model.bert.embeddings.word_embeddings.weight.value);
    };
    const threes = stored.map(() => 3);
    expect(await table({})).toEqual(stored);
    expect(await table({ prefer_safe: false })).toEqual(threes);
    expect(await table({ prefer_safe: true })).toEqual(stored);
    await rm(join(folder, 'model.safetensors.index.json'));
    expect(await table({ prefer_safe: true })).toEqual(threes);
    await Promise.all([model.dispose(), other.dispose()]);
  });

  it('names the shard that is none of its index', async () => {
    const model = new BertForMaskedLM(await config());
    await rename(join(folder, 'model.safetensors.index.json'), join(folder, 'pytorch_model.bin.index.json'));
    await expect(load_sharded_checkpoint(model, folder)).rejects.toThrow(
      /model-00001-of-\d{5}\.safetensors': it is a safetensors file/,
    );
  });
});

describe('functions beside the classes (row 91)', () => {
  it('read one file of weights in its own types', async () => {
    const state = await load_state_dict(join(goldenFolder('bert'), 'model.safetensors'));
    const model = await BertForMaskedLM.from_pretrained(goldenFolder('bert'));
    const name = 'bert.encoder.layer.0.output.dense.weight';
    expect(await numbers(state.get(name) as Tensor)).toEqual(await numbers(model.state_dict().get(name) as Tensor));
    await expect(load_state_dict(join(folder, 'nothing.safetensors'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    await model.dispose();
  });

  it('say which files an index names', async () => {
    const [files, metadata] = await get_checkpoint_shard_files(join(folder, 'model.safetensors.index.json'));
    expect(files.length).toBeGreaterThan(1);
    expect(files[0]).toMatch(/model-00001-of-\d{5}\.safetensors$/);
    const keys = metadata['all_checkpoint_keys'] as string[];
    expect(Object.keys(metadata['weight_map'] as object)).toEqual(keys);
    expect(metadata['total_size']).toBeGreaterThan(0);
  });

  it('spread a state over shards, or give one file and no index', () => {
    const state = new Map([3, 4, 5].map((n) => [`t${n}`, new Tensor('float32', new Float32Array(n))]));
    const [shards, index] = shard_checkpoint(state, 28);
    expect([...shards].map(([file, held]) => [file, [...held.keys()]])).toEqual([
      ['model-00001-of-00002.safetensors', ['t3', 't4']],
      ['model-00002-of-00002.safetensors', ['t5']],
    ]);
    expect(index).toEqual({
      metadata: { total_size: 48 },
      weight_map: {
        t3: 'model-00001-of-00002.safetensors',
        t4: 'model-00001-of-00002.safetensors',
        t5: 'model-00002-of-00002.safetensors',
      },
    });
    expect(shard_checkpoint(state)).toEqual([new Map([['model.safetensors', state]]), null]);
  });

  it('unwrap a model, and make one without drawing weights', async () => {
    const model = no_init_weights(() => new BertModel(new BertConfig({ vocab_size: 10, num_hidden_layers: 1 })));
    expect([...model.parameters()].some(({ isLoaded }) => isLoaded)).toBe(false);
    expect(unwrap_model({ module: { module: model } } as never)).toBe(model);
  });
});
