import { reshape } from '../tensor/dispatch';
import { scaled_dot_product_attention } from '../tensor/ops/attention';
import { Tensor } from '../tensor/tensor';
import type { AttentionOptions } from './attention';
import type { CacheStep, CacheView, DynamicCache } from './cache';
import type { Layout } from './layout';

/** What a decoder's tokens look at: the encoder's output, or the keys and values that a cache has of it. */
export class EncoderMemory {
  private readonly step: CacheStep | null;
  private readonly held: CacheView | null;
  /** [B, 1, S], where some position of a row is masked, for rows that a cache holds whole */
  private readonly keyMask: Tensor | null;

  /**
   * @param hidden - [M, C], the encoder's output as one sequence
   * @param layout - how its rows lie in it
   * @param mask - [B, S] or null
   * @param cache - filled by the first call that has it
   */
  constructor(
    private readonly hidden: Tensor,
    private readonly layout: Layout,
    mask: Uint8Array | null,
    cache: DynamicCache | null,
  ) {
    const isHeld = cache !== null && cache.get_seq_length() > 0;
    this.held = isHeld ? cache.view() : null;
    this.step = cache && !isHeld ? cache.begin(layout.batch, layout.length) : null;
    this.keyMask = isHeld && mask?.includes(0) ? new Tensor('uint8', mask, [layout.batch, 1, layout.length]) : null;
    this.keyMask?.native(); // uploaded once for all layers
  }

  /**
   * Attention of the decoder's tokens over all that the encoder gave for their row.
   * @param q - [N, H·D]
   * @param queries - how the decoder's rows lie in q
   * @param project - keys and values [M, H·D] of the encoder's output; called where no cache has them
   * @returns output [N, H·D]; probs [B, H, T, S] or null
   */
  attend(
    layer: number,
    q: Tensor,
    queries: Layout,
    project: (hidden: Tensor) => [k: Tensor, v: Tensor],
    options: AttentionOptions,
  ): { output: Tensor; probs: Tensor | null } {
    const { layout, held } = this;
    const { output_attentions = false, ...rest } = options;
    const common = { cu_seqlens: queries.cu_seqlens, length: queries.length, output_probs: output_attentions, ...rest };
    if (held) {
      const { keys, values } = held.layer(layer);
      const { cu_seqlens_k, pages, page_size, length } = held;
      const place = { cu_seqlens_k, pages, page_size, key_length: length, mask: this.keyMask };
      return scaled_dot_product_attention(q, keys, values, { ...common, ...place });
    }
    const [k, v] = project(this.hidden);
    const whole = (x: Tensor) => reshape(layout.unpack(x), [layout.batch * layout.length, x.dims[1] as number]);
    this.step?.append(layer, whole(k), whole(v), options.kv_heads ?? options.heads);
    const place = { cu_seqlens_k: layout.cu_seqlens, key_length: layout.length, mask: layout.mask };
    return scaled_dot_product_attention(q, k, v, { ...common, ...place });
  }
}
