/** What each framework calls the weights of one model (rows 10, 145, 146, 147, 156, 157, 165, 166). */
import { modelTypes } from '../../../lib/models';
import { tensorflow1Bert } from '../../../lib/models/bert/weights';
import { ElectraModel } from '../../../lib/models/electra/model';
import { tensorflow1Gpt2 } from '../../../lib/models/gpt2/weights';
import { LlamaModel } from '../../../lib/models/llama/model';
import { RobertaModel } from '../../../lib/models/roberta/model';
import type { Dialect, DialectTarget } from '../../../lib/pretrained/dialects/dialect';
import { flax } from '../../../lib/pretrained/dialects/flax';
import { tensorflow } from '../../../lib/pretrained/dialects/tensorflow';
import { translate } from '../../../lib/pretrained/dialects/translate';
import type { ModelClass } from '../../../lib/pretrained/pretrained-model';
import { atOnce } from '../../../lib/turns';

const target = (...names: string[]): DialectTarget => ({
  className: 'Model',
  base_model_prefix: 'base',
  shapes: new Map(names.map((name) => [name, [1]])),
});
const shapeOf = (rank: number) => Array.from({ length: rank }, (_, i) => i + 2);

describe('names of TensorFlow', () => {
  it.each([
    [
      'tf_bert_for_masked_lm/bert/encoder/layer_._0/attention/self/query/kernel:0',
      2,
      'bert.encoder.layer.0.attention.self.query.weight',
      [1, 0],
    ],
    [
      'tf_bert_for_masked_lm/bert/embeddings/word_embeddings/weight:0',
      2,
      'bert.embeddings.word_embeddings.weight',
      undefined,
    ],
    [
      'tf_bert_for_masked_lm/bert/embeddings/position_embeddings/embeddings:0',
      2,
      'bert.embeddings.position_embeddings.weight',
      undefined,
    ],
    ['tf_bert_for_masked_lm/mlm___cls/predictions/bias:0', 1, 'cls.predictions.bias', undefined],
    [
      'tf_bert_for_masked_lm/mlm___cls/predictions/transform/LayerNorm/gamma:0',
      1,
      'cls.predictions.transform.LayerNorm.weight',
      undefined,
    ],
    [
      'tf_bert_for_masked_lm/mlm___cls/predictions/transform/LayerNorm/beta:0',
      1,
      'cls.predictions.transform.LayerNorm.bias',
      undefined,
    ],
    ['tfgpt2lm_head_model/transformer/h_._3/attn/c_attn/weight:0', 2, 'transformer.h.3.attn.c_attn.weight', undefined],
    ['tfgpt2lm_head_model/transformer/h_._3/attn/c_attn/bias:0', 2, 'transformer.h.3.attn.c_attn.bias', undefined],
    ['shared/shared/embeddings:0', 2, 'shared.weight', undefined],
    ['final_logits_bias:0', 2, 'final_logits_bias', undefined],
    ['model.shared/model.shared/embeddings:0', 2, 'model.shared.weight', undefined],
    ['tf_bart_model/model/encoder/layers.0/fc1/kernel:0', 2, 'model.encoder.layers.0.fc1.weight', [1, 0]],
    ['scope//a///b/kernel:0', 2, 'a.b.weight', [1, 0]],
    ['scope/conv/kernel:0', 4, 'conv.weight', [3, 2, 0, 1]],
    ['scope/conv/kernel:0', 3, 'conv.weight', [2, 1, 0]],
    ['scope/conv/depthwise_kernel:0', 3, 'conv.depthwise.weight', [2, 1, 0]],
    ['scope/conv/pointwise_kernel:0', 3, 'conv.pointwise.weight', [2, 1, 0]],
    ['scope/crit/out_projs_._0/weight:0', 2, 'crit.out_projs.0.weight', [1, 0]],
    ['scope/norm/moving_mean:0', 1, 'norm.running_mean', undefined],
    ['scope/norm/moving_variance:0', 1, 'norm.running_var', undefined],
  ])('%s of rank %i is %s', (stored, rank, name, axes) => {
    expect(tensorflow(true).read(stored, shapeOf(rank), target())).toEqual(axes ? { name, axes } : { name });
  });

  it.each([
    ['bert/encoder/layer_._0/output/dense/bias:0', 'bert.encoder.layer.0.output.dense.bias'],
    ['shared/embeddings:0', 'shared.weight'],
    ['model.shared/model.shared/embeddings:0', 'model.shared.weight'],
    ['final_logits_bias:0', 'final_logits_bias'],
  ])('without the scope, as shards and safetensors have it, %s is %s', (stored, name) => {
    expect(tensorflow(false).read(stored, [2], target())).toEqual({ name });
  });
});

