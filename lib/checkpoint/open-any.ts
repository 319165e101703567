import type { CheckpointError } from '../errors';
import type { CheckpointFault } from './fault';
import { type OpenOptions, openCheckpoint } from './open';
import type { CheckpointSource } from './source';

/**
 * Opens the weights of a folder, or a file of weights, whichever framework wrote them: what a load takes by itself comes
 * first, then TensorFlow's, then Flax'.
 * @throws as `openCheckpoint` does where none of them is there, and for a file that is there and cannot be read
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
      if (!isOfOthers(error)) throw isUntaken(error) ? (first ?? error) : error;
      first ??= error;
    }
  }
  throw first;
}

/** Whether only the option that was tried is wrong, so that what came before says more. */
function isUntaken(error: unknown): boolean {
  return (error as CheckpointError).code === 'ERR_OPTION_VALUE';
}

/** Whether an option for another framework may find what was looked for. */
function isOfOthers(error: unknown): boolean {
  const { code, message } = error as CheckpointError;
  return code === ('WEIGHTS_NOT_FOUND' satisfies CheckpointFault) || /set from_(tf|flax)/.test(message);
}
