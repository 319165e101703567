import { stat } from 'node:fs/promises';
import { isGgufName } from '../checkpoint/gguf/locate-gguf';
import { weightsFormatOf } from '../checkpoint/resolve';
import { OSError, ValueError } from '../errors';
import { fileNameOf, isUrl } from '../hub/fetch-url';
import { PretrainedConfig } from './config';
import type { FromPretrainedOptions } from './load-options';

/**
 * Checks what a model is to be loaded from, before anything is read: nothing needs both a config and weights, one file of
 * weights a config, and so does its address.
 * @throws OSError, ValueError naming what is missing
 */
export async function checkLocation(path: string | null, options: FromPretrainedOptions): Promise<void> {
  const { config, state_dict } = options;
  if (path === null) return checkNothing(Boolean(config), Boolean(state_dict));
  if (isUrl(path)) checkUrl(path);
  if (config || (isGgufName(path) && !isUrl(path))) return; // the metadata of a GGUF file says its config
  if (isUrl(path) || (await isFile(path)))
    throw new OSError(
      `'${path}' is one file, not a folder: with a file of weights give its config too, as { config }; the config beside ` +
        'it is not looked for',
      { code: 'ERR_NO_CONFIG' },
    );
}

function checkNothing(hasConfig: boolean, hasWeights: boolean): void {
  if (hasConfig && hasWeights) return;
  if (!hasConfig && !hasWeights)
    throw new OSError('None is not a folder; give a folder, or null with both config and state_dict', {
      code: 'ERR_NO_FOLDER',
    });
  throw new ValueError(
    `from_pretrained(null) needs both config and state_dict; ${hasConfig ? 'state_dict' : 'config'} is missing`,
  );
}

/** @throws OSError for the address of anything but one file of weights */
function checkUrl(url: string): void {
  const name = fileNameOf(url);
  if (weightsFormatOf(name) !== null) return;
  throw new OSError(
    `'${url}' is not the address of a file of weights (${name === '' ? 'but of a folder' : `'${name}' does not end like one`}): ` +
      "a repository on the Hub is given by its id, 'namespace/name'",
    { code: 'ERR_URL' },
  );
}

/** The commit that files are wanted of, where the caller's config object knows it of this very model. */
export function knownCommit(
  path: string | null,
  { config: given, revision, _commit_hash }: FromPretrainedOptions,
  config: PretrainedConfig,
): string | null {
  if (typeof _commit_hash === 'string') return _commit_hash;
  if (!given) return config._commit_hash;
  if (!(given instanceof PretrainedConfig) || revision || given.name_or_path !== path) return null;
  return given._commit_hash;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
