import type { CheckpointSource, TensorInfo } from '../checkpoint/source';
import { ValueError } from '../errors';
import { arrayOf, type DType, dtypes } from '../tensor/dtype';
import { loadTensor, type Pack } from '../tensor/load';
import { cast } from '../tensor/ops/cast';
import { Tensor } from '../tensor/tensor';

/** A tensor of a checkpoint that is about to become a parameter. */
export interface StoredTensor {
  /** Makes the parameter's value, in the current call. Its file must stay open until a fence behind it has passed. */
  load(type: DType, pack: Pack): Tensor;
}

/** Dimensions that native code knows. */
const kMostDims = 8;
/** A view that reaches over more than so many times its own bytes, and more than that, is not read whole. */
const kMostReach = 2;
const kSmallReach = 2 ** 20;

/** Whether native threads can read the tensor by themselves: it is not compressed, and what it reaches over is no more
 * than memory for a moment may be. */
function isNative({ byteLength, shape, strides, compressed }: TensorInfo): boolean {
  if (compressed) return false;
  if (strides === undefined) return true;
  const elements = shape.reduce((product, dim) => product * dim, 1);
  const last = shape.reduce((sum, dim, i) => sum + (dim - 1) * (strides[i] as number), 0);
  const reach = (last + 1) * (byteLength / elements);
  return shape.length <= kMostDims && reach <= kMostReach * byteLength + kSmallReach;
}

/**
 * Prepares a tensor for loading. Nearly all are read by native threads from the file, views with strides included;
 * compressed tensors and views of little out of much are read here, one at a time.
 *
 * @throws ValueError `ERR_DTYPE` for a stored type that cannot be computed with.
 */
export async function storedTensor(
  source: CheckpointSource,
  name: string,
  signal?: AbortSignal | null,
): Promise<StoredTensor> {
  const info = source.info(name);
  const dtype = info.dtype as DType;
  const checkType = (type: DType) => {
    if (dtypes.includes(dtype)) return;
    throw new ValueError(`'${name}' is stored as ${info.dtype}, which cannot be turned into ${type} here`, {
      code: 'ERR_DTYPE',
    });
  };
  if (isNative(info)) {
    const { byteOffset: offset, shape: dims, strides } = info;
    const bytes = { file: source.descriptor(name), offset, type: dtype, dims, ...(strides && { strides }) };
    return {
      load(type, pack) {
        checkType(type);
        return loadTensor(bytes, type, pack);
      },
    };
  }
  const { buffer } = dtypes.includes(dtype)
    ? await source.read(name, { signal: signal ?? undefined })
    : new Uint8Array();
  return {
    load(type) {
      checkType(type);
      const TypedArray = arrayOf(dtype) as unknown as new (buffer: ArrayBufferLike) => Float32Array;
      return cast(new Tensor(dtype, new TypedArray(buffer), info.shape), type);
    },
  };
}
