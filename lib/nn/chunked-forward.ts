import { ValueError } from '../errors';
import { cat, slice } from '../tensor/ops/layout';
import type { Tensor } from '../tensor/tensor';

/**
 * Calls `forward` on pieces of the inputs along one axis and joins what it gives: the same numbers in less memory, where
 * the function treats positions of that axis apart. A size of 0 calls it once on all.
 * @param chunk_size - positions of a piece
 * @throws ValueError when inputs differ along the axis, or the size does not divide it
 */
export function apply_chunking_to_forward(
  forward: (...inputs: Tensor[]) => Tensor,
  chunk_size: number,
  chunk_dim: number,
  ...inputs: Tensor[]
): Tensor {
  const [first] = inputs;
  if (!first) throw new ValueError('apply_chunking_to_forward needs at least one tensor');
  if (!Number.isSafeInteger(chunk_size))
    throw new ValueError(`chunk_size is ${String(chunk_size)}; it must be a whole number, and 0 for no chunks`);
  if (chunk_size <= 0) return forward(...inputs);
  const extent = extentOf(first, chunk_dim);
  for (const input of inputs)
    if (extentOf(input, chunk_dim) !== extent)
      throw new ValueError(
        `All input tensors have to be of the same shape: ${extent}, found shape ${extentOf(input, chunk_dim)}`,
      );
  if (extent % chunk_size !== 0)
    throw new ValueError(`The dimension to be chunked ${extent} has to be a multiple of the chunk size ${chunk_size}`);
  const pieces = Array.from({ length: extent / chunk_size }, (_, i) =>
    forward(...inputs.map((input) => slice(input, chunk_dim, i * chunk_size, (i + 1) * chunk_size))),
  );
  return cat(pieces, chunk_dim);
}

function extentOf({ dims }: Tensor, dim: number): number {
  return dims[dim < 0 ? dims.length + dim : dim] as number;
}
