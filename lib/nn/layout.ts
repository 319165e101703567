import { reshape } from '../tensor/dispatch';
import { index_select } from '../tensor/ops/embedding';
import { Tensor } from '../tensor/tensor';

/**
 * How the rows of a padded batch [B, T] lie in one sequence of N tokens [N, …]. A row whose mask is ones then zeros
 * contributes its ones only; any other row contributes all T positions, and attention sees its mask. Only attention
 * knows where rows begin.
 */
export class Layout {
  /** Tokens of all rows together. */
  readonly total: number;
  /** Tokens in each row. */
  readonly lengths: Int32Array;
  /** [B + 1], where each row begins in the sequence. */
  readonly offsets: Int32Array;
  readonly cu_seqlens: Tensor;
  /** [B, 1 or T, T] uint8, 1 where a query may look; null when no row needs it. */
  readonly mask: Tensor | null;
  private readonly isWhole: boolean;
  private padIndex: Tensor | null = null;

  /**
   * @param batch - B
   * @param length - T
   * @param mask - [B, T] or [B, T, T] of 0 and 1; null is all ones
   * @param counted - [B, T], true where a label counts in the loss: a masked position that counts needs its row whole
   */
  constructor(
    readonly batch: number,
    readonly length: number,
    mask: Uint8Array | null = null,
    counted: (position: number) => boolean = () => false,
  ) {
    const square = mask !== null && mask.length === batch * length * length && mask.length !== batch * length;
    this.lengths = new Int32Array(batch);
    this.offsets = new Int32Array(batch + 1);
    let dense = square;
    for (let b = 0; b < batch; b++) {
      const kept = square || !mask ? length : prefixLength(mask, b * length, length);
      let whole = kept === 0;
      for (let t = kept; t < length && !whole; t++) whole = counted(b * length + t);
      if (whole && mask) dense = true;
      this.lengths[b] = whole ? length : kept;
      this.offsets[b + 1] = (this.offsets[b] as number) + (this.lengths[b] as number);
    }
    this.total = this.offsets[batch] as number;
    this.isWhole = this.total === batch * length;
    this.cu_seqlens = new Tensor('int32', this.offsets, [batch + 1]);
    this.mask = dense && mask ? new Tensor('uint8', mask, [batch, square ? length : 1, length]) : null;
    // Uploaded here once for all layers, in the scope of the call.
    this.cu_seqlens.native();
    this.mask?.native();
  }

  /** Where position t of row b lies in the sequence, or -1 when it is padding that was left out. */
  index(b: number, t: number): number {
    return t < (this.lengths[b] as number) ? (this.offsets[b] as number) + t : -1;
  }

  /** The values of [B, T] that are in the sequence, [N]. */
  pack(values: ArrayLike<number>): Int32Array {
    const packed = new Int32Array(this.total);
    for (let b = 0; b < this.batch; b++) {
      const begin = this.offsets[b] as number;
      const length = this.lengths[b] as number;
      for (let t = 0; t < length; t++) packed[begin + t] = values[b * this.length + t] as number;
    }
    return packed;
  }

  /** The rows of [B, T, C] that are in the sequence, [N, C]. */
  packRows(x: Tensor): Tensor {
    const flat = reshape(x, [this.batch * this.length, ...x.dims.slice(2)]);
    if (this.isWhole) return flat;
    const index = this.pack(Int32Array.from({ length: this.batch * this.length }, (_, i) => i));
    return index_select(flat, 0, new Tensor('int32', index, [this.total]));
  }

  /** [N, …] → [B, T, …]; positions that were left out are 0. */
  unpack(x: Tensor): Tensor {
    const dims = [this.batch, this.length, ...x.dims.slice(1)];
    if (this.isWhole) return reshape(x, dims);
    if (!this.padIndex) {
      const index = new Int32Array(this.batch * this.length);
      for (let b = 0; b < this.batch; b++)
        for (let t = 0; t < this.length; t++) index[b * this.length + t] = this.index(b, t);
      this.padIndex = new Tensor('int32', index, [index.length]);
    }
    return reshape(index_select(x, 0, this.padIndex), dims);
  }

  /** Places in the sequence of the tokens that the mask keeps. */
  keptTokens(): Int32Array {
    const mask = this.mask?.data;
    const square = (this.mask?.dims[1] ?? 1) > 1;
    const kept: number[] = [];
    for (let b = 0; b < this.batch; b++)
      for (let t = 0; t < (this.lengths[b] as number); t++)
        if (!mask || square || mask[b * this.length + t]) kept.push((this.offsets[b] as number) + t);
    return Int32Array.from(kept);
  }

  /** The first position of each row that the mask keeps, [B]; 0 where it keeps none. */
  firstKept(): Int32Array {
    const mask = this.mask?.dims[1] === 1 ? (this.mask.data as Uint8Array) : null;
    return Int32Array.from({ length: this.batch }, (_, b) =>
      Math.max(0, mask?.subarray(b * this.length, (b + 1) * this.length).indexOf(1) ?? 0),
    );
  }

  /** One token a row: position `positions[b]` (0 when left out), [N, C] → [B, C]. */
  select(x: Tensor, positions?: ArrayLike<number>): Tensor {
    const index = Int32Array.from({ length: this.batch }, (_, b) => this.index(b, positions?.[b] ?? 0));
    return index_select(x, 0, new Tensor('int32', index, [this.batch]));
  }
}

/** The number of ones when the row is ones then zeros and has at least one, else 0. */
function prefixLength(mask: Uint8Array, begin: number, length: number): number {
  let ones = 0;
  while (ones < length && mask[begin + ones]) ones++;
  for (let t = ones; t < length; t++) if (mask[begin + t]) return 0;
  return ones;
}
