import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BertModel } from '../../lib/models/bert/model';
import { halved, useCheckpoints } from './changed-checkpoint';

const checkpoints = useCheckpoints();
const { checkpoint } = checkpoints;

describe('the dtype of a load', () => {
  it('loads a half-precision file as float32 unless told otherwise (rows 49, 50, 51, 54)', async () => {
    const path = await checkpoint(halved, { dtype: undefined, torch_dtype: undefined });
    for (const [options, dtype] of [
      [{}, 'float32'],
      [{ dtype: 'auto' }, 'bfloat16'],
      [{ torch_dtype: 'torch.float16' }, 'float16'],
      [{ dtype: 'bf16' }, 'bfloat16'],
      [{ dtype: { '': 'float16' } }, 'float16'],
      [{ dtype: 'fp16', torch_dtype: 'torch.float16' }, 'float16'],
    ] as const) {
      const model = await BertModel.from_pretrained(path, options);
      expect([options, model.dtype, model.config.torch_dtype]).toEqual([options, dtype, dtype]);
      await model.dispose();
    }
  });

  it('refuses two names of the option that differ', async () => {
    const given = { dtype: 'float16', torch_dtype: { '': 'float32' } };
    await expect(BertModel.from_pretrained(await checkpoint(), given)).rejects.toThrow(
      'both dtype (float16) and torch_dtype ({"":"float32"}) are given; use dtype',
    );
  });

  it("takes 'auto' from the config before the file (row 51)", async () => {
    const model = await BertModel.from_pretrained(await checkpoint(undefined, { dtype: 'float16' }), { dtype: 'auto' });
    expect(model.dtype).toBe('float16');
    await model.dispose();
  });

  it("names the config whose torch_dtype is none, where 'auto' asks for it", async () => {
    const path = await checkpoint(undefined, { dtype: undefined, torch_dtype: 'foo' });
    await using model = await BertModel.from_pretrained(path);
    expect(model.dtype).toBe('float32');
    const error = await BertModel.from_pretrained(path, { dtype: 'auto' }).catch((e: Error) => e);
    expect(error).toMatchObject({ name: 'ValueError', code: 'ERR_DTYPE' });
    expect((error as Error).message).toMatch(
      new RegExp(`torch_dtype in that of '${path}' is 'foo'.*such as 'float32'`),
    );
  });

  it("takes 'auto' from the index of shards before the tensors, and behind the config (row 51)", async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    await model.save_pretrained(checkpoints.folder, { max_shard_size: '12KB' });
    const change = async (file: string, edit: (content: Record<string, unknown>) => object) => {
      const path = join(checkpoints.folder, file);
      await writeFile(path, JSON.stringify(edit(JSON.parse(await readFile(path, 'utf8')))));
    };
    await change('config.json', ({ torch_dtype, ...fields }) => fields);
    await change('model.safetensors.index.json', ({ metadata, weight_map }) => ({
      metadata: { ...(metadata as object), dtype: 'float16' },
      weight_map,
    }));
    const auto = async () => {
      await using loaded = await BertModel.from_pretrained(checkpoints.folder, { dtype: 'auto' });
      return loaded.dtype;
    };
    expect(await auto()).toBe('float16');
    expect(checkpoints.logged.map(([, message]) => message)).toContain(
      "dtype 'auto' is float16, from the index's metadata of the checkpoint",
    );
    await change('config.json', (fields) => ({ ...fields, torch_dtype: 'bfloat16' }));
    expect(await auto()).toBe('bfloat16');
    expect(checkpoints.logged.map(([, message]) => message)).toContain(
      "dtype 'auto' is bfloat16, from the config of the checkpoint",
    );
    await model.dispose();
  });

  it("passes over types that nothing computes in for 'auto' (row 51)", async () => {
    const first = { name: 'a', dtype: 'float8_e4m3fn', shape: [1], bytes: new Uint8Array(1) };
    const path = await checkpoint((entries) => [first, ...halved(entries)], { torch_dtype: null, dtype: null });
    await using model = await BertModel.from_pretrained(path, { dtype: 'auto' });
    expect(model.dtype).toBe('bfloat16');
  });

  it('refuses dtypes that weights cannot have (rows 50, 52)', async () => {
    const path = await checkpoint();
    await expect(BertModel.from_pretrained(path, { dtype: 'int8x' })).rejects.toThrow(/'int8x' is not a dtype/);
    await expect(BertModel.from_pretrained(path, { dtype: 'int64' })).rejects.toThrow(
      /since it is not a floating point dtype/,
    );
    await expect(BertModel.from_pretrained(path, { dtype: 'q4' })).rejects.toMatchObject({
      name: 'NotImplementedError',
      message: expect.stringContaining("'q4'"),
    });
  });

  it('takes a dtype by part, and names parts that the model does not have (row 52)', async () => {
    const path = await checkpoint();
    for (const part of ['', 'model']) {
      const model = await BertModel.from_pretrained(path, { dtype: { [part]: 'fp16' } });
      expect(model.dtype).toBe('float16');
      await model.dispose();
    }
    for (const dtype of [{ text: 'fp32' }, { '': 'fp16', text: 'fp32' }, { encoder_model: 'q8' }])
      for (const name of ['dtype', 'torch_dtype'])
        await expect(BertModel.from_pretrained(path, { [name]: dtype })).rejects.toMatchObject({
          code: 'ERR_UNKNOWN_NAME',
          message: expect.stringMatching(/dtype names the part '(text|encoder_model)'/),
        });
    await expect(BertModel.from_pretrained(path, { dtype: { '': 'q4' } })).rejects.toThrow(/'q4' is not supported yet/);
    await expect(BertModel.from_pretrained(path, { dtype: { '': 'fp16', model: 'fp32' } })).rejects.toThrow(
      /for 'model'/,
    );
    await expect(BertModel.from_pretrained(path, { dtype: ['fp32'] as never })).rejects.toMatchObject({
      code: 'ERR_TYPE',
    });
  });
});
