import { Linear } from '../../lib/nn/linear';
import { Module } from '../../lib/nn/module';
import { Parameter } from '../../lib/nn/parameter';
import {
  find_pruneable_heads_and_indices,
  prune_conv1d_layer,
  prune_layer,
  prune_linear_layer,
  pruneProjections,
} from '../../lib/nn/prune';
import { Tensor } from '../../lib/tensor/tensor';

const ints = (...values: number[]) => Int32Array.from(values);

async function tolist({ value }: Parameter): Promise<unknown> {
  await value.getData();
  return value.tolist();
}

/** y = x · weight + bias, as GPT-2 has it. */
class TransposedLinear extends Module {
  weight: Parameter;
  bias: Parameter;
  constructor(
    readonly nf: number,
    nx: number,
  ) {
    super();
    this.weight = new Parameter([nx, nf]);
    this.bias = new Parameter([nf]);
  }
}

function counted<L extends Linear | TransposedLinear>(layer: L): L {
  for (const parameter of layer.parameters())
    parameter.value = new Tensor(
      'float32',
      Float32Array.from({ length: parameter.size }, (_, i) => i),
      parameter.dims,
    );
  return layer;
}

describe('find_pruneable_heads_and_indices', () => {
  it('keeps the rows of other heads', () => {
    const [heads, index] = find_pruneable_heads_and_indices([1, 3], 4, 2, new Set());
    expect([[...heads], index]).toEqual([[1, 3], ints(0, 1, 4, 5)]);
  });

  it('passes over heads that are gone, and moves the others down (row 126)', () => {
    const [heads, index] = find_pruneable_heads_and_indices([1, 3], 3, 2, new Set([1]));
    expect([[...heads], index]).toEqual([[3], ints(0, 1, 2, 3)]);
  });
});

describe('pruned layers (row 127)', () => {
  it('of Linear keep rows with their bias, or columns with all of it', async () => {
    const layer = counted(new Linear(3, 2));
    const rows = prune_linear_layer(layer, ints(1));
    expect([
      rows.in_features,
      rows.out_features,
      await tolist(rows.weight),
      await tolist(rows.bias as Parameter),
    ]).toEqual([3, 1, [[3, 4, 5]], [1]]);
    const columns = prune_layer(layer, ints(0, 2), 1);
    expect([columns.in_features, await tolist(columns.weight), await tolist(columns.bias as Parameter)]).toEqual([
      2,
      [
        [0, 2],
        [3, 5],
      ],
      [0, 1],
    ]);
    expect(await tolist(layer.weight)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
  });

  it('of Conv1D keep columns with their bias, or rows with all of it', async () => {
    const layer = counted(new TransposedLinear(3, 2));
    const columns = prune_layer(layer, ints(0, 2));
    expect([columns.nf, await tolist(columns.weight), await tolist(columns.bias)]).toEqual([
      2,
      [
        [0, 2],
        [3, 5],
      ],
      [0, 2],
    ]);
    const rows = prune_conv1d_layer(layer, ints(1), 0);
    expect([rows.nf, await tolist(rows.weight), await tolist(rows.bias)]).toEqual([3, [[3, 4, 5]], [0, 1, 2]]);
  });

  it('keep flags, dtype and the lack of a bias; without weights their shapes are cut', () => {
    const layer = new Linear(4, 4, { bias: false });
    layer.weight.requires_grad = false;
    layer.weight.type = 'bfloat16';
    const pruned = prune_linear_layer(layer, ints(0, 1));
    expect([pruned.weight.dims, pruned.weight.type, pruned.weight.requires_grad, pruned.bias]).toEqual([
      [2, 4],
      'bfloat16',
      false,
      undefined,
    ]);
  });

  it('are of those two kinds', () => {
    expect(() => prune_layer(new Module() as never, ints(0))).toThrow(/Can't prune layer of class Module/);
  });
});

describe('pruneProjections', () => {
  class Attention extends Module {
    num_attention_heads = 3;
    readonly attention_head_size = 1;
    readonly pruned_heads = new Set<number>();
    c_attn = counted(new TransposedLinear(9, 2));
    c_proj = counted(new TransposedLinear(2, 3));
    prune_heads(heads: Iterable<number>): void {
      this.num_attention_heads -= pruneProjections(this, heads, [this, ['c_attn']], [this, 'c_proj'], 3);
    }
  }

  it('cuts one layer that makes queries, keys and values side by side, as Conv1D has them (row 127)', async () => {
    const attention = new Attention();
    attention.prune_heads([1]);
    expect([attention.num_attention_heads, [...attention.pruned_heads]]).toEqual([2, [1]]);
    expect(await tolist(attention.c_attn.bias)).toEqual([0, 2, 3, 5, 6, 8]);
    expect(await tolist(attention.c_proj.weight)).toEqual([
      [0, 1],
      [4, 5],
    ]);
    attention.prune_heads([0, 1]);
    expect(await tolist(attention.c_attn.bias)).toEqual([2, 5, 8]);
    expect(await tolist(attention.c_proj.weight)).toEqual([[4, 5]]);
    const before = attention.c_attn;
    attention.prune_heads([0]);
    expect(attention.c_attn).toBe(before);
  });
});
