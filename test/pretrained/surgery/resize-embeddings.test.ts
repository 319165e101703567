import { AutoModelForSeq2SeqLM } from '../../../lib/auto/auto-model';
import { LogLevel, setLogHook, setLogLevel } from '../../../lib/logging';
import { BertConfig, BertForMaskedLM, BertForSequenceClassification } from '../../../lib/models/bert/model';
import { DistilBertForMaskedLM, DistilBertModel } from '../../../lib/models/distilbert/model';
import { ModernBertConfig, ModernBertForMaskedLM } from '../../../lib/models/modernbert/model';
import { T5Config, T5ForConditionalGeneration } from '../../../lib/models/t5/model';
import { Embedding } from '../../../lib/nn/embedding';
import { Linear } from '../../../lib/nn/linear';
import type { Parameter } from '../../../lib/nn/parameter';
import { set_seed } from '../../../lib/pretrained/init';
import type { PreTrainedModel } from '../../../lib/pretrained/pretrained-model';
import { Tensor } from '../../../lib/tensor/tensor';
import { causalLM, families, goldenFolder, maskedLM, moments, numbers, rows } from './tiny-models';

let logged: [number, string][];

beforeEach(() => {
  logged = [];
  setLogHook((level, message) => logged.push([level, message]));
  set_seed(1);
});

afterEach(() => {
  setLogHook(null);
  setLogLevel(LogLevel.WARNING);
});

const table = (model: PreTrainedModel) => model.get_input_embeddings().weight;
const head = (model: PreTrainedModel) => model.get_output_embeddings() as Linear;
const bias = (model: PreTrainedModel) => head(model).bias as Parameter;

async function logits(model: PreTrainedModel, ids: number[][], decoder_input_ids?: number[][]): Promise<Tensor> {
  const output = (await model({ input_ids: ids, ...(decoder_input_ids && { decoder_input_ids }) })) as {
    logits?: Tensor;
  };
  return output.logits as Tensor;
}

