import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { OSError } from '../../lib/errors';
import { LogLevel } from '../../lib/logging';
import {
  BertConfig,
  BertForMaskedLM,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
} from '../../lib/models/bert/model';
import type { Linear } from '../../lib/nn/linear';
import type { Parameter } from '../../lib/nn/parameter';
import { Tensor } from '../../lib/tensor/tensor';
import { type Entry, floats, golden, useCheckpoints } from './changed-checkpoint';

const checkpoints = useCheckpoints();
const { checkpoint, levels, write } = checkpoints;

describe('from_pretrained', () => {
  it('loads all and ends in evaluation mode, with tied weights as one storage (rows 61, 66)', async () => {
    const [model, info] = await BertForMaskedLM.from_pretrained(await checkpoint(), { output_loading_info: true });
    expect(info.missing_keys).toEqual([]);
    expect(model.training).toBe(false);
    expect(model.bert.encoder.training).toBe(false);
    expect(model.cls.predictions.decoder.weight).toBe(model.bert.embeddings.word_embeddings.weight);
    expect(model.cls.predictions.decoder.bias).toBe(model.cls.predictions.bias);
    await model.dispose();
  });

  it('keeps base_model and base_model_prefix of a head and of a base (rows 2, 3)', async () => {
    const model = await BertForSequenceClassification.from_pretrained(await checkpoint());
    expect(BertForSequenceClassification.base_model_prefix).toBe('bert');
    expect(model.base_model).toBe(model.bert);
    expect(model.bert.base_model).toBe(model.bert);
    expect(model.main_input_name).toBe('input_ids');
    await model.dispose();
  });

  it('uses config_class for a config that is not given (row 1)', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    expect(BertModel.config_class).toBe(BertConfig);
    expect(model.config).toBeInstanceOf(BertConfig);
    await model.dispose();
  });

  it('reads a base out of a head, and reports the head by its stored names (row 57)', async () => {
    const [model, info] = await BertModel.from_pretrained(await checkpoint(), { output_loading_info: true });
    expect(info.missing_keys).toEqual([]);
    expect(info.unexpected_keys).toEqual(expect.arrayContaining(['cls.predictions.bias', 'classifier.weight']));
    expect(info.unexpected_keys).toEqual([...info.unexpected_keys].sort());
    await model.dispose();
  });

  it('reads a head from a base, newly initialising the rest (rows 57, 61)', async () => {
    const path = await checkpoint((entries) =>
      entries.filter((e) => e.name.startsWith('bert.')).map((e) => ({ ...e, name: e.name.slice(5) })),
    );
    const [model, info] = await BertForTokenClassification.from_pretrained(path, {
      num_labels: 5,
      output_loading_info: true,
    });
    expect(info.missing_keys).toEqual(['classifier.bias', 'classifier.weight']);
    expect(levels(/newly initialized.*classifier/s)).toEqual([LogLevel.WARNING]);
    expect(model.config.id2label).toMatchObject({ 4: 'LABEL_4' });
    expect(model.classifier.weight.value.dims[0]).toBe(5);
    expect([...((model.classifier.bias as Parameter).value.data as Float32Array)]).toEqual([0, 0, 0, 0, 0]);
    await model.dispose();
  });

  it('initialises by module: a lone missing bias is 0, its weight is the stored one (row 62)', async () => {
    const name = 'bert.pooler.dense.bias';
    const path = await checkpoint((entries) => entries.filter((e) => e.name !== name));
    const [model, info] = await BertModel.from_pretrained(path, { output_loading_info: true });
    expect(info.missing_keys).toEqual(['pooler.dense.bias']);
    const dense = model.pooler?.dense as Linear;
    const bias = (dense.bias as Parameter).value.data as Float32Array;
    expect(bias.every((x) => x === 0)).toBe(true);
    await using source = await openSafetensors(join(golden, 'model.safetensors'));
    expect(dense.weight.value.data).toEqual(floats(await source.read('bert.pooler.dense.weight')));
    await model.dispose();
  });

  it('initialises by the module that a weight belongs to: norms 1, padding rows 0 (row 62)', async () => {
    const norm = 'bert.encoder.layer.0.output.LayerNorm.weight';
    const table = 'bert.embeddings.word_embeddings.weight';
    const path = await checkpoint((entries) => entries.filter(({ name }) => name !== norm && name !== table));
    await using model = await BertModel.from_pretrained(path);
    const ones = model.get_parameter('encoder.layer.0.output.LayerNorm.weight').value.data as Float32Array;
    expect(new Set(ones)).toEqual(new Set([1]));
    const { weight, padding_idx, embedding_dim } = model.embeddings.word_embeddings;
    const start = (padding_idx as number) * embedding_dim;
    const rows = weight.value.data as Float32Array;
    expect(new Set(rows.slice(start, start + embedding_dim))).toEqual(new Set([0]));
    expect(rows.filter((x) => x !== 0)).toHaveLength(rows.length - embedding_dim);
  });

  it('warns of left-over weights only for the class that the config names (row 61)', async () => {
    const path = await checkpoint(undefined, { architectures: ['BertForMaskedLM'] });
    await (await BertModel.from_pretrained(path)).dispose();
    expect(levels(/were not used when initializing BertModel/)).toEqual([LogLevel.INFO]);
    await (await BertForMaskedLM.from_pretrained(path)).dispose();
    expect(levels(/were not used when initializing BertForMaskedLM/)).toEqual([LogLevel.WARNING]);
  });

  it('refuses other shapes, or leaves them out and initialises them (rows 22, 64, 65)', async () => {
    const path = await checkpoint();
    const labels = (await BertConfig.from_pretrained(path)) as unknown as { num_labels: number };
    const options = { num_labels: labels.num_labels + 2 };
    await expect(BertForSequenceClassification.from_pretrained(path, options)).rejects.toMatchObject({
      name: 'RuntimeError',
      message: expect.stringMatching(/size mismatch for classifier\.weight[\s\S]*size mismatch for classifier\.bias/),
    });
    const [model, info] = await BertForSequenceClassification.from_pretrained(path, {
      ...options,
      ignore_mismatched_sizes: true,
      output_loading_info: true,
    });
    expect(info.mismatched_keys.map(([name]) => name)).toEqual(['classifier.bias', 'classifier.weight']);
    expect(info.missing_keys).toEqual([]);
    expect(levels(/shapes did not match/)).toEqual([LogLevel.WARNING]);
    const bias = (model.classifier.bias as Parameter).value.data as Float32Array;
    expect(bias.every((x) => x === 0)).toBe(true);
    await model.dispose();
  });

  it('casts to nearest even, overflows float16 to infinity and keeps NaN (row 55)', async () => {
    const name = 'bert.embeddings.LayerNorm.bias';
    const values = new Float32Array([1 + 2 ** -11, 1 + 3 * 2 ** -11, 70000, -70000, Number.NaN, 2 ** -25]);
    const path = await checkpoint((entries) =>
      entries.map((e) => {
        if (e.name !== name) return e;
        const numbers = floats(e.bytes);
        numbers.set(values);
        return { ...e, bytes: new Uint8Array(numbers.buffer) };
      }),
    );
    const model = await BertModel.from_pretrained(path, { dtype: 'float16' });
    const bias = model.embeddings.LayerNorm.bias?.value as Tensor;
    const list = bias.tolist() as number[];
    expect(list.slice(0, 6)).toEqual([
      1,
      1 + 2 ** -9,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      0,
    ]);
    await model.dispose();
  });

  it('takes a config object as a copy, a path, or none (row 18)', async () => {
    const path = await checkpoint();
    const config = (await BertConfig.from_pretrained(path)) as BertConfig;
    const model = await BertModel.from_pretrained(path, { config });
    expect(model.config).not.toBe(config);
    expect(model.config.equals(config)).toBe(false); // it knows where it came from, and its dtype
    await model.dispose();
    await (await BertModel.from_pretrained(path, { config: join(path, 'config.json') })).dispose();
    await expect(BertModel.from_pretrained(path, { config, hidden_dropout_prob: 0 })).rejects.toThrow(
      /unexpected keyword argument 'hidden_dropout_prob'/,
    );
  });

  it('lets left-over options override config fields, and refuses the rest', async () => {
    const path = await checkpoint();
    const model = await BertModel.from_pretrained(path, { layer_norm_eps: 1e-3, add_pooling_layer: false });
    expect(model.config.layer_norm_eps).toBe(1e-3);
    expect(model.pooler).toBeNull();
    await model.dispose();
    await expect(BertModel.from_pretrained(path, { layer_nrom_eps: 1 })).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining("unexpected keyword argument 'layer_nrom_eps'"),
    });
    await expect(BertModel.from_pretrained(path, { device_map: 'auto' })).rejects.toThrow(/'device_map'/);
    await expect(BertModel.from_pretrained(path, { device: 'cuda' })).rejects.toThrow(/device 'cuda'/);
  });

  it('loads from null with config and state_dict, and not with one of them (row 16)', async () => {
    const path = await checkpoint();
    const config = (await BertConfig.from_pretrained(path)) as BertConfig;
    const model = await BertModel.from_pretrained(path);
    const again = await BertModel.from_pretrained(null, { config, state_dict: model.state_dict() });
    expect(again.config.name_or_path).toBe('None');
    expect([...again.state_dict().keys()]).toEqual([...model.state_dict().keys()]);
    await model.dispose();
    const table = again.embeddings.word_embeddings.weight.value.data as Float32Array;
    expect(table.some((x) => x !== 0)).toBe(true);
    await again.dispose();
    await expect(BertModel.from_pretrained(null, { config })).rejects.toThrow(/state_dict is missing/);
    await expect(BertModel.from_pretrained(null, { state_dict: {} })).rejects.toThrow(/config is missing/);
    await expect(BertModel.from_pretrained(null)).rejects.toMatchObject({ name: 'OSError' });
  });

  it('loads one weights file when its config is given (row 16)', async () => {
    const path = await checkpoint();
    const file = join(path, 'model.safetensors');
    const config = (await BertConfig.from_pretrained(path)) as BertConfig;
    await (await BertModel.from_pretrained(file, { config })).dispose();
    await expect(BertModel.from_pretrained(file)).rejects.toMatchObject({ name: 'OSError', code: 'ERR_NO_CONFIG' });
  });

  it('treats a file without metadata, and one of mlx, as PyTorch, and refuses what it cannot be (row 45)', async () => {
    const path = await checkpoint();
    await using source = await openSafetensors(join(path, 'model.safetensors'));
    const entries: Entry[] = [];
    for (const name of source.names()) {
      const { dtype, shape } = source.info(name);
      entries.push({ name, dtype, shape, bytes: await source.read(name) });
    }
    for (const metadata of [{}, { format: 'mlx' }] as Record<string, string>[]) {
      await write(entries, metadata);
      await (await BertModel.from_pretrained(path)).dispose();
    }
    await write(entries, { format: 'onnx' });
    await expect(BertModel.from_pretrained(path)).rejects.toMatchObject({ name: 'ValueError' });
  });

  it('names the folder when there is nothing to load (rows 35, 36, 37)', async () => {
    await expect(BertModel.from_pretrained(join(checkpoints.folder, 'nowhere'))).rejects.toMatchObject({
      name: 'OSError',
      message: expect.stringContaining('nowhere'),
    });
    await copyFile(join(golden, 'config.json'), join(checkpoints.folder, 'config.json'));
    const nothing = await BertModel.from_pretrained(checkpoints.folder).catch((error: unknown) => error);
    expect(nothing).toBeInstanceOf(OSError);
    expect((nothing as Error).message).toMatch(
      /model\.safetensors[\s\S]*pytorch_model\.bin[\s\S]*tf_model\.h5[\s\S]*model\.ckpt\.index[\s\S]*flax_model\.msgpack/,
    );
    await rm(join(checkpoints.folder, 'config.json'));
    await expect(BertModel.from_pretrained(checkpoints.folder)).rejects.toThrow(/config\.json/);
  });

  it('reports progress in bytes, file by file', async () => {
    const seen: string[] = [];
    const model = await BertModel.from_pretrained(await checkpoint(), {
      progress_callback: (info) => {
        seen.push(`${info.status} ${'file' in info ? info.file : undefined}`);
        if (info.status === 'progress') expect(info.loaded).toBeLessThanOrEqual(info.total);
      },
    });
    expect([seen[0], seen.at(-1)]).toEqual(['initiate model.safetensors', 'done model.safetensors']);
    expect(seen).toContain('progress model.safetensors');
    expect(seen).toContain('progress_total undefined');
    await model.dispose();
  });

  it('stops when its signal fires, and releases what it had loaded', async () => {
    const path = await checkpoint();
    await expect(BertModel.from_pretrained(path, { signal: AbortSignal.abort('no') })).rejects.toMatchObject({
      code: 'ABORT_ERR',
      cause: 'no',
    });
    const controller = new AbortController();
    const loading = BertModel.from_pretrained(path, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(loading).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });

  it('refuses a call on a disposed model, and a constructor without a config', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    await model.dispose();
    const fault = {
      name: 'RuntimeError',
      code: 'ERR_DISPOSED',
      message: 'this BertModel has been disposed; load it again with BertModel.from_pretrained',
    };
    await expect(model({ input_ids: [[1, 2]] })).rejects.toMatchObject(fault);
    expect(() => model.state_dict()).toThrow(expect.objectContaining(fault));
    await model.dispose();
    const head = await BertForMaskedLM.from_pretrained(checkpoints.folder);
    await head.dispose();
    await expect(head({ input_ids: [[1, 2]] })).rejects.toThrow(/this BertForMaskedLM has been disposed/);
    await expect(head.bert({ input_ids: [[1, 2]] })).rejects.toThrow(/this BertModel has been disposed/);
    expect(() => new BertModel({} as BertConfig)).toThrow(
      expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('BertModel') }),
    );
  });
});

