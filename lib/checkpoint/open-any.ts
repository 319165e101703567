import type { CheckpointError } from '../errors';
import type { CheckpointFault } from './fault';
import { type OpenOptions, openCheckpoint } from './open';
import type { CheckpointSource } from './source';

/**
 * Opens the weights of a folder, or a file of weights, whichever framework wrote them: what a load takes by itself comes
 * first, then TensorFlow's, then Flax'.
 * @throws as `openCheckpoint` does where none of them is there
 */
export async function openAnyCheckpoint(
  location: string,
  options: Omit<OpenOptions, 'from_tf' | 'from_flax'> = {},
): Promise<CheckpointSource> {
  let first: unknown = null;
  for (const framework of [{}, { from_tf: true }, { from_flax: true }]) {
    try {
      return await openCheckpoint(location, { ...options, ...framework });
    } catch (error) {
      if (!isOfOthers(error)) throw first ?? error;
      first ??= error;
    }
  }
  throw first;
}

/** Whether an option for another framework may find what was looked for. */
function isOfOthers(error: unknown): boolean {
  const { code, message } = error as CheckpointError;
  return code === ('WEIGHTS_NOT_FOUND' satisfies CheckpointFault) || /set from_(tf|flax)/.test(message);
}
