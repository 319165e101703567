import * as runtime from '../binding/runtime';
import { currentCall } from './call';
import { type DType, dtypeNumber } from './dtype';
import { currentStream } from './stream';
import { Tensor } from './tensor';

/** A byte range of an open file that holds a tensor, row-major and little-endian. */
export interface TensorBytes {
  /** File descriptor; must stay open until a fence behind the load has passed. */
  file: number;
  /** First byte, counted from the start of the file. */
  offset: number;
  type: DType;
  dims: readonly number[];
}

/**
 * Reads a tensor from a file into native memory on the current stream's threads, casting on the way. The result is a
 * parameter: immutable, and held as GEMM panels when `pack` is set: 'rows' of a weight [N, K], 'transposed' of one [K, N].
 */
export function loadTensor(bytes: TensorBytes, type: DType, pack: 'rows' | 'transposed' | null): Tensor {
  const stream = currentStream();
  const output = runtime.load(stream.id, currentCall()?.id ?? 0, {
    file: bytes.file,
    offset: bytes.offset,
    sourceType: dtypeNumber(bytes.type),
    dtype: dtypeNumber(type),
    dims: bytes.dims,
    pack,
  });
  return Tensor.fromNative(output, stream);
}

/** Submits what is recorded; resolves when it has run. @throws what failed in the current call */
export async function fence(signal?: AbortSignal): Promise<void> {
  await runtime.fence(currentStream().id, currentCall()?.id ?? 0, signal);
}
