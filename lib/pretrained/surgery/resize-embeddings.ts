import { memoryStats } from '../../binding/runtime';
import { RuntimeError, TypeError, ValueError } from '../../errors';
import { info, warnOnce } from '../../logging';
import { Embedding } from '../../nn/embedding';
import { Linear } from '../../nn/linear';
import type { Parameter } from '../../nn/parameter';
import { namedOptions } from '../../options';
import { cast } from '../../tensor/ops/cast';
import { add, mul } from '../../tensor/ops/elementwise';
import { cholesky, mean_covariance, resize_rows } from '../../tensor/ops/embedding-resize';
import { expand } from '../../tensor/ops/layout';
import { linear } from '../../tensor/ops/matmul';
import { normal } from '../../tensor/ops/normal';
import { mean, std } from '../../tensor/ops/reduce';
import { scope } from '../../tensor/scope';
import type { Tensor } from '../../tensor/tensor';
import { PretrainedConfig } from '../config';
import type { PreTrainedModel } from '../pretrained-model';
import { biasesOf } from './replace-module';
import { isTied } from './tie-weights';

/** Options of `resize_token_embeddings`. */
export interface ResizeOptions {
  /** The number of rows is rounded up to a multiple of this. */
  pad_to_multiple_of?: number | null;
  /** New rows are drawn around the mean of the old ones; false: as in a new model, from N(0, initializer_range) as a rule. */
  mean_resizing?: boolean;
}

/**
 * Gives the input table another number of rows, and the output projection with it. See
 * `PreTrainedModel.resize_token_embeddings`.
 */
export function resizeTokenEmbeddings(
  model: PreTrainedModel,
  new_num_tokens: number | null,
  options?: ResizeOptions | null,
): Embedding {
  const given = namedOptions(options, 'resize_token_embeddings', {
    pad_to_multiple_of: 'any',
    mean_resizing: 'boolean',
  });
  const pad_to_multiple_of = given.pad_to_multiple_of ?? null;
  const mean_resizing = given.mean_resizing ?? true;
  const input = model.get_input_embeddings();
  if (new_num_tokens === null && pad_to_multiple_of === null) return input;
  const rows = newRows(new_num_tokens, pad_to_multiple_of, input.weight.dims[0] as number);
  const output = isTied(model) ? null : model.get_output_embeddings();
  check(model, input, output, rows);

  const drawn =
    (owner: Embedding | Linear): Draw =>
    (table, added) =>
      model._init_rows(owner, [added, ...table.dims.slice(1)]);
  scope(() => {
    const grow = (parameter: Parameter, draw: Draw) => ({ parameter, values: resized(parameter, rows, draw) });
    const parts = [grow(input.weight, mean_resizing ? rowsAroundMean : drawn(input))];
    if (output) parts.push(grow(output.weight, mean_resizing ? rowsAroundMean : drawn(output)));
    for (const bias of output ? biasesOf(model, output) : [])
      parts.push(grow(bias, mean_resizing ? numbersAroundMean : drawn(output as Linear)));
    for (const { parameter, values } of parts) put(parameter, rows, values);
  });
  input.num_embeddings = rows;
  if (input.padding_idx !== null && input.padding_idx >= rows) input.padding_idx = null;
  if (output) output.out_features = rows;
  setVocabSize(model, rows);
  model.tie_weights();
  return input;
}

/** @throws ValueError unless both numbers are whole and positive */
function newRows(asked: number | null, multiple: number | null, current: number): number {
  if (multiple !== null && !Number.isSafeInteger(multiple))
    throw new ValueError(
      `Asking to pad the embedding matrix to a multiple of \`${String(multiple)}\`, which is not and integer. Please ` +
        'make sure to pass an integer',
    );
  if (multiple !== null && multiple <= 0)
    throw new ValueError(`pad_to_multiple_of is ${multiple}; it must be 1 or more`);
  if (asked !== null && (!Number.isSafeInteger(asked) || asked <= 0))
    throw new ValueError(`new_num_tokens is ${String(asked)}; it must be a whole number, 1 or more`);
  const rows = asked ?? current;
  if (multiple !== null) return Math.ceil(rows / multiple) * multiple;
  info(
    `resizing the embeddings to ${rows} rows without pad_to_multiple_of: tensor cores want multiples of 8 or 64, see ` +
      'https://docs.nvidia.com/deeplearning/performance/dl-performance-matrix-multiplication/index.html#requirements-tc',
  );
  return rows;
}

