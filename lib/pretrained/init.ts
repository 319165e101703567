import { LearnedActivation } from '../nn/activation';
import { Embedding } from '../nn/embedding';
import type { Linear } from '../nn/linear';
import type { Module } from '../nn/module';
import { LayerNorm } from '../nn/norm';
import { Parameter } from '../nn/parameter';
import { cast } from '../tensor/ops/cast';
import { clamp, le, mul, unary, where } from '../tensor/ops/elementwise';
import { index_select } from '../tensor/ops/embedding';
import { normal } from '../tensor/ops/normal';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import type { PretrainedConfig } from './config';
import type { PreTrainedModel } from './pretrained-model';

export { set_seed } from '../tensor/random';

/** The standard deviation of new weights. */
export function initializerRange(config: PretrainedConfig): number {
  const { initializer_range, init_std } = config as { initializer_range?: number; init_std?: number };
  return initializer_range ?? init_std ?? 0.02;
}

/**
 * Starting values of a weight, as in Transformers' `_init_weights` of the encoders: products and tables from
 * N(0, initializer_range), biases 0, norms 1, a table's padding row 0; learned activations as their constructors set them.
 * @returns float32
 */
export function initializeParameter(
  name: string,
  parameter: Parameter,
  owner: Module,
  config: PretrainedConfig,
): Tensor {
  const { dims, size } = parameter;
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (owner instanceof LayerNorm) return filled(dims, size, last === 'weight' ? 1 : 0);
  if (owner instanceof LearnedActivation) return filled(dims, size, owner.initial(last));
  if (last === 'bias') return filled(dims, size, 0);
  const drawn = normal(dims, 0, initializerRange(config));
  return owner instanceof Embedding && owner.padding_idx !== null ? withoutRow(drawn, owner.padding_idx) : drawn;
}

function filled(dims: readonly number[], size: number, value: number): Tensor {
  return new Tensor('float32', new Float32Array(size).fill(value), dims);
}

function withoutRow(table: Tensor, row: number): Tensor {
  const rows = Int32Array.from({ length: table.dims[0] as number }, (_, i) => (i === row ? -1 : i));
  return index_select(table, 0, new Tensor('int32', rows));
}

/** How small the share of numbers gets that are cut to the limit because no draw fell inside. */
const kCutShare = 1e-6;

/** Normal numbers of which none lies further than `cutoff` deviations from 0: those that do are drawn again. */
export function truncatedNormal(dims: readonly number[], std: number, cutoff: number): Tensor {
  const outside = Math.min(0.95, (2 * Math.exp(-(cutoff ** 2) / 2)) / (cutoff * Math.sqrt(2 * Math.PI)));
  const draws = Math.ceil(Math.log(kCutShare) / Math.log(outside));
  return scope(() => {
    let drawn = normal(dims, 0, std);
    for (let i = 1; i < draws; i++) drawn = where(le(unary('abs', drawn), cutoff * std), drawn, normal(dims, 0, std));
    return clamp(drawn, -cutoff * std, cutoff * std);
  });
}

/** Numbers of the uniform distribution between -bound and bound. */
export function uniformNumbers(dims: readonly number[], bound: number): Tensor {
  return mul(unary('erf', normal(dims, 0, Math.SQRT1_2)), bound);
}

/**
 * New rows of a table or a projection, or new numbers of its bias, as PyTorch makes the module: for families whose
 * `_init_weights` upstream knows it by the module around it only, and so passes over one that stands alone.
 */
export function rowsOfBareModule(owner: Embedding | Linear, dims: readonly number[]): Tensor {
  return owner instanceof Embedding ? normal(dims) : uniformNumbers(dims, owner.in_features ** -0.5);
}

/** Remembers that every module of a model has its weights. */
export function markInitialized(model: PreTrainedModel): void {
  for (const module of model.modules()) module._is_hf_initialized = true;
}

let constructionsWithoutWeights = 0;

/** What `make` makes, whose models own no memory until they are loaded or `init_weights` draws their weights. */
export function withoutInit<T>(make: () => T): T {
  constructionsWithoutWeights++;
  try {
    return make();
  } finally {
    constructionsWithoutWeights--;
  }
}

/** Whether constructors leave their models without weights. */
export function isWithoutInit(): boolean {
  return constructionsWithoutWeights > 0;
}

/**
 * Draws the weights of every module that has none yet, in the order of the tree; a shared weight once, and one that a
 * module with weights shares not at all.
 */
export function initializeModules(model: PreTrainedModel): void {
  const drawn = new Set<Parameter>();
  for (const module of model.modules()) if (module._is_hf_initialized) addParameters(drawn, module);
  for (const [path, module] of model.named_modules()) {
    for (const [field, parameter] of Object.entries(module)) {
      if (!(parameter instanceof Parameter) || drawn.has(parameter)) continue;
      drawn.add(parameter);
      const name = path === '' ? field : `${path}.${field}`;
      scope(() => parameter.renew(cast(model._init_weights(name, parameter, module), parameter.type)));
    }
    module._is_hf_initialized = true;
  }
}

function addParameters(to: Set<Parameter>, module: Module): void {
  for (const value of Object.values(module)) if (value instanceof Parameter) to.add(value);
}
