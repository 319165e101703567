import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from '../../../lib';
import { setLogHook } from '../../../lib/logging';
import { small } from './small-models';

/** The methods of TensorFlow's classes, as Transformers 4.35.2 with TensorFlow 2.15.1 gives their results. */

const { Tensor, TFBertForMaskedLM, TFBertModel } = library;
const frameworks = join(__dirname, '..', '..', 'goldens', 'frameworks');
const sharded = join(frameworks, 'bert-mlm-tf-h5-sharded');

let folder: string;
const logged: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tensorflow-methods-'));
  logged.length = 0;
  setLogHook((_, message) => logged.push(message));
});
afterEach(async () => {
  setLogHook(null);
  await rm(folder, { recursive: true, force: true });
});

const bias = { bias: [11] };
const text2 = { input_ids: 2, attention_mask: 2 };
const text3 = { ...text2, token_type_ids: 2 };
const both = { ...text2, decoder_input_ids: 2, decoder_attention_mask: 2 };

describe.each([
  ['TFBertModel', small.bert, null, null, null, text3],
  ['TFBertForMaskedLM', small.bert, bias, 'BertLMPredictionHead', 'tf_bert_for_masked_lm/mlm___cls/predictions', text3],
  [
    'TFBertForPreTraining',
    small.bert,
    bias,
    'BertLMPredictionHead',
    'tf_bert_for_pre_training/mlm___cls/predictions',
    text3,
  ],
  ['TFBertForSequenceClassification', small.bert, null, null, null, text3],
  ['TFBertForMultipleChoice', small.bert, null, null, null, { input_ids: 3, attention_mask: 3, token_type_ids: 3 }],
  ['TFRobertaForMaskedLM', small.roberta, bias, 'RobertaLMHead', 'tf_roberta_for_masked_lm/lm_head', text3],
  ['TFXLMRobertaForMaskedLM', small.xlmRoberta, bias, 'RobertaLMHead', 'tfxlm_roberta_for_masked_lm/lm_head', text3],
  ['TFDistilBertForMaskedLM', small.distilbert, bias, 'Linear', 'tf_distil_bert_for_masked_lm/vocab_projector', text2],
  ['TFAlbertForMaskedLM', small.albert, { bias: [11], decoder_bias: [11] }, 'AlbertMLMHead', null, text3],
  ['TFElectraForMaskedLM', small.electra, bias, 'Linear', 'tf_electra_for_masked_lm/generator_lm_head', text3],
  ['TFElectraForPreTraining', small.electra, null, null, null, text3],
  ['TFMPNetForMaskedLM', small.mpnet, bias, 'MPNetLMHead', 'tfmp_net_for_masked_lm/lm_head', text2],
  ['TFGPT2Model', small.gpt2, null, null, null, text2],
  ['TFGPT2LMHeadModel', small.gpt2, null, null, null, text2],
  ['TFT5ForConditionalGeneration', small.t5, null, null, null, both],
  ['TFT5EncoderModel', small.t5, null, null, null, text2],
  ['TFBartForConditionalGeneration', small.bart, { final_logits_bias: [1, 11] }, null, null, both],
] as const)('%s (T-27, T-28, T-31)', (name, config, biases, head, prefix, inputs) => {
  const View = (library as unknown as Record<string, new (config: unknown) => library.TFBertModel>)[name];
  const model = new (View as new (config: unknown) => library.TFBertModel)(config());

  it('gives the bias of its head by TensorFlow’s names, and the head', () => {
    const found = model.get_bias();
    expect(found && Object.fromEntries(Object.entries(found).map(([key, { dims }]) => [key, [...dims]]))).toEqual(
      biases,
    );
    expect(model.get_lm_head()?.constructor.name ?? null).toBe(head);
    expect([model.get_prefix_bias_name(), model.get_output_layer_with_bias()]).toEqual([prefix, model.get_lm_head()]);
  });

  it('says what a saved model takes, and computes small inputs of that', async () => {
    const signature = Object.entries(model.input_signature);
    expect(Object.fromEntries(signature.map(([key, { shape }]) => [key, shape.length]))).toEqual(inputs);
    for (const [key, spec] of signature)
      expect(spec).toEqual({ name: key, dtype: 'int32', shape: spec.shape.map(() => null) });
    const output = await model.serving({ ...model.dummy_inputs, output_hidden_states: true });
    expect(Object.values(output).every((value) => value instanceof Tensor)).toBe(true);
    expect(Object.keys(output)).not.toContain('hidden_states');
  });
});

