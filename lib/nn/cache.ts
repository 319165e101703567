import { RuntimeError, TypeError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import { reshape } from '../tensor/dispatch';
import { index_copy_, index_select } from '../tensor/ops/embedding';
import { cat, expand, permute } from '../tensor/ops/layout';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';

/** Tokens in a page. */
const kPageSize = 32;

/** A layer's pages: keys and values of token t of page p are row p · kPageSize + t. */
interface Pool {
  /** [pages · kPageSize, G·D] */
  keys: Tensor;
  values: Tensor;
  kv_heads: number;
}

/** Keys and values of one layer, [B, G, S, D] each. */
export type KeyValue = [keys: Tensor, values: Tensor];

/**
 * Keys and values of the tokens that a decoder has seen, so that a call need not compute them again: pass it as
 * `past_key_values` with the tokens that are new. The call adds theirs to this very object; one that fails or is aborted
 * adds nothing. Rows of a batch grow together.
 *
 * They lie in pages that every layer shares out alike, so that growing copies nothing that is there. `cache[layer]` gives
 * [keys, values], as the tuples of older versions did. Source: transformers cache_utils.DynamicCache; pages:
 * arXiv:2309.06180.
 */
export class DynamicCache {
  readonly [layer: number]: KeyValue;
  #pools: Pool[] = [];
  #pages: number[][] = []; // of each row
  #pageCount = 0; // pages that rows have
  #capacity = 0; // pages that pools have room for
  #length = 0;
  #step: CacheStep | null = null;
  #disposed = false;

  /** Tokens in each row. */
  get_seq_length(_layer_idx = 0): number {
    return this.#length;
  }

  /** Layers that hold something. */
  get length(): number {
    return this.#pools.length;
  }

  /** Rows; 0 while it is empty. */
  get batch_size(): number {
    return this.#pages.length;
  }

  *[Symbol.iterator](): Generator<KeyValue> {
    for (let layer = 0; layer < this.length; layer++) yield this[layer] as KeyValue;
  }

  /**
   * A cache of what older versions pass: [keys, values] of each layer, [B, G, S, D] each; an empty one of null, with a
   * warning.
   * @throws ValueError when shapes disagree; TypeError for anything else
   */
  static from_legacy_cache(past_key_values: readonly KeyValue[] | null): DynamicCache {
    const cache = new DynamicCache();
    if (past_key_values === null) {
      warnOnce('past_key_values should not be null in from_legacy_cache()');
      return cache;
    }
    const shape = checkLegacy(past_key_values);
    if (!shape) return cache;
    const [batch, kv_heads, length] = shape;
    const step = cache.begin(batch, length);
    const rows = (x: Tensor) => reshape(permute(x, [0, 2, 1, 3]), [batch * length, -1]); // [B·S, G·D]
    scope(() => {
      for (const [layer, [k, v]] of past_key_values.entries()) step.append(layer, rows(k), rows(v), kv_heads);
    });
    step.settle(true);
    return cache;
  }

  /** [keys, values] of each layer, [B, G, S, D] each. */
  to_legacy_cache(): KeyValue[] {
    return [...this];
  }

  /** Gives its memory back. A call with it is an error afterwards. */
  dispose(): void {
    this.#disposed = true;
    for (const { keys, values } of this.#pools) for (const tensor of [keys, values]) tensor.dispose();
    this.#pools = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * @internal Makes place for `count` more tokens in each of `batch` rows, in the call that records now.
   * @param reserve - tokens in a row that will follow, as far as is known
   * @throws ValueError when the rows are others; RuntimeError when another call is adding to it, or it was disposed
   */
  begin(batch: number, count: number): CacheStep {
    if (this.#disposed)
      throw new RuntimeError('past_key_values has been disposed: start with a new DynamicCache', {
        code: 'ERR_DISPOSED',
      });
    if (this.#step)
      throw new RuntimeError('past_key_values is in use by a call that has not ended: await that call first', {
        code: 'ERR_CACHE_BUSY',
      });
    if (this.#length > 0 && batch !== this.batch_size)
      throw new ValueError(`past_key_values holds ${this.batch_size} rows, but the inputs have ${batch}`, {
        code: 'ERR_SHAPE',
      });
    const rows = this.#length > 0 ? this.#pages : Array.from({ length: batch }, () => []);
    const length = this.#length + count;
    let next = this.#length > 0 ? this.#pageCount : 0;
    const pages = rows.map((row) => {
      const more = Math.ceil(length / kPageSize) - row.length;
      return [...row, ...Array.from({ length: more }, () => next++)];
    });
    if (next > this.#capacity) this.#capacity = Math.max(next, 2 * this.#capacity);
    this.#step = new CacheStep(this.#length, length, pages, this.#capacity, this.#pools, (pools) => {
      this.#step = null;
      if (pools) this.#adopt(pools, pages, next, length);
    });
    return this.#step;
  }

  /** @internal What it holds, for attention that adds nothing to it. */
  view(): CacheView {
    if (this.#disposed || this.#length === 0)
      throw new RuntimeError('past_key_values has been disposed: start with a new one', { code: 'ERR_DISPOSED' });
    return new CacheView(this.#length, this.#pages, this.#pools);
  }

  /** @internal Makes room at once for rows of `length` tokens. */
  reserve(batch: number, length: number): void {
    this.#capacity = Math.max(this.#capacity, batch * Math.ceil(length / kPageSize));
  }

  #adopt(pools: Pool[], pages: number[][], count: number, length: number): void {
    this.#pools = pools;
    this.#pages = pages;
    this.#pageCount = count;
    this.#length = length;
    for (const layer of pools.keys())
      if (!Object.hasOwn(this, layer))
        Object.defineProperty(this, layer, { get: () => this.#gather(layer), enumerable: false });
  }

  #gather(layer: number): KeyValue {
    const { keys, values, kv_heads } = this.#pools[layer] as Pool;
    const rows = Int32Array.from(this.#pages.flatMap((pages) => rowsOf(pages, 0, this.#length)));
    const dims = [this.batch_size, this.#length, kv_heads, (keys.dims[1] as number) / kv_heads];
    const index = new Tensor('int32', rows);
    const whole = (pool: Tensor) => permute(reshape(index_select(pool, 0, index), dims), [0, 2, 1, 3]);
    return scope(() => [whole(keys), whole(values)]);
  }
}

/** The shape that all layers share, or null of no layers. */
function checkLegacy(layers: readonly KeyValue[]): [B: number, G: number, S: number, D: number] | null {
  const isList = Array.isArray(layers) && layers.every((layer) => Array.isArray(layer) && layer.length === 2);
  const tensors: Tensor[] = isList ? layers.flat() : [];
  if (!isList || tensors.some((tensor) => !(tensor instanceof Tensor)))
    throw new TypeError('past_key_values must be a DynamicCache, or [keys, values] for each layer');
  const [first] = tensors;
  if (!first) return null;
  for (const { dims, type } of tensors)
    if (dims.length !== 4 || type !== 'float32' || dims.some((d, i) => d !== first.dims[i]))
      throw new ValueError(
        `past_key_values holds ${type} [${dims}] beside [${first.dims}]; every layer's keys and values must be float32 ` +
          'of one shape, [batch, key heads, length, head size]',
        { code: 'ERR_SHAPE' },
      );
  return [...first.dims] as [number, number, number, number];
}

/** Where tokens [first, last) of a row lie in a pool. */
function rowsOf(pages: readonly number[], first: number, last: number): number[] {
  return Array.from({ length: last - first }, (_, i) => {
    const t = first + i;
    return (pages[Math.floor(t / kPageSize)] as number) * kPageSize + (t % kPageSize);
  });
}

/** What a cache holds, as attention reads it. */
export class CacheView {
  /** [B + 1], where the keys of each row would begin. */
  readonly cu_seqlens_k: Tensor;
  /** [B, P] */
  readonly pages: Tensor;
  readonly page_size = kPageSize;

  /** @param length - tokens in a row */
  constructor(
    readonly length: number,
    pages: readonly number[][],
    private readonly pools: readonly Pool[],
  ) {
    const batch = pages.length;
    this.pages = new Tensor('int32', Int32Array.from(pages.flat()), [batch, pages[0]?.length ?? 0]);
    const begins = Int32Array.from({ length: batch + 1 }, (_, b) => b * length);
    this.cu_seqlens_k = new Tensor('int32', begins);
    for (const tensor of [this.pages, this.cu_seqlens_k]) tensor.native(); // once for all layers
  }

  /** A layer's keys and values, for `pages` to say which tokens they hold. */
  layer(index: number): { keys: Tensor; values: Tensor } {
    return this.pools[index] as Pool;
  }
}

let current: CacheStep[] | null = null;

/** What one call adds to a cache. It counts once the call has succeeded. */
export class CacheStep {
  /** Where the keys lie once the call has added its own. */
  private readonly view: CacheView;
  private readonly slots: Tensor;
  private readonly added: Pool[] = [];
  private isSettled = false;

  /**
   * @param past - tokens in a row before, and `length` with those that are new
   * @param capacity - pages that a pool must have room for
   */
  constructor(
    readonly past: number,
    readonly length: number,
    pages: number[][],
    private readonly capacity: number,
    private readonly pools: readonly Pool[],
    private readonly settled: (pools: Pool[] | null) => void,
  ) {
    const slots = Int32Array.from(pages.flatMap((row) => rowsOf(row, past, length)));
    this.slots = new Tensor('int32', slots);
    this.slots.native(); // once for all layers
    this.view = new CacheView(length, pages, []);
    current?.push(this);
  }

  get cu_seqlens_k(): Tensor {
    return this.view.cu_seqlens_k;
  }

  get pages(): Tensor {
    return this.view.pages;
  }

  get page_size(): number {
    return this.view.page_size;
  }

  /**
   * Adds the new tokens of a layer.
   * @param k - [N, G·D]
   * @param v - [N, G·D]
   * @returns all of the layer's pages, for `pages` to say which tokens they hold
   */
  append(layer: number, k: Tensor, v: Tensor, kv_heads: number): { keys: Tensor; values: Tensor } {
    const pool = this.pools[layer];
    const write = (before: Tensor | undefined, rows: Tensor) => {
      const after = scope(() => index_copy_(this.roomIn(before, rows), this.slots, rows));
      after.pin(); // held by the cache, not by the call
      return after;
    };
    const added = { keys: write(pool?.keys, k), values: write(pool?.values, v), kv_heads };
    this.added[layer] = added;
    return added;
  }

  private roomIn(pool: Tensor | undefined, rows: Tensor): Tensor {
    const width = rows.dims[1] as number;
    const missing = this.capacity * kPageSize - (pool?.dims[0] ?? 0);
    if (missing <= 0) return pool as Tensor;
    const room = expand(new Tensor('float32', [0], [1, 1]), [missing, width]);
    return pool ? cat([pool, room]) : room;
  }

  /** @internal The call has succeeded: its tokens are in the cache now; or it has not, and they are not. */
  settle(succeeded: boolean): void {
    if (this.isSettled) return;
    this.isSettled = true;
    for (const { keys, values } of succeeded ? this.pools : this.added) {
      keys.dispose();
      values.dispose();
    }
    this.settled(succeeded ? this.added : null);
  }
}

/** Calls `f` and puts what it adds to caches into `steps`, for the caller to settle. */
export function recordSteps<T>(steps: CacheStep[], f: () => T): T {
  const outer = current;
  current = steps;
  try {
    return f();
  } finally {
    current = outer;
  }
}

/** The cache that a call was given, or null. @throws TypeError for anything else */
export function cacheOf(value: unknown): DynamicCache | null {
  if (value === undefined || value === null) return null;
  if (value instanceof DynamicCache) return value;
  if (Array.isArray(value)) return DynamicCache.from_legacy_cache(value);
  throw new TypeError(
    `past_key_values must be a DynamicCache, such as an earlier call's output.past_key_values, not ` +
      `${typeof value === 'object' ? `a ${(value as object).constructor?.name}` : `a ${typeof value}`}`,
  );
}
