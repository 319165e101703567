import { nativeInfo } from '../binding/runtime';
import { NotImplementedError } from '../errors';
import type { Encoded } from '../nn/encoded';
import { Layout } from '../nn/layout';
import type { ModelOutput } from '../pretrained/model-output';
import type { ModelInputs, PreTrainedModel } from '../pretrained/pretrained-model';
import { Stream } from '../tensor/stream';
import { Tensor } from '../tensor/tensor';

/** A model whose layers can be run on packed tokens: every encoder's headless network. */
export interface Encoder {
  encode(inputs: ModelInputs): Encoded;
}

/** The headless network of `model`. @throws NotImplementedError when it is no encoder */
export function encoderOf(model: PreTrainedModel): Encoder {
  const base = model.base_model as unknown as Partial<Encoder>;
  if (typeof base.encode !== 'function')
    throw new NotImplementedError(`${model.constructor.name} is not an encoder, so it gives no features`);
  return base as Encoder;
}

/**
 * What a head's `forward` makes of vectors that were picked from its encoder's, one to a row: the head is not computed
 * for the others.
 * @param x - [M, C]
 * @returns the output for [M, 1] tokens
 */
export function headOver(model: PreTrainedModel, inputs: ModelInputs, x: Tensor): ModelOutput {
  const { base_model_prefix } = model.constructor as typeof PreTrainedModel;
  const layout = new Layout(x.dims[0] as number, 1);
  const encode = (): Encoded => ({ layout, x, hidden_states: [], attentions: [] });
  const head = Object.create(model, { [base_model_prefix]: { value: { encode } } });
  return Object.getPrototypeOf(model).forward.call(head, inputs);
}

/**
 * Token rows of different lengths as a padded batch. Padding is never computed: the mask says which tokens there are.
 * @returns [B, T] ids and mask
 */
export function padRows(
  rows: readonly ArrayLike<number>[],
  padding: number,
): { input_ids: Tensor; attention_mask: Tensor } {
  const length = rows.reduce((n, row) => Math.max(n, row.length), 0);
  const ids = new Int32Array(rows.length * length).fill(padding);
  const mask = new Int32Array(rows.length * length);
  rows.forEach((row, b) => {
    ids.set(row, b * length);
    mask.fill(1, b * length, b * length + row.length);
  });
  const dims = [rows.length, length];
  return { input_ids: new Tensor('int32', ids, dims), attention_mask: new Tensor('int32', mask, dims) };
}

/**
 * Streams for many batches at once: one a core, each keeping its ops on one thread, so that no op has a barrier.
 */
export class StreamPool {
  private readonly free: Stream[] = [];
  private readonly waiting: ((stream: Stream) => void)[] = [];
  private closed = false;
  readonly size: number;

  constructor() {
    this.size = nativeInfo().threads;
    for (let i = 0; i < this.size; i++) this.free.push(new Stream({ threads: 1 }));
  }

  /** Calls `f` with a stream that no other caller has. */
  async use<T>(f: (stream: Stream) => Promise<T>): Promise<T> {
    const stream = this.free.pop() ?? (await new Promise<Stream>((resolve) => this.waiting.push(resolve)));
    try {
      return await f(stream);
    } finally {
      const next = this.waiting.shift();
      if (next) next(stream);
      else if (this.closed) stream.dispose();
      else this.free.push(stream);
    }
  }

  /** Ends the streams that are free now, and the others when their callers are done. */
  dispose(): void {
    this.closed = true;
    for (const stream of this.free.splice(0)) stream.dispose();
  }
}
