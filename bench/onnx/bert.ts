import { openCheckpoint } from '../../lib/checkpoint/open';
import type { EncoderShape } from '../shapes';
import { elementTypes, Graph } from './graph';

type Weights = { floats(name: string): Promise<Float32Array> };

/**
 * Writes a BERT checkpoint as an ONNX file in the ops that onnxruntime fuses such a model to, so that it runs there as
 * fast as it can: `EmbedLayerNormalization`, `Attention`, `SkipLayerNormalization`, `BiasGelu` of com.microsoft.
 * Inputs and output are named as in exported models.
 */
export async function writeBertOnnx(folder: string, config: EncoderShape, path: string): Promise<void> {
  await using source = await openCheckpoint(folder);
  const names = new Set(source.names());
  const prefix = names.has('bert.embeddings.LayerNorm.weight') ? 'bert.' : '';
  const weights: Weights = {
    async floats(name) {
      const bytes = await source.read(prefix + name);
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    },
  };
  const graph = new Graph();
  let { x, mask } = await embeddings(graph, weights, config);
  for (let i = 0; i < config.num_hidden_layers; i++) x = await layer(graph, weights, config, i, x, mask);
  graph.node('Identity', [x], ['last_hidden_state']);
  graph.output('last_hidden_state', elementTypes.float, ['batch_size', 'sequence_length', config.hidden_size]);
  await graph.write(path);
}

async function embeddings(graph: Graph, weights: Weights, config: EncoderShape): Promise<{ x: string; mask: string }> {
  const { hidden_size: C } = config;
  const ids = (['input_ids', 'token_type_ids', 'attention_mask'] as const).map((name) => {
    graph.input(name, elementTypes.int64, ['batch_size', 'sequence_length']);
    return graph.node('Cast', [name], 1, { to: elementTypes.int32 })[0];
  });
  const table = async (name: string, rows: number) =>
    graph.floats(name, await weights.floats(`embeddings.${name}_embeddings.weight`), [rows, C]);
  const norm = await normWeights(graph, weights, 'embeddings.LayerNorm', C);
  const [x, mask] = graph.node(
    'com.microsoft/EmbedLayerNormalization',
    [
      ids[0] as string,
      ids[1] as string,
      await table('word', config.vocab_size),
      await table('position', config.max_position_embeddings),
      await table('token_type', config.type_vocab_size),
      ...norm,
      ids[2] as string,
    ],
    2,
    { epsilon: 1e-12 },
  );
  return { x, mask: mask as string };
}

async function layer(
  graph: Graph,
  weights: Weights,
  config: EncoderShape,
  i: number,
  x: string,
  mask: string,
): Promise<string> {
  const { hidden_size: C, intermediate_size: F, num_attention_heads } = config;
  const at = `encoder.layer.${i}`;
  const qkv = await packQkv(graph, weights, `${at}.attention.self`, C);
  const [attended] = graph.node('com.microsoft/Attention', [x, ...qkv, mask], 1, { num_heads: num_attention_heads });
  const middle = await projectAndNorm(graph, weights, `${at}.attention.output`, attended, x, C, C);
  const wide = await matmul(graph, weights, `${at}.intermediate.dense`, middle, C, F);
  const bias = await vector(graph, weights, `${at}.intermediate.dense.bias`, F);
  const [activated] = graph.node('com.microsoft/BiasGelu', [wide, bias]);
  return projectAndNorm(graph, weights, `${at}.output`, activated, middle, F, C);
}

/** LayerNorm(x · W + bias + residual). */
async function projectAndNorm(
  graph: Graph,
  weights: Weights,
  at: string,
  x: string,
  residual: string,
  from: number,
  to: number,
): Promise<string> {
  const y = await matmul(graph, weights, `${at}.dense`, x, from, to);
  const norm = await normWeights(graph, weights, `${at}.LayerNorm`, to);
  const bias = await vector(graph, weights, `${at}.dense.bias`, to);
  return graph.node('com.microsoft/SkipLayerNormalization', [y, residual, ...norm, bias], 1, { epsilon: 1e-12 })[0];
}

async function matmul(
  graph: Graph,
  weights: Weights,
  at: string,
  x: string,
  from: number,
  to: number,
): Promise<string> {
  const values = transpose(await weights.floats(`${at}.weight`), to, from);
  return graph.node('MatMul', [x, graph.floats(`${at}.weight`, values, [from, to])])[0];
}

/** Query, key and value side by side: [C, 3C] and [3C]. */
async function packQkv(graph: Graph, weights: Weights, at: string, C: number): Promise<[string, string]> {
  const packed = new Float32Array(3 * C * C);
  const biases = new Float32Array(3 * C);
  for (const [part, name] of ['query', 'key', 'value'].entries()) {
    const values = await weights.floats(`${at}.${name}.weight`);
    for (let n = 0; n < C; n++)
      for (let k = 0; k < C; k++) packed[k * 3 * C + part * C + n] = values[n * C + k] as number;
    biases.set(await weights.floats(`${at}.${name}.bias`), part * C);
  }
  return [graph.floats(`${at}.qkv.weight`, packed, [C, 3 * C]), graph.floats(`${at}.qkv.bias`, biases, [3 * C])];
}

async function normWeights(graph: Graph, weights: Weights, at: string, C: number): Promise<[string, string]> {
  return [await vector(graph, weights, `${at}.weight`, C), await vector(graph, weights, `${at}.bias`, C)];
}

async function vector(graph: Graph, weights: Weights, name: string, length: number): Promise<string> {
  return graph.floats(name, await weights.floats(name), [length]);
}

/** [rows, columns] → [columns, rows] */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c] as number;
  return out;
}
