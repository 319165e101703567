import { join } from 'node:path';
import { AutoModel } from '../../lib/auto/auto-model';
import { GenerationConfig } from '../../lib/generation/generation-config';
import { setLogHook } from '../../lib/logging';
import { BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel } from '../../lib/models/bert/model';
import { pipeline } from '../../lib/pipelines';
import type { FromPretrainedOptions } from '../../lib/pretrained/from-pretrained';
import { set_seed } from '../../lib/pretrained/init';
import { normal } from '../../lib/tensor/ops/normal';
import type { Tensor } from '../../lib/tensor/tensor';
import { moments, numbers } from './surgery/tiny-models';

const path = join(__dirname, '..', 'goldens', 'bert', 'base');

describe('an option of from_pretrained', () => {
  it('names the nearest option, or all of them', async () => {
    const refused = (message: RegExp) => ({ code: 'ERR_UNKNOWN_NAME', message: expect.stringMatching(message) });
    const load = (options: object) => BertModel.from_pretrained(path, options as never);
    await expect(load({ hiden_size: 3 })).rejects.toMatchObject(refused(/'hiden_size'; did you mean 'hidden_size'/));
    await expect(load({ zzzzzzzzzzzz: 3 })).rejects.toMatchObject(refused(/known: .*hidden_size.*variant/));
  });

  it('passes model_args on, one for each argument and none twice (row 17)', async () => {
    const model = await BertModel.from_pretrained(path, { model_args: [false] });
    expect(model.pooler).toBeNull();
    await model.dispose();
    await expect(BertModel.from_pretrained(path, { model_args: [false, 2, 3] })).rejects.toThrow(
      /takes add_pooling_layer behind the config, but model_args has 3 values/,
    );
    await expect(BertForMaskedLM.from_pretrained(path, { model_args: [1] })).rejects.toThrow(/takes no arguments/);
    await expect(BertModel.from_pretrained(path, { model_args: [false], add_pooling_layer: true })).rejects.toThrow(
      /add_pooling_layer twice/,
    );
  });

  it("refuses another framework's weights where there are only PyTorch's", async () => {
    for (const option of ['from_tf', 'from_flax'])
      await expect(BertModel.from_pretrained(path, { [option]: true })).rejects.toMatchObject({
        code: 'ERR_OPTION_VALUE',
        message: expect.stringMatching(new RegExp(`${option} .*model.safetensors.* leave ${option} out`)),
      });
    const config = await BertConfig.from_pretrained(path);
    await expect(BertModel.from_pretrained(null, { config, state_dict: {}, from_tf: true })).rejects.toThrow(
      /from_tf .*state_dict/,
    );
  });

  it.each([
    ['config', {}, /must be a config, .*not another object/],
    ['config', 5, /must be a config, .*not a number/],
    ['progress_callback', 3, /must be a function, not a number \(3\)/],
    ['output_loading_info', 'yes', /must be true or false, not a string \(yes\)/],
    ['ignore_mismatched_sizes', 1, /must be true or false/],
    ['use_safetensors', 'no', /must be true or false/],
    ['from_tf', 'no', /must be true or false/],
    ['model_args', true, /must be a list/],
    ['state_dict', [], /must be an object, not a list/],
    ['key_mapping', 'x', /must be an object/],
    ['key_mapping', { '(': 'x' }, /key_mapping of .* has '\(', which is no regular expression/],
    ['key_mapping', { a: 5 }, /maps 'a' to a number/],
    ['state_dict', { a: 5 }, /state_dict holds 'a', which is no Tensor but a number/],
    ['subfolder', 5, /must be a text/],
    ['variant', {}, /must be a text, not an object/],
    ['attn_implementation', 'flash', /it must be 'eager', 'sdpa' or 'flash_attention_2'/],
  ])('refuses %s %j', async (name, value, message) => {
    await expect(BertModel.from_pretrained(path, { [name]: value })).rejects.toThrow(message);
    await expect(AutoModel.from_pretrained(path, { [name]: value })).rejects.toThrow(message);
    await expect(pipeline('feature-extraction', path, { [name]: value })).rejects.toThrow(message);
  });

  it('refuses an attention that there is not for a config alone, too', async () => {
    await expect(BertConfig.from_pretrained(path, { attn_implementation: 'x' })).rejects.toThrow(/must be 'eager'/);
    await expect(BertConfig.from_pretrained(path, { subfolder: 5 } as never)).rejects.toThrow(/subfolder of a config/);
    await BertConfig.from_pretrained(path, { attn_implementation: 'flash_attention_2' });
  });
});

