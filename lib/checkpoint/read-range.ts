/** What every reader of tensors by range checks and allocates. */
import { constants } from 'node:buffer';
import { ValueError } from '../errors';
import { quote, unreadable } from './fault';
import type { ReadOptions } from './source';

/**
 * The bytes of a tensor of `byteLength` bytes that `read(name, options)` asks for.
 * @throws ValueError for a range that is not within the tensor
 */
export function requestedRange(
  name: string,
  byteLength: number,
  { start = 0, end = byteLength }: ReadOptions,
): { start: number; end: number } {
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end;
  if (isRange && end <= byteLength) return { start, end };
  throw new ValueError(
    `read(${quote(name)}) got start ${start} and end ${end}; expected 0 ≤ start ≤ end ≤ ${byteLength}`,
  );
}

/**
 * Bytes that are not cleared first, in a buffer of their own, so that any typed array can look at them.
 * @throws CheckpointError `TENSOR_TOO_LARGE` when one buffer cannot hold them
 */
export function ownedBytes(length: number, name: string, file: string): Uint8Array {
  if (length > constants.MAX_LENGTH) {
    const what = `${length} bytes of tensor ${quote(name)} do not fit one buffer (${constants.MAX_LENGTH}); read it in ranges`;
    throw unreadable('TENSOR_TOO_LARGE', file, what, { tensor: name });
  }
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(buffer, byteOffset, length);
}
