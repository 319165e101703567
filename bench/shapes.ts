/** The shapes that are measured, and the work that they are. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Random } from './random';

/** A BERT-like encoder, in the words of its config. */
export interface EncoderShape {
  name: string;
  model_type: 'bert' | 'xlm-roberta';
  vocab_size: number;
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  max_position_embeddings: number;
  type_vocab_size: number;
}

export const bertBase: EncoderShape = {
  name: 'BERT-base',
  model_type: 'bert',
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  max_position_embeddings: 512,
  type_vocab_size: 2,
};

export const miniLm: EncoderShape = {
  ...bertBase,
  name: 'MiniLM-L6',
  hidden_size: 384,
  num_hidden_layers: 6,
  intermediate_size: 1536,
};

export const xlmRobertaLarge: EncoderShape = {
  name: 'XLM-R-large',
  model_type: 'xlm-roberta',
  vocab_size: 250002,
  hidden_size: 1024,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  intermediate_size: 4096,
  max_position_embeddings: 514,
  type_vocab_size: 1,
};

/** The shape of the checkpoint in a folder. */
export async function shapeOf(folder: string): Promise<EncoderShape> {
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as EncoderShape;
  return { ...config, name: basename(folder) };
}

/** Operations of the layers' products and attention for rows of these lengths; a multiply-add is two. */
export function encoderFlops(shape: EncoderShape, lengths: readonly number[]): number {
  const { hidden_size: C, intermediate_size: F, num_hidden_layers: layers } = shape;
  const tokens = lengths.reduce((sum, T) => sum + T, 0);
  const pairs = lengths.reduce((sum, T) => sum + T * T, 0);
  return layers * (tokens * 2 * (4 * C * C + 2 * C * F) + pairs * 4 * C);
}

/** Bytes of the layers' float32 weights, which every forward reads at least once. */
export function encoderBytes({ hidden_size: C, intermediate_size: F, num_hidden_layers }: EncoderShape): number {
  return 4 * num_hidden_layers * (4 * C * C + 2 * C * F);
}

/** Parameters without heads, the pooler counted. */
export function parameterCount(shape: EncoderShape): number {
  const { hidden_size: C, intermediate_size: F } = shape;
  const tables = (shape.vocab_size + shape.max_position_embeddings + shape.type_vocab_size) * C + 2 * C;
  const layer = 4 * (C * C + C) + (C * F + F) + (F * C + C) + 4 * C;
  return tables + shape.num_hidden_layers * layer + C * C + C;
}

/** Bytes of the QKV and feed-forward activations of one layer, float32. */
export function layerActivationBytes({ hidden_size: C, intermediate_size: F }: EncoderShape, tokens: number): number {
  return 4 * tokens * (3 * C + F);
}

/** [batch, length] token ids, none of them padding. */
export function randomIds({ vocab_size }: EncoderShape, batch: number, length: number): number[][] {
  const random = new Random(batch * 1000 + length);
  const id = () => 3 + random.below(vocab_size - 3);
  return Array.from({ length: batch }, () => Array.from({ length }, id));
}
