import { TypeError, ValueError } from '../../errors';
import { givenOptions, namedOptions } from '../../options';
import { uniform } from '../../tensor/random';
import { Tensor } from '../../tensor/tensor';
import type { PreTrainedModel } from '../pretrained-model';

/** Batches of a data set for a model. Source: transformers 4.35.2, prepare_tf_dataset and its data collators. */

/** A row: values, or lists of numbers, by the names of columns. */
export type DatasetRow = Readonly<Record<string, unknown>>;

/** Rows, or columns of one length by name. */
export type TensorFlowDataset = readonly DatasetRow[] | Readonly<Record<string, readonly unknown[]>>;

/** The model's inputs, and the labels: one tensor, several by name, or none. */
export type DatasetBatch = [features: Record<string, Tensor>, labels: Tensor | Record<string, Tensor> | null];

/** What padding needs to know of a tokenizer. */
interface Padding {
  pad_token_id?: unknown;
  pad_token_type_id?: unknown;
  padding_side?: unknown;
}

/** How batches are made. */
export interface DatasetOptions {
  /** Default 8. */
  batch_size?: number;
  /** Rows in another order at each run (default). */
  shuffle?: boolean;
  /** Rows are padded to the longest of a batch with its padding. */
  tokenizer?: Padding | null;
  /** Makes a batch of rows in place of what is done by default; `collate_fn_args` is its second argument. */
  collate_fn?: ((rows: DatasetRow[], args: Record<string, unknown>) => Record<string, Tensor>) | null;
  collate_fn_args?: Record<string, unknown> | null;
  /** Leaves out a last batch that is not full; default as `shuffle`. */
  drop_remainder?: boolean | null;
  /** Without effect: batches are made when they are asked for. */
  prefetch?: boolean;
}

/** Batches of `dataset`, anew for each `for await`. See `TensorFlowMethods.prepare_tf_dataset`. */
export function prepareDataset(
  model: PreTrainedModel,
  dataset: TensorFlowDataset,
  options?: DatasetOptions | null,
): AsyncIterable<DatasetBatch> {
  const where = `${model.constructor.name}.prepare_tf_dataset`;
  const given = namedOptions(givenOptions<DatasetOptions>(options, where), where, {
    batch_size: 'number',
    shuffle: 'boolean',
    tokenizer: 'any',
    collate_fn: 'function',
    collate_fn_args: 'object',
    drop_remainder: 'boolean',
    prefetch: 'boolean',
  });
  const { batch_size = 8, shuffle = true, collate_fn, collate_fn_args } = given;
  if (!Number.isSafeInteger(batch_size) || batch_size < 1)
    throw new ValueError(`batch_size of ${where} is ${batch_size}; it must be a whole number, 1 or more`);
  const { input_names } = model.constructor as typeof PreTrainedModel;
  const known = [...input_names, 'label', 'label_ids'];
  const rows = rowsOf(dataset, where).map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => known.includes(name))),
  );
  const collate = collate_fn ?? ((some: DatasetRow[]) => collated(some, given.tokenizer ?? null, where));
  const drop = given.drop_remainder ?? shuffle;
  return {
    async *[Symbol.asyncIterator]() {
      const order = shuffle ? shuffled(rows) : rows;
      for (let at = 0; at < order.length; at += batch_size) {
        const some = order.slice(at, at + batch_size);
        if (drop && some.length < batch_size) return;
        yield split(collate(some, collate_fn_args ?? {}), input_names);
      }
    },
  };
}

