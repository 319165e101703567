/** What ALBERT gives of groups with several layers inside, also where Transformers 4.57.6 fails. */
import { AlbertConfig, AlbertModel, type ModelOutput, set_seed, type Tensor } from '../../lib';
import { errorOf } from '../checkpoint/scratch';

const asked = { input_ids: [[2, 5, 7, 3]], output_hidden_states: true, output_attentions: true };

async function traceOf(layers: number, groups: number, inner: number, more = {}): Promise<ModelOutput> {
  set_seed(3);
  const config = new AlbertConfig({
    vocab_size: 11,
    embedding_size: 6,
    hidden_size: 8,
    num_attention_heads: 2,
    intermediate_size: 10,
    max_position_embeddings: 12,
    num_hidden_layers: layers,
    num_hidden_groups: groups,
    inner_group_num: inner,
  });
  const model = new AlbertModel(config).eval();
  try {
    const output = await model({ ...asked, ...more });
    for (const tensor of Object.values(output).flat(2) as Tensor[]) await tensor.getData();
    return output;
  } finally {
    await model.dispose();
  }
}

it.each([
  [3, 1, 1],
  [4, 2, 2],
  [5, 2, 2],
  [6, 2, 3],
  [1, 1, 3],
  [2, 2, 3],
  [2, 1, 0],
  [0, 1, 2],
])(
  '%d layers of %d groups with %d inside have a hidden state a layer, and attentions of all inside',
  async (layers, groups, inner) => {
    const { hidden_states, attentions, last_hidden_state } = await traceOf(layers, groups, inner);
    expect([hidden_states.length, (attentions ?? []).length]).toEqual([layers + 1, layers * inner]);
    expect((hidden_states.at(-1) as Tensor).data).toEqual(last_hidden_state.data);
  },
);

it('gives the same as a tuple', async () => {
  const [, , hidden_states, attentions, ...rest] = (await traceOf(4, 2, 2, {
    return_dict: false,
  })) as unknown as unknown[][];
  expect([hidden_states?.length, attentions?.length, rest]).toEqual([5, 8, []]);
});

it('refuses a head mask that has no row for some of the layers inside', async () => {
  const error = await errorOf(() => traceOf(2, 2, 3, { head_mask: [1, 0] }));
  expect([error.code, error.message]).toEqual([
    'ERR_SHAPE',
    expect.stringMatching(/1 rows for a group.*3 layers inside \(config\.inner_group_num\)/),
  ]);
  await traceOf(6, 2, 3, { head_mask: [1, 0] });
});
