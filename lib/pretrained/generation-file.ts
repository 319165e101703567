import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveModelFolder } from '../env';
import { GenerationConfig } from '../generation/generation-config';
import { info } from '../logging';
import { readConfigFile } from './config-file';

export const GENERATION_CONFIG_NAME = 'generation_config.json';

/**
 * The generation config beside a model's weights; null when there is none.
 * @param path - the model's folder or id; beside a single weights file none is looked for
 * @throws OSError when it cannot be read; AbortError
 */
export async function loadGenerationConfig(
  path: string,
  options: { subfolder?: string; signal?: AbortSignal | undefined } = {},
): Promise<GenerationConfig | null> {
  const file = join(await resolveModelFolder(path), options.subfolder ?? '', GENERATION_CONFIG_NAME);
  const found = await stat(file).catch(() => null);
  if (found?.isFile()) return new GenerationConfig(await readConfigFile(file, options.signal));
  info(`'${path}' has no ${GENERATION_CONFIG_NAME}; the generation config is what the model's config says`);
  return null;
}
