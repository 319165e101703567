import { NotImplementedError } from '../errors';
import type { CommitInfo } from '../hub/commit-files';
import { type PushOptions, pushOptionNames, pushToHub, saveAndPush } from '../hub/push-to-hub';

/** What can be saved into a folder; options that a class does not know are not passed to it. */
interface Savable {
  save_pretrained?(folder: string, options: Record<string, unknown>): Promise<unknown>;
}

/** Names of the options of saving that `push_to_hub` forwards. */
export type ForwardedOption = 'max_shard_size' | 'safe_serialization';

/** Saves a model or a config and commits it. See `pushToHub`. */
export function pushSavable(
  subject: object,
  repo_id: string | null,
  options: PushOptions | null | undefined,
  forwarded: readonly ForwardedOption[],
): Promise<CommitInfo> {
  const className = subject.constructor.name;
  const { save_pretrained } = subject as Savable;
  if (typeof save_pretrained !== 'function')
    throw new NotImplementedError(`${className} cannot be saved yet, and so not pushed; push a folder: uploadFolder`, {
      code: 'ERR_NOT_SUPPORTED_YET',
    });
  return pushToHub(
    {
      className,
      save: (folder, { signal, ...given }) =>
        save_pretrained.call(subject, folder, {
          ...Object.fromEntries(Object.entries(given).filter(([name]) => forwarded.includes(name as ForwardedOption))),
          ...(signal && { signal }),
        }),
    },
    repo_id,
    options,
  );
}

/**
 * `save_pretrained(folder, { push_to_hub: true })`: saves with the options of saving, and commits what is new of the folder
 * with those of pushing.
 */
export async function saveAndPushModel(
  className: string,
  folder: string,
  options: Record<string, unknown>,
  save: (folder: string, options: Record<string, unknown>) => Promise<void>,
): Promise<void> {
  const ofSaving = ['max_shard_size', 'safe_serialization', 'signal', 'progress_callback'];
  const saving: Record<string, unknown> = {};
  const pushing: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const ofPush = name === 'repo_id' || pushOptionNames.includes(name);
    if (name !== 'push_to_hub' && (!ofPush || ofSaving.includes(name))) saving[name] = value;
    if (ofPush && !['max_shard_size', 'safe_serialization', 'progress_callback'].includes(name)) pushing[name] = value;
  }
  await saveAndPush({ className, save: (to) => save(to, saving) }, folder, pushing);
}
