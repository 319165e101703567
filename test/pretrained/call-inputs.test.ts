import { BertModel } from '../../lib/models/bert/model';
import type { ModelOutput } from '../../lib/pretrained/model-output';
import { add } from '../../lib/tensor/ops/elementwise';
import { Tensor } from '../../lib/tensor/tensor';

describe('the inputs of a call', () => {
  const folder = `${__dirname}/../goldens/bert/base`;
  let model: BertModel;
  beforeAll(async () => {
    model = await BertModel.from_pretrained(folder);
  });
  afterAll(() => model.dispose());

  const vectors = async (call: Promise<ModelOutput>) =>
    Array.from((await call)['last_hidden_state'].data as Float32Array);

  it('are taken when the call is made, whatever becomes of arrays meanwhile', async () => {
    const ids = [[5, 6, 7]];
    const expected = await vectors(model({ input_ids: ids }));
    const call = vectors(model({ input_ids: ids }));
    (ids[0] as number[])[0] = 1;
    expect(await call).toEqual(expected);
  });

  it('are taken when the call is made, whatever is written to tensors meanwhile', async () => {
    const ids = new Tensor('int64', [5, 6, 7], [1, 3]);
    const expected = await vectors(model({ input_ids: ids }));
    const call = vectors(model({ input_ids: ids }));
    ids.data[0] = 1n as never;
    expect(await call).toEqual(expected);
  });

  it('may be disposed as soon as the call is made', async () => {
    const width = model.config.hidden_size;
    const host = new Tensor('float32', new Float32Array(3 * width).fill(0.25), [1, 3, width]);
    const expected = await vectors(model({ inputs_embeds: host }));
    const native = add(host, 0); // its elements are in native memory only
    const call = vectors(model({ inputs_embeds: native }));
    native.dispose();
    expect(await call).toEqual(expected);

    const changed = vectors(model({ inputs_embeds: host }));
    host.data.fill(9 as never);
    expect(await changed).toEqual(expected);
  });

  it('may come as a promise, on the stream that was current at the call', async () => {
    const expected = await vectors(model({ input_ids: [[5, 6, 7]] }));
    expect(await vectors(model(Promise.resolve({ input_ids: [[5, 6, 7]] })))).toEqual(expected);
  });
});