function rowsOf(dataset: TensorFlowDataset, where: string): DatasetRow[] {
  const isObject = typeof dataset === 'object' && dataset !== null;
  if (Array.isArray(dataset) && dataset.every((row) => typeof row === 'object' && row !== null)) return [...dataset];
  const columns = isObject && !Array.isArray(dataset) ? Object.entries(dataset) : [];
  if (columns.length === 0 || !columns.every(([, column]) => Array.isArray(column)))
    throw new TypeError(
      `the dataset of ${where} must be a list of rows, such as [{ input_ids: [1, 2], label: 0 }], or an object of columns`,
    );
  const lengths = columns.map(([name, { length }]) => `${name} ${length}`);
  const [, first] = columns[0] as [string, readonly unknown[]];
  if (columns.some(([, { length }]) => length !== first.length))
    throw new ValueError(`the columns of the dataset of ${where} must be of one length, not ${lengths.join(', ')}`);
  return first.map((_, i) => Object.fromEntries(columns.map(([name, column]) => [name, column[i]])));
}

/** Rows as tensors: `label` and `label_ids` are called `labels`, whole numbers are int64 and others float32. */
function collated(rows: DatasetRow[], tokenizer: Padding | null, where: string): Record<string, Tensor> {
  const [first] = rows as [DatasetRow];
  const batch: Record<string, Tensor> = {};
  for (const name of Object.keys(first)) {
    const values = rows.map((row) => row[name]);
    const padded = tokenizer === null ? values : padTo(name, values, tokenizer);
    batch[name === 'label' || name === 'label_ids' ? 'labels' : name] = tensorOf(name, padded, where);
  }
  return batch;
}

function padTo(name: string, values: unknown[], { pad_token_id, pad_token_type_id, padding_side }: Padding): unknown[] {
  const fillers: Record<string, unknown> = {
    input_ids: pad_token_id,
    attention_mask: 0,
    token_type_ids: pad_token_type_id ?? 0,
    special_tokens_mask: 1,
  };
  if (!Object.hasOwn(fillers, name) || !values.every(Array.isArray)) return values;
  const longest = Math.max(...values.map(({ length }) => length));
  if (name === 'input_ids' && typeof pad_token_id !== 'number' && values.some(({ length }) => length < longest))
    throw new ValueError('rows have different lengths, and the tokenizer has no pad_token_id to pad them with');
  return values.map((row) => {
    const filler = new Array<unknown>(longest - row.length).fill(fillers[name]);
    return padding_side === 'left' ? [...filler, ...row] : [...row, ...filler];
  });
}

function tensorOf(name: string, values: unknown[], where: string): Tensor {
  const dims: number[] = [];
  for (let part: unknown = values; Array.isArray(part); part = part[0]) dims.push(part.length);
  const flat = dims.length > 1 ? (values.flat(dims.length - 1) as unknown[]) : values;
  if (!isEven(values, dims) || !flat.every((each) => ['number', 'bigint', 'boolean'].includes(typeof each)))
    throw new ValueError(
      `the column '${name}' of ${where} does not make a tensor: its rows must be numbers, or lists of one length; give a ` +
        'tokenizer to pad them, or a collate_fn',
    );
  const isWhole = flat.every((each) => typeof each !== 'number' || Number.isInteger(each));
  return isWhole
    ? new Tensor(
        'int64',
        flat.map((each) => BigInt(each as number)),
        dims,
      )
    : new Tensor('float32', flat.map(Number), dims);
}

/** Whether lists in lists have these lengths everywhere. */
function isEven(value: unknown, [length, ...rest]: readonly number[]): boolean {
  if (length === undefined) return !Array.isArray(value);
  return Array.isArray(value) && value.length === length && value.every((part) => isEven(part, rest));
}

/** Inputs and labels apart: those are labels that are called so, and the places of answers. */
function split(batch: Record<string, Tensor>, input_names: readonly string[]): DatasetBatch {
  const isLabel = (name: string) => name.includes('label') || name === 'start_positions' || name === 'end_positions';
  const entries = Object.entries(batch).filter(([name]) => input_names.includes(name));
  const labels = entries.filter(([name]) => isLabel(name));
  const features = Object.fromEntries(entries.filter(([name]) => !isLabel(name)));
  const [only] = labels;
  return [features, only === undefined ? null : labels.length === 1 ? only[1] : Object.fromEntries(labels)];
}

function shuffled<T>(rows: readonly T[]): T[] {
  const order = [...rows];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
