import { TypeError, ValueError } from '../errors';
import type { Tensor } from '../tensor/tensor';
import { DynamicCache, type KeyValue } from './cache';

/** Keys and values of one layer: the decoder's own, [B, H, T, D], then those of the encoder's output, [B, H, S, D]. */
export type CrossKeyValue = [keys: Tensor, values: Tensor, cross_keys: Tensor, cross_values: Tensor];

/**
 * What a decoder that looks at an encoder's output need not compute again: keys and values of its own tokens, which grow
 * with each call, and those of the encoder's output, computed once. Source: transformers cache_utils.EncoderDecoderCache.
 */
export class EncoderDecoderCache {
  readonly [layer: number]: CrossKeyValue | undefined;

  /** @param cross_attention_cache - of as many layers, or empty */
  constructor(
    readonly self_attention_cache: DynamicCache = new DynamicCache(),
    readonly cross_attention_cache: DynamicCache = new DynamicCache(),
  ) {
    for (const cache of [self_attention_cache, cross_attention_cache])
      if (!(cache instanceof DynamicCache))
        throw new TypeError(
          'EncoderDecoderCache takes two DynamicCaches: of the decoder itself, and of its cross-attention',
        );
  }

  /** Tokens of the decoder in each row. */
  get_seq_length(layer_idx = 0): number {
    return this.self_attention_cache.get_seq_length(layer_idx);
  }

  /** Layers that hold something. */
  get length(): number {
    return this.self_attention_cache.length;
  }

  /** Whether the keys and values of the encoder's output are there. */
  get is_updated(): boolean {
    return this.cross_attention_cache.get_seq_length() > 0;
  }

  *[Symbol.iterator](): Generator<CrossKeyValue> {
    yield* this.to_legacy_cache();
  }

  /** @internal Gives `cache[layer]` a meaning, for that many layers. */
  expose(layers: number): this {
    for (let layer = 0; layer < layers; layer++)
      if (!Object.hasOwn(this, layer))
        Object.defineProperty(this, layer, { get: () => this.at(layer), enumerable: false });
    return this;
  }

  /** The layer's keys and values, as the tuples of older versions had them. */
  at(layer: number): CrossKeyValue | undefined {
    const own = this.self_attention_cache[layer];
    const cross = this.cross_attention_cache[layer];
    return own && cross ? [...own, ...cross] : undefined;
  }

  /**
   * A cache of what older versions pass: four tensors a layer; an empty one of null, with a warning.
   * @throws ValueError when shapes disagree; TypeError for anything else
   */
  static from_legacy_cache(past_key_values: readonly CrossKeyValue[] | null): EncoderDecoderCache {
    if (past_key_values === null) return new EncoderDecoderCache(DynamicCache.from_legacy_cache(null));
    if (!Array.isArray(past_key_values) || past_key_values.some((layer) => !Array.isArray(layer) || layer.length !== 4))
      throw new TypeError(
        'past_key_values must be an EncoderDecoderCache, or [keys, values, cross keys, cross values] for each layer',
      );
    const half = (from: number) => past_key_values.map((layer) => layer.slice(from, from + 2) as KeyValue);
    const [own, cross] = [DynamicCache.from_legacy_cache(half(0)), DynamicCache.from_legacy_cache(half(2))];
    if (own.batch_size !== cross.batch_size)
      throw new ValueError(
        `past_key_values holds ${own.batch_size} rows of the decoder beside ${cross.batch_size} of the encoder's output`,
        { code: 'ERR_SHAPE' },
      );
    return new EncoderDecoderCache(own, cross);
  }

  /** [keys, values, cross keys, cross values] of each layer. */
  to_legacy_cache(): CrossKeyValue[] {
    return Array.from({ length: this.length }, (_, layer) => this.at(layer) as CrossKeyValue);
  }

  /** @internal Makes room at once for rows of `length` tokens. */
  reserve(batch: number, length: number): void {
    this.self_attention_cache.reserve(batch, length);
  }

  /** Gives its memory back. A call with it is an error afterwards. */
  dispose(): void {
    this.self_attention_cache.dispose();
    this.cross_attention_cache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The cache that a call was given, or null. @throws TypeError for anything else */
export function crossCacheOf(value: unknown): EncoderDecoderCache | null {
  if (value === undefined || value === null) return null;
  if (value instanceof EncoderDecoderCache) return value;
  if (value instanceof DynamicCache) return new EncoderDecoderCache(value);
  if (Array.isArray(value)) return EncoderDecoderCache.from_legacy_cache(value);
  throw new TypeError(
    `past_key_values must be an EncoderDecoderCache, such as an earlier call's output.past_key_values, not a ${typeof value}`,
  );
}