describe('options that change nothing here', () => {
  const bits = async (options: FromPretrainedOptions) => {
    await using model: BertForMaskedLM = await BertForMaskedLM.from_pretrained(path, options);
    return Promise.all(
      [...model.state_dict().values()].map(async (tensor) => Buffer.from((await tensor.getData()).buffer)),
    );
  };

  it('give the same weights whatever they say (rows 27, 28, 33)', async () => {
    const plain = await bits({});
    for (const option of ['_fast_init', 'low_cpu_mem_usage'])
      for (const value of [true, false, null]) expect(await bits({ [option]: value })).toEqual(plain);
    expect(await bits({ weights_only: true })).toEqual(plain);
  });

  it('draw what a checkpoint lacks alike with _fast_init and without (row 27)', async () => {
    const std = async (_fast_init: boolean) => {
      const model = await BertForSequenceClassification.from_pretrained(path, {
        _fast_init,
        num_labels: 400,
        initializer_range: 0.5,
        ignore_mismatched_sizes: true,
      });
      const values = await numbers(model.classifier.weight.value);
      expect((await numbers(model.classifier.bias?.value as Tensor)).every((x) => x === 0)).toBe(true);
      await model.dispose();
      return moments(values).std;
    };
    expect(Math.abs((await std(true)) / 0.5 - 1)).toBeLessThan(0.05);
    expect(Math.abs((await std(false)) / 0.5 - 1)).toBeLessThan(0.05);
  });

  it('draw nothing of what a checkpoint holds, with _fast_init or without (rows 27, 28)', async () => {
    const next = async (between: () => Promise<unknown>) => {
      set_seed(11);
      await between();
      const values = normal([4]);
      return numbers(values);
    };
    const untouched = await next(async () => {});
    for (const _fast_init of [true, false])
      expect(await next(async () => (await BertForMaskedLM.from_pretrained(path, { _fast_init })).dispose())).toEqual(
        untouched,
      );
  });

  it.each([
    ['low_cpu_mem_usage', 'yes', /must be true or false, not a string/],
    ['_fast_init', 0, /must be true or false/],
    ['trust_remote_code', 'no', /must be true or false/],
    ['weights_only', 1, /must be true or false/],
    ['use_flash_attention_2', 'yes', /must be true or false/],
    ['attn_implementation', { '': 'eager' }, /must be a text, not an object/],
    ['local_files_only', 5, /must be true or false/],
    ['force_download', 'yes', /must be true or false/],
    ['token', 5, /token must be a token, true, false or null, not a number/],
    ['use_auth_token', 5, /must be a token/],
    ['_commit_hash', 5, /must be a string/],
    ['generation_config', {}, /must be a GenerationConfig/],
  ])('are of one type all the same: %s %j', async (name, value, message) => {
    for (const type of [BertModel, AutoModel] as (typeof AutoModel)[])
      await expect(type.from_pretrained(path, { [name]: value })).rejects.toMatchObject({
        name: 'TypeError',
        message: expect.stringMatching(message),
      });
  });
});