describe('resize_token_embeddings', () => {
  for (const family of families)
    it(`of ${family}: rows kept, the head tied or not as before, its bias padded with zeros, logits of old tokens the same (rows 120, 122, 124)`, async () => {
      await using model = await maskedLM(family);
      const before = table(model).dims[0] as number;
      const isTied = head(model).weight === table(model);
      // These two checkpoints hold both names with different values.
      expect(isTied).toBe(!['xlm-roberta', 'camembert'].includes(family));
      const [oldRows, oldBias] = [await rows(table(model).value), await numbers(bias(model).value)];
      const oldLogits = await rows(await logits(model, [[5, 6, 7]]));
      const returned = model.resize_token_embeddings(before + 3, { mean_resizing: false });
      expect(returned).toBe(model.get_input_embeddings());
      expect(returned.num_embeddings).toBe(before + 3);
      expect([model.config['vocab_size'], model.vocab_size]).toEqual([before + 3, before + 3]);
      expect((await rows(table(model).value)).slice(0, before)).toEqual(oldRows);
      expect(head(model).weight === table(model)).toBe(isTied);
      expect(head(model).weight.dims[0]).toBe(before + 3);
      expect(head(model).out_features).toBe(before + 3);
      expect(await numbers(bias(model).value)).toEqual([...oldBias, 0, 0, 0]);
      const wide = (await logits(model, [[5, 6, before + 2]])).dims;
      expect(wide).toEqual([1, 3, before + 3]);
      const newLogits = await rows(await logits(model, [[5, 6, 7]]));
      expect((newLogits[0] as unknown as number[][]).map((row) => row.slice(0, before))).toEqual(oldLogits[0]);
      // and back
      model.resize_token_embeddings(before - 1);
      expect(await rows(table(model).value)).toEqual(oldRows.slice(0, -1));
      expect(await numbers(bias(model).value)).toEqual(oldBias.slice(0, -1));
      expect((await logits(model, [[5, 6, 7]])).dims).toEqual([1, 3, before - 1]);
      await expect(model({ input_ids: [[before - 1]] })).rejects.toMatchObject({ code: 'ERR_INDEX_OUT_OF_RANGE' });
    });

  for (const family of ['gpt2', 'llama', 'qwen2'] as const)
    it(`of ${family}: the head follows, tied or not, and has no bias (row 124)`, async () => {
      await using model = await causalLM(family);
      const before = table(model).dims[0] as number;
      const [oldRows, oldHead] = [await rows(table(model).value), await rows(head(model).weight.value)];
      const oldLogits = await numbers(await logits(model, [[5, 6, 7]]));
      model.resize_token_embeddings(before + 7, { pad_to_multiple_of: 8 });
      const size = model.config['vocab_size'] as number;
      expect([size % 8, size >= before + 7, head(model).bias]).toEqual([0, true, undefined]);
      expect((await rows(table(model).value)).slice(0, before)).toEqual(oldRows);
      expect((await rows(head(model).weight.value)).slice(0, before)).toEqual(oldHead);
      expect(head(model).weight === table(model)).toBe(family === 'gpt2');
      model.resize_token_embeddings(before);
      expect(await numbers(await logits(model, [[5, 6, 7]]))).toEqual(oldLogits);
    });

  it('leaves all as it was when both sizes are null, and says nothing (row 122)', async () => {
    await using model = await maskedLM('bert');
    setLogLevel(LogLevel.INFO);
    const [weight, size] = [table(model).value, model.config['vocab_size']];
    expect(model.resize_token_embeddings()).toBe(model.get_input_embeddings());
    expect(table(model).value).toBe(weight);
    expect([model.config['vocab_size'], model.vocab_size, logged]).toEqual([size, undefined, []]);
  });

  it('gives the same module and tensor back for the same size', async () => {
    await using model = await maskedLM('bert');
    const { value } = table(model);
    const size = value.dims[0] as number;
    expect(model.resize_token_embeddings(size)).toBe(model.get_input_embeddings());
    expect([table(model).value, model.vocab_size]).toEqual([value, size]);
  });

  it('rounds up to a multiple; without one it hints at tensor cores, every time (row 122)', async () => {
    await using model = await maskedLM('bert');
    setLogLevel(LogLevel.INFO);
    const size = table(model).dims[0] as number;
    model.resize_token_embeddings(null, { pad_to_multiple_of: 64 });
    const padded = Math.ceil(size / 64) * 64;
    expect(model.config['vocab_size']).toBe(padded);
    model.resize_token_embeddings(padded + 1, { pad_to_multiple_of: 8, mean_resizing: false });
    expect(model.config['vocab_size']).toBe(padded + 8);
    const hints = () => logged.filter(([level, message]) => level === LogLevel.INFO && /tensor cores/.test(message));
    expect(hints()).toEqual([]);
    model.resize_token_embeddings(20);
    model.resize_token_embeddings(20);
    expect(hints()).toHaveLength(2);
  });

  for (const [family, name, halves] of [
    ['t5', 'base', ['encoder', 'decoder']],
    ['t5', 'untied', ['encoder', 'decoder']],
    ['bart', 'base', ['model.encoder', 'model.decoder']],
  ] as const)
    it(`of ${family} (${name}): both halves read the one table, and the head follows it or not (rows 121, 124)`, async () => {
      await using model = await AutoModelForSeq2SeqLM.from_pretrained(goldenFolder(family, name));
      const before = table(model).dims[0] as number;
      const isTied = head(model).weight === table(model);
      expect(isTied).toBe(name !== 'untied');
      const [oldRows, oldHead] = [await rows(table(model).value), await rows(head(model).weight.value)];
      const oldLogits = await rows(await logits(model, [[5, 6, 7]], [[3, 4]]));
      model.resize_token_embeddings(before + 5);
      const shared = table(model);
      for (const half of halves) expect(model.get_parameter(`${half}.embed_tokens.weight`)).toBe(shared);
      expect((await rows(shared.value)).slice(0, before)).toEqual(oldRows);
      expect((await rows(head(model).weight.value)).slice(0, before)).toEqual(oldHead);
      expect(head(model).weight === shared).toBe(isTied);
      expect([head(model).out_features, model.config['vocab_size']]).toEqual([before + 5, before + 5]);
      const newLogits = await rows(await logits(model, [[5, 6, 7]], [[3, 4]]));
      expect((newLogits[0] as unknown as number[][]).map((row) => row.slice(0, before))).toEqual(oldLogits[0]);
      expect((await logits(model, [[before + 4]], [[before + 4]])).dims).toEqual([1, 1, before + 5]);
      model.resize_token_embeddings(before - 1);
      expect(await rows(table(model).value)).toEqual(oldRows.slice(0, -1));
      await expect(model({ input_ids: [[5]], decoder_input_ids: [[before - 1]] })).rejects.toMatchObject({
        code: 'ERR_INDEX_OUT_OF_RANGE',
      });
    });

  it('refuses sizes and options that cannot be, and changes nothing (row 122)', async () => {
    await using model = await maskedLM('bert');
    const { value } = table(model);
    for (const [size, options] of [
      [0, {}],
      [-3, {}],
      [1.5, {}],
      [10, { pad_to_multiple_of: 2.5 }],
      [10, { pad_to_multiple_of: 0 }],
      [10, { pad_to_multiple_of: -8 }],
      [null, { pad_to_multiple_of: '8' }],
      ['10', {}],
    ] as [number, object][])
      expect(() => model.resize_token_embeddings(size, options)).toThrow(
        expect.objectContaining({ name: 'ValueError' }),
      );
    expect(() => model.resize_token_embeddings(10, { pad_to: 3 } as object)).toThrow(/pad_to_multiple_of/);
    expect(() => model.resize_token_embeddings(1e12)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_MEMORY' }));
    expect([table(model).value, model.config['vocab_size']]).toEqual([value, value.dims[0]]);
  });

  it('drops a padding row that is cut away, and keeps the module and its flags (row 123)', async () => {
    await using model = await BertForMaskedLM.from_pretrained(goldenFolder('bert'));
    const input = model.get_input_embeddings();
    input.padding_idx = 7;
    input.weight.requires_grad = false;
    model.resize_token_embeddings(8);
    expect(input.padding_idx).toBe(7);
    model.resize_token_embeddings(7);
    expect(input.padding_idx).toBeNull();
    expect(input.weight.requires_grad).toBe(false);
  });

  it('keeps half-precision weights in their type', async () => {
    for (const dtype of ['float16', 'bfloat16']) {
      await using model = await maskedLM('bert', { dtype });
      const old = await rows(table(model).value);
      model.resize_token_embeddings(old.length + 2);
      expect(table(model).type).toBe(dtype);
      expect((await rows(table(model).value)).slice(0, -2)).toEqual(old);
      expect((await logits(model, [[1, old.length + 1]])).dims).toEqual([1, 2, old.length + 2]);
    }
  });

  it('resizes a model without weights by its shapes alone, and init_weights fills it', async () => {
    const model = new BertForMaskedLM(new BertConfig({ ...tiny, vocab_size: 11 }));
    model.resize_token_embeddings(14);
    expect([table(model).dims, bias(model).dims]).toEqual([[14, 8], [14]]);
    model.init_weights();
    expect((await logits(model, [[13]])).dims).toEqual([1, 1, 14]);
    await model.dispose();
  });
});

const tiny = {
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 16,
};

/** A model whose table holds `rows` numbers times `columns`, drawn with a known mean and covariance. */
async function modelWithTable(count: number, tie = true): Promise<BertForMaskedLM> {
  const model = new BertForMaskedLM(new BertConfig({ ...tiny, vocab_size: count, tie_word_embeddings: tie }));
  model.init_weights();
  const values = (offset: number) =>
    Float32Array.from({ length: count * 8 }, (_, i) => offset + ((i * 7919 + ((i * i) % 31) * 17) % 101) / 101);
  model.load_state_dict(
    {
      'bert.embeddings.word_embeddings.weight': new Tensor('float32', values(1), [count, 8]),
      ...(tie ? {} : { 'cls.predictions.decoder.weight': new Tensor('float32', values(-3), [count, 8]) }),
      'cls.predictions.bias': new Tensor(
        'float32',
        Float32Array.from({ length: count }, (_, i) => i),
      ),
    },
    { strict: false },
  );
  return model;
}

/** Means of the columns. */
function columnMeans(table: number[][]): number[] {
  return (table[0] as number[]).map((_, c) => table.reduce((sum, row) => sum + (row[c] as number), 0) / table.length);
}

describe('mean_resizing', () => {
  it('draws rows with the mean of the old ones and 1e-9 of their covariance, and warns once (row 123)', async () => {
    await using model = await modelWithTable(500);
    const old = await rows(table(model).value);
    model.resize_token_embeddings(500 + 4000);
    const added = (await rows(table(model).value)).slice(500);
    const mean = columnMeans(old);
    const around = (rows: number[][], c: number, d: number, m: number[]) =>
      rows.reduce((sum, r) => sum + ((r[c] as number) - (m[c] as number)) * ((r[d] as number) - (m[d] as number)), 0) /
      rows.length;
    columnMeans(added).forEach((x, c) => {
      expect(Math.abs(x - (mean[c] as number))).toBeLessThan(3e-6);
    });
    for (let c = 0; c < 8; c++)
      for (let d = 0; d <= c; d++) {
        const scale = 1e-9 * Math.sqrt(around(old, c, c, mean) * around(old, d, d, mean));
        expect(Math.abs(around(added, c, d, columnMeans(added)) - 1e-9 * around(old, c, d, mean)) / scale).toBeLessThan(
          0.1,
        );
      }
    expect(logged.filter(([, message]) => /multivariate normal/.test(message)).length).toBeLessThanOrEqual(1);
  });

  it('gives all new rows the mean when there are no more rows than columns (row 123)', async () => {
    for (const count of [1, 5, 8]) {
      await using model = await modelWithTable(count);
      const old = await rows(table(model).value);
      model.resize_token_embeddings(count + 3);
      const added = (await rows(table(model).value)).slice(count);
      expect(new Set(added.map(String)).size).toBe(1);
      columnMeans(old).forEach((x, c) => {
        expect((added[0] as number[])[c]).toBeCloseTo(x, 6);
      });
    }
  });

  it('gives all new rows the mean when the covariance is not positive definite (row 123)', async () => {
    await using model = await modelWithTable(50);
    const same = new Tensor('float32', new Float32Array(400).fill(0.5), [50, 8]);
    model.load_state_dict({ 'bert.embeddings.word_embeddings.weight': same }, { strict: false });
    model.resize_token_embeddings(60);
    expect(new Set((await numbers(table(model).value)).map(String))).toEqual(new Set(['0.5']));
  });

  it('false draws rows from N(0, initializer_range) (row 123)', async () => {
    await using model = await modelWithTable(20);
    model.config['initializer_range'] = 0.3;
    model.resize_token_embeddings(2020, { mean_resizing: false });
    const { mean, std } = moments((await rows(table(model).value)).slice(20).flat());
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(std).toBeCloseTo(0.3, 2);
  });

  it('treats an untied head like the table, with its own mean, and its bias likewise (rows 123, 124)', async () => {
    await using model = await modelWithTable(300, false);
    const oldHead = await rows(head(model).weight.value);
    model.resize_token_embeddings(304);
    expect(head(model).weight).not.toBe(table(model));
    const newHead = await rows(head(model).weight.value);
    expect(newHead.slice(0, 300)).toEqual(oldHead);
    const mean = columnMeans(oldHead);
    for (const row of newHead.slice(300))
      row.forEach((x, c) => {
        expect(Math.abs(x - (mean[c] as number))).toBeLessThan(1e-4);
      });
    const numbersOfBias = await numbers(bias(model).value);
    expect(numbersOfBias.slice(0, 300)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    for (const x of numbersOfBias.slice(300)) expect(Math.abs(x - 149.5)).toBeLessThan(1e-3);
    expect(model.cls.predictions.bias).toBe(model.cls.predictions.decoder.bias);
    expect(head(model).out_features).toBe(304);
  });

  it('false draws rows of modernbert as PyTorch makes them, like upstream (rows 122, 123)', async () => {
    const fields = { tie_word_embeddings: false, decoder_bias: true, initializer_range: 0.02, pad_token_id: 0 };
    const config = new ModernBertConfig({ ...tiny, ...fields, vocab_size: 20 });
    await using model = ModernBertForMaskedLM._from_config(config);
    model.resize_token_embeddings(4020, { mean_resizing: false });
    const ofTable = moments((await rows(table(model).value)).slice(20).flat());
    expect(Math.abs(ofTable.mean)).toBeLessThan(0.03);
    expect(ofTable.std).toBeCloseTo(1, 1);
    const bound = 8 ** -0.5; // the width of `tiny`
    for (const drawn of [
      (await rows(head(model).weight.value)).slice(20).flat(),
      (await numbers(bias(model).value)).slice(20),
    ]) {
      expect(Math.max(...drawn.map(Math.abs))).toBeLessThanOrEqual(bound);
      const { mean, std } = moments(drawn);
      expect(Math.abs(mean)).toBeLessThan(0.02);
      expect(std).toBeCloseTo(bound / Math.sqrt(3), 2); // that of a uniform distribution
    }
  });

  it('false draws rows of T5 as PyTorch makes them, like upstream (rows 122, 123)', async () => {
    const config = new T5Config({ d_model: 8, d_kv: 4, d_ff: 4, num_layers: 1, num_heads: 2, vocab_size: 20 });
    config.tie_word_embeddings = false;
    config.initializer_factor = 0.1;
    await using model = T5ForConditionalGeneration._from_config(config);
    model.resize_token_embeddings(4020, { mean_resizing: false });
    expect(moments((await rows(table(model).value)).slice(20).flat()).std).toBeCloseTo(1, 1);
    const drawn = (await rows(head(model).weight.value)).slice(20).flat();
    expect(Math.max(...drawn.map(Math.abs))).toBeLessThanOrEqual(8 ** -0.5);
    expect(moments(drawn).std).toBeCloseTo(8 ** -0.5 / Math.sqrt(3), 2); // that of a uniform distribution
  });

  it('false gives an untied head a bias of zeros (row 124)', async () => {
    await using model = await modelWithTable(30, false);
    model.resize_token_embeddings(32, { mean_resizing: false });
    expect((await numbers(bias(model).value)).slice(30)).toEqual([0, 0]);
  });
});

describe('tie_weights', () => {
  it('shares the weight, pads the bias with zeros or cuts it, and sets out_features (row 120)', async () => {
    await using model = await modelWithTable(10);
    for (const [size, wanted] of [
      [13, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0]],
      [7, [0, 1, 2, 3, 4, 5, 6]],
    ] as [number, number[]][]) {
      model.set_input_embeddings(new Embedding(size, 8));
      model.tie_weights();
      expect(head(model).weight).toBe(table(model));
      expect(await numbers(bias(model).value)).toEqual(wanted);
      expect(model.cls.predictions.bias).toBe(bias(model));
      expect(head(model).out_features).toBe(size);
    }
  });

  it('clones for torchscript (row 120)', async () => {
    const config = new BertConfig({ ...tiny, vocab_size: 9, torchscript: true });
    const model = new BertForMaskedLM(config);
    model.init_weights();
    expect(head(model).weight).not.toBe(table(model));
    expect(await rows(head(model).weight.value)).toEqual(await rows(table(model).value));
    await model.dispose();
  });

  it('reports the head of a torchscript model as missing where the checkpoint lacks it (rows 59, 120)', async () => {
    const [model, info] = await BertForMaskedLM.from_pretrained(goldenFolder('bert', 'no-prefix'), {
      torchscript: true,
      output_loading_info: true,
    });
    expect(info.missing_keys).toContain('cls.predictions.decoder.weight');
    expect(head(model).weight).not.toBe(table(model));
    expect(await rows(head(model).weight.value)).toEqual(await rows(table(model).value));
    await model.dispose();
  });

  it('leaves nothing behind when it clones a second time', async () => {
    await using model = new BertForMaskedLM(new BertConfig({ ...tiny, vocab_size: 9, torchscript: true }));
    model.init_weights();
    const { value } = head(model).weight;
    model.tie_weights();
    expect(() => value.assertAlive()).toThrow(/disposed/);
    expect(await rows(head(model).weight.value)).toEqual(await rows(table(model).value));
  });

  it('leaves an untied head alone, and one that a checkpoint holds with other values', async () => {
    await using untied = await modelWithTable(10, false);
    untied.tie_weights();
    expect(head(untied).weight).not.toBe(table(untied));
  });

  it('calls _tie_weights of modules that have it (row 121)', async () => {
    await using model = await modelWithTable(10);
    let calls = 0;
    Object.defineProperty(model.cls, '_tie_weights', { value: () => calls++, enumerable: false });
    model.tie_weights();
    expect(calls).toBe(1);
  });
});

describe('embeddings', () => {
  it('are those of the base model, also after they are set (row 117)', async () => {
    await using model = await maskedLM('bert');
    expect(model.get_input_embeddings()).toBe(model.base_model.get_input_embeddings());
    const other = new Embedding(12, 8);
    model.set_input_embeddings(other);
    expect([model.get_input_embeddings(), model.base_model.get_input_embeddings()]).toEqual([other, other]);
    expect(() => model.set_input_embeddings(new Linear(2, 2) as never)).toThrow(/takes an Embedding/);
  });

  it('of the output are null without a head; set, their bias goes by both names (row 118)', async () => {
    await using classifier = await BertForSequenceClassification.from_pretrained(goldenFolder('bert'));
    expect(classifier.get_output_embeddings()).toBeNull();
    expect(() => classifier.set_output_embeddings(new Linear(2, 2))).toThrow(
      expect.objectContaining({ name: 'NotImplementedError' }),
    );
    await using model = await BertForMaskedLM.from_pretrained(goldenFolder('bert'));
    const names = [...model.named_state()].map(([name]) => name);
    const other = new Linear(8, 5);
    model.set_output_embeddings(other);
    expect([model.get_output_embeddings(), model.cls.predictions.bias]).toEqual([other, other.bias]);
    expect([...model.named_state()].map(([name]) => name)).toEqual(names);
  });

  it('of positions are for distilbert alone (row 119)', async () => {
    await using model = await maskedLM('bert');
    expect(() => model.get_position_embeddings()).toThrow(/not implemented for BertForMaskedLM/);
    expect(() => model.resize_position_embeddings(3)).toThrow(expect.objectContaining({ name: 'NotImplementedError' }));
    await using distil = await DistilBertForMaskedLM.from_pretrained(goldenFolder('distilbert'));
    const old = await rows(distil.get_position_embeddings().weight.value);
    distil.resize_position_embeddings(old.length + 300);
    expect(distil.config.max_position_embeddings).toBe(old.length + 300);
    const grown = await rows(distil.distilbert.embeddings.position_embeddings.weight.value);
    expect(grown.slice(0, old.length)).toEqual(old);
    expect(moments(grown.slice(old.length).flat()).std).toBeCloseTo(1, 1);
    distil.resize_position_embeddings(5);
    expect(await rows(distil.get_position_embeddings().weight.value)).toEqual(old.slice(0, 5));
    expect(() => distil.resize_position_embeddings(0)).toThrow(/whole number, 1 or more/);
    await using base = await DistilBertModel.from_pretrained(goldenFolder('distilbert'), {
      sinusoidal_pos_embds: true,
    });
    base.resize_position_embeddings(old.length + 2);
    const [, second] = (await rows(base.get_position_embeddings().weight.value)).slice(old.length);
    expect((second as number[])[0]).toBeCloseTo(Math.sin(old.length + 1), 5);
  });
});
