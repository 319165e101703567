import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type CheckpointError, ValueError } from '../errors';
import type { CheckpointFault } from './fault';
import { type OpenOptions, openCheckpoint } from './open';
import { bundlesAmong } from './resolve';
import type { CheckpointSource } from './source';

/**
 * Opens the weights of a folder, or a file of weights, whichever framework wrote them: what a load takes by itself comes
 * first, then TensorFlow's, then Flax', then a TensorFlow checkpoint of another name than model.ckpt, such as Google's.
 * @throws as `openCheckpoint` does where none of them is there, and for a file that is there and cannot be read; ValueError
 *   where there are several of the last
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
      if (!isOfOthers(error)) throw error;
      first ??= error;
    }
  }
  const named = await tensorflowCheckpoint(location);
  if (named === null) throw first;
  return openCheckpoint(named, { ...options, from_tf: true });
}

/** The TensorFlow checkpoint in a folder, whatever its name; null where there is none. */
async function tensorflowCheckpoint(folder: string): Promise<string | null> {
  const starts = bundlesAmong(await readdir(folder).catch((): string[] => []));
  const [only, ...others] = starts;
  if (others.length > 0)
    throw new ValueError(
      `'${folder}' holds several TensorFlow checkpoints: ${starts.join(', ')}; give the path of one, such as ` +
        `'${join(folder, starts.at(-1) as string)}'`,
      { code: 'ERR_AMBIGUOUS' },
    );
  return only === undefined ? null : join(folder, only);
}

/** Whether an option for another framework may find what was looked for, or only the one that was tried is wrong. */
function isOfOthers(error: unknown): boolean {
  const { code, message } = error as CheckpointError;
  return (
    code === ('WEIGHTS_NOT_FOUND' satisfies CheckpointFault) ||
    /set from_(tf|flax)|leave from_(tf|flax) out/.test(message)
  );
}
