import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { BertForSequenceClassification } from '../../lib/models/bert/model';
import { Tensor } from '../../lib/tensor/tensor';

const path = join(__dirname, '..', 'goldens', 'bert', 'base');

let model: BertForSequenceClassification;
let log: ReturnType<typeof setLogHook>;
beforeAll(async () => {
  log = setLogHook(() => {});
  model = await BertForSequenceClassification.from_pretrained(path);
});
afterAll(async () => {
  setLogHook(log);
  await model.dispose();
});

const ids = () => new Tensor('int64', [1n, 2n], [1, 2]);

describe('an input', () => {
  it.each(['input_ids', 'attention_mask', 'labels'])('%s is no tensor that has been disposed', async (name) => {
    const disposed = ids();
    disposed.dispose();
    await expect(model({ input_ids: ids(), [name]: disposed })).rejects.toMatchObject({
      code: 'ERR_DISPOSED',
      message: expect.stringMatching(
        new RegExp(`^${name} of BertForSequenceClassification, Tensor.*, has been disposed`),
      ),
    });
  });
});
