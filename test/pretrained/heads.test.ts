import { join } from 'node:path';
import { AlbertForPreTraining, AlbertForQuestionAnswering } from '../../lib/models/albert/model';
import {
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
} from '../../lib/models/bert/model';
import { CamembertForQuestionAnswering } from '../../lib/models/camembert/model';
import { DistilBertConfig, DistilBertForQuestionAnswering } from '../../lib/models/distilbert/model';
import { ElectraForQuestionAnswering } from '../../lib/models/electra/model';
import { GPT2ForQuestionAnswering } from '../../lib/models/gpt2/model';
import { LlamaForQuestionAnswering } from '../../lib/models/llama/model';
import { ModernBertForQuestionAnswering } from '../../lib/models/modernbert/model';
import { MPNetForQuestionAnswering } from '../../lib/models/mpnet/model';
import { RobertaForQuestionAnswering } from '../../lib/models/roberta/model';
import { XLMRobertaForQuestionAnswering } from '../../lib/models/xlm-roberta/model';
import type { FromPretrainedOptions } from '../../lib/pretrained/from-pretrained';
import type { ModelInputs, PreTrainedModel } from '../../lib/pretrained/pretrained-model';

const golden = (type: string) => join(__dirname, '..', 'goldens', type, 'base');
const tiny = { vocab_size: 9, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 4 };
const input_ids = [
  [1, 2, 3],
  [3, 2, 1],
];

describe('a question answering head', () => {
  type Loading = { from_pretrained(path: string, options: FromPretrainedOptions): Promise<PreTrainedModel> };
  it.each<[string, Loading]>([
    ['albert', AlbertForQuestionAnswering],
    ['bert', BertForQuestionAnswering],
    ['camembert', CamembertForQuestionAnswering],
    ['electra', ElectraForQuestionAnswering],
    ['modernbert', ModernBertForQuestionAnswering],
    ['mpnet', MPNetForQuestionAnswering],
    ['roberta', RobertaForQuestionAnswering],
    ['xlm-roberta', XLMRobertaForQuestionAnswering],
  ])('of %s is as wide as num_labels, and answers only with two', async (type, Class) => {
    await using model = await Class.from_pretrained(golden(type), {
      num_labels: 3,
      ignore_mismatched_sizes: true,
    });
    expect(model.state_dict().get(type === 'modernbert' ? 'classifier.weight' : 'qa_outputs.weight')?.dims[0]).toBe(3);
    await expect(model({ input_ids })).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_CONFIG_FIELD',
      message: expect.stringMatching(/two numbers a token.* gives 3.* num_labels: 2/),
    });
  });

  it.each([
    ['gpt2', GPT2ForQuestionAnswering],
    ['llama', LlamaForQuestionAnswering],
  ])('of %s is two wide whatever num_labels is', (_type, Class) => {
    const config = new Class.config_class({ ...tiny, num_labels: 3 });
    expect(new Class(config as never).qa_outputs.weight.dims).toEqual([2, 8]);
  });

  it('of distilbert refuses another num_labels at once', () => {
    expect(() => new DistilBertForQuestionAnswering(new DistilBertConfig({ num_labels: 3 }))).toThrow(
      'config.num_labels should be 2, but it is 3',
    );
  });
});

describe('labels that do not fit', () => {
  const refuses = (
    Class: { name: string; from_pretrained(path: string): Promise<PreTrainedModel> },
    type: string,
    cases: [ModelInputs, RegExp][],
  ) =>
    it(`are named by their argument: ${Class.name}`, async () => {
      const model = await Class.from_pretrained(golden(type));
      for (const [labels, message] of cases) await expect(model({ input_ids, ...labels })).rejects.toThrow(message);
      await model.dispose();
    });
  const [start_positions, end_positions] = [
    [0, 1],
    [1, 2],
  ];
  refuses(BertForQuestionAnswering, 'bert', [
    [{ start_positions: [0, 1, 2], end_positions }, /^start_positions has 3 elements, but there are 2 to label/],
    [{ start_positions, end_positions: [1] }, /^end_positions has 1 elements, but there are 2 to label/],
    [{ start_positions: 'x', end_positions }, /^start_positions must be a Tensor or nested arrays/],
    [{ start_positions, end_positions: [1, 'x'] }, /^end_positions must hold integers; element 1 is a string/],
  ]);
  refuses(BertForPreTraining, 'bert', [
    [{ labels: input_ids, next_sentence_label: [0] }, /^next_sentence_label has 1 elements/],
    [{ labels: input_ids, next_sentence_label: [0, 2] }, /^next_sentence_label holds 2/],
    [{ labels: input_ids, next_sentence_label: {} }, /^next_sentence_label must be/],
    [{ labels: [[1]], next_sentence_label: [0, 1] }, /^labels has 1 elements/],
  ]);
  refuses(AlbertForPreTraining, 'albert', [
    [{ labels: input_ids, sentence_order_label: [0] }, /^sentence_order_label has 1 elements/],
    [{ labels: input_ids, sentence_order_label: ['x', 'y'] }, /^sentence_order_label must hold integers/],
  ]);
  refuses(BertForNextSentencePrediction, 'bert', [[{ labels: [0, 5] }, /^labels holds 5/]]);
});
