import { NotImplementedError, ValueError } from '../errors';
import { scaled_dot_product_attention } from '../tensor/ops/attention';
import { Tensor } from '../tensor/tensor';
import type { AttentionOptions } from './attention';
import { attend } from './attention';
import { type CacheStep, cacheOf, DynamicCache, type KeyValue } from './cache';
import { type IdInput, toIds } from './ids';
import { Layout } from './layout';
import {
  type Counted,
  counting,
  maskBytes,
  readTokens,
  type TokenInputs,
  type TokenLimits,
  Tokens,
  wrongShape,
} from './tokens';

/** The inputs that decoders share. `attention_mask` is [B, S]: tokens of the cache first, then those of the call. */
export interface CausalInputs extends TokenInputs {
  past_key_values?: DynamicCache | readonly KeyValue[] | null;
  /** Whether the output holds `past_key_values`; the config's when a call leaves it out. */
  use_cache?: boolean | null;
  /** [T], places of the tokens in the cache */
  cache_position?: IdInput | null;
  /** @internal Whether position ids may tell several texts in a row; where no cache is kept when left out. */
  packed?: boolean;
}

/** Inputs for a head that returns no cache: none is kept, though position ids are read as if one were. */
export function withoutCache<I extends CausalInputs>(given: I): I {
  return { ...given, use_cache: false, packed: !given.use_cache };
}

/**
 * The tokens of a decoder's call. Without a cache a row whose mask is ones then zeros is computed without its padding;
 * with one, rows are computed whole, for the cache holds every position.
 */
export class CausalTokens extends Tokens {
  /** The cache that they are added to, or null. */
  readonly past_key_values: DynamicCache | null;
  private readonly step: CacheStep | null;
  /** [B, 1, S], where some token of a row with a cache is masked */
  private readonly keyMask: Tensor | null;

  /** @internal see packCausalTokens */
  constructor(
    inputs: TokenInputs,
    limits: TokenLimits,
    layout: Layout,
    ids: Int32Array | null,
    cached: { cache: DynamicCache; mask: Uint8Array | null } | null,
  ) {
    super(inputs, limits, layout, ids);
    this.past_key_values = cached?.cache ?? null;
    this.step = cached?.cache.begin(layout.batch, layout.length) ?? null;
    const mask = cached?.mask?.includes(0) ? cached.mask : null;
    this.keyMask = mask && new Tensor('uint8', mask, [layout.batch, 1, mask.length / layout.batch]);
    this.keyMask?.native(); // uploaded once for all layers
  }

  /** S: keys in a row, those of the cache included. */
  get keyLength(): number {
    return this.step?.length ?? this.layout.length;
  }

  /**
   * Attention of every token over itself and what stands before it in its row, the cache included.
   * @param q - [N, H·D]
   * @param k - [N, G·D]
   * @param v - [N, G·D]
   * @returns output [N, H·D]; probs [B, H, T, S] or null
   */
  attend(
    layer: number,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: AttentionOptions,
  ): { output: Tensor; probs: Tensor | null } {
    const { layout, step } = this;
    if (!step) return attend(q, k, v, layout, { causal: true, ...options });
    const { output_attentions = false, ...rest } = options;
    const pool = step.append(layer, k, v, options.kv_heads ?? options.heads);
    const { cu_seqlens_k, pages, page_size } = step;
    // Without a past the tokens of the call are all there is, and lie in order.
    const [keys, values] = step.past > 0 ? [pool.keys, pool.values] : [k, v];
    return scaled_dot_product_attention(q, keys, values, {
      cu_seqlens: layout.cu_seqlens,
      length: layout.length,
      key_length: step.length,
      ...(step.past > 0 && { cu_seqlens_k, pages, page_size }),
      mask: this.keyMask,
      output_probs: output_attentions,
      causal: true,
      ...rest,
    });
  }
}

/**
 * The tokens of a decoder's call.
 * @param counted - as that of `packTokens`
 * @throws ValueError for shapes that disagree, ids out of range, more tokens than positions; TypeError
 */
export function packCausalTokens(inputs: CausalInputs, limits: TokenLimits, counted: Counted = null): CausalTokens {
  const { ids, batch, length } = readTokens(inputs, limits);
  const cache = cacheOf(inputs.past_key_values) ?? (inputs.use_cache ? new DynamicCache() : null);
  const past = cache?.get_seq_length() ?? 0;
  const mask = inputs.attention_mask
    ? readKeyMask(`${limits.prefix ?? ''}attention_mask`, inputs.attention_mask, batch, past, length)
    : null;
  checkCachePosition(inputs.cache_position, past, length);
  const placed: TokenLimits = {
    ...limits,
    defaultPositions: () => Int32Array.from({ length: batch * length }, (_, i) => past + (i % length)),
  };
  if (cache) return new CausalTokens(inputs, placed, new Layout(batch, length), ids, { cache, mask });
  const seen = mask ?? (inputs.packed === false ? null : packedSequences(inputs.position_ids, batch, length));
  return new CausalTokens(inputs, placed, new Layout(batch, length, seen, counting(counted)), ids, null);
}

export function readKeyMask(name: string, input: IdInput, batch: number, past: number, length: number): Uint8Array {
  const { data, dims } = toIds(name, input);
  if (dims.length === 4)
    throw new NotImplementedError(`${name} of four dimensions is not supported yet; pass one of [batch, length]`, {
      code: 'ERR_NOT_SUPPORTED_YET',
    });
  if (dims.length !== 2 || dims[0] !== batch || dims[1] !== past + length)
    throw wrongShape(
      name,
      dims,
      past > 0
        ? `[${batch}, ${past + length}]: the ${past} tokens in past_key_values, then the ${length} of this call`
        : `[${batch}, ${length}]`,
    );
  return maskBytes(data);
}

function checkCachePosition(input: IdInput | null | undefined, past: number, length: number): void {
  if (input === undefined || input === null) return;
  const { data, dims } = toIds('cache_position', input);
  if (dims.length !== 1 || dims[0] !== length) throw wrongShape('cache_position', dims, `[${length}]`);
  if (data.some((p, i) => p !== past + i))
    throw new ValueError(
      `cache_position is [${data}], but a cache of ${past} tokens grows at its end, from ${past} on; leave it out`,
    );
}

/**
 * Several texts in one row, as their position ids tell where no mask is given and no cache kept: each that does not follow
 * the one before begins a text, and texts do not see each other.
 * @returns [B, T, T], or null when every row is one text
 */
function packedSequences(input: IdInput | null | undefined, batch: number, length: number): Uint8Array | null {
  if (!input) return null;
  const { data, dims } = toIds('position_ids', input);
  const shared = dims.length === 1 || dims[0] === 1;
  const text = new Int32Array(batch * length);
  let several = false;
  for (let b = 0; b < batch; b++)
    for (let t = 1; t < length; t++) {
      const at = (shared ? 0 : b * length) + t;
      const begins = data[at] !== (data[at - 1] as number) + 1;
      text[b * length + t] = (text[b * length + t - 1] as number) + (begins ? 1 : 0);
      several ||= begins;
    }
  if (!several) return null;
  const mask = new Uint8Array(batch * length * length);
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < length; i++)
      for (let j = 0; j < length; j++)
        mask[(b * length + i) * length + j] = text[b * length + i] === text[b * length + j] ? 1 : 0;
  return mask;
}