describe('serving (T-31)', () => {
  it('gives states as one tensor where the config asks for them', async () => {
    const config = small.bert();
    config.output_hidden_states = true;
    const output = await new TFBertModel(config).serving({ input_ids: [[1, 2, 3]] });
    expect((output.hidden_states as unknown as library.Tensor).dims).toEqual([2, 1, 3, 8]);
  });

  it('has small inputs that are ones, types of tokens 0, and for BART 2', () => {
    const bert = new TFBertModel(small.bert()).dummy_inputs;
    expect(Object.values(bert).map((tensor) => tensor.tolist())).toEqual([[[1, 1]], [[1, 1]], [[0, 0]]]);
    const bart = new library.TFBartModel(small.bart()).dummy_inputs;
    expect(Object.values(bart).map((tensor) => tensor.tolist())).toEqual([[[2, 2]], [[1, 1]], [[2, 2]], [[1, 1]]]);
  });
});

describe('set_bias (T-28)', () => {
  it('changes the logits by what it changes the bias by', async () => {
    const model = new TFBertForMaskedLM(small.bert());
    const logits = async () => (await (await model({ input_ids: [[1, 2]] })).logits.getData()) as Float32Array;
    const before = await logits();
    model.set_bias({
      bias: new Tensor(
        'float32',
        Array.from({ length: 11 }, (_, i) => i),
      ),
    });
    const after = await logits();
    for (const [i, value] of after.entries()) expect(value - (before[i] as number)).toBeCloseTo(i % 11, 4);
    expect(model.get_bias()?.bias?.tolist()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(model.cls.predictions.bias).toBe(model.cls.predictions.decoder.bias);
  });

  it('refuses other names, other shapes, and models without', () => {
    const model = new TFBertForMaskedLM(small.bert());
    const ones = (n: number) => new Tensor('float32', new Float32Array(n).fill(1));
    expect(() => model.set_bias({ gamma: ones(11) })).toThrow(library.KeyError);
    expect(() => model.set_bias({ bias: ones(12) })).toThrow(/\[12\].*\[11\].*resize_token_embeddings/);
    expect(() => model.set_bias({ bias: [1] as never })).toThrow(library.TypeError);
    expect(() => new TFBertModel(small.bert()).set_bias({ bias: ones(11) })).toThrow(library.NotImplementedError);
  });
});

describe('resize_token_embeddings (T-29)', () => {
  it('adds rows within two deviations of 0 and numbers 0 to the bias, and keeps the old ones', async () => {
    const config = small.bert();
    config['initializer_range'] = 0.5;
    const model = new TFBertForMaskedLM(config);
    const old = model.get_input_embeddings().weight.value.tolist() as number[][];
    model.set_bias({ bias: new Tensor('float32', new Float32Array(11).fill(3)) });
    model.resize_token_embeddings(500);
    const rows = model.get_input_embeddings().weight.value.tolist() as number[][];
    expect(rows.slice(0, 11)).toEqual(old);
    const added = rows.slice(11).flat();
    expect(Math.max(...added.map(Math.abs))).toBeLessThanOrEqual(1);
    // A normal distribution that is cut at two deviations has 0.8796 of the deviation.
    expect(Math.sqrt(added.reduce((sum, x) => sum + x * x, 0) / added.length)).toBeCloseTo(0.44, 1);
    expect(model.resize_token_embeddings()).toBe(model.get_input_embeddings());
    expect(model.config.vocab_size).toBe(500);
  });

  it('cuts BART’s bias, as PyTorch’s class does', () => {
    const model = new library.TFBartForConditionalGeneration(small.bart());
    model.resize_token_embeddings(7);
    expect(model.get_bias()?.final_logits_bias?.dims).toEqual([1, 7]);
  });
});

describe('load_tf_weights', () => {
  const file = join(frameworks, 'distilbert-tf-h5', 'tf_model.h5');
  const config = () => library.DistilBertConfig.from_pretrained(join(frameworks, 'distilbert-tf-h5'));

  it('fills a model, and names what is missing, left over and of another shape', async () => {
    const wanted = await library.TFDistilBertForSequenceClassification.from_pretrained(
      join(frameworks, 'distilbert-tf-h5'),
    );
    const model = new library.TFDistilBertForSequenceClassification(await config());
    expect(await model.load_tf_weights(file)).toEqual([[], [], []]);
    for (const [name, tensor] of wanted.state_dict()) expect(model.state_dict().get(name)?.data).toEqual(tensor.data);
    const base = new library.TFDistilBertModel(await config());
    const [missing, unexpected] = await base.load_tf_weights(file);
    expect(missing).toEqual([]);
    expect(unexpected).toEqual([
      'classifier.bias',
      'classifier.weight',
      'pre_classifier.bias',
      'pre_classifier.weight',
    ]);
    await wanted.dispose();
  });

  it('leaves what the file lacks as it is', async () => {
    const model = new library.TFDistilBertForQuestionAnswering(await config());
    const before = model.qa_outputs.weight.value.tolist();
    const [missing] = await model.load_tf_weights(file);
    expect(missing).toEqual(['qa_outputs.bias', 'qa_outputs.weight']);
    expect(model.qa_outputs.weight.value.tolist()).toEqual(before);
  });

  it('refuses other shapes unless it is told to pass them over', async () => {
    const other = await config();
    other.num_labels = 7;
    const model = new library.TFDistilBertForSequenceClassification(other);
    await expect(model.load_tf_weights(file)).rejects.toThrow(/size mismatch/);
    const [missing, , mismatched] = await model.load_tf_weights(file, { ignore_mismatched_sizes: true });
    expect([missing, mismatched.map(([name]) => name)]).toEqual([[], ['classifier.bias', 'classifier.weight']]);
  });

  it('reads safetensors, and refuses what is no path or option', async () => {
    const model = new TFBertForMaskedLM(
      await library.BertConfig.from_pretrained(join(frameworks, 'bert-mlm-tf-safetensors')),
    );
    expect(await model.load_tf_weights(join(frameworks, 'bert-mlm-tf-safetensors', 'model.safetensors'))).toEqual([
      [],
      [],
      [],
    ]);
    await expect(model.load_tf_weights(7 as never)).rejects.toThrow(library.TypeError);
    await expect(model.load_tf_weights('x.h5', { from: 1 } as never)).rejects.toThrow(/from/);
  });
});

describe('shards of TensorFlow', () => {
  it('are loaded by their index, and by their paths', async () => {
    const wanted = await TFBertForMaskedLM.from_pretrained(sharded);
    const config = await library.BertConfig.from_pretrained(sharded);
    const files = (await readdir(sharded)).filter((name) => name.endsWith('.h5')).map((name) => join(sharded, name));
    const [a, b] = [new TFBertForMaskedLM(config), new TFBertForMaskedLM(config)];
    expect(await a.load_sharded_checkpoint(sharded)).toEqual({ missing_keys: [], unexpected_keys: [] });
    expect(await b.load_tf_sharded_weights(files)).toEqual([[], [], []]);
    for (const [name, tensor] of wanted.state_dict())
      for (const model of [a, b]) expect(model.state_dict().get(name)?.data).toEqual(tensor.data);
    await wanted.dispose();
  });

  it('of which some are not given leave weights missing; strict makes that an error', async () => {
    const config = await library.BertConfig.from_pretrained(sharded);
    const model = new TFBertForMaskedLM(config);
    const one = [join(sharded, 'tf_model-00001-of-00006.h5')];
    const [missing, unexpected] = await model.load_tf_sharded_weights(one);
    expect([missing.length > 0, unexpected]).toEqual([true, []]);
    await expect(model.load_tf_sharded_weights(one, { strict: true })).rejects.toThrow(/Missing key\(s\): "/);
    const base = new TFBertModel(config);
    await expect(base.load_sharded_checkpoint(sharded)).rejects.toMatchObject({
      code: 'ERR_STATE_DICT',
      message: expect.stringMatching(/Unexpected key\(s\): "cls\./),
    });
    await expect(base.load_sharded_checkpoint(folder)).rejects.toThrow(/Can't find a checkpoint index/);
    await cp(sharded, folder, { recursive: true });
    await rm(join(folder, 'tf_model-00003-of-00006.h5'));
    await expect(base.load_sharded_checkpoint(folder)).rejects.toMatchObject({ code: 'SHARD_MISSING' });
  });
});

describe('what classes of TensorFlow cannot', () => {
  it('prune heads, but heads that the config says are gone are (T-30)', () => {
    const model = new TFBertModel(small.bert());
    expect(() => model.prune_heads({ 0: [1] })).toThrow(library.NotImplementedError);
    const config = small.bert();
    config.pruned_heads = { 0: [1] };
    expect(new TFBertModel(config).get_parameter('encoder.layer.0.attention.self.query.weight').dims).toEqual([4, 8]);
  });

  it.each(['compile', 'train_step', 'test_step', 'compute_loss'] as const)(
    '%s says that nothing trains here (T-32)',
    (name) => {
      const model = new TFBertModel(small.bert());
      expect(() => (model[name] as (data?: unknown) => never)({})).toThrow(/Trainer/);
      expect(() => (model[name] as (data?: unknown) => never)({})).toThrow(library.NotImplementedError);
    },
  );

  it('old names warn', () => {
    const model = new TFBertForMaskedLM(small.bert());
    expect([model.build(), model.num_parameters()]).toEqual([
      undefined,
      new library.BertForMaskedLM(small.bert()).num_parameters(),
    ]);
    model.get_output_layer_with_bias();
    expect(model.eager_serving).toBeInstanceOf(Function);
  });
});
