import { run, run1 } from '../dispatch';
import { type DType, dtypeNumber } from '../dtype';
import type { Tensor } from '../tensor';

/** Types of blocks as GGUF files hold them, in the order of native/ops/blocks/kernels.h. */
export const blockTypes = [
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
  'IQ4_NL',
  'IQ4_XS',
  'MXFP4',
] as const;

export type BlockType = (typeof blockTypes)[number];

/**
 * The numbers of blocks that lie one behind the other, bit for bit as ggml gives them.
 * @param x - uint8
 * @param type - float32, float16 or bfloat16
 * @param dims - the shape of the result
 */
export function dequantize(x: Tensor, blocks: BlockType, type: DType, dims: readonly number[]): Tensor {
  return run1('dequantize', [x], [blockTypes.indexOf(blocks), dtypeNumber(type), ...dims]);
}

/**
 * Rows of numbers as blocks.
 * @param x - float32 [.., C], C a multiple of the block's elements
 * @returns blocks: uint8 [.., bytes of a row]; errors: float64 [runs, 5], of each run of numbers the greatest error, and
 *   the sums of errors, of x·y, of x·x and of y·y, where y is what the blocks give back
 */
export function quantize(x: Tensor, blocks: BlockType): { blocks: Tensor; errors: Tensor } {
  const [made, errors] = run('quantize', [x], [blockTypes.indexOf(blocks)]) as [Tensor, Tensor];
  return { blocks: made, errors };
}
