import { isBlockDType } from '../checkpoint/gguf/block-types';
import type { CheckpointSource, TensorInfo } from '../checkpoint/source';
import { ValueError } from '../errors';
import { arrayOf, type DType, dtypes } from '../tensor/dtype';
import { keep } from '../tensor/keep';
import { loadTensor, type Pack } from '../tensor/load';
import { cast } from '../tensor/ops/cast';
import { Tensor } from '../tensor/tensor';
import { loadArranged } from './arranged-tensor';

/** A tensor of a checkpoint that is about to become a parameter. */
export interface StoredTensor {
  /**
   * Makes the parameter's value, in the current call. Its file must stay open until a fence behind it has passed.
   * @param type - null for the type that it is stored in
   */
  load(type: DType | null, pack: Pack): Tensor;
}

/** Dimensions that native code knows. */
const kMostDims = 8;
/** A view that reaches over more than so many times its own bytes, and more than that, is not read whole. */
const kMostReach = 2;
const kSmallReach = 2 ** 20;

/** Whether native threads can read the tensor: it is neither compressed nor in pieces, and reaches over little more than its own bytes. */
function isNative({ byteLength, shape, strides, compressed, pieces }: TensorInfo): boolean {
  if (compressed || pieces) return false;
  if (strides === undefined) return true;
  const elements = shape.reduce((product, dim) => product * dim, 1);
  const last = shape.reduce((sum, dim, i) => sum + (dim - 1) * (strides[i] as number), 0);
  const reach = (last + 1) * (byteLength / elements);
  return shape.length <= kMostDims && reach <= kMostReach * byteLength + kSmallReach;
}

/**
 * Prepares a tensor for loading. Nearly all are read by native threads from the file, views with strides and blocks included;
 * compressed tensors and views of little out of much are read here, one at a time.
 *
 * @param map - leave the bytes in the file where they can be computed with as they lie
 * @throws ValueError `ERR_DTYPE` for a stored type that cannot be computed with.
 */
export async function storedTensor(
  source: CheckpointSource,
  name: string,
  { signal, map = false }: { signal?: AbortSignal | null | undefined; map?: boolean } = {},
): Promise<StoredTensor> {
  const info = source.info(name);
  const dtype = info.dtype as DType;
  const checkType = (type: DType | null): DType => {
    if (dtypes.includes(dtype)) return type ?? dtype;
    throw new ValueError(
      `'${name}' is stored as ${info.dtype}, which cannot be turned into ${type ?? 'a tensor'} here`,
      {
        code: 'ERR_DTYPE',
      },
    );
  };
  if (isBlockDType(info.dtype) || (info.arranged && !info.compressed)) {
    const file = source.descriptor(name);
    return {
      load(type, pack) {
        const wanted = isBlockDType(info.dtype) ? (type ?? 'float32') : checkType(type);
        return loadArranged(file, info, wanted, pack);
      },
    };
  }
  if (isNative(info)) {
    const { byteOffset: offset, shape: dims, strides } = info;
    const bytes = { file: source.descriptor(name), offset, type: dtype, dims, map, ...(strides && { strides }) };
    return {
      load(type, pack) {
        return loadTensor(bytes, checkType(type), pack);
      },
    };
  }
  const { buffer } = dtypes.includes(dtype)
    ? await source.read(name, { signal: signal ?? undefined })
    : new Uint8Array();
  return {
    load(type, pack) {
      const wanted = checkType(type);
      const TypedArray = arrayOf(dtype) as unknown as new (buffer: ArrayBufferLike) => Float32Array;
      return keep(cast(new Tensor(dtype, new TypedArray(buffer), info.shape), wanted), pack);
    },
  };
}
