import type { CheckpointSource } from '../checkpoint/source';
import { ValueError } from '../errors';
import { type DType, dtypes } from '../tensor/dtype';
import { loadTensor } from '../tensor/load';
import type { Tensor } from '../tensor/tensor';

/**
 * Reads a tensor of an open checkpoint on the compute threads.
 * @param type - null for the type that it is stored in
 * @throws ValueError `ERR_DTYPE` for a stored type that tensors cannot have
 */
export function storedTensor(
  source: CheckpointSource,
  name: string,
  type: DType | null,
  pack: 'rows' | 'transposed' | null,
): Tensor {
  const info = source.info(name);
  if (!(dtypes as readonly string[]).includes(info.dtype))
    throw new ValueError(
      `'${name}' is stored as ${info.dtype}, which cannot be turned into ${type ?? 'a tensor'} here`,
      {
        code: 'ERR_DTYPE',
      },
    );
  const stored = info.dtype as DType;
  const bytes = { file: source.descriptor(name), offset: info.byteOffset, type: stored, dims: info.shape };
  return loadTensor(bytes, type ?? stored, pack);
}
