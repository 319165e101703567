import { Embedding } from '../nn/embedding';
import type { Module } from '../nn/module';
import { LayerNorm } from '../nn/norm';
import type { Parameter } from '../nn/parameter';
import { fillNormal } from '../tensor/random';
import { Tensor } from '../tensor/tensor';
import type { PretrainedConfig } from './config';

export { set_seed } from '../tensor/random';

/**
 * Starting values of what a checkpoint lacks, as in Transformers' `_init_weights` of the encoders: products and tables
 * from N(0, initializer_range), biases 0, norms 1, a table's padding row 0.
 */
export function initializeParameter(
  name: string,
  parameter: Parameter,
  owner: Module,
  config: PretrainedConfig,
): Tensor {
  const values = new Float32Array(parameter.size);
  const range = (config as { initializer_range?: number }).initializer_range ?? 0.02;
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (owner instanceof LayerNorm) values.fill(last === 'weight' ? 1 : 0);
  else if (last !== 'bias') fillNormal(values, range);
  if (owner instanceof Embedding && owner.padding_idx !== null) {
    const begin = owner.padding_idx * owner.embedding_dim;
    values.fill(0, begin, begin + owner.embedding_dim);
  }
  return new Tensor('float32', values, parameter.dims);
}
