import { refuseSurplus } from '../../options';
import { as, assertTensor } from '../expression';
import * as pool from '../ops/pool';
import { computeFloating } from '../promote';
import { scope } from '../scope';
import type { Tensor } from '../tensor';

export { quantize_embeddings } from '../ops/quantize';

/**
 * The mean of the tokens that the mask keeps; zeros for a row without any.
 * @param last_hidden_state - [B, T, C] floating
 * @param attention_mask - [B, T], 1 is kept
 * @returns [B, C] in the type of last_hidden_state
 * @throws ValueError `ERR_SHAPE`; TypeError for whole numbers
 */
export function mean_pooling(last_hidden_state: Tensor, attention_mask: Tensor, ...surplus: never[]): Tensor {
  refuseSurplus('mean_pooling', surplus);
  assertTensor('mean_pooling', last_hidden_state);
  assertTensor('mean_pooling', attention_mask);
  const { type } = last_hidden_state;
  computeFloating('mean_pooling', type);
  return scope(() => as(pool.mean_pooling(as(last_hidden_state, 'float32'), attention_mask), type));
}
