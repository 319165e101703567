import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as library from '../../../lib';
import { loggedMessages } from '../../logged-messages';
import { small } from './small-models';

/** Parameters as trees (F-13, F-14): what a class of Flax holds is what Flax itself has written. */

const { FlaxBertForMaskedLM, FlaxBertModel, FlaxPreTrainedModel, Tensor } = library;
const frameworks = join(__dirname, '..', '..', 'goldens', 'frameworks');
const inputs = { input_ids: [[1, 2, 3]] };

const logged = loggedMessages();

/** A tree as its paths with types, shapes and elements. */
function told(tree: library.FlaxTree): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  const walk = (branch: library.FlaxTree, prefix: string) => {
    for (const [name, value] of Object.entries(branch))
      if (value instanceof Tensor) all[prefix + name] = [value.type, [...value.dims], value.tolist()];
      else walk(value, `${prefix}${name}/`);
  };
  walk(tree, '');
  return all;
}

const flaxClasses = {
  'bert-flax': library.FlaxBertForPreTraining,
  'gpt2-flax-bf16': library.FlaxGPT2LMHeadModel,
  'gpt2-flax-chunked': library.FlaxGPT2LMHeadModel,
  't5-flax-sharded': library.FlaxT5ForConditionalGeneration,
} as unknown as Record<string, typeof FlaxBertModel>;

describe('params', () => {
  it.each(Object.keys(flaxClasses))(
    'of %s are the tree that Flax has written, to the bit and the type',
    async (name) => {
      const folder = join(frameworks, name);
      const files = readdirSync(folder).filter((file) => file.endsWith('.msgpack'));
      const wanted = await FlaxPreTrainedModel.load_flax_sharded_weights(files.map((file) => join(folder, file)));
      const model = await (flaxClasses[name] as typeof FlaxBertModel).from_pretrained(folder);
      expect(told(model.params)).toEqual(told(wanted));
      expect(model.required_params).toEqual(new Set(Object.keys(told(wanted))));
      for (const [path, { shape, dtype }] of model.params_shape_tree)
        expect([dtype, shape]).toEqual((told(wanted)[path] as unknown[]).slice(0, 2));
      await model.dispose();
    },
  );

  it('of half precision keep it, while float32 is computed in; a line says so', async () => {
    const model = await library.FlaxGPT2LMHeadModel.from_pretrained(join(frameworks, 'gpt2-flax-bf16'));
    expect([model.dtype, logged.filter((line) => /bfloat16; to_fp32/.test(line)).length]).toEqual(['float32', 1]);
    await model.dispose();
  });

  it('are set whole, and change what is computed', async () => {
    const [a, b] = [new FlaxBertModel(small.bert(), { seed: 1 }), new FlaxBertModel(small.bert(), { seed: 2 })];
    const answer = async (model: typeof a) => (await model(inputs)).last_hidden_state.getData();
    expect(await answer(a)).not.toEqual(await answer(b));
    a.params = b.params;
    expect(await answer(a)).toEqual(await answer(b));
    a.params = a.to_bf16(a.params);
    expect([a.dtype, a.params_shape_tree.get('pooler/dense/kernel')?.dtype]).toEqual(['float32', 'bfloat16']);
  });

  it('that lack some, or have other shapes, are refused, and change nothing', () => {
    const model = new FlaxBertModel(small.bert());
    const before = told(model.params);
    const { pooler, ...rest } = model.params;
    expect(() => {
      model.params = rest as library.FlaxTree;
    }).toThrow(/missing.*pooler\/dense\/kernel/);
    const wrong = { dense: { kernel: new Tensor('float32', [1]), bias: (pooler as never)['dense']['bias'] } };
    expect(() => {
      model.params = { ...rest, pooler: wrong } as library.FlaxTree;
    }).toThrow(/'pooler\/dense\/kernel' has shape \[1\], the model wants \[8,8\]/);
    expect(told(model.params)).toEqual(before);
  });
});

describe('_do_init: false', () => {
  it('gives a model without parameters, and the parameters, which calls are given', async () => {
    const folder = join(frameworks, 'bert-flax');
    const whole = await FlaxBertModel.from_pretrained(folder);
    const [model, params] = await FlaxBertModel.from_pretrained(folder, { _do_init: false });
    expect(told(params)).toEqual(told(whole.params));
    expect(() => model.params).toThrow(/_do_init=False/);
    expect(() => {
      model.params = params;
    }).toThrow(library.ValueError);
    await expect(model(inputs)).rejects.toMatchObject({ code: 'ERR_NOT_INITIALIZED' });
    const wanted = await (await whole(inputs)).last_hidden_state.getData();
    const answer = async () => (await model({ ...inputs, params })).last_hidden_state.getData();
    expect([await answer(), await answer()]).toEqual([wanted, wanted]);
    expect(await (await model(Promise.resolve({ ...inputs, params }))).last_hidden_state.getData()).toEqual(wanted);
    const { bias } = (params as never)['encoder']['layer']['0']['output']['dense'] as { bias: library.Tensor };
    Object.assign((params as never)['encoder']['layer']['0']['output']['dense'], { bias: bias.add(1) });
    expect(await answer()).not.toEqual(wanted);
    await whole.dispose();
  });

  it('of a constructor needs init_weights, which draws by a seed and keeps what it is given', () => {
    const model = new FlaxBertModel(small.bert(), { _do_init: false });
    const drawn = model.init_weights(3, [1, 1]);
    expect(told(model.init_weights(3))).toEqual(told(drawn));
    expect(told(model.init_weights(4))).not.toEqual(told(drawn));
    const kept = { pooler: (drawn as never)['pooler'] as library.FlaxTree };
    const mixed = told(model.init_weights(4, null, kept));
    expect(mixed['pooler/dense/kernel']).toEqual(told(drawn)['pooler/dense/kernel']);
    expect(mixed['embeddings/word_embeddings/embedding']).toEqual(
      told(model.init_weights(4))['embeddings/word_embeddings/embedding'],
    );
  });
});

