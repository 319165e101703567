/**
 * Reads, tokenises, computes and writes at once. A few blocks are alive between reading and writing, which is what bounds
 * memory; batches of the next block fill in while the last of this one run; blocks are written in the order of the input.
 */

import { AbortError } from '../errors';
import { AsyncQueue, Places } from './async-queue';
import { cutBatches } from './batches';
import { BlockWork, type DoneBlock } from './block-work';
import { FailureGuard, runBatch, tokenizeRows } from './compute';
import type { JobModel } from './engine';
import type { Block } from './input/blocks';
import type { BadRow } from './input/row';
import type { Meter } from './progress';

/** One block is written, one computed, one read and tokenised. */
const BLOCKS_ALIVE = 3;

export interface PipelineOptions {
  blocks: AsyncGenerator<Block>;
  /** Makes a read under way end, so that the job can stop while it waits for input. */
  closeInput: () => Promise<void>;
  model: JobModel;
  batchTokens: number;
  /** Gets the blocks in their order; the next one waits for it. */
  write: (done: DoneBlock) => Promise<void>;
  meter: Meter;
  signal: AbortSignal | undefined;
  drain: AbortSignal | undefined;
}

interface Batch {
  work: BlockWork;
  rows: number[];
}

/**
 * Runs until the input ends or `drain` is aborted.
 * @returns whether everything was done
 * @throws the first error of any stage, after all of them have stopped
 */
export async function runPipeline(options: PipelineOptions): Promise<boolean> {
  return new Pipeline(options).run();
}

class Pipeline {
  readonly #options: PipelineOptions;
  readonly #batches = new AsyncQueue<Batch>();
  readonly #works = new AsyncQueue<BlockWork>();
  readonly #alive = new Set<BlockWork>();
  readonly #places = new Places(BLOCKS_ALIVE);
  readonly #guard = new FailureGuard();
  /** Ends everything, batches under way too. */
  readonly #stop = new AbortController();
  /** Ends reading and tokenising; batches under way go on. */
  readonly #halt = new AbortController();
  #failure: { error: unknown } | null = null;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  async run(): Promise<boolean> {
    const { signal, drain, model } = this.#options;
    const onAbort = () => this.#fail(new AbortError(signal?.reason));
    const onDrain = () => this.#haltNow();
    signal?.addEventListener('abort', onAbort, { once: true });
    drain?.addEventListener('abort', onDrain, { once: true });
    if (signal?.aborted) onAbort();
    if (drain?.aborted) onDrain();
    try {
      const writing = this.#guarded(this.#write());
      const runners = Array.from({ length: Math.max(1, model.concurrency) }, () => this.#guarded(this.#runBatches()));
      await Promise.all([this.#guarded(this.#feed()), ...runners]);
      for (const work of this.#alive) work.abandon();
      await writing;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      drain?.removeEventListener('abort', onDrain);
      await this.#options.closeInput();
    }
    if (this.#failure !== null) throw this.#failure.error;
    return !this.#halt.signal.aborted;
  }

  async #feed(): Promise<void> {
    try {
      while (await this.#unlessHalted(this.#places.take().then(() => true))) {
        const next = await this.#unlessHalted(this.#options.blocks.next());
        if (next === null || next.done) return;
        this.#options.meter.firstRowRead();
        const work = await this.#unlessHalted(this.#tokenize(next.value));
        if (work === null) return;
        this.#enqueue(work);
      }
    } finally {
      this.#batches.close();
      this.#works.close();
    }
  }

  async #tokenize(block: Block): Promise<BlockWork> {
    const { model, meter } = this.#options;
    const failures: BadRow[] = [];
    const tokens = await tokenizeRows(model, block.rows, failures, this.#guard, this.#halt.signal);
    const total = tokens.reduce((sum, row) => sum + (row?.length ?? 0), 0);
    meter.tokenised(total, block.bytesPassed);
    return new BlockWork(block, tokens, failures, model);
  }

  #enqueue(work: BlockWork): void {
    const batches = cutBatches(work.lengths, this.#options.batchTokens);
    work.expect(batches.length);
    this.#alive.add(work);
    this.#works.push(work);
    for (const rows of batches) this.#batches.push({ work, rows });
  }

  async #runBatches(): Promise<void> {
    for (;;) {
      const batch = await this.#batches.take();
      if (batch === null) return;
      const { work, rows } = batch;
      await runBatch(this.#options.model, work, rows, this.#guard, this.#stop.signal);
      const tokens = rows.reduce((sum, row) => sum + work.lengths[row]!, 0);
      this.#options.meter.computed(rows.length, tokens);
      work.batchDone();
    }
  }

  async #write(): Promise<void> {
    for (;;) {
      const work = await this.#works.take();
      if (work === null || !(await work.finished)) return;
      const done = work.done();
      this.#options.meter.failed(done.bad.length);
      await this.#options.write(done);
      this.#alive.delete(work);
      this.#places.release();
    }
  }

  /** What `promise` gives, or null once halted; then its outcome no longer matters. */
  #unlessHalted<Value>(promise: Promise<Value>): Promise<Value | null> {
    const { signal } = this.#halt;
    return new Promise((resolve, reject) => {
      const onHalt = () => resolve(null);
      if (signal.aborted) onHalt();
      else signal.addEventListener('abort', onHalt, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onHalt));
    });
  }

  async #guarded(stage: Promise<void>): Promise<void> {
    try {
      await stage;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort(error);
    this.#haltNow();
    for (const work of this.#alive) work.abandon();
  }

  #haltNow(): void {
    this.#halt.abort();
    this.#batches.abandon();
  }
}
