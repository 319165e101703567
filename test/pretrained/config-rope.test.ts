import { PretrainedConfig } from '../../lib/pretrained/config';

class FlatConfig extends PretrainedConfig {
  static override readonly model_type: string = 'flat';
  static override readonly defaults: Record<string, unknown> = { rope_theta: 10000, rope_scaling: null };
  static override readonly floats: readonly string[] = ['rope_theta'];
}

class LayeredConfig extends PretrainedConfig {
  static override readonly model_type: string = 'layered';
  static override readonly defaults: Record<string, unknown> = { global_rope_theta: 160000, local_rope_theta: 10000 };
  static override readonly floats: readonly string[] = ['global_rope_theta', 'local_rope_theta'];
}

describe('rotary positions under either name (C-16)', () => {
  it('reads rope_parameters into the older names', () => {
    const config = new FlatConfig({ rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 500000 } });
    expect(config).toMatchObject({ rope_theta: 500000, rope_scaling: { rope_type: 'linear', factor: 2 } });
    expect(config.to_dict()).not.toHaveProperty('rope_parameters');
    expect(config.to_json_string()).toContain('"rope_theta": 500000.0');
  });

  it('gives the older names as rope_parameters', () => {
    expect(new FlatConfig().rope_parameters).toEqual({ rope_type: 'default', rope_theta: 10000 });
    const config = new FlatConfig({ rope_theta: 5, rope_scaling: { type: 'su', factor: 4 } });
    expect(config.rope_parameters).toMatchObject({ rope_type: 'longrope', rope_theta: 5, factor: 4 });
  });

  it('parts parameters by layer type', () => {
    const config = new LayeredConfig({
      rope_parameters: {
        full_attention: { rope_type: 'default', rope_theta: 8 },
        sliding_attention: { rope_type: 'default', rope_theta: 4 },
      },
    });
    expect(config).toMatchObject({ global_rope_theta: 8, local_rope_theta: 4 });
    expect(config.rope_parameters).toEqual({
      full_attention: { rope_type: 'default', rope_theta: 8 },
      sliding_attention: { rope_type: 'default', rope_theta: 4 },
    });
  });

  it('keeps a default where the parameters say nothing', () => {
    const config = new LayeredConfig({
      rope_parameters: { full_attention: null, sliding_attention: { rope_theta: 4 } },
    });
    expect(config).toMatchObject({ global_rope_theta: 160000, local_rope_theta: 4 });
    expect(new LayeredConfig({ local_rope_theta: null }).rope_parameters).toMatchObject({
      sliding_attention: { rope_theta: 160000 },
    });
  });

  it('overrides through either name', () => {
    const [config, unused] = FlatConfig.from_dict(
      {},
      { rope_parameters: { rope_type: 'default', rope_theta: 7 }, return_unused_kwargs: true },
    );
    expect([config['rope_theta'], unused]).toEqual([7, {}]);
  });

  it.each([{ rope_parameters: { rope_type: 'spiral', rope_theta: 1 } }, { rope_scaling: { type: 'spiral' } }])(
    'refuses a rope type that it does not know: %j',
    (fields) => {
      expect(() => new FlatConfig(fields)).toThrow(
        expect.objectContaining({ name: 'ValueError', message: expect.stringContaining("'spiral'") }),
      );
    },
  );

  it('takes the base of each layer type from where the class has it', () => {
    const config = new LayeredConfig({ rope_theta: 5 });
    expect(config.rope_parameters).toMatchObject({
      full_attention: { rope_theta: 160000 },
      sliding_attention: { rope_theta: 10000 },
    });
  });

  it.each([
    [LayeredConfig, { rope_parameters: 5 }, /rope_parameters is 5/],
    [
      LayeredConfig,
      { rope_parameters: { full_attention: 5 } },
      /rope_parameters.full_attention is 5; it must be an object/,
    ],
    [
      LayeredConfig,
      { rope_parameters: { full_attention: { rope_theta: 'x' } } },
      /rope_theta is "x"; it must be a number/,
    ],
    [LayeredConfig, { rope_parameters: { full_attention: {}, chunked_attention: {} } }, /has 'chunked_attention'/],
    [FlatConfig, { rope_parameters: [] }, /rope_parameters is \[\]/],
    [FlatConfig, { rope_parameters: { rope_theta: 'x' } }, /rope_theta is "x"/],
    [FlatConfig, { rope_scaling: 5 }, /rope_scaling is 5/],
  ])('refuses what would be passed over: %p %j', (Config, fields, message) => {
    expect(() => new Config(fields)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_TYPE', message: expect.stringMatching(message) }),
    );
  });

  it('keeps rope_parameters of a model that has no rotary positions', () => {
    const config = new PretrainedConfig({ rope_parameters: { a: 1 } });
    expect(config.to_dict()['rope_parameters']).toEqual({ a: 1 });
    expect(new PretrainedConfig().rope_parameters).toBeNull();
  });
});
