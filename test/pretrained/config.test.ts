import { setLogHook } from '../../lib/logging';
import { type ConfigFields, PretrainedConfig } from '../../lib/pretrained/config';

class TinyConfig extends PretrainedConfig {
  static override readonly model_type: string = 'tiny';
  static override readonly attribute_map: Record<string, string> = {
    hidden_size: 'n_embd',
    num_hidden_layers: 'n_layer',
  };
  static override readonly defaults: Record<string, unknown> = {
    vocab_size: 50257,
    n_embd: 768,
    n_layer: 12,
    layer_norm_epsilon: 1e-5,
    scale: 1,
    use_cache: true,
    bos_token_id: 50256,
  };
  static override readonly floats: readonly string[] = ['scale'];
  declare vocab_size: number;
  declare n_embd: number;
  declare n_layer: number;
  declare hidden_size: number;
}

const warnings: string[] = [];
beforeEach(() => {
  warnings.length = 0;
  setLogHook((_, message) => warnings.push(message));
});
afterAll(() => {
  setLogHook(null);
});

describe('common fields (C-01)', () => {
  it('has the defaults of the reference', () => {
    expect({ ...new PretrainedConfig() }).toMatchObject({
      return_dict: true,
      output_hidden_states: false,
      output_attentions: false,
      torchscript: false,
      torch_dtype: null,
      use_bfloat16: false,
      tf_legacy_loss: false,
      pruned_heads: {},
      tie_word_embeddings: true,
      is_encoder_decoder: false,
      is_decoder: false,
      cross_attention_hidden_size: null,
      add_cross_attention: false,
      tie_encoder_decoder: false,
      chunk_size_feed_forward: 0,
      architectures: null,
      finetuning_task: null,
      id2label: { 0: 'LABEL_0', 1: 'LABEL_1' },
      label2id: { LABEL_0: 0, LABEL_1: 1 },
      tokenizer_class: null,
      prefix: null,
      bos_token_id: null,
      pad_token_id: null,
      eos_token_id: null,
      sep_token_id: null,
      decoder_start_token_id: null,
      task_specific_params: null,
      problem_type: null,
      _name_or_path: '',
      _commit_hash: null,
    });
  });

  it('has the generation group', () => {
    expect({ ...new PretrainedConfig() }).toMatchObject({
      max_length: 20,
      min_length: 0,
      do_sample: false,
      early_stopping: false,
      num_beams: 1,
      num_beam_groups: 1,
      diversity_penalty: 0,
      temperature: 1,
      top_k: 50,
      top_p: 1,
      typical_p: 1,
      repetition_penalty: 1,
      length_penalty: 1,
      no_repeat_ngram_size: 0,
      encoder_no_repeat_ngram_size: 0,
      bad_words_ids: null,
      num_return_sequences: 1,
      output_scores: false,
      return_dict_in_generate: false,
      forced_bos_token_id: null,
      forced_eos_token_id: null,
      remove_invalid_values: false,
      exponential_decay_length_penalty: null,
      suppress_tokens: null,
      begin_suppress_tokens: null,
    });
  });

  it('gives a family its own defaults, and takes fields over them', () => {
    const config = new TinyConfig({ n_layer: 2, extra: { deep: [1] } });
    expect([config.n_layer, config.n_embd, config.bos_token_id]).toEqual([2, 768, 50256]);
    expect(config['extra']).toEqual({ deep: [1] });
  });

  it('shares no object between two configs', () => {
    const [one, two] = [new TinyConfig(), new TinyConfig()];
    one.pruned_heads[0] = [1];
    one.id2label[0] = 'other';
    expect(two.pruned_heads).toEqual({});
    expect(two.id2label[0]).toBe('LABEL_0');
  });

  it('derives use_return_dict, which cannot be set', () => {
    expect(new TinyConfig().use_return_dict).toBe(true);
    expect(new TinyConfig({ torchscript: true }).use_return_dict).toBe(false);
    expect(new TinyConfig({ return_dict: false }).use_return_dict).toBe(false);
    expect(() => new TinyConfig({ use_return_dict: true })).toThrow(/return_dict/);
  });

  it('has model_type and is_composition on the class', () => {
    expect([TinyConfig.model_type, new TinyConfig().model_type, TinyConfig.is_composition]).toEqual([
      'tiny',
      'tiny',
      false,
    ]);
  });

  it('refuses what is no object of fields', () => {
    expect(() => new TinyConfig('bert' as unknown as ConfigFields)).toThrow(
      expect.objectContaining({ name: 'TypeError' }),
    );
  });

  it.each(['to_dict', 'constructor', 'toString', '__proto__'])('refuses a field named like the method %s', (name) => {
    const fields = JSON.parse(`{"${name}": 1}`);
    expect(() => new TinyConfig(fields)).toThrow(
      expect.objectContaining({ name: 'ValueError', code: 'ERR_CONFIG_FIELD' }),
    );
  });
});

