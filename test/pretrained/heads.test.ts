import { join } from 'node:path';
import { AlbertForPreTraining } from '../../lib/models/albert/model';
import {
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
} from '../../lib/models/bert/model';
import type { ModelInputs, PreTrainedModel } from '../../lib/pretrained/pretrained-model';

const golden = (type: string) => join(__dirname, '..', 'goldens', type, 'base');
const input_ids = [
  [1, 2, 3],
  [3, 2, 1],
];

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
