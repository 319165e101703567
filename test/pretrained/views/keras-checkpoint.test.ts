import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from '../../../lib';
import { readNumpyPickle } from '../../../lib/checkpoint/numpy-pickle';
import { setLogHook } from '../../../lib/logging';
import { small } from './small-models';

/** What Keras saves while it trains (T-24). The golden folder was made by TensorFlow: see make_keras_checkpoint.py. */

const { BertConfig, Tensor, TFBertForMaskedLM } = library;
const saved = join(__dirname, '..', '..', 'goldens', 'keras-checkpoint');
const EXTRA = join('checkpoint', 'extra_data.pickle');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keras-checkpoint-'));
  setLogHook(() => {});
});
afterEach(async () => {
  setLogHook(null);
  await rm(folder, { recursive: true, force: true });
});

/** A model, with an optimizer that remembers what it is given. */
async function trained() {
  const given: library.Tensor[] = [];
  const model = new TFBertForMaskedLM(await BertConfig.from_pretrained(saved));
  model.optimizer = { set_weights: (weights: library.Tensor[]) => given.push(...weights) };
  return { model, given };
}

describe('load_repo_checkpoint', () => {
  it('restores weights and the optimizer’s state, and gives the epoch', async () => {
    const { model, given } = await trained();
    expect(await model.load_repo_checkpoint(saved)).toEqual({ epoch: 3 });
    const wanted = await library.load_state_dict(join(saved, 'wanted.safetensors'));
    expect(given).toHaveLength(53);
    for (const [i, tensor] of given.entries()) {
      const expected = wanted.get(`state.${i}`) as library.Tensor;
      expect([tensor.type, tensor.dims, tensor.tolist()]).toEqual([expected.type, expected.dims, expected.tolist()]);
    }
    const { logits } = await model({ input_ids: [[1, 2, 3, 4]] });
    const expected = wanted.get('logits')?.data as Float32Array;
    for (const [i, value] of (logits.data as Float32Array).entries())
      expect(value).toBeCloseTo(expected[i] as number, 5);
  });

  it('wants an optimizer, first of all', async () => {
    const model = new TFBertForMaskedLM(small.bert());
    for (const optimizer of [undefined, null, {}]) {
      Object.assign(model, { optimizer });
      await expect(model.load_repo_checkpoint(join(folder, 'none'))).rejects.toMatchObject({
        name: 'RuntimeError',
        message: expect.stringMatching(/no optimizer is attached/),
      });
    }
  });

  it('names the file that is not there', async () => {
    const { model } = await trained();
    await expect(model.load_repo_checkpoint(folder)).rejects.toMatchObject({
      name: 'FileNotFoundError',
      message: expect.stringMatching(/weights\.h5/),
    });
    await cp(saved, folder, { recursive: true });
    await rm(join(folder, EXTRA));
    await expect(model.load_repo_checkpoint(folder)).rejects.toThrow(library.FileNotFoundError);
    await expect(model.load_repo_checkpoint(folder)).rejects.toThrow(/extra_data\.pickle/);
  });

  it('changes nothing when the weights are not this model’s', async () => {
    const { given } = await trained();
    const model = new library.TFBertForSequenceClassification(small.bert());
    model.optimizer = { set_weights: (weights: library.Tensor[]) => given.push(...weights) };
    await expect(model.load_repo_checkpoint(saved)).rejects.toMatchObject({ code: 'ERR_STATE_DICT' });
    expect(given).toEqual([]);
  });
});