describe('a call', () => {
  it('names what is wrong with its inputs', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    const { vocab_size, max_position_embeddings } = model.config;
    const long = Array.from({ length: max_position_embeddings + 1 }, () => 1);
    for (const [inputs, message] of [
      [{}, /either input_ids or inputs_embeds/],
      [{ input_idz: [[1]] }, /unexpected input 'input_idz'; did you mean 'input_ids'/],
      [{ input_ids: [[1], [2, 3]] }, /input_ids has rows of different lengths.*padding: true/],
      [{ input_ids: [1, 2] }, /Wrong shape for input_ids: \[2\]/],
      [{ input_ids: [[vocab_size]] }, new RegExp(`input_ids holds ${vocab_size} at element 0`)],
      [{ input_ids: [[1.5]] }, /must hold integers; element 0 is 1\.5/],
      [{ input_ids: [long] }, /needs position .*truncation: true/],
      [{ input_ids: [[1, 2]], position_ids: [[0, -3]] }, /position_ids holds -3 at element 1.*go from 0 to/],
      [{ input_ids: [[1]], position_ids: [[max_position_embeddings]] }, /position_ids holds \d+ at element 0/],
      [{ input_ids: [[1, 2]], attention_mask: [[1, 1, 1]] }, /Wrong shape for attention_mask: \[1,3\]/],
      [{ input_ids: [[1, 2]], attention_mask: [[1, 2]] }, /attention_mask holds 2/],
      [{ input_ids: [[1, 2]], token_type_ids: [[0, 9]] }, /token_type_ids holds 9/],
      [{ input_ids: [[1]], inputs_embeds: new Tensor('float32', [0], [1, 1, 1]) }, /cannot specify both/],
    ] as const)
      await expect(model(inputs)).rejects.toThrow(message);
    for (const [inputs, code] of [
      [{ input_ids: [long] }, 'ERR_TOO_MANY_TOKENS'],
      [{ input_ids: [[1]], position_ids: [[-1]] }, 'ERR_INDEX_OUT_OF_RANGE'],
      [{ input_ids: [[1]], position_ids: [[max_position_embeddings]] }, 'ERR_INDEX_OUT_OF_RANGE'],
    ] as const)
      await expect(model(inputs)).rejects.toMatchObject({ code });
    await model.dispose();
  });

  it('takes a promise of inputs, arrays or Tensors, and gives fields by name, by place or as an array', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    const ids = new Tensor('int64', [1n, 2n, 3n], [1, 3]);
    const output = await model(Promise.resolve({ input_ids: ids }));
    expect(output.last_hidden_state.dims).toEqual([1, 3, model.config.hidden_size]);
    expect(output[0]).toBe(output.last_hidden_state);
    const tuple = await model({ input_ids: [[1, 2, 3]], return_dict: false });
    expect((tuple[0] as Tensor).data).toEqual(output.last_hidden_state.data);
    await model.dispose();
  });

  it('stops when its signal fires', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    await expect(model({ input_ids: [[1]], signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORT_ERR' });
    await model.dispose();
  });

  it('gives the same bits whatever else is in the batch', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    const row = [5, 6, 7, 8];
    const alone = (await model({ input_ids: [row] })).last_hidden_state.data as Float32Array;
    const batch = await model({
      input_ids: [
        [1, 2, 3, 4, 5, 6],
        [...row, 0, 0],
        [9, 0, 0, 0, 0, 0],
      ],
      attention_mask: [
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 0, 0],
        [1, 0, 0, 0, 0, 0],
      ],
    });
    const width = model.config.hidden_size;
    const among = (batch.last_hidden_state.data as Float32Array).subarray(6 * width, 10 * width);
    expect(among).toEqual(alone);
    await model.dispose();
  });
});

