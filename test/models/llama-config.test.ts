import { LlamaConfig, LlamaForCausalLM, LlamaModel } from '../../lib/models/llama/model';
import { rotaryFrequencies } from '../../lib/nn/rope';
import type { ConfigFields } from '../../lib/pretrained/config';
import { Tensor } from '../../lib/tensor/tensor';

const tiny = {
  vocab_size: 9,
  hidden_size: 8,
  intermediate_size: 6,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 16,
};
const build = (fields: ConfigFields) => new LlamaModel(new LlamaConfig({ ...tiny, ...fields }));

describe('the config of Llama', () => {
  it('works out what it may leave open', () => {
    expect(new LlamaConfig(tiny)).toMatchObject({ num_key_value_heads: 2, head_dim: 4 });
    expect(new LlamaConfig({ ...tiny, num_key_value_heads: 1, head_dim: 10 })).toMatchObject({
      num_key_value_heads: 1,
      head_dim: 10,
    });
  });

  it('passes over the parts into which products were cut in pre-training', () => {
    expect(() => build({ pretraining_tp: 2 })).not.toThrow();
  });

  it.each([
    [{ add_cross_attention: true }, 'config.add_cross_attention is true'],
    [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
    [{ hidden_act: 'swoosh' }, "config.hidden_act is 'swoosh'"],
  ])('refuses what the layers do not compute: %j', (fields, message) => {
    expect(() => build(fields)).toThrow(
      expect.objectContaining({
        name: 'NotImplementedError',
        code: 'ERR_CONFIG_FIELD',
        message: expect.stringContaining(message),
      }),
    );
  });

  it.each([
    [{ hidden_size: 9 }, 'no multiple of config.num_attention_heads'],
    [{ num_attention_heads: 4, num_key_value_heads: 3 }, 'no multiple of config.num_key_value_heads'],
    [{ head_dim: 3 }, 'config.head_dim is 3'],
    [{ rope_scaling: { type: 'linear' } }, 'rope_scaling.factor must be a number'],
    [{ rope_scaling: { rope_type: 'llama3', factor: 2 } }, 'rope_scaling.low_freq_factor must be a number'],
    [{ rope_scaling: { rope_type: 'longrope', factor: 2, short_factor: [1] } }, 'short_factor must be 2 numbers'],
    [{ rope_scaling: { rope_type: 'spiral', factor: 2 } }, "rope type 'spiral' is not known"],
  ])('refuses what cannot be: %j', (fields, message) => {
    expect(() => build(fields)).toThrow(
      expect.objectContaining({ name: 'ValueError', message: expect.stringContaining(message) }),
    );
  });

  it('says which blocks are never split, and which head is tied where it is', () => {
    expect(LlamaModel._no_split_modules).toEqual(['LlamaDecoderLayer']);
    const tied = (tie_word_embeddings: boolean) => {
      const model = new LlamaForCausalLM(new LlamaConfig({ ...tiny, tie_word_embeddings }));
      return model.lm_head.weight === (model.model.embed_tokens.weight as unknown);
    };
    expect([tied(true), tied(false)]).toEqual([true, false]);
  });
});

it('passes over the frequencies that older files hold, and starts norms at one (row 63)', async () => {
  const config = new LlamaConfig(tiny);
  const state_dict = new Map([['layers.0.self_attn.rotary_emb.inv_freq', new Tensor('float32', [1, 1])]]);
  const [model, info] = await LlamaModel.from_pretrained(null, { config, state_dict, output_loading_info: true });
  expect(info.unexpected_keys).toEqual([]);
  expect(await model.norm.weight.value.getData()).toEqual(new Float32Array(8).fill(1));
  await model.dispose();
});

describe('rotary frequencies', () => {
  const config = { rope_type: 'dynamic', rope_theta: 10000, dim: 8, max_position_embeddings: 32, factor: 2 };

  it("stretch with a sequence that is longer than 'dynamic' was trained for, and not before", () => {
    const plain = rotaryFrequencies({ ...config, rope_type: 'default' }, 1);
    expect(rotaryFrequencies(config, 32)).toEqual(plain);
    const [stretched, more] = [33, 64].map((length) => rotaryFrequencies(config, length).inv_freq);
    expect(stretched?.[1]).toBeLessThan(plain.inv_freq[1] as number);
    expect(more?.[1]).toBeLessThan(stretched?.[1] as number);
  });

  it('are those of PyTorch to the last bit', () => {
    const llama3 = { rope_type: 'llama3', factor: 4, low_freq_factor: 1, high_freq_factor: 4 };
    const { inv_freq } = rotaryFrequencies({ ...config, ...llama3, dim: 2, original_max_position_embeddings: 24 }, 1);
    expect(inv_freq[0]).toBe(0.9549295902252197);
  });

  it('take the factor and the scale that longrope leaves open from the lengths', () => {
    const open = {
      ...config,
      factor: null,
      rope_type: 'longrope',
      original_max_position_embeddings: 8,
      short_factor: [1, 1, 1, 1],
      long_factor: [2, 2, 2, 2],
    };
    const [short, long] = [8, 9].map((length) => rotaryFrequencies(open, length));
    expect(long?.inv_freq[0]).toBe((short?.inv_freq[0] as number) / 2);
    expect(short?.scaling).toBeCloseTo(Math.sqrt(1 + Math.log(4) / Math.log(8)), 12);
  });
});