describe('a pickle of arrays', () => {
  const write = async (bytes: Buffer): Promise<string> => {
    const file = join(folder, 'data.pickle');
    await writeFile(file, bytes);
    return file;
  };

  it('that names anything else is refused, and runs nothing', async () => {
    const call = Buffer.concat([Buffer.from('\x80\x02cposix\nsystem\nU\x02ls\x85R.', 'latin1')]);
    await expect(readNumpyPickle(await write(call))).rejects.toMatchObject({
      code: 'PICKLE_FORBIDDEN_GLOBAL',
      message: expect.stringMatching(/posix\.system/),
    });
  });

  it('that is cut short is refused, wherever', async () => {
    const whole = await readFile(join(saved, EXTRA));
    for (let i = 1; i <= 40; i++) {
      const file = await write(whole.subarray(0, Math.floor((whole.length * i) / 41)));
      await expect(readNumpyPickle(file)).rejects.toMatchObject({ code: expect.stringMatching(/^PICKLE_/) });
    }
  });

  it('whose array has other bytes than its shape says is refused', async () => {
    const text = '\x80\x03cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8\x85R(K\x03U\x01<NNNtbC\x04abcd\x86R.';
    await expect(readNumpyPickle(await write(Buffer.from(text, 'latin1')))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
  });

  it('that is none of Keras’ is refused by load_repo_checkpoint', async () => {
    await cp(saved, folder, { recursive: true });
    await writeFile(join(folder, EXTRA), Buffer.from('\x80\x02}U\x05epochK\x01s.', 'latin1'));
    const { model } = await trained();
    await expect(model.load_repo_checkpoint(folder)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT' });
  });
});

describe('create_model_card (T-25)', () => {
  const card = async (options?: Parameters<library.TFBertForMaskedLM['create_model_card']>[2]) => {
    await new TFBertForMaskedLM(small.bert()).create_model_card(folder, 'my-model', options);
    return readFile(join(folder, 'README.md'), 'utf8');
  };

  it('writes a header with all that it is told', async () => {
    const text = await card({
      language: ['en', 'no'],
      license: 'mit',
      tags: 'a',
      finetuned_from: 'bert-base-cased',
      tasks: 'fill-mask',
      dataset_tags: 'glue',
      dataset: 'GLUE',
      dataset_args: 'mrpc',
    });
    expect(text.slice(0, text.indexOf('\n---\n'))).toBe(
      '---\nlanguage:\n- en\n- "no"\nlicense: mit\nbase_model: bert-base-cased\npipeline_tag: fill-mask\ntags:\n- a\n' +
        'datasets:\n- glue\nmodel-index:\n- name: my-model\n  results: []',
    );
    expect(text).toContain('\n# my-model\n');
    expect(text).toMatch(
      /\[bert-base-cased\]\(https:\/\/huggingface\.co\/bert-base-cased\).*the GLUE \(mrpc\) dataset/,
    );
  });

  it('finds the task by the class, and leaves out what it is not told', async () => {
    const text = await card();
    expect(text).toMatch(/^---\npipeline_tag: fill-mask\nmodel-index:\n- name: my-model\n {2}results: \[\]\n---\n/);
    expect(text).toMatch(/an unknown dataset/);
    expect(await card({ dataset_tags: ['glue', 'squad'] })).toMatch(/on the glue and squad datasets/);
  });

  it('refuses what is no text', async () => {
    await expect(card({ tags: [1] as never })).rejects.toThrow(/tags of create_model_card/);
    await expect(card({ licence: 'mit' } as never)).rejects.toThrow(/license/);
    const model = new TFBertForMaskedLM(small.bert());
    await expect(model.create_model_card(folder, 7 as never)).rejects.toThrow(library.TypeError);
  });
});

describe('prepare_tf_dataset (T-26)', () => {
  const model = new library.TFBertForSequenceClassification(small.bert());
  const rows = [1, 2, 3, 4, 5].map((id) => ({ input_ids: [id, id + 1], label: id % 2, idx: id, text: 'x' }));
  const batchesOf = async (...given: Parameters<typeof model.prepare_tf_dataset>) => {
    const batches: [Record<string, unknown>, unknown][] = [];
    for await (const [features, labels] of model.prepare_tf_dataset(...given))
      batches.push([
        Object.fromEntries(Object.entries(features).map(([name, tensor]) => [name, tensor.tolist()])),
        labels instanceof Tensor ? labels.tolist() : labels,
      ]);
    return batches;
  };

  it('gives batches of what the model takes, labels apart', async () => {
    expect(await batchesOf(rows, { batch_size: 3, shuffle: false })).toEqual([
      [
        {
          input_ids: [
            [1n, 2n],
            [2n, 3n],
            [3n, 4n],
          ],
        },
        [1n, 0n, 1n],
      ],
      [
        {
          input_ids: [
            [4n, 5n],
            [5n, 6n],
          ],
        },
        [0n, 1n],
      ],
    ]);
  });

  it('shuffles and leaves out what is over by default, anew in each run', async () => {
    const many = Array.from({ length: 35 }, (_, i) => ({ input_ids: [i % 11], label: 0 }));
    const all = model.prepare_tf_dataset(many);
    const run = async () => {
      const ids: unknown[] = [];
      for await (const [{ input_ids }] of all) ids.push((input_ids as library.Tensor).tolist());
      return ids;
    };
    const [first, second] = [await run(), await run()];
    expect(first.map((ids) => (ids as unknown[]).length)).toEqual([8, 8, 8, 8]);
    expect(first).not.toEqual(second);
    expect(await batchesOf(rows, { batch_size: 3, drop_remainder: false })).toHaveLength(2);
  });

  it('pads with the tokenizer’s padding on its side, and takes columns', async () => {
    const columns = { input_ids: [[1], [2, 3]], attention_mask: [[1], [1, 1]], label: [0.5, 1] };
    const right = await batchesOf(columns, { shuffle: false, tokenizer: { pad_token_id: 9 } });
    expect(right).toEqual([
      [
        {
          input_ids: [
            [1n, 9n],
            [2n, 3n],
          ],
          attention_mask: [
            [1n, 0n],
            [1n, 1n],
          ],
        },
        [0.5, 1],
      ],
    ]);
    const tokenizer = { pad_token_id: 9, padding_side: 'left' };
    expect((await batchesOf(columns, { shuffle: false, tokenizer }))[0]?.[0]).toMatchObject({
      input_ids: [
        [9n, 1n],
        [2n, 3n],
      ],
    });
  });

  it('lets the model compute what it gives', async () => {
    for await (const [features, labels] of model.prepare_tf_dataset(rows, { shuffle: false })) {
      const { loss, logits } = await model({ ...features, labels });
      expect([logits.dims, Number.isFinite(loss.item())]).toEqual([[5, 2], true]);
    }
  });

  it('calls a function that makes batches, with its arguments', async () => {
    const collate_fn = (some: unknown[], args: Record<string, unknown>) => ({
      input_ids: new Tensor(
        'int64',
        some.map(() => BigInt(args['id'] as number)),
        [some.length, 1],
      ),
    });
    const batches = await batchesOf(rows, { batch_size: 2, collate_fn, collate_fn_args: { id: 7 } });
    expect(batches).toEqual([
      [{ input_ids: [[7n], [7n]] }, null],
      [{ input_ids: [[7n], [7n]] }, null],
    ]);
  });

  it('refuses what is no data set, and rows that make no tensor', async () => {
    for (const dataset of ['x', null, [1], { input_ids: 7 }, {}])
      expect(() => model.prepare_tf_dataset(dataset as never)).toThrow(library.TypeError);
    expect(() => model.prepare_tf_dataset({ input_ids: [[1]], label: [1, 2] })).toThrow(/input_ids 1, label 2/);
    expect(() => model.prepare_tf_dataset(rows, { batch_size: 0 })).toThrow(library.ValueError);
    expect(() => model.prepare_tf_dataset(rows, { bach_size: 2 } as never)).toThrow(/batch_size/);
    await expect(batchesOf({ input_ids: [[1, 2], [3], [4, 5, 6]] }, { shuffle: false })).rejects.toThrow(/'input_ids'/);
    const unpadded = batchesOf({ input_ids: [[1], [2, 3]] }, { shuffle: false, tokenizer: {} });
    await expect(unpadded).rejects.toThrow(/pad_token_id/);
  });
});
