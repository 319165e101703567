import { join } from 'node:path';
import { AutoModel } from '../../lib/auto/auto-model';
import { BertConfig, BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { pipeline } from '../../lib/pipelines';

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

  it("refuses another framework's weights where there are only PyTorch's (row 21)", async () => {
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
    await BertConfig.from_pretrained(path, { attn_implementation: 'flash_attention_2' });
  });
});
