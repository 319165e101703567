/** Element types of GGUF that are stored in blocks: so many elements of a row with scales of their own. */

/** How many elements a block holds, and its bytes. */
export interface Block {
  readonly elements: number;
  readonly bytes: number;
}

/** By the names of ggml. Source: ggml-common.h. */
const BLOCKS = {
  Q4_0: { elements: 32, bytes: 18 },
  Q4_1: { elements: 32, bytes: 20 },
  Q5_0: { elements: 32, bytes: 22 },
  Q5_1: { elements: 32, bytes: 24 },
  Q8_0: { elements: 32, bytes: 34 },
  Q2_K: { elements: 256, bytes: 84 },
  Q3_K: { elements: 256, bytes: 110 },
  Q4_K: { elements: 256, bytes: 144 },
  Q5_K: { elements: 256, bytes: 176 },
  Q6_K: { elements: 256, bytes: 210 },
  IQ4_NL: { elements: 32, bytes: 18 },
  IQ4_XS: { elements: 256, bytes: 136 },
  MXFP4: { elements: 32, bytes: 17 },
} as const satisfies Record<string, Block>;

/** Name of a type that is stored in blocks: its numbers exist only once they are dequantised. */
export type BlockDType = keyof typeof BLOCKS;

/** Every such name. */
export const BLOCK_DTYPES = Object.keys(BLOCKS) as BlockDType[];

/** Whether `dtype` is stored in blocks. */
export function isBlockDType(dtype: string): dtype is BlockDType {
  return Object.hasOwn(BLOCKS, dtype);
}

/** The block of a type. */
export function blockOf(dtype: BlockDType): Block {
  return BLOCKS[dtype];
}
