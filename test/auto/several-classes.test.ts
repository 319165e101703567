import { AutoModelForSequenceClassification } from '../../lib/auto/auto-model';
import * as families from '../../lib/auto/families';
import * as bert from '../../lib/models/bert/model';

/** A family that has two classes for one head: upstream maps its config to a list of them (row 201). */

class BertTwiceForSequenceClassification extends bert.BertForSequenceClassification {}

beforeEach(() => {
  jest.spyOn(families, 'loadFamily').mockReturnValue({ ...bert, BertTwiceForSequenceClassification });
});

afterEach(() => {
  jest.restoreAllMocks();
});

it.each([
  [null, 'BertForSequenceClassification'],
  [['BertModel'], 'BertForSequenceClassification'],
  [['BertTwiceForSequenceClassification'], 'BertTwiceForSequenceClassification'],
  [['TFBertTwiceForSequenceClassification'], 'BertTwiceForSequenceClassification'],
  [['FlaxBertTwiceForSequenceClassification'], 'BertTwiceForSequenceClassification'],
])('is asked for the class that the architectures %j name, else for its first', (architectures, name) => {
  const config = new bert.BertConfig({ architectures });
  expect(AutoModelForSequenceClassification.classFor(config).name).toBe(name);
});
