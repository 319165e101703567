import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { modelSubfolder } from '../env';
import { TypeError, ValueError } from '../errors';
import { contradictions } from '../generation/contradictions';
import { GenerationConfig } from '../generation/generation-config';
import { isUrl } from '../hub/fetch-url';
import { folderOf, locateModel } from '../hub/model-repo';
import type { HubOptions } from '../hub/options';
import { info } from '../logging';
import { transformersVersion } from './config-fields';
import { readConfigFile } from './config-file';
import { formatJson } from './config-json';
import type { FromPretrainedOptions } from './load-options';
import type { ModelClass, PreTrainedModel } from './pretrained-model';

export const GENERATION_CONFIG_NAME = 'generation_config.json';

/** @throws TypeError, ValueError for a `generation_config` that cannot be */
export function checkGenerationOption(
  ModelType: ModelClass,
  { generation_config: given }: FromPretrainedOptions,
): void {
  if (given === undefined || given === null) return;
  if (!(given instanceof GenerationConfig))
    throw new TypeError(
      'generation_config must be a GenerationConfig, such as new GenerationConfig({ max_new_tokens: 9 })',
    );
  if (!ModelType.prototype.can_generate())
    throw new ValueError(`${ModelType.name} does not generate, so it takes no generation_config`);
}

/**
 * Gives a model that generates the generation config that the load was given, or that lies beside its weights; without
 * either it keeps what its config says.
 * @throws OSError when the file cannot be read; AbortError
 */
export async function adoptGenerationConfig(
  model: PreTrainedModel,
  path: string | null,
  options: FromPretrainedOptions,
  hub: HubOptions = {},
): Promise<void> {
  if (!model.can_generate()) return;
  const given = options.generation_config ?? null;
  // Of a GGUF file its own metadata says how it generates, as in Transformers.
  const hasFile = path !== null && !options.gguf_file;
  const found = given?.clone() ?? (!hasFile ? null : await loadGenerationConfig(path, options, hub));
  if (found) Object.assign(model, { generation_config: found });
}

/** The generation config in a model's folder; null when there is none, as beside a single weights file. */
async function loadGenerationConfig(
  path: string,
  { subfolder: given, signal }: FromPretrainedOptions,
  hub: HubOptions,
): Promise<GenerationConfig | null> {
  if (isUrl(path)) return null;
  const subfolder = modelSubfolder(given);
  const location = await locateModel(path, hub);
  if (typeof location !== 'string') await location.fetch(join(subfolder, GENERATION_CONFIG_NAME), true);
  const file = join(folderOf(location, subfolder), GENERATION_CONFIG_NAME);
  const found = await stat(file).catch(() => null);
  if (found?.isFile()) return new GenerationConfig(await readConfigFile(file, signal));
  info(`'${path}' has no ${GENERATION_CONFIG_NAME}; the generation config is what the model's config says`);
  return null;
}

/**
 * The text of a generation config's file: what differs from the defaults.
 * @throws ValueError when it contradicts itself
 */
export function generationConfigText(config: GenerationConfig): string {
  const problems = contradictions(config);
  if (problems.length > 0)
    throw new ValueError(
      `GenerationConfig is invalid: ${problems.join('; ')}. Set model.generation_config right, and save again`,
      { code: 'ERR_GENERATION_CONFIG' },
    );
  const fields: Record<string, unknown> = { transformers_version: transformersVersion };
  for (const name of config.differing()) fields[name] = config[name];
  if (config._from_model_config) fields['_from_model_config'] = true;
  return `${formatJson(fields)}\n`;
}
