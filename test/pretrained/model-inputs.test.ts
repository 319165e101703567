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

  it('is named when it does not fit', async () => {
    const input_ids = [
      [1, 2],
      [3, 4],
    ];
    const heads = model.config['num_attention_heads'] as number;
    for (const head_mask of [[[Array(heads).fill(1)]], [null, Array(heads).fill(1)], [[1], [1, 1]], ['1', '1']])
      await expect(model({ input_ids, head_mask })).rejects.toMatchObject({
        code: 'ERR_SHAPE',
        message: expect.stringMatching(/^head_mask must be arrays of numbers of shape \[\d\] or \[\d, \d\], got \[/),
      });
    const several = Array(2).fill(Array(model.config.num_labels).fill(1));
    await expect(model({ input_ids, labels: several })).rejects.toMatchObject({
      code: 'ERR_SHAPE',
      message: expect.stringMatching(/float32 Tensor of 0 and 1.*problem_type to 'multi_label_classification'/),
    });
    const { loss } = await model({ input_ids, labels: new Tensor('float32', several.flat(), [2, several[0].length]) });
    expect(loss).toBeDefined();
    await expect(model(ids())).rejects.toThrow(/not a Tensor: \{ input_ids: tensor \}/);
  });

  it('that a regression cannot take says what it wants', async () => {
    const regression = await BertForSequenceClassification.from_pretrained(path, { problem_type: 'regression' });
    await expect(regression({ input_ids: [[1], [2]], labels: [0.5, 1] })).rejects.toThrow(
      /labels has 2 elements, but the logits are \[2,\d\], and the problem_type 'regression' wants a number for each/,
    );
    await regression.dispose();
  });
});

describe('an output', () => {
  it('is an object, or an array where the call, else the config, says so', async () => {
    const input_ids = [[1, 2]];
    const kinds = async (fields: Record<string, unknown>) => {
      const other = await BertForSequenceClassification.from_pretrained(path, fields);
      const outputs = [await other({ input_ids }), await other({ input_ids, return_dict: true })];
      outputs.push((await other({ input_ids, return_dict: false })) as never);
      await other.dispose();
      return outputs.map((output) => (Array.isArray(output) ? 'array' : 'object'));
    };
    expect(await kinds({})).toEqual(['object', 'object', 'array']);
    expect(await kinds({ return_dict: false })).toEqual(['array', 'object', 'array']);
    expect(await kinds({ torchscript: true })).toEqual(['array', 'object', 'array']);
  });
});