describe('what cannot be meant', () => {
  it('is an error that says so, at the door', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    const call = model as unknown as (...args: unknown[]) => Promise<unknown>;
    await expect(call({ input_ids: [[1]] }, { attention_mask: [[1]] })).rejects.toThrow(/takes one object/);
    await expect(call({ input_ids: [[1]], signal: 5 })).rejects.toThrow(/signal must be an AbortSignal/);
    for (const option of ['output_hidden_states', 'output_attentions', 'return_dict'])
      await expect(call({ input_ids: [[1]], [option]: 'yes' })).rejects.toThrow(
        new RegExp(`${option} of BertModel must be true or false, not a string`),
      );
    await expect(call({ input_ids: [['a']] })).rejects.toThrow(/input_ids must hold integers; element 0 is a string/);
    await expect(call({ inputs_embeds: [[[1]]] })).rejects.toThrow(/inputs_embeds must be a Tensor/);
    await expect(call({ input_ids: [[1]], head_mask: 'x' })).rejects.toThrow(/head_mask must be/);
    const rows = await call({ input_ids: [new BigInt64Array([1n, 2n]), new Int32Array([3, 4])] });
    expect((rows as { last_hidden_state: Tensor }).last_hidden_state.dims.slice(0, 2)).toEqual([2, 2]);
    await model.dispose();
    const signal = 'x' as unknown as AbortSignal;
    await expect(BertModel.from_pretrained(checkpoints.folder, { signal })).rejects.toThrow(
      /signal must be an AbortSignal/,
    );
    await expect(BertModel.from_pretrained(checkpoints.folder, { num_hidden_layers: 1_000_000 })).rejects.toMatchObject(
      {
        code: 'ERR_CONFIG_TYPE',
      },
    );
  });

  it('takes inputs_embeds of any floating type', async () => {
    const model = await BertModel.from_pretrained(await checkpoint());
    const width = model.config.hidden_size;
    const values = Float64Array.from({ length: 3 * width }, (_, i) => Math.sin(i));
    const double = await model({ inputs_embeds: new Tensor('float64', values, [1, 3, width]) });
    const single = await model({ inputs_embeds: new Tensor('float32', Float32Array.from(values), [1, 3, width]) });
    expect(double.last_hidden_state.data).toEqual(single.last_hidden_state.data);
    await model.dispose();
  });
});