describe('problem_type (C-02)', () => {
  it.each(['regression', 'single_label_classification', 'multi_label_classification', null])(
    'takes %s',
    (problem_type) => {
      expect(new TinyConfig({ problem_type }).problem_type).toBe(problem_type);
    },
  );

  it('refuses any other, as a field and as an override', () => {
    const fault = expect.objectContaining({ name: 'ValueError', message: expect.stringContaining('problem_type') });
    expect(() => new TinyConfig({ problem_type: 'regresion' })).toThrow(fault);
    expect(() => TinyConfig.from_dict({}, { problem_type: 'regresion' })).toThrow(fault);
  });
});

describe('labels (C-03)', () => {
  it('makes names for num_labels', () => {
    const config = new TinyConfig({ num_labels: 3 });
    expect(config.id2label).toEqual({ 0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2' });
    expect(config.label2id).toEqual({ LABEL_0: 0, LABEL_1: 1, LABEL_2: 2 });
  });

  it('makes new names only when the number changes', () => {
    const config = new TinyConfig({ id2label: { 0: 'no', 1: 'yes' }, label2id: { no: 0, yes: 1 } });
    config.num_labels = 2;
    expect(config.id2label).toEqual({ 0: 'no', 1: 'yes' });
    config.num_labels = 1;
    expect([config.id2label, config.label2id]).toEqual([{ 0: 'LABEL_0' }, { LABEL_0: 0 }]);
  });

  it('reads text keys as integers', () => {
    const config = new TinyConfig({ id2label: { '01': 'b', ' 0 ': 'a' } });
    expect(Object.keys(config.id2label)).toEqual(['0', '1']);
    expect(config.num_labels).toBe(2);
    expect(() => new TinyConfig({ id2label: { a: 'x' } })).toThrow(expect.objectContaining({ name: 'ValueError' }));
  });

  it.each(['id2label', 'label2id'])('refuses %s that is no dictionary', (name) => {
    expect(() => new TinyConfig({ [name]: ['a'] })).toThrow(
      expect.objectContaining({ name: 'ValueError', message: expect.stringContaining(name) }),
    );
  });

  it('warns when num_labels and id2label disagree, and keeps id2label', () => {
    const config = new TinyConfig({ id2label: { 0: 'a', 1: 'b', 2: 'c' }, num_labels: 5 });
    expect(config.num_labels).toBe(3);
    expect(warnings).toEqual([expect.stringContaining('num_labels=5')]);
  });

  it('refuses overrides that disagree', () => {
    expect(() => TinyConfig.from_dict({}, { num_labels: 3, id2label: { 0: 'a' } })).toThrow(
      expect.objectContaining({
        name: 'ValueError',
        message: expect.stringContaining('incompatible id to label map'),
      }),
    );
  });

  it.each([-1, 1.5, '2'])('refuses %p labels', (num_labels) => {
    expect(() => new TinyConfig({ num_labels })).toThrow(expect.objectContaining({ name: 'ValueError' }));
  });
});

describe('attribute_map (C-04)', () => {
  it('reads and writes the stored field under either name', () => {
    const config = new TinyConfig({ n_embd: 4 });
    expect(config.hidden_size).toBe(4);
    config.hidden_size = 8;
    expect(config.n_embd).toBe(8);
    config.n_embd = 16;
    expect(config.hidden_size).toBe(16);
  });

  it('takes an alias as a field and as an override', () => {
    expect(new TinyConfig({ hidden_size: 32 }).n_embd).toBe(32);
    const [config, unused] = TinyConfig.from_dict({ n_layer: 3 }, { num_hidden_layers: 5, return_unused_kwargs: true });
    expect([config.n_layer, unused]).toEqual([5, {}]);
  });

  it('saves the stored name alone', () => {
    const saved = new TinyConfig({ hidden_size: 32 }).to_dict();
    expect(saved['n_embd']).toBe(32);
    expect(saved).not.toHaveProperty('hidden_size');
  });
});

describe('from_dict (C-06, C-14)', () => {
  it('overrides what is a field and returns the rest', () => {
    const [config, unused] = TinyConfig.from_dict({}, { foo: 1, n_layer: 7, return_unused_kwargs: true });
    expect([config.n_layer, unused]).toEqual([7, { foo: 1 }]);
    expect(config['foo']).toBeUndefined();
  });

  it('applies torch_dtype and leaves it among the rest', () => {
    const [config, unused] = TinyConfig.from_dict({}, { torch_dtype: 'float16', return_unused_kwargs: true });
    expect([config.torch_dtype, unused]).toEqual(['float16', { torch_dtype: 'float16' }]);
  });

  it('refuses an override that is no field when nobody asked for the rest', () => {
    expect(() => TinyConfig.from_dict({}, { n_layr: 7 })).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_UNKNOWN_NAME',
        message: expect.stringMatching(/TinyConfig got an unexpected option 'n_layr'.*did you mean 'n_layer'/),
      }),
    );
    expect(TinyConfig.from_dict({}, { torch_dtype: 'float16' }).torch_dtype).toBe('float16');
  });

  it('reads the keys of pruned_heads as integers', () => {
    expect(TinyConfig.from_dict(JSON.parse('{"pruned_heads": {"0": [1], "10": [2]}}')).pruned_heads).toEqual({
      0: [1],
      10: [2],
    });
  });

  it('merges a dictionary into a config inside the config', () => {
    class Outer extends PretrainedConfig {
      declare text: TinyConfig;
      constructor(fields: ConfigFields = {}) {
        super(fields);
        if (!(this.text instanceof TinyConfig)) this.text = new TinyConfig((this.text ?? {}) as ConfigFields);
      }
    }
    const outer = Outer.from_dict({ text: { n_layer: 3, n_embd: 5 } }, { text: { n_layer: 4 } });
    expect(outer.text).toBeInstanceOf(TinyConfig);
    expect([outer.text.n_layer, outer.text.n_embd]).toEqual([4, 5]);
    expect(outer.to_diff_dict()['text']).toMatchObject({ model_type: 'tiny', n_layer: 4 });
    expect(outer.to_diff_dict()['text']).not.toHaveProperty('transformers_version');
  });
});

