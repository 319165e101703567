import { type CheckpointSource, isByteRange } from '../checkpoint/source';
import { ValueError } from '../errors';
import { arrayOf, type DType, dtypes } from '../tensor/dtype';
import { loadTensor } from '../tensor/load';
import { cast } from '../tensor/ops/cast';
import { Tensor } from '../tensor/tensor';

/** A tensor of a checkpoint that is about to become a parameter. */
export interface StoredTensor {
  /** Makes the parameter's value, in the current call. Its file must stay open until a fence behind it has passed. */
  load(type: DType, pack: boolean): Tensor;
}

/**
 * Prepares a tensor for loading. Most are a byte range of their file, which native threads read by themselves; views with
 * strides and compressed tensors are read here, one at a time.
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
  if (isByteRange(info)) {
    const bytes = { file: source.descriptor(name), offset: info.byteOffset, type: dtype, dims: info.shape };
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
