import { throwIfAborted } from '../errors';
import type { ModelInputs, PreTrainedModel } from '../pretrained/pretrained-model';
import type { Tensor } from '../tensor/tensor';
import { batchesOf } from './batches';
import { StreamPool } from './encoder';
import { type InputRow, inputsOf } from './token-rows';

/** Records what is computed for a batch. Its tensors are in JS when they are handed on, and freed afterwards. */
export type Forward = (inputs: ModelInputs, rows: readonly number[]) => Tensor[];

/**
 * Runs rows of tokens through a model in batches under a budget of tokens: one batch on all threads, several at once
 * on a thread each. Padding is not computed, and results do not depend on what else is in a batch.
 */
export class BatchRunner {
  private streams: StreamPool | null = null;

  constructor(
    private readonly model: PreTrainedModel,
    private readonly padding: number,
  ) {}

  /**
   * @param forward - called for each batch with its inputs and the indices of its rows
   * @param use - takes what `forward` returned; batches come in any order
   * @throws what computing fails with; AbortError
   */
  async run(
    rows: readonly InputRow[],
    forward: Forward,
    use: (outputs: Tensor[], rows: readonly number[]) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const batches = batchesOf(rows.map((row) => row.input_ids.length)).flatMap((batch) => apart(batch, rows));
    const runOne = async (batch: readonly number[]): Promise<void> => {
      const inputs = inputsOf(
        this.model,
        batch.map((row) => rows[row] as InputRow),
        this.padding,
      );
      const outputs = await this.model.compute({ ...inputs, ...(signal && { signal }) }, (named) =>
        forward(named, batch),
      );
      try {
        use(outputs, batch);
      } finally {
        for (const tensor of outputs) tensor.dispose();
      }
    };
    if (batches.length <= 1) for (const batch of batches) await runOne(batch);
    else await this.runAll(batches, runOne, signal);
  }

  private async runAll(
    batches: readonly number[][],
    runOne: (batch: readonly number[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    this.streams ??= new StreamPool();
    const streams = this.streams;
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < batches.length) {
        throwIfAborted(signal);
        const batch = batches[next++] as number[];
        try {
          await streams.use((stream) => stream.run(() => runOne(batch)));
        } catch (error) {
          next = batches.length; // the other lanes end with the batch that they are at
          throw error;
        }
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: Math.min(streams.size, batches.length) }, lane));
    for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  }

  dispose(): void {
    this.streams?.dispose();
    this.streams = null;
  }
}

/** Rows of no tokens run by themselves: beside others they would be taken for padding to be computed. */
function apart(batch: readonly number[], rows: readonly InputRow[]): number[][] {
  const isEmpty = (row: number): boolean => rows[row]?.input_ids.length === 0;
  return [batch.filter((row) => !isEmpty(row)), batch.filter(isEmpty)].filter(({ length }) => length > 0);
}

/** Samples that are tokenized together, so that memory does not grow with the length of a list. */
const kBlockSamples = 512;

/**
 * Takes a long list block by block; the next block is prepared while one is computed.
 * @param prepare - called with the range of samples [start, stop)
 * @param use - called with what was prepared, in order
 */
export async function inBlocks<P>(
  samples: number,
  prepare: (start: number, stop: number) => Promise<P>,
  use: (prepared: P, start: number) => Promise<void>,
): Promise<void> {
  const begin = (start: number): Promise<P> => {
    const promise = prepare(start, Math.min(start + kBlockSamples, samples));
    promise.catch(() => {}); // heard below, unless an earlier block fails first
    return promise;
  };
  let coming = begin(0);
  for (let start = 0; start < samples; start += kBlockSamples) {
    const prepared = await coming;
    if (start + kBlockSamples < samples) coming = begin(start + kBlockSamples);
    await use(prepared, start);
  }
}
