import { memoryStats } from '../binding/runtime';
import { RuntimeError } from '../errors';
import { arrayOf, type DType, itemSize, type TypedArray } from './dtype';

/** Arrays from here on are looked at before they are made: a smaller one is always had. */
const kLooked = 16 * 2 ** 20;

/**
 * Zeros for a new tensor. JS holds them, outside the memory that NATIVE_TRANSFORMERS_MEMORY bounds; but what is larger than
 * that limit could never be computed with, and is refused here.
 * @param op - what makes the tensor, for the error
 * @throws RuntimeError `ERR_OUT_OF_MEMORY`
 */
export function allocate(op: string, type: DType, dims: readonly number[]): TypedArray {
  const size = dims.reduce((n, d) => n * d, 1);
  const bytes = size * itemSize(type);
  if (bytes >= kLooked && bytes > memoryStats().limit) throw tooLarge(op, type, dims, bytes);
  try {
    return new (arrayOf(type))(size);
  } catch (error) {
    if ((error as Error).name === 'RangeError') throw tooLarge(op, type, dims, bytes, error);
    throw error;
  }
}

function tooLarge(op: string, type: DType, dims: readonly number[], bytes: number, cause?: unknown): RuntimeError {
  return new RuntimeError(
    `${op}: a Tensor(${type}, [${dims}]) is ${bytes} bytes, and no more than ${memoryStats().limit} can be had; ` +
      'make it in parts, or raise NATIVE_TRANSFORMERS_MEMORY',
    { code: 'ERR_OUT_OF_MEMORY', cause },
  );
}
