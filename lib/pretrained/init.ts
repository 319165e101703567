import { Embedding } from '../nn/embedding';
import type { Module } from '../nn/module';
import { LayerNorm } from '../nn/norm';
import type { Parameter } from '../nn/parameter';
import { Tensor } from '../tensor/tensor';
import type { PretrainedConfig } from './config';

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

let state = 0x9e3779b9;

/** Seeds the generator that initialisation draws from. */
export function set_seed(seed: number): void {
  state = (seed ^ 0x9e3779b9) >>> 0;
}

/** A number in (0, 1): mulberry32. */
function uniform(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
}

/** Box and Muller's method. */
function fillNormal(values: Float32Array, std: number): void {
  for (let i = 0; i < values.length; i += 2) {
    const radius = std * Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
  }
}
