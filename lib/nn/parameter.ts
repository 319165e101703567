import { RuntimeError } from '../errors';
import { type DType, itemSize } from '../tensor/dtype';
import { keep } from '../tensor/keep';
import type { Pack } from '../tensor/load';
import type { Tensor } from '../tensor/tensor';

/**
 * A weight: declared with its shape and dtype, it owns no memory until it is loaded. Tied weights are one Parameter
 * under several names.
 */
export class Parameter {
  type: DType = 'float32';
  /** As in PyTorch; nothing computes gradients yet. */
  requires_grad = true;
  private tensor: Tensor | null = null;
  private disposed = false;

  /**
   * @param dims - shape; that of the value, once there is one
   * @param role - 'gemm' is multiplied with, [N, K], and may be held as panels; 'conv1d' likewise, [K, N]; 'table' is
   *   looked up by row
   */
  constructor(
    public dims: readonly number[],
    readonly role: 'plain' | 'gemm' | 'conv1d' | 'table' = 'plain',
  ) {}

  /** How a product holds it, or null. */
  get pack(): Pack {
    return this.role === 'gemm' ? 'rows' : this.role === 'conv1d' ? 'transposed' : null;
  }

  /** Number of elements. */
  get size(): number {
    return this.dims.reduce((n, d) => n * d, 1);
  }

  /** Bytes of its elements. */
  get nbytes(): number {
    return this.size * itemSize(this.type);
  }

  get isLoaded(): boolean {
    return this.tensor !== null;
  }

  /** Whether its values have been given back. */
  get isDisposed(): boolean {
    return this.disposed && !this.isLoaded;
  }

  /** The weight as a tensor. @throws RuntimeError before it is loaded and after it is disposed */
  get value(): Tensor {
    if (!this.tensor)
      throw new RuntimeError(
        'this parameter holds no values: the model was neither loaded nor given new weights (init_weights), or it has been disposed',
        {
          code: 'ERR_DISPOSED',
        },
      );
    return this.tensor;
  }

  set value(tensor: Tensor) {
    if (tensor !== this.tensor) this.tensor?.dispose();
    tensor.pin();
    this.tensor = tensor;
    this.type = tensor.type;
    this.dims = tensor.dims;
  }

  /** Takes what an op has just made as the new value, in the form in which this parameter is used. */
  renew(fresh: Tensor): void {
    this.value = keep(fresh, this.pack);
  }

  /** Another parameter of the same role and flags, without a value or with what an op has just made. */
  alike(dims: readonly number[], fresh: Tensor | null = null): Parameter {
    const made = new Parameter(dims, this.role);
    made.type = this.type;
    made.requires_grad = this.requires_grad;
    if (fresh) made.renew(fresh);
    return made;
  }

  dispose(): void {
    this.tensor?.dispose();
    this.tensor = null;
    this.disposed = true;
  }
}

/**
 * A tensor that checkpoints hold, and that is loaded, saved, cast and given back as parameters are, but which is not
 * trained and not counted among them.
 */
export class StoredBuffer extends Parameter {
  override requires_grad = false;
}

/** A tensor that belongs to a module and is not trained. Those that are not persistent are not in checkpoints. */
export class Buffer {
  constructor(
    readonly dims: readonly number[],
    readonly type: DType,
    readonly persistent: boolean,
    /** Whether upstream computes it from the config alone: a mask, which the model's footprint leaves out. */
    readonly isMask = false,
  ) {}
}
