import { AutoModel } from '../../lib/auto/auto-model';
import { AlbertModel } from '../../lib/models/albert/model';
import { BertConfig, BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { apply_chunking_to_forward } from '../../lib/nn/chunked-forward';
import { ModelOutput } from '../../lib/pretrained/model-output';
import { Tensor } from '../../lib/tensor/tensor';
import { goldenFolder, numbers } from './surgery/tiny-models';

const tiny = { vocab_size: 10, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 16 };

function bert(): BertModel {
  const model = new BertModel(new BertConfig(tiny));
  model.init_weights();
  return model;
}

describe('what needs gradients', () => {
  it('is an error that says so, and off always (rows 129, 130)', async () => {
    await using model = bert();
    await using albert = await AlbertModel.from_pretrained(goldenFolder('albert'));
    for (const enable of [() => model.gradient_checkpointing_enable(), () => model.enable_input_require_grads()])
      expect(enable).toThrow(expect.objectContaining({ name: 'NotImplementedError', code: 'ERR_NOT_SUPPORTED_YET' }));
    expect(() => albert.gradient_checkpointing_enable()).toThrow(/AlbertModel does not support gradient checkpointing/);
    model.gradient_checkpointing_disable();
    model.disable_input_require_grads();
    expect(model.is_gradient_checkpointing).toBe(false);
  });
});

describe('a model', () => {
  it('without a causal head does not generate (row 140)', async () => {
    await using model = await BertForMaskedLM.from_pretrained(goldenFolder('bert'));
    expect([model.can_generate(), model.bert.can_generate()]).toEqual([false, false]);
  });

  it('is registered for an Auto class by a name that is one (row 141)', () => {
    class OwnModel extends BertModel {}
    OwnModel.register_for_auto_class();
    expect([OwnModel._auto_class, BertModel._auto_class]).toEqual(['AutoModel', null]);
    OwnModel.register_for_auto_class('AutoModelForMaskedLM');
    expect(OwnModel._auto_class).toBe('AutoModelForMaskedLM');
    expect(() => OwnModel.register_for_auto_class('AutoModels')).toThrow(/is not a valid auto class/);
    expect(AutoModel).toBeDefined();
  });

  it('gives the same numbers as a BetterTransformer, and back (row 142)', async () => {
    await using model = bert();
    const states = async (m: BertModel) =>
      numbers(((await m({ input_ids: [[1, 2, 3]] })) as { last_hidden_state: Tensor }).last_hidden_state);
    const plain = await states(model);
    expect(await states(model.to_bettertransformer())).toEqual(plain);
    expect(await states(model.reverse_bettertransformer())).toEqual(plain);
    model.set_attn_implementation('eager');
    expect(await states(model)).toEqual(plain);
    expect(() => model.set_attn_implementation('fast')).toThrow(/must be 'eager', 'sdpa'/);
  });

  it('collects tags', async () => {
    await using model = bert();
    expect(model.model_tags).toBeNull();
    model.add_model_tags('a');
    model.add_model_tags(['b', 'a']);
    expect(model.model_tags).toEqual(['a', 'b']);
  });
});

describe('building blocks (row 144)', () => {
  it('apply a function to pieces, where their size divides the whole', async () => {
    const x = new Tensor('float32', [1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
    let calls = 0;
    const double = (a: Tensor, b: Tensor) => {
      calls++;
      return a.add(b);
    };
    expect(await numbers(apply_chunking_to_forward(double, 2, 1, x, x))).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    expect(await numbers(apply_chunking_to_forward(double, 1, -2, x, x))).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    expect(calls).toBe(4);
    expect(await numbers(apply_chunking_to_forward(double, 0, 1, x, x))).toHaveLength(8);
    expect(() => apply_chunking_to_forward(double, 3, 1, x, x)).toThrow(/multiple of the chunk size 3/);
    expect(() => apply_chunking_to_forward(double, 1, 1, x, new Tensor('float32', [1, 2], [2, 1]))).toThrow(
      /same shape/,
    );
  });

  it('give outputs by name, by place without what is absent, and as an array', async () => {
    await using model = bert();
    const named = (await model({ input_ids: [[1]], output_attentions: true })) as Record<string, unknown>;
    expect(named).toBeInstanceOf(ModelOutput);
    expect(Object.keys(named)).toEqual(['last_hidden_state', 'pooler_output', 'attentions']);
    const [first, second] = (await model({ input_ids: [[1]], return_dict: false })) as unknown as Tensor[];
    expect([first?.dims, second?.dims]).toEqual([
      [1, 1, 8],
      [1, 8],
    ]);
  });
});