/** Refuses what cannot be done before anything is changed. */
function check(model: PreTrainedModel, input: Embedding, output: Linear | null, rows: number): void {
  if (input.weight.dims[0] !== rows && !(input instanceof Embedding))
    throw new TypeError(
      `the input embeddings of ${model.constructor.name} are no Embedding; set_input_embeddings first`,
    );
  if (output && output.weight.dims[0] !== rows && !(output instanceof Linear))
    throw new TypeError(`the output embeddings of ${model.constructor.name} are no Linear; resize them by hand`);
  let bytes = 0;
  for (const { weight } of output ? [input, output] : [input])
    bytes += (weight.nbytes / Math.max(1, weight.dims[0] as number)) * rows;
  const { live, limit } = memoryStats();
  if (live + bytes > limit)
    throw new RuntimeError(
      `resize_token_embeddings: ${rows} rows need ${bytes} bytes beside the ${live} in use, and the limit is ${limit}; ` +
        'raise NATIVE_TRANSFORMERS_MEMORY',
      { code: 'ERR_OUT_OF_MEMORY' },
    );
}

/** Makes `added` rows for behind a table, float32; null is zeros. */
type Draw = (table: Tensor, added: number) => Tensor | null;

/** The parameter's value with that many rows; null where nothing changes, or where there is no value yet. */
function resized(parameter: Parameter, rows: number, draw: Draw): Tensor | null {
  const added = rows - (parameter.dims[0] as number);
  if (added === 0 || !parameter.isLoaded) return null;
  return resize_rows(parameter.value, rows, added > 0 ? draw(parameter.value, added) : null);
}

function put(parameter: Parameter, rows: number, value: Tensor | null): void {
  if (value) parameter.renew(value);
  else parameter.dims = [rows, ...parameter.dims.slice(1)];
}

/** How far new rows spread: the covariance's factor in Transformers. */
const kSpread = 1e-9;

/**
 * Rows of the normal distribution with the mean of `table` and kSpread times its covariance; all the mean itself where
 * that is not positive definite, as of no more rows than columns. Source: transformers 5.18.0, after
 * nlp.stanford.edu/~johnhew/vocab-expansion.html.
 */
function rowsAroundMean(table: Tensor, added: number): Tensor {
  warnOnce(
    "the new rows are drawn from a multivariate normal distribution with the old rows' mean and covariance; " +
      'mean_resizing: false draws them as for a new model',
  );
  const [rows, columns] = table.dims as [number, number];
  const { mean, covariance } = mean_covariance(table);
  if (rows <= columns) return expand(mean, [added, columns]);
  return linear(normal([added, columns]), cholesky(covariance, kSpread), mean);
}

/** Numbers around the mean of a bias: its deviation counts kSpread times. */
function numbersAroundMean(bias: Tensor, added: number): Tensor {
  const values = cast(bias, 'float32');
  const spread = mul(normal([added]), mul(std(values, 0), kSpread));
  return add(spread, mean(values, 0));
}

/** In the config that describes the text, where a config is made of several. */
function setVocabSize(model: PreTrainedModel, rows: number): void {
  model.config['vocab_size'] = rows;
  for (const name of ['text_config', 'text_encoder', 'decoder', 'generator']) {
    const part = model.config[name];
    if (part instanceof PretrainedConfig) part['vocab_size'] = rows;
  }
  Object.defineProperty(model, 'vocab_size', { value: rows, writable: true, configurable: true, enumerable: false });
}
