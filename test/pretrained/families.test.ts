import { BertModel } from '../../lib/models/bert/model';
import { RobertaModel } from '../../lib/models/roberta/model';
import { PreTrainedModel } from '../../lib/pretrained/pretrained-model';

describe('class attributes', () => {
  it('say which blocks are never split across devices (row 4)', () => {
    expect(PreTrainedModel._no_split_modules).toBeNull();
    expect(BertModel._no_split_modules).toEqual(['BertEmbeddings', 'BertLayer']);
    expect(RobertaModel._no_split_modules).toEqual(['RobertaEmbeddings', 'RobertaSelfAttention']);
  });
});
