import { Embedding } from '../../nn/embedding';
import type { Linear } from '../../nn/linear';
import type { Parameter } from '../../nn/parameter';
import { cast } from '../../tensor/ops/cast';
import { resize_rows } from '../../tensor/ops/embedding-resize';
import type { PreTrainedModel } from '../pretrained-model';
import { biasesOf } from './replace-module';

/** Models whose checkpoint held different values under both names of a tied weight: each name keeps its own. */
const apart = new WeakSet<object>();

/** From now on the model's output projection is its own, whatever the config says. */
export function keepApart(model: PreTrainedModel): void {
  apart.add(model);
}

/** Whether the output projection's weight is the input table: by the config, unless a checkpoint said otherwise. */
export function isTied(model: PreTrainedModel): boolean {
  return model.config.tie_word_embeddings && !apart.has(model);
}

/** Ties the output projection of one model, where it has one. See `PreTrainedModel.tie_weights`. */
export function tieOutput(model: PreTrainedModel): void {
  const output = isTied(model) ? model.get_output_embeddings() : null;
  if (output) tieOrClone(model, output, model.get_input_embeddings());
}

/** For torchscript the weight is a copy: its exporter knows no shared tensors. */
function tieOrClone(model: PreTrainedModel, output: Linear, input: Embedding): void {
  const { weight } = input;
  if (!model.config.torchscript) output.weight = weight;
  else {
    if (output.weight === weight || !weight.isLoaded) output.weight = weight.alike(weight.dims);
    if (weight.isLoaded) output.weight.renew(cast(weight.value, weight.type));
  }
  for (const bias of biasesOf(model, output)) fitBias(bias, weight.dims[0] as number);
  if (input instanceof Embedding) output.out_features = input.num_embeddings;
}

/** Zeros behind a bias that is shorter than the projection is wide; a longer one is cut. */
function fitBias(bias: Parameter, rows: number): void {
  if (bias.dims[0] === rows) return;
  if (bias.isLoaded) bias.renew(resize_rows(bias.value, rows));
  else bias.dims = [rows];
}
