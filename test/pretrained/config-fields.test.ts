import { type ConfigFields, checkHonoured, PretrainedConfig } from '../../lib/pretrained/config';

class TinyConfig extends PretrainedConfig {
  static override readonly model_type: string = 'tiny';
  static override readonly defaults: Record<string, unknown> = {
    hidden_size: 8,
    hidden_act: 'gelu',
    norm_eps: 1e-5,
    theta: 10000,
    layer_types: ['full'],
    ignore_index: -100,
    pad_token_id: 1,
    norm_bias: false,
    dropout: 0.1,
    strange_mode: 'off',
  };
  static override readonly floats: readonly string[] = ['theta'];
  static override readonly honoured: readonly string[] = [
    'hidden_size',
    'hidden_act',
    'norm_eps',
    'theta',
    'layer_types',
    'ignore_index',
    'pad_token_id',
    'norm_bias',
  ];
  static override readonly inert: readonly string[] = ['dropout'];
}

class DecoderConfig extends TinyConfig {
  static override readonly honoured: readonly string[] = [...TinyConfig.honoured, 'is_decoder'];
}

const check = (fields: ConfigFields) => () => checkHonoured(new TinyConfig(fields));

describe('fields that a forward does not honour', () => {
  it('lets defaults, honoured and inert fields pass', () => {
    expect(check({})).not.toThrow();
    expect(check({ hidden_size: 16, hidden_act: 'relu', dropout: 0.5, theta: 1.5, pad_token_id: null })).not.toThrow();
  });

  it('lets fields pass that change nothing for anybody, or that nobody defines', () => {
    expect(
      check({
        num_beams: 4,
        finetuning_task: 'mnli',
        task_specific_params: { a: 1 },
        gradient_checkpointing: true,
        temperature: 0.5,
        strangest: 1,
      }),
    ).not.toThrow();
  });

  it.each([
    [{ strange_mode: 'on' }, "config.strange_mode is 'on'"],
    [{ is_decoder: true }, 'config.is_decoder is true'],
    [{ add_cross_attention: true }, 'config.add_cross_attention is true'],
    [{ pruned_heads: { 0: [1] } }, 'config.pruned_heads is {"0":[1]}'],
    [{ quantization_config: { bits: 4 } }, 'config.quantization_config is {"bits":4}'],
  ])('refuses %j, naming field and value', (fields, token) => {
    expect(check(fields as ConfigFields)).toThrow(
      expect.objectContaining({
        name: 'NotImplementedError',
        code: 'ERR_CONFIG_FIELD',
        message: expect.stringContaining(token),
      }),
    );
  });

  it('lets a family honour what others refuse', () => {
    expect(() => checkHonoured(new DecoderConfig({ is_decoder: true }))).not.toThrow();
  });

  it('leaves a class that lists nothing to itself', () => {
    expect(() => checkHonoured(new PretrainedConfig({ is_decoder: true }))).not.toThrow();
  });

  it.each([
    [{ hidden_size: '768' }, "config.hidden_size is '768'; expected a whole number"],
    [{ hidden_size: 7.5 }, 'hidden_size'],
    [{ hidden_size: -8 }, 'hidden_size'],
    [{ hidden_size: null }, 'hidden_size'],
    [{ hidden_size: 1e30 }, 'hidden_size'],
    [{ norm_eps: 'small' }, 'config.norm_eps'],
    [{ norm_eps: Number.NaN }, 'config.norm_eps'],
    [{ hidden_act: 3 }, "expected a text such as 'gelu'"],
    [{ norm_bias: 'no' }, 'expected true or false'],
    [{ layer_types: { 0: 'full' } }, 'expected an array'],
    [{ ignore_index: 0.5 }, 'ignore_index'],
  ])('refuses an honoured field of another type: %j', (fields, token) => {
    expect(check(fields as ConfigFields)).toThrow(
      expect.objectContaining({ name: 'ValueError', code: 'ERR_CONFIG_TYPE', message: expect.stringContaining(token) }),
    );
  });
});
