import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TensorToWrite, writeSafetensors } from '../lib/checkpoint/safetensors-writer';
import { Random } from './random';
import type { EncoderShape } from './shapes';

/** Writes a checkpoint of random weights in Hub layout. @returns its folder */
export async function writeRandomCheckpoint(parent: string, shape: EncoderShape, seed = 1): Promise<string> {
  const folder = join(parent, shape.name);
  await mkdir(folder, { recursive: true });
  const { name, ...config } = shape;
  const architectures = [shape.model_type === 'bert' ? 'BertModel' : 'XLMRobertaModel'];
  const pad_token_id = shape.model_type === 'bert' ? 0 : 1;
  const json = { architectures, hidden_act: 'gelu', layer_norm_eps: 1e-12, pad_token_id, ...config };
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeSafetensors(join(folder, 'model.safetensors'), tensors(shape, new Random(seed)));
  return folder;
}

function* tensors(shape: EncoderShape, random: Random): Generator<TensorToWrite> {
  const { hidden_size: C, intermediate_size: F } = shape;
  const make = (name: string, dims: number[], deviation: number, around = 0): TensorToWrite => ({
    name,
    dtype: 'float32',
    shape: dims,
    bytes: () => {
      const values = random.floats(
        dims.reduce((n, d) => n * d, 1),
        deviation,
      );
      if (around !== 0) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + around;
      return values;
    },
  });
  const dense = (name: string, from: number, to: number) => [
    make(`${name}.weight`, [to, from], 0.03),
    make(`${name}.bias`, [to], 0.02),
  ];
  const norm = (name: string) => [make(`${name}.weight`, [C], 0.05, 1), make(`${name}.bias`, [C], 0.02)];

  yield make('embeddings.word_embeddings.weight', [shape.vocab_size, C], 0.05);
  yield make('embeddings.position_embeddings.weight', [shape.max_position_embeddings, C], 0.05);
  yield make('embeddings.token_type_embeddings.weight', [shape.type_vocab_size, C], 0.05);
  yield* norm('embeddings.LayerNorm');
  for (let i = 0; i < shape.num_hidden_layers; i++) {
    const layer = `encoder.layer.${i}`;
    for (const part of ['query', 'key', 'value']) yield* dense(`${layer}.attention.self.${part}`, C, C);
    yield* dense(`${layer}.attention.output.dense`, C, C);
    yield* norm(`${layer}.attention.output.LayerNorm`);
    yield* dense(`${layer}.intermediate.dense`, C, F);
    yield* dense(`${layer}.output.dense`, F, C);
    yield* norm(`${layer}.output.LayerNorm`);
  }
  yield* dense('pooler.dense', C, C);
}
