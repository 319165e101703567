import { AutoModel } from '../../lib/auto/auto-model';
import { memoryStats } from '../../lib/binding/runtime';
import { GenerationConfig } from '../../lib/generation/generation-config';
import { setLogHook } from '../../lib/logging';
import { AlbertConfig, AlbertModel } from '../../lib/models/albert/model';
import { BertConfig, BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { GPT2Config, GPT2LMHeadModel, GPT2Model } from '../../lib/models/gpt2/model';
import { T5Config, T5EncoderModel, T5ForTokenClassification, T5Model } from '../../lib/models/t5/model';
import { set_seed } from '../../lib/pretrained/init';
import { no_init_weights } from '../../lib/pretrained/weights-functions';
import { moments, numbers } from './surgery/tiny-models';

/** Models that are made of a config, without a checkpoint. */

const sizes = { hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 64, vocab_size: 90 };
const decoder = { n_embd: 16, n_layer: 1, n_head: 2, vocab_size: 9, n_positions: 8 };

let logged: string[];

beforeEach(() => {
  logged = [];
  setLogHook((_, message) => logged.push(message));
});
afterEach(() => setLogHook(null));

describe('a constructor', () => {
  it("says in the config of T5's encoder that there is no decoder, as upstream", () => {
    const config = () => new T5Config({ d_model: 8, d_kv: 2, d_ff: 4, num_layers: 1, num_heads: 2, vocab_size: 9 });
    const made = no_init_weights(() => [
      new T5EncoderModel(config()),
      new T5ForTokenClassification(config()),
      new T5Model(config()),
    ]);
    expect(made.map((model) => [model.config.is_encoder_decoder, model.config.use_cache])).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  it('draws weights by the rules of the family, ties them, and leaves the model in training (row 15)', async () => {
    set_seed(5);
    await using model = new BertForMaskedLM(new BertConfig({ ...sizes, initializer_range: 0.3 }));
    expect(model.training).toBe(true);
    const table = await numbers(model.bert.embeddings.word_embeddings.weight.value);
    expect(Math.abs(moments(table).std / 0.3 - 1)).toBeLessThan(0.08);
    expect(table.slice(0, 32)).toEqual(new Array(32).fill(0)); // the padding row, also where a head shares the table
    expect(model.cls.predictions.decoder.weight).toBe(model.bert.embeddings.word_embeddings.weight);
    expect(await numbers(model.get_parameter('cls.predictions.transform.dense.bias').value)).toEqual(
      new Array(32).fill(0),
    );
    const { logits } = await model({ input_ids: [[1, 2, 3]] });
    expect(logits.dims).toEqual([1, 3, 90]);
  });

  it('repeats with the seed, as a whole (row 15)', async () => {
    const draw = async () => {
      set_seed(9);
      await using model = new GPT2LMHeadModel(new GPT2Config(decoder));
      return numbers(model.get_parameter('transformer.h.0.mlp.c_proj.weight').value);
    };
    expect(await draw()).toEqual(await draw());
  });

  it('copies a tied weight for torchscript', async () => {
    await using model = new BertForMaskedLM(new BertConfig({ ...sizes, torchscript: true }));
    const { decoder: projection } = model.cls.predictions;
    expect(projection.weight).not.toBe(model.get_input_embeddings().weight);
    expect(await numbers(projection.weight.value)).toEqual(await numbers(model.get_input_embeddings().weight.value));
  });

  it('draws nothing, and owns no memory, inside no_init_weights (row 15)', () => {
    const { live } = memoryStats();
    const model = no_init_weights(() => new BertModel(new BertConfig(sizes)));
    expect(memoryStats().live).toBe(live);
    expect(model.training).toBe(true);
    expect(() => model.state_dict()).toThrow(/init_weights/);
    expect(() => no_init_weights(() => new BertModel({} as never))).toThrow(/BertModel/);
    expect(new BertModel(new BertConfig(sizes)).state_dict().size).toBeGreaterThan(0);
  });

  it('wants a config, and names what came (row 14)', () => {
    for (const [given, what] of [
      [undefined, 'undefined'],
      [null, 'null'],
      [{ hidden_size: 3 }, 'object'],
      ['bert-base', 'string'],
    ])
      for (const type of [BertModel, GPT2LMHeadModel, AlbertModel])
        expect(() => new type(given as never)).toThrow(
          expect.objectContaining({
            name: 'TypeError',
            code: 'ERR_TYPE',
            message: expect.stringMatching(new RegExp(`${type.name}\\(config\\).*PretrainedConfig.*got ${what}`)),
          }),
        );
  });

  it('sets the field gradient_checkpointing of old configs aside where the family has it (row 15)', () => {
    const config = new BertConfig({ ...sizes, gradient_checkpointing: true });
    const model = no_init_weights(() => new BertModel(config));
    expect(['gradient_checkpointing' in model.config, model.is_gradient_checkpointing]).toEqual([false, false]);
    expect(logged).toEqual([expect.stringContaining('config.gradient_checkpointing is set aside')]);
    expect(config.to_json_string()).not.toContain('gradient_checkpointing');
    const other = new AlbertConfig({ ...sizes, gradient_checkpointing: true });
    no_init_weights(() => new AlbertModel(other));
    expect(other['gradient_checkpointing']).toBe(true);
  });
});

describe('a new model', () => {
  it('has the fields of every model (rows 11, 12)', async () => {
    const config = new BertConfig({ ...sizes, name_or_path: 'org/name' });
    await using model = new BertModel(config);
    const { framework, device, dtype, name_or_path } = model;
    expect([framework, device, dtype, name_or_path]).toEqual(['pt', 'cpu', 'float32', 'org/name']);
    expect([model.warnings_issued, model.generation_config]).toEqual([{}, null]);
    expect(model.config).toBe(config);
    const { input_ids } = model.dummy_inputs;
    expect([input_ids.type, input_ids.tolist()]).toEqual([
      'int64',
      [
        [7n, 6n, 0n, 0n, 1n],
        [1n, 2n, 3n, 0n, 0n],
        [0n, 0n, 0n, 4n, 5n],
      ],
    ]);
    expect((await model(model.dummy_inputs)).last_hidden_state.dims).toEqual([3, 5, 32]);
    expect(model.half().dtype).toBe('float16');
  });

  it('derives its generation config from its config only where it generates (row 12)', async () => {
    await using model = new GPT2LMHeadModel(new GPT2Config({ ...decoder, eos_token_id: 3 }));
    expect(model.generation_config).toBeInstanceOf(GenerationConfig);
    expect(model.generation_config).toMatchObject({ eos_token_id: 3, _from_model_config: true });
    await using base = new GPT2Model(new GPT2Config(decoder));
    expect(base.generation_config).toBeNull();
  });
});

describe('_from_config and from_config (row 15)', () => {
  it("take the config's dtype, unless another is asked for", async () => {
    const config = new BertConfig({ ...sizes, torch_dtype: 'bfloat16' });
    for (const [options, dtype] of [
      [null, 'bfloat16'],
      [{ dtype: 'auto' }, 'bfloat16'],
      [{ torch_dtype: 'float16' }, 'float16'],
    ] as const) {
      await using model = AutoModel.from_config(config, options);
      expect([model.dtype, model.config.torch_dtype]).toEqual([dtype, dtype]);
    }
    expect(config.torch_dtype).toBe('bfloat16');
    await using plain = BertModel._from_config(new BertConfig(sizes));
    expect([plain.dtype, plain.config.torch_dtype]).toEqual(['float32', null]);
  });

  it('pass arguments on to the constructor', async () => {
    await using model = BertModel._from_config(new BertConfig(sizes), { add_pooling_layer: false });
    expect(model.pooler).toBeNull();
    await using listed = AutoModel.from_config(new BertConfig(sizes), { model_args: [false] });
    expect((listed as BertModel).pooler).toBeNull();
  });

  it('refuse what they do not know, and what is no config', () => {
    const config = new BertConfig(sizes);
    for (const [options, message] of [
      [{ num_labels: 3 }, /unexpected keyword argument 'num_labels'/],
      [{ dtype: 'int32' }, /floating point dtype/],
      [{ dtype: 'int8' }, /not supported yet/],
      [{ attn_implementation: 'x' }, /must be 'eager'/],
    ] as const)
      expect(() => AutoModel.from_config(config, options)).toThrow(message);
    expect(() => AutoModel.from_config(undefined as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_TYPE',
        message: expect.stringMatching(/AutoModel.from_config takes a Pretr/),
      }),
    );
    expect(() => BertModel._from_config({ model_type: 'bert' } as never)).toThrow(/not another object/);
  });
});