describe('dtype (C-16)', () => {
  it('reads either name, drops the framework, and writes torch_dtype', () => {
    for (const fields of [
      { dtype: 'bfloat16' },
      { torch_dtype: 'torch.bfloat16' },
      { dtype: 'bfloat16', torch_dtype: 'float16' },
    ]) {
      const config = new TinyConfig(fields);
      expect([config.torch_dtype, config.dtype]).toEqual(['bfloat16', 'bfloat16']);
      expect(config.to_dict()['torch_dtype']).toBe('bfloat16');
      expect(config.to_dict()).not.toHaveProperty('dtype');
    }
    const config = new TinyConfig();
    config.dtype = 'torch.float16';
    expect(config.torch_dtype).toBe('float16');
  });

  it('shortens a dtype at any depth when saving', () => {
    const config = new TinyConfig({ quantization_config: { torch_dtype: 'torch.float16' } });
    expect(config.to_dict()['quantization_config']).toEqual({ torch_dtype: 'float16' });
  });
});

describe('update, update_from_string (C-13)', () => {
  it('sets fields, new ones too', () => {
    const config = new TinyConfig();
    config.update({ hidden_size: 3, fresh: 'x', num_labels: 4 });
    expect([config.n_embd, config['fresh'], config.num_labels]).toEqual([3, 'x', 4]);
  });

  it('gives each value the type of the one before', () => {
    const config = new TinyConfig({ summary_type: 'first' });
    config.update_from_string('n_embd=10,layer_norm_epsilon=0.2,scale=3,use_cache=no,summary_type=cls_index');
    expect(config.to_dict()).toMatchObject({
      n_embd: 10,
      layer_norm_epsilon: 0.2,
      scale: 3,
      use_cache: false,
      summary_type: 'cls_index',
    });
    expect(config.to_json_string()).toContain('"scale": 3.0');
  });

  it.each(['true', '1', 'y', 'yes', 'TRUE'])('reads %s as true', (text) => {
    const config = new TinyConfig({ use_cache: false });
    config.update_from_string(`use_cache=${text}`);
    expect(config['use_cache']).toBe(true);
  });

  it.each([
    ['nothing=1', 'nothing'],
    ['use_cache=maybe', 'true or false'],
    ['n_embd=0.5', 'n_embd'],
    ['n_embd=ten', 'n_embd'],
    ['scale=1x', 'scale'],
    ['pruned_heads=1', 'pruned_heads'],
    ['problem_type=regression', 'problem_type'],
    ['n_embd', 'name=value'],
    ['scale=1e999', 'scale'],
    ['n_embd=9999999999999999999999', 'n_embd'],
  ])('refuses %s', (text, token) => {
    expect(() => new TinyConfig().update_from_string(text)).toThrow(
      expect.objectContaining({ name: 'ValueError', message: expect.stringContaining(token) }),
    );
  });

  it('changes all fields or none', () => {
    const config = new TinyConfig();
    const before = config.to_json_string(false);
    expect(() => config.update_from_string('n_embd=10,scale=2,use_cache=maybe')).toThrow(/use_cache/);
    expect(config.to_json_string(false)).toBe(before);
  });

  it('takes a text, and nothing behind it', () => {
    const update = (...given: unknown[]) => new TinyConfig().update_from_string(...(given as [string]));
    for (const given of [[null], [3], [{ n_embd: 3 }], ['n_embd=3', {}]])
      expect(() => update(...given)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_TYPE' }));
  });
});

describe('equality and copies (C-14)', () => {
  it('compares by content', () => {
    const one = new TinyConfig({ deep: { a: [1, { b: 2 }] } });
    expect(one.equals(new TinyConfig({ deep: { a: [1, { b: 2 }] } }))).toBe(true);
    expect(one.equals(new TinyConfig({ deep: { a: [1, { b: 3 }] } }))).toBe(false);
    expect(one.equals(new TinyConfig({ deep: { a: [1, { b: 2 }] }, name_or_path: 'x' }))).toBe(false);
    expect(one.equals({ ...one })).toBe(false);
  });

  it('copies everything, so that a change stays in one', () => {
    const one = new TinyConfig({ deep: { a: [1] }, name_or_path: 'here', n_layer: 3 });
    const two = one.clone();
    expect(two).toBeInstanceOf(TinyConfig);
    expect([two.equals(one), two.name_or_path]).toEqual([true, 'here']);
    (two['deep'] as { a: number[] }).a.push(2);
    two.hidden_size = 1;
    expect([one['deep'], one.n_embd, two.n_embd]).toEqual([{ a: [1] }, 768, 1]);
  });

  it('keeps name_or_path as text', () => {
    const config = new TinyConfig({ name_or_path: 'a/b' });
    expect([config.name_or_path, config._name_or_path]).toEqual(['a/b', 'a/b']);
    config.name_or_path = null;
    expect(config.name_or_path).toBe('null');
  });
});

it.each([2 ** 40, 1_000_001, -1, 1.5])('refuses %d labels, which no model has', (num_labels) => {
  expect(() => new PretrainedConfig({ num_labels })).toThrow(
    expect.objectContaining({ name: 'ValueError', message: expect.stringContaining('num_labels') }),
  );
});
