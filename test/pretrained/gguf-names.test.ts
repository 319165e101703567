import { arrangementOf, ggufArchitectures, ggufNameOf, inverseOf, modelNameOf } from '../../lib/pretrained/gguf/names';

const counts = { heads: 2, kv_heads: 1 };

/** Which element of the file each element of the tensor is. */
function order({ dims, axes }: { dims: readonly number[]; axes: readonly number[] }): number[] {
  const apart = dims.map((_, i) => dims.slice(i + 1).reduce((n, dim) => n * dim, 1));
  const walk = (depth: number, at: number): number[] =>
    depth === axes.length
      ? [at]
      : Array.from({ length: dims[axes[depth] as number] as number }, (_, i) => i).flatMap((i) =>
          walk(depth + 1, at + i * (apart[axes[depth] as number] as number)),
        );
  return walk(0, 0);
}

describe('names and layouts of GGUF', () => {
  it('read both ways', () => {
    for (const [architecture, gguf, model] of [
      ['llama', 'blk.12.attn_q.weight', 'model.layers.12.self_attn.q_proj.weight'],
      ['qwen2', 'blk.0.attn_q.bias', 'model.layers.0.self_attn.q_proj.bias'],
      ['gpt2', 'blk.3.ffn_up.weight', 'transformer.h.3.mlp.c_fc.weight'],
      ['llama', 'output_norm.weight', 'model.norm.weight'],
    ] as const) {
      expect(modelNameOf(architecture, gguf)?.name).toBe(model);
      expect(ggufNameOf(architecture, model)?.name).toBe(gguf);
    }
    expect(modelNameOf('llama', 'blk.0.ssm_a')).toBeNull();
    expect(ggufNameOf('gpt2', 'score.weight')).toBeNull();
    expect(ggufArchitectures).toEqual(['llama', 'qwen2', 'gpt2']);
  });

  it('bring the pairs of a head, which rotate together, into two halves', () => {
    const queries = arrangementOf('queries', [8], counts);
    expect(queries && order(queries)).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
    const keys = arrangementOf('keys', [6], counts);
    expect(keys && order(keys)).toEqual([0, 2, 4, 1, 3, 5]);
  });

  it('are undone by their inverse', () => {
    for (const layout of ['queries', 'keys', 'transposed'] as const) {
      const there = arrangementOf(layout, [12, 5], counts);
      if (there === null) throw new Error(`${layout} says nothing`);
      const [a, b] = [order(there), order(inverseOf(there))];
      expect(b.map((i) => a[i])).toEqual(Array.from({ length: 60 }, (_, i) => i));
    }
  });
});