describe('names of Flax', () => {
  it.each([
    ['h/0/attn/c_attn/kernel', 2, 'h.0.attn.c_attn.weight', [1, 0]],
    ['params/conv/kernel', 4, 'conv.weight', [3, 2, 0, 1]],
    ['conv.kernel', 3, 'conv.weight', [2, 1, 0]],
    ['embeddings/LayerNorm/scale', 1, 'embeddings.LayerNorm.weight', undefined],
    ['embeddings/LayerNorm/bias', 1, 'embeddings.LayerNorm.bias', undefined],
    ['shared/embedding', 2, 'shared.weight', undefined],
    ['encoder/final_layer_norm/weight', 1, 'encoder.final_layer_norm.weight', undefined],
    ['batch_stats/norm/mean', 1, 'norm.running_mean', undefined],
    ['batch_stats/norm/var', 1, 'norm.running_var', undefined],
  ])('%s of rank %i is %s', (stored, rank, name, axes) => {
    expect(flax.read(stored, shapeOf(rank), target())).toEqual(axes ? { name, axes } : { name });
  });

  it('a model that calls a weight kernel itself gets it as it lies', () => {
    expect(flax.read('layer/kernel', [2, 3], target('base.layer.kernel'))).toEqual({ name: 'layer.kernel' });
  });
});

describe('variables of TensorFlow 1', () => {
  const bert = target(
    'bert.embeddings.word_embeddings.weight',
    'bert.encoder.layer.11.attention.self.query.weight',
    'bert.encoder.layer.11.output.LayerNorm.bias',
    'cls.predictions.bias',
    'cls.seq_relationship.weight',
  );

  it.each([
    ['bert/embeddings/word_embeddings', 'bert.embeddings.word_embeddings.weight', undefined],
    ['bert/encoder/layer_11/attention/self/query/kernel', 'bert.encoder.layer.11.attention.self.query.weight', [1, 0]],
    ['bert/encoder/layer_11/output/LayerNorm/beta', 'bert.encoder.layer.11.output.LayerNorm.bias', undefined],
    ['cls/predictions/output_bias', 'cls.predictions.bias', undefined],
    ['cls/seq_relationship/output_weights', 'cls.seq_relationship.weight', undefined],
    ['loss/scale', 'loss/scale', undefined],
  ])('of BERT: %s is %s', (stored, name, axes) => {
    expect(tensorflow1Bert.read(stored, [2, 3], bert)).toEqual(axes ? { name, axes } : { name });
  });

  it.each(['global_step', 'bert/pooler/dense/kernel/adam_m', 'a/adam_v', 'AdamWeightDecayOptimizer/beta'])(
    'of BERT: %s is no weight',
    (stored) => {
      expect(tensorflow1Bert.read(stored, [], bert)).toBeNull();
    },
  );

  it('of BERT: the scope that a headless model lacks is stepped over, and a head that it lacks leads nowhere', () => {
    const base = target('encoder.layer.0.output.dense.weight', 'pooler.dense.bias');
    const read = (stored: string) => tensorflow1Bert.read(stored, [2, 3], base)?.name;
    expect(read('bert/encoder/layer_0/output/dense/kernel')).toBe('encoder.layer.0.output.dense.weight');
    expect(read('bert/pooler/dense/bias')).toBe('pooler.dense.bias');
    expect(read('cls/predictions/output_bias')).toBe('cls/predictions/output_bias');
    expect(read('cls/predictions/transform/dense/bias')).toBe('cls/predictions/transform/dense/bias');
  });

  it.each([
    ['model/h10/attn/c_attn/w', 'h.10.attn.c_attn.weight'],
    ['model/h0/ln_1/g', 'h.0.ln_1.weight'],
    ['model/h0/mlp/c_fc/b', 'h.0.mlp.c_fc.bias'],
    ['model/ln_f/b', 'ln_f.bias'],
    ['model/wte', 'wte.weight'],
    ['model/wpe', 'wpe.weight'],
  ])('of GPT-2: %s is %s', (stored, name) => {
    expect(tensorflow1Gpt2.read(stored, [1, 2, 3], target())).toEqual({ name });
  });
});

describe('a TensorFlow 1 checkpoint', () => {
  const source = { format: 'tensorflow1', files: ['model.ckpt.index'], metadata: new Map() } as never;
  const into = (ModelType: { name: string; tensorflow1: Dialect | null }) =>
    atOnce(translate(source, { className: ModelType.name, tensorflow1: ModelType.tensorflow1 } as never));

  it.each([RobertaModel, ElectraModel, LlamaModel])(
    'is refused by a class without load_tf_weights: %p',
    (ModelType) => {
      expect(() => into(ModelType)).toThrow(
        expect.objectContaining({
          name: 'NotImplementedError',
          code: 'UNSUPPORTED_LAYOUT',
          message: expect.stringMatching(
            new RegExp(`'model.ckpt.index' is a TensorFlow 1 checkpoint, and ${ModelType.name} has no load_tf_weights`),
          ),
        }),
      );
    },
  );

  it('has names that BERT, GPT-2 and T5 know, whose original releases were such, and no other family', () => {
    const withRelease = Object.entries(modelTypes).filter(([, family]) =>
      Object.values(family).some((type) => typeof type === 'function' && (type as Partial<ModelClass>).tensorflow1),
    );
    expect(withRelease.map(([name]) => name)).toEqual(['bert', 'gpt2', 't5']);
  });
});
