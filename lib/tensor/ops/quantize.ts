import { ValueError } from '../../errors';
import { reshape } from '../dispatch';
import { scope } from '../scope';
import { Tensor } from '../tensor';
import { cast } from './cast';
import { mul, sub } from './elementwise';
import { sum } from './reduce';

/** The value of each of eight bits, the first being the highest. */
const bitValues = [128, 64, 32, 16, 8, 4, 2, 1];

/**
 * One bit for each element, 1 where it is above 0, eight to a byte.
 * @param tensor - [N, C], C a multiple of 8
 * @param precision - 'ubinary' gives uint8; 'binary' gives int8, 128 less
 * @returns [N, C / 8]
 * @throws ValueError
 */
export function quantize_embeddings(tensor: Tensor, precision: 'binary' | 'ubinary'): Tensor {
  const [rows, columns] = tensor.dims;
  if (tensor.dims.length !== 2 || (columns as number) % 8 !== 0)
    throw new ValueError(`quantize_embeddings takes [N, C] with C a multiple of 8, not ${tensor}`, {
      code: 'ERR_SHAPE',
    });
  if (precision !== 'binary' && precision !== 'ubinary')
    throw new ValueError(`quantize_embeddings: precision is 'binary' or 'ubinary', not '${precision}'`);
  return scope(() => {
    const bits = reshape(cast(tensor.gt(0), 'int32'), [rows as number, (columns as number) / 8, 8]);
    const bytes = sum(mul(bits, new Tensor('int32', bitValues)), -1); // int64
    return precision === 'ubinary' ? cast(bytes, 'uint8') : cast(sub(bytes, 128), 'int8');
  });
}
