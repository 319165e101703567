import type { BatchEncoding, PreTrainedTokenizer, TokenizerOptions } from '../preprocess';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import { Tensor } from '../tensor/tensor';
import { padRows } from './encoder';

/** One row of tokens, special tokens included, without padding. */
export interface InputRow {
  input_ids: ArrayLike<number>;
  token_type_ids?: ArrayLike<number>;
}

/** The columns that a tokenizer call may give, as arrays of rows. */
export interface TokenColumns {
  input_ids: number[][];
  token_type_ids?: number[][];
  special_tokens_mask?: number[][];
  offset_mapping?: [number, number][][];
  overflow_to_sample_mapping?: number[];
}

/** Rows without padding, and what else the tokenizer says of them. */
export interface Tokenized {
  rows: InputRow[];
  columns: TokenColumns;
  encoding: BatchEncoding;
}

/** Tokenizes texts, or texts and their pairs, into rows of their own lengths. */
export async function tokenizeRows(
  tokenizer: PreTrainedTokenizer,
  texts: readonly string[],
  options: TokenizerOptions,
): Promise<Tokenized> {
  const encoding = await tokenizer(texts, { ...options, return_tensor: false, return_attention_mask: false });
  const columns = encoding as unknown as TokenColumns;
  const types = columns.token_type_ids;
  const rows = columns.input_ids.map(
    (input_ids, i): InputRow => (types ? { input_ids, token_type_ids: types[i] as number[] } : { input_ids }),
  );
  return { rows, columns, encoding };
}

/** The inputs of a model for rows of tokens. @returns [B, T] each */
export function inputsOf(model: PreTrainedModel, rows: readonly InputRow[], padding: number): Record<string, Tensor> {
  const inputs: Record<string, Tensor> = padRows(
    rows.map((row) => row.input_ids),
    padding,
  );
  const { input_names } = model.constructor as typeof PreTrainedModel;
  if (!input_names.includes('token_type_ids') || !rows.some((row) => row.token_type_ids)) return inputs;
  const [, length] = (inputs['input_ids'] as Tensor).dims as [number, number];
  const types = new Int32Array(rows.length * length);
  rows.forEach((row, b) => {
    if (row.token_type_ids) types.set(row.token_type_ids, b * length);
  });
  inputs['token_type_ids'] = new Tensor('int32', types, [rows.length, length]);
  return inputs;
}