describe('what is refused', () => {
  it('is weights_only false, which would let a pickle run code (row 33)', async () => {
    await expect(AutoModel.from_pretrained(path, { weights_only: false })).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_OPTION_VALUE',
      message: expect.stringMatching(/weights_only is false.*leave weights_only out/),
    });
  });

  it('is every later argument but the ones that act (row 33)', async () => {
    for (const option of [{ tp_plan: 'auto' }, { tp_size: 2 }, { distributed_config: {} }])
      await expect(BertModel.from_pretrained(path, option)).rejects.toMatchObject({
        code: 'ERR_NOT_SUPPORTED_YET',
        message: expect.stringContaining(`'${Object.keys(option)[0]}'`),
      });
    await expect(BertModel.from_pretrained(path, { gguf_file: 'x.gguf' })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    await expect(BertModel.from_pretrained(path, { generation_config: new GenerationConfig() })).rejects.toThrow(
      /BertModel does not generate/,
    );
  });

  it('is a name that is nothing, a field beside a config object, each with what to do (row 34)', async () => {
    const load = (options: FromPretrainedOptions) => BertModel.from_pretrained(path, options);
    await expect(load({ foo: 1 })).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_UNKNOWN_NAME',
      message: expect.stringContaining("unexpected keyword argument 'foo'"),
    });
    const config = await BertConfig.from_pretrained(path);
    for (const field of ['num_labels', 'hidden_dropout_prob'])
      await expect(load({ config, [field]: 3 })).rejects.toMatchObject({
        name: 'TypeError',
        code: 'ERR_UNKNOWN_NAME',
        message: expect.stringMatching(new RegExp(`unexpected keyword argument '${field}'.*set config.${field}`)),
      });
    await using model = await BertModel.from_pretrained(path, { config, add_pooling_layer: false });
    expect(model.pooler).toBeNull();
  });

  it('overrides fields and passes the rest to the constructor where the config is not given (row 34)', async () => {
    for (const config of [null, path, join(path, 'config.json')]) {
      await using model = await BertModel.from_pretrained(path, {
        config,
        add_pooling_layer: false,
        output_attentions: true,
        num_labels: 7,
      });
      expect([model.pooler, model.config.output_attentions, model.config.num_labels]).toEqual([null, true, 7]);
    }
  });
});

describe('trust_remote_code (row 30)', () => {
  let logged: string[];
  beforeEach(() => {
    logged = [];
    setLogHook((_, message) => logged.push(message));
  });
  afterEach(() => setLogHook(null));

  it('is a warning of model classes, which points to Auto classes', async () => {
    await using model = await BertModel.from_pretrained(path, { trust_remote_code: true });
    expect(logged).toEqual([expect.stringMatching(/`trust_remote_code`.*never run.*Auto classes/)]);
    logged.length = 0;
    await using other = await BertModel.from_pretrained(path, { trust_remote_code: false });
    expect([logged, model.dtype]).toEqual([[], other.dtype]);
  });

  it('is acted on by Auto classes, which say nothing where no code is asked for', async () => {
    await using model = await AutoModel.from_pretrained(path, { trust_remote_code: true });
    expect([logged, model.constructor.name]).toEqual([[], 'BertModel']);
  });
});

describe('an attention (row 32)', () => {
  class Plain extends BertModel {
    static override readonly _supports_flash_attn_2 = false as true;
    static override readonly _supports_sdpa = false as true;
  }

  it('is one kernel under every name', async () => {
    const outputs = [];
    for (const options of [
      {},
      { attn_implementation: 'eager' },
      { attn_implementation: 'sdpa' },
      { attn_implementation: 'flash_attention_2' },
      { use_flash_attention_2: true },
      { use_flash_attention_2: true, attn_implementation: 'flash_attention_2' },
    ]) {
      await using model = await AutoModel.from_pretrained(path, options);
      const { last_hidden_state } = await model({ input_ids: [[5, 6, 7]] });
      outputs.push(await numbers(last_hidden_state));
    }
    for (const output of outputs) expect(output).toEqual(outputs[0]);
  });

  it('that the class does not have is refused, from a checkpoint and from a config (row 9)', async () => {
    const config = await BertConfig.from_pretrained(path);
    for (const [options, words] of [
      [{ use_flash_attention_2: true }, /Plain does not support Flash Attention 2\.0/],
      [{ attn_implementation: 'flash_attention_2' }, /Plain does not support Flash Attention 2\.0/],
      [{ attn_implementation: 'sdpa' }, /Plain does not support scaled_dot_product_attention/],
      [{ attn_implementation: 'flex' }, /must be 'eager', 'sdpa' or 'flash_attention_2'/],
    ] as const) {
      await expect(Plain.from_pretrained(path, options)).rejects.toMatchObject({ name: 'ValueError', message: words });
      expect(() => Plain._from_config(config, options)).toThrow(words);
    }
    await using model = await Plain.from_pretrained(path, {
      attn_implementation: 'eager',
      use_flash_attention_2: false,
    });
    expect(() => model.set_attn_implementation('sdpa')).toThrow(/Plain does not support scaled/);
  });

  it('cannot be two at once', async () => {
    await expect(
      BertModel.from_pretrained(path, { attn_implementation: 'eager', use_flash_attention_2: true }),
    ).rejects.toThrow(/use_flash_attention_2 is set, and attn_implementation is 'eager'/);
  });
});
