/** Element types of GGUF that are stored in blocks: so many elements of a row with scales of their own. */

/** How many elements a block holds, and its bytes. */
export interface Block {
  readonly elements: number;
  readonly bytes: number;
}

/** Blocks whose numbers are made here, by the names of ggml. Source: ggml-common.h. */
const READ = {
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

/** Blocks that are listed by who only looks, and that a load refuses. */
const LISTED = {
  Q8_1: { elements: 32, bytes: 36 },
  Q8_K: { elements: 256, bytes: 292 },
  IQ1_S: { elements: 256, bytes: 50 },
  IQ1_M: { elements: 256, bytes: 56 },
  IQ2_XXS: { elements: 256, bytes: 66 },
  IQ2_XS: { elements: 256, bytes: 74 },
  IQ2_S: { elements: 256, bytes: 82 },
  IQ3_XXS: { elements: 256, bytes: 98 },
  IQ3_S: { elements: 256, bytes: 110 },
  TQ1_0: { elements: 256, bytes: 54 },
  TQ2_0: { elements: 256, bytes: 66 },
  NVFP4: { elements: 64, bytes: 36 },
  Q1_0: { elements: 128, bytes: 18 },
} as const satisfies Record<string, Block>;

const BLOCKS = { ...READ, ...LISTED };

/** Name of a type that is stored in blocks: its numbers exist only once they are dequantised. */
export type BlockDType = keyof typeof BLOCKS;

/** Name of such a type whose numbers are made here; a load refuses the others. */
export type ReadBlockDType = keyof typeof READ;

/** The names of those. */
export const BLOCK_DTYPES = Object.keys(READ) as ReadBlockDType[];

/** Whether `dtype` is one of those. */
export function isReadBlock(dtype: string): dtype is ReadBlockDType {
  return Object.hasOwn(READ, dtype);
}

/** Whether `dtype` is stored in blocks that a load refuses. */
export function isUnreadBlock(dtype: string): boolean {
  return Object.hasOwn(LISTED, dtype);
}

/** Whether `dtype` is stored in blocks. */
export function isBlockDType(dtype: string): dtype is BlockDType {
  return Object.hasOwn(BLOCKS, dtype);
}

/** The block of a type. */
export function blockOf(dtype: BlockDType): Block {
  return BLOCKS[dtype];
}
