/**
 * How GGUF names and arranges the weights of each architecture. Tables, so that every rule reads both ways.
 * Sources: gguf-py tensor_mapping.py, llama.cpp convert_hf_to_gguf.py.
 */
import type { Arrangement } from '../../checkpoint/source';

/** How a tensor is arranged in the file where that is not as in PyTorch. */
type Layout =
  /** A Conv1D is stored as a Linear. */
  | 'transposed'
  /** The rows of a head are pairs that rotate together; in PyTorch the first of all pairs come before the second ones. */
  | 'queries'
  | 'keys';

/** A module's names there and here, `N` being the number of a layer. */
type Rule = readonly [gguf: string, model: string, layout?: Layout];

/** What arrangements depend on. */
export interface HeadCounts {
  heads: number;
  kv_heads: number;
}

const decoder = (queries?: Layout, keys?: Layout): readonly Rule[] => [
  ['token_embd', 'model.embed_tokens'],
  ['output_norm', 'model.norm'],
  ['output', 'lm_head'],
  ['blk.N.attn_norm', 'model.layers.N.input_layernorm'],
  queries
    ? ['blk.N.attn_q', 'model.layers.N.self_attn.q_proj', queries]
    : ['blk.N.attn_q', 'model.layers.N.self_attn.q_proj'],
  keys
    ? ['blk.N.attn_k', 'model.layers.N.self_attn.k_proj', keys]
    : ['blk.N.attn_k', 'model.layers.N.self_attn.k_proj'],
  ['blk.N.attn_v', 'model.layers.N.self_attn.v_proj'],
  ['blk.N.attn_output', 'model.layers.N.self_attn.o_proj'],
  ['blk.N.ffn_norm', 'model.layers.N.post_attention_layernorm'],
  ['blk.N.ffn_gate', 'model.layers.N.mlp.gate_proj'],
  ['blk.N.ffn_up', 'model.layers.N.mlp.up_proj'],
  ['blk.N.ffn_down', 'model.layers.N.mlp.down_proj'],
];

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  llama: decoder('queries', 'keys'),
  qwen2: decoder(),
  gpt2: [
    ['token_embd', 'transformer.wte'],
    ['position_embd', 'transformer.wpe'],
    ['output_norm', 'transformer.ln_f'],
    ['output', 'lm_head'],
    ['blk.N.attn_norm', 'transformer.h.N.ln_1'],
    ['blk.N.attn_qkv', 'transformer.h.N.attn.c_attn', 'transposed'],
    ['blk.N.attn_output', 'transformer.h.N.attn.c_proj', 'transposed'],
    ['blk.N.ffn_norm', 'transformer.h.N.ln_2'],
    ['blk.N.ffn_up', 'transformer.h.N.mlp.c_fc', 'transposed'],
    ['blk.N.ffn_down', 'transformer.h.N.mlp.c_proj', 'transposed'],
  ],
};

/** The architectures whose names are known; each is a `model_type` too. */
export const ggufArchitectures: readonly string[] = Object.keys(RULES);

/** A tensor under the other side's name. */
export interface Renamed {
  name: string;
  layout: Layout | null;
}

/** PyTorch's name of a tensor in a GGUF file; null when no rule has it. */
export function modelNameOf(architecture: string, name: string): Renamed | null {
  return renamed(RULES[architecture] ?? [], name, 0);
}

/** The name in a GGUF file of PyTorch's `name`; null when no rule has it. */
export function ggufNameOf(architecture: string, name: string): Renamed | null {
  return renamed(RULES[architecture] ?? [], name, 1);
}

function renamed(rules: readonly Rule[], name: string, side: 0 | 1): Renamed | null {
  const point = name.lastIndexOf('.');
  const [path, end] = [name.slice(0, Math.max(0, point)), name.slice(point + 1)];
  if (point < 0 || (end !== 'weight' && end !== 'bias')) return null;
  const layer = /(?<=^blk\.|^model\.layers\.|^transformer\.h\.)\d+(?=\.)/.exec(path)?.[0];
  const key = layer === undefined ? path : path.replace(`.${layer}.`, '.N.');
  const rule = rules.find((candidate) => candidate[side] === key);
  if (rule === undefined) return null;
  const other = rule[side === 0 ? 1 : 0].replace('.N.', `.${layer}.`);
  return { name: `${other}.${end}`, layout: rule[2] ?? null };
}

/** Where the elements of a tensor of PyTorch's `shape` lie in a GGUF file; null when they lie as there. */
export function arrangementOf(layout: Layout | null, shape: readonly number[], counts: HeadCounts): Arrangement | null {
  if (layout === null) return null;
  if (layout === 'transposed') return shape.length === 2 ? { dims: [...shape].reverse(), axes: [1, 0] } : null;
  const [rows, ...rest] = shape as [number, ...number[]];
  const heads = layout === 'queries' ? counts.heads : counts.kv_heads;
  if (rows % (2 * heads) !== 0) return null;
  const axes = [0, 2, 1, ...rest.map((_, i) => i + 3)];
  return { dims: [heads, rows / heads / 2, 2, ...rest], axes };
}

/** The way back: what PyTorch's elements, taken as `dims` with the axes in that order, are in the file. */
export function inverseOf({ dims, axes }: Arrangement): Arrangement {
  return { dims: axes.map((axis) => dims[axis] as number), axes: axes.map((_, i) => axes.indexOf(i)) };
}
