import type { PlainDType } from '../dtype';
import { type BlockDType, isBlockDType } from './block-types';

/** The numbers by which GGUF files name element types. Source: ggml.h. */
const TYPES: readonly [number: number, name: string, dtype: PlainDType | null][] = [
  [0, 'F32', 'float32'],
  [1, 'F16', 'float16'],
  [2, 'Q4_0', null],
  [3, 'Q4_1', null],
  [4, 'Q4_2', null],
  [5, 'Q4_3', null],
  [6, 'Q5_0', null],
  [7, 'Q5_1', null],
  [8, 'Q8_0', null],
  [9, 'Q8_1', null],
  [10, 'Q2_K', null],
  [11, 'Q3_K', null],
  [12, 'Q4_K', null],
  [13, 'Q5_K', null],
  [14, 'Q6_K', null],
  [15, 'Q8_K', null],
  [16, 'IQ2_XXS', null],
  [17, 'IQ2_XS', null],
  [18, 'IQ3_XXS', null],
  [19, 'IQ1_S', null],
  [20, 'IQ4_NL', null],
  [21, 'IQ3_S', null],
  [22, 'IQ2_S', null],
  [23, 'IQ4_XS', null],
  [24, 'I8', 'int8'],
  [25, 'I16', 'int16'],
  [26, 'I32', 'int32'],
  [27, 'I64', 'int64'],
  [28, 'F64', 'float64'],
  [29, 'IQ1_M', null],
  [30, 'BF16', 'bfloat16'],
  [34, 'TQ1_0', null],
  [35, 'TQ2_0', null],
  [39, 'MXFP4', null],
  [40, 'NVFP4', null],
  [41, 'Q1_0', null],
  [42, 'Q2_0', null],
];

/** ggml's names of the types that are no blocks. */
export const PLAIN_GGML_TYPES = TYPES.filter(([, , dtype]) => dtype !== null).map(([, name]) => name);

const byNumber = new Map(TYPES.map(([number, name, dtype]) => [number, { name, dtype }]));
const numbers = new Map<string, number>(
  TYPES.flatMap(([number, name, dtype]) => (dtype !== null ? [[dtype, number] as const] : [[name, number] as const])),
);

/** The dtype of the type numbered `number`; its ggml name where nothing is known of it, or null for a number that has none. */
export function ggmlType(number: number): { dtype: PlainDType | BlockDType } | { unknown: string } | null {
  const found = byNumber.get(number);
  if (found === undefined) return null;
  if (found.dtype !== null) return { dtype: found.dtype };
  return isBlockDType(found.name) ? { dtype: found.name } : { unknown: found.name };
}

/** The number of a dtype; undefined for one that GGUF does not have. */
export function ggmlNumber(dtype: string): number | undefined {
  return numbers.get(dtype);
}
