import { blockOf, isBlockDType, isReadBlock } from '../checkpoint/gguf/block-types';
import type { Arrangement, TensorInfo } from '../checkpoint/source';
import { reshape } from '../tensor/dispatch';
import type { DType } from '../tensor/dtype';
import { keep } from '../tensor/keep';
import { loadTensor, type Pack } from '../tensor/load';
import { dequantize } from '../tensor/ops/blocks';
import { cast } from '../tensor/ops/cast';
import { permute } from '../tensor/ops/layout';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';

/**
 * Makes a parameter of a tensor whose elements are stored as blocks, or in another arrangement than its shape says. Native
 * threads read, move and dequantise it, one step behind the other: beside the result there is one of them at a time.
 */
export function loadArranged(file: number, info: TensorInfo, type: DType, pack: Pack): Tensor {
  const { dtype, shape } = info;
  return scope(() => {
    const made = isBlockDType(dtype)
      ? fromBlocks(file, info, type)
      : cast(reordered(loadPlain(file, info, info.arranged?.dims ?? shape), info.arranged, shape), type);
    return keep(made, pack);
  });
}

function loadPlain(file: number, { dtype, byteOffset: offset }: TensorInfo, dims: readonly number[]): Tensor {
  const type = dtype as DType;
  return loadTensor({ file, offset, type, dims }, type, null);
}

function fromBlocks(file: number, info: TensorInfo, type: DType): Tensor {
  const { dtype, shape, arranged, byteOffset: offset } = info;
  if (!isReadBlock(dtype)) throw new TypeError(`${dtype} is no type of blocks that is read`);
  const dims = arranged?.dims ?? shape;
  const { elements, bytes } = blockOf(dtype);
  const last = dims.length - 1;
  const stored = [...dims.slice(0, last), ((dims[last] as number) / elements) * bytes];
  const raw = loadTensor({ file, offset, type: 'uint8', dims: stored }, 'uint8', null);
  if (arranged === undefined) return dequantize(raw, dtype, type, shape);
  // Rows move as blocks, which are a fraction of the numbers; what crosses blocks moves as numbers.
  if (arranged.axes[last] === last) return dequantize(permute(raw, arranged.axes), dtype, type, shape);
  return cast(reordered(dequantize(raw, dtype, type, dims), arranged, shape), type);
}

/** The elements in the order of `shape`. */
function reordered(x: Tensor, arranged: Arrangement | undefined, shape: readonly number[]): Tensor {
  return arranged === undefined ? x : reshape(permute(x, arranged.axes), shape);
}
