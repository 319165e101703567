import { ValueError } from '../errors';
import { add, mul } from '../tensor/ops/elementwise';
import { index_select } from '../tensor/ops/embedding';
import { binary_cross_entropy_with_logits, cross_entropy, mse_loss } from '../tensor/ops/losses';
import { Tensor } from '../tensor/tensor';
import { type IdInput, toIds } from './ids';
import type { Layout } from './layout';

/** Labels of a call: class numbers, or numbers to regress to. */
export type Labels = IdInput;

/** What the loss of a sequence classifier depends on. */
export interface ClassifierConfig {
  num_labels: number;
  problem_type: string | null;
}

/** Class numbers in [B·T] or [B], with -100 where they do not count, of the argument `name`. */
export function labelIds(labels: Labels | undefined | null, name = 'labels'): Int32Array | null {
  return labels === undefined || labels === null ? null : toIds(name, labels).data;
}

/** @throws ValueError when there is not one label for each of `count` things */
function classes(labels: Int32Array, count: number, num_labels: number, name: string): Tensor {
  if (labels.length !== count)
    throw new ValueError(`${name} has ${labels.length} elements, but there are ${count} to label`, {
      code: 'ERR_SHAPE',
    });
  for (const label of labels)
    if (label !== -100 && (label < 0 || label >= num_labels))
      throw new ValueError(`${name} holds ${label}; it must be -100 or a class from 0 to ${num_labels - 1}`, {
        code: 'ERR_INDEX_OUT_OF_RANGE',
      });
  return new Tensor('int64', BigInt64Array.from(labels, BigInt), [labels.length]);
}

/**
 * Mean cross entropy over the tokens whose label is not -100.
 * @param logits - [N, V], packed
 * @param labels - [B·T]
 */
export function tokenLoss(logits: Tensor, labels: Int32Array, layout: Layout): Tensor {
  return classLoss(logits, packLabels(labels, layout));
}

/** The labels [B·T] of the tokens that are in the sequence, [N]. @throws ValueError when there is not one a token */
export function packLabels(labels: Int32Array, layout: Layout): Int32Array {
  if (labels.length === layout.batch * layout.length) return layout.pack(labels);
  throw new ValueError(`labels has ${labels.length} elements, but the batch is [${layout.batch}, ${layout.length}]`, {
    code: 'ERR_SHAPE',
  });
}

/**
 * Mean cross entropy of one class a row.
 * @param logits - [B, V]
 * @param name - the argument that the labels came in, for errors
 */
export function classLoss(logits: Tensor, labels: Int32Array, name = 'labels'): Tensor {
  const [rows, width] = logits.dims as [number, number];
  return cross_entropy(logits, classes(labels, rows, width, name));
}

/**
 * The loss of a sequence classifier. `problem_type` decides: regression, single or multi label; when the config names
 * none, one label is regression, integer labels are single label, others multi label.
 * @param logits - [B, num_labels]
 */
export function sequenceLoss(logits: Tensor, labels: Labels, config: ClassifierConfig): Tensor {
  const problem = config.problem_type ?? problemOf(labels, config.num_labels);
  if (problem === 'single_label_classification') {
    const ids = labelIds(labels) as Int32Array;
    return classLoss(logits, ids);
  }
  const target = floats(labels, logits);
  return problem === 'regression' ? mse_loss(logits, target) : binary_cross_entropy_with_logits(logits, target);
}

function problemOf(labels: Labels, num_labels: number): string {
  if (num_labels === 1) return 'regression';
  const integers = labels instanceof Tensor ? !labels.type.startsWith('float') : true;
  return integers ? 'single_label_classification' : 'multi_label_classification';
}

/** Labels as float32 of the logits' shape. */
function floats(labels: Labels, like: Tensor): Tensor {
  const values =
    labels instanceof Tensor ? Array.from(labels.data as ArrayLike<number | bigint>, Number) : flat(labels);
  if (values.length !== like.size)
    throw new ValueError(`labels has ${values.length} elements, but the logits are [${like.dims}]`, {
      code: 'ERR_SHAPE',
    });
  return new Tensor('float32', Float32Array.from(values), like.dims);
}

function flat(labels: unknown): number[] {
  return Array.isArray(labels) ? labels.flatMap(flat) : [Number(labels)];
}

/**
 * The loss of a span: the mean of that of its start and that of its end. Positions outside the row do not count.
 * @param start_logits - [B, T]
 * @param end_logits - [B, T]
 */
export function spanLoss(start_logits: Tensor, end_logits: Tensor, start: Labels, end: Labels): Tensor {
  const length = start_logits.dims[1] as number;
  const edgeLoss = (name: string, logits: Tensor, labels: Labels) =>
    classLoss(
      logits,
      toIds(name, labels).data.map((p) => (p < 0 ? 0 : p >= length ? -100 : p)),
      name,
    );
  const first = edgeLoss('start_positions', start_logits, start);
  const last = edgeLoss('end_positions', end_logits, end);
  return mul(add(first, last), 0.5);
}

/**
 * Mean binary cross entropy over the tokens of a row that the mask keeps (ELECTRA's discriminator).
 * @param scores - [N, 1], packed
 * @param labels - [B·T] of 0 and 1
 */
export function markedLoss(scores: Tensor, labels: Int32Array, layout: Layout): Tensor {
  const packed = packLabels(labels, layout);
  const kept = layout.keptTokens();
  const index = new Tensor('int32', kept);
  const target = new Tensor(
    'float32',
    Float32Array.from(kept, (i) => packed[i] as number),
    [kept.length, 1],
  );
  return binary_cross_entropy_with_logits(index_select(scores, 0, index), target);
}