describe('the constructor', () => {
  it('draws by its seed, and leaves other random numbers as they are', () => {
    library.set_seed(5);
    const wanted = library.rand([3]).tolist();
    library.set_seed(5);
    const [a, b] = [new FlaxBertModel(small.bert(), { seed: 7 }), new FlaxBertModel(small.bert(), { seed: 7 })];
    expect(told(a.params)).toEqual(told(b.params));
    expect(library.rand([3]).tolist()).toEqual(wanted);
  });

  it('computes in its dtype, and keeps parameters in float32', () => {
    const model = new FlaxBertForMaskedLM(small.bert(), { dtype: 'bfloat16', input_shape: [1, 1] });
    expect([model.dtype, model.params_shape_tree.get('cls/predictions/bias')?.dtype]).toEqual(['bfloat16', 'float32']);
    expect(() => new FlaxBertModel(small.bert(), { sed: 7 } as never)).toThrow(/seed/);
  });
});

describe('generate', () => {
  const prompt = { input_ids: [[1, 2, 3]], max_new_tokens: 6, pad_token_id: 0 };
  const folders = { gpt2: 'gpt2-flax-bf16', t5: 't5-flax-sharded' } as const;
  const classes = { gpt2: library.FlaxGPT2LMHeadModel, t5: library.FlaxT5ForConditionalGeneration };

  it.each(['gpt2', 't5'] as const)('goes on with the params that it is given (%s)', async (name) => {
    const folder = join(frameworks, folders[name]);
    const Class = classes[name] as typeof library.FlaxGPT2LMHeadModel;
    const whole = await Class.from_pretrained(folder);
    const wanted = (await whole.generate(prompt)).tolist();
    const [bare, params] = await Class.from_pretrained(folder, { _do_init: false });
    await expect(bare.generate(prompt)).rejects.toMatchObject({ code: 'ERR_NOT_INITIALIZED' });
    expect((await bare.generate({ ...prompt, params })).tolist()).toEqual(wanted);
    const { input_ids, ...options } = prompt;
    expect((await bare.generate(input_ids, { ...options, params })).tolist()).toEqual(wanted);
    // A model with parameters of its own takes others for the call alone.
    const other = new Class(whole.config as never, { seed: 9 });
    const own = (await other.generate(prompt)).tolist();
    expect((await other.generate({ ...prompt, params })).tolist()).toEqual(wanted);
    expect((await other.generate(prompt)).tolist()).toEqual(own);
    await expect(bare.generate({ ...prompt, params }, { params })).rejects.toThrow(/'params' is given twice/);
    await whole.dispose();
  });

  it('follows the generation config of the model, and its params as they are now', async () => {
    const [model, params] = await library.FlaxGPT2LMHeadModel.from_pretrained(join(frameworks, folders.gpt2), {
      _do_init: false,
    });
    const { max_new_tokens: _, ...rest } = prompt;
    (model.generation_config as library.GenerationConfig).max_new_tokens = 2;
    expect((await model.generate({ ...rest, params })).dims).toEqual([1, 5]);
    const transformer = params['transformer'] as library.FlaxTree;
    const { embedding } = transformer['wte'] as { embedding: library.Tensor };
    const turned = { ...params, transformer: { ...transformer, wte: { embedding: embedding.neg() } } };
    const answer = async (tree: library.FlaxTree) => (await model.generate({ ...rest, params: tree })).tolist();
    expect(await answer(turned as library.FlaxTree)).not.toEqual(await answer(params));
  });

  it('lacks weights, or a head, as a call does', async () => {
    const model = new library.FlaxGPT2LMHeadModel(small.gpt2(), { _do_init: false });
    await expect(model.generate({ ...prompt, params: {} as library.FlaxTree })).rejects.toThrow(
      /parameters are missing/,
    );
    const bert = new FlaxBertModel(small.bert()) as unknown as typeof model;
    await expect(bert.generate(prompt)).rejects.toThrow(/FlaxBertModel.*not compatible with `generate`/);
  });
});
