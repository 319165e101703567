import * as runtime from '../binding/runtime';
import { currentCall } from './call';
import { type DType, dtypeNumber } from './dtype';
import { currentStream } from './stream';
import { Tensor } from './tensor';

/** Bytes of an open file that hold a tensor, little-endian: row-major, or a view with strides. */
export interface TensorBytes {
  /** File descriptor; must stay open until a fence behind the load has passed. */
  file: number;
  /** First byte, counted from the start of the file. */
  offset: number;
  type: DType;
  dims: readonly number[];
  /** Distances of neighbours along each dimension, in elements; left out when they lie side by side, row-major. */
  strides?: readonly number[];
  /**
   * Leave the bytes in the file, mapped, where nothing has to be done with them: no cast, no strides. What can be mapped and
   * what not is no error but a matter of memory.
   */
  map?: boolean;
}

/** How a product holds a weight: as panels of [N, K], of [K, N], or row-major. */
export type Pack = 'rows' | 'transposed' | null;

/**
 * Reads a tensor from a file into native memory on the current stream's threads, casting on the way, or maps it. The result
 * is a parameter: immutable, and held as GEMM panels when `pack` is set: 'rows' of a weight [N, K], 'transposed' of one
 * [K, N]. A mapped one stays as it lies, and products read its rows.
 */
export function loadTensor(bytes: TensorBytes, type: DType, pack: Pack): Tensor {
  const stream = currentStream();
  const map = (bytes.map ?? false) && bytes.type === type && !bytes.strides;
  const output = runtime.load(stream.id, currentCall()?.id ?? 0, {
    file: bytes.file,
    offset: bytes.offset,
    sourceType: dtypeNumber(bytes.type),
    dtype: dtypeNumber(type),
    dims: bytes.dims,
    strides: bytes.strides ?? [],
    pack,
    map,
  });
  return Tensor.fromNative(output, stream, map);
}

/** Submits what is recorded; resolves when it has run. @throws what failed in the current call */
export async function fence(signal?: AbortSignal): Promise<void> {
  await runtime.fence(currentStream().id, currentCall()?.id ?? 0, signal);
}
