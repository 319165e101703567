import { ValueError } from '../errors';

/**
 * `config.chunk_size_feed_forward` bounds memory in Transformers and changes no number; a length that it does not
 * divide is an error there and here.
 */
export function checkChunks(chunk: number, length: number): void {
  if (chunk > 0 && length % chunk !== 0)
    throw new ValueError(
      `The dimension to be chunked ${length} has to be a multiple of the chunk size ${chunk} (config.chunk_size_feed_forward)`,
      { code: 'ERR_SHAPE' },
    );
}
