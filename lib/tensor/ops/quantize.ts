import { ValueError } from '../../errors';
import { Tensor } from '../tensor';

/**
 * One bit for each element, 1 where it is positive, eight to a byte, the first in the highest bit. 'binary' takes 128
 * off each byte. Reads `x` in place.
 * @param x - [B, C], C a multiple of 8
 * @returns [B, C / 8] int8 for 'binary', uint8 for 'ubinary'
 */
export function quantize_embeddings(x: Tensor, precision: 'binary' | 'ubinary'): Tensor {
  if (precision !== 'binary' && precision !== 'ubinary')
    throw new ValueError(`The precision must be either 'binary' or 'ubinary', not '${String(precision)}'`);
  const [rows, width] = x.dims as [number, number];
  if (x.dims.length !== 2 || width % 8 !== 0)
    throw new ValueError(`quantize_embeddings takes [B, C] with C a multiple of 8, not ${x}`, { code: 'ERR_SHAPE' });
  const { data } = x;
  const offset = precision === 'binary' ? 128 : 0;
  const bytes = new (precision === 'binary' ? Int8Array : Uint8Array)((rows * width) / 8);
  for (let i = 0; i < bytes.length; i++) {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte = 2 * byte + (Number(data[8 * i + bit]) > 0 ? 1 : 0);
    bytes[i] = byte - offset;
  }
  return new Tensor(precision === 'binary' ? 'int8' : 'uint8', bytes, [rows, width / 8]);
}
