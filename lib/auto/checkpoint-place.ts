import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isGgufName } from '../checkpoint/gguf/locate-gguf';
import { partNames } from '../checkpoint/gguf/part-names';
import { openAnyCheckpoint } from '../checkpoint/open-any';
import type { CheckpointSource } from '../checkpoint/source';
import { nearest, OSError, throwIfAborted, ValueError } from '../errors';
import { warn } from '../logging';
import { PretrainedConfig } from '../pretrained/config';
import { CONFIG_NAME } from '../pretrained/config-file';
import { completeSaveIn } from '../pretrained/interrupted-save';
import { PreTrainedModel } from '../pretrained/pretrained-model';
import { weightsNamed } from '../pretrained/rewrite-checkpoint';
import { architectureOf } from '../pretrained/views/view';
import { AutoConfig } from './auto-config';
import type { LoadableClass } from './auto-model';
import { loadFamily, supportedModelTypes } from './families';
import { originalConfigs, releasedClasses } from './original-releases';
import { savedClass } from './saved-class';

/** Where a checkpoint is that is looked at or converted. */
export interface CheckpointPlace {
  /** What is opened: a folder, a file of weights, or what the files of a TensorFlow checkpoint begin with. */
  readonly location: string;
  /** The folder that it is or lies in. */
  readonly folder: string;
  readonly kind: 'folder' | 'file' | 'gguf';
  /** The GGUF file that a folder holds in place of a config and weights. */
  readonly gguf_file: string | null;
}

/** What is said of a checkpoint beside its location. */
export interface ClassChoice {
  /** Its config, or where that is, in place of the one beside the weights. */
  config?: PretrainedConfig | string | null | undefined;
  /** The model's class, in place of the one that the config names. */
  class?: string | null | undefined;
}

/** @throws OSError `ERR_NO_FOLDER` where there is nothing; `SAVE_INTERRUPTED`, `SAVE_IN_PROGRESS` */
export async function checkpointAt(location: string, signal?: AbortSignal): Promise<CheckpointPlace> {
  throwIfAborted(signal);
  const kind = await kindOf(location);
  if (kind === null)
    throw new OSError(
      `there is no folder or file '${location}'; give the folder of a checkpoint, a file of weights, or what the files of ` +
        'a TensorFlow checkpoint begin with',
      { code: 'ERR_NO_FOLDER' },
    );
  const folder = kind === 'folder' ? location : dirname(location);
  await completeSaveIn(folder);
  const gguf_file = kind === 'folder' ? await onlyGguf(folder) : null;
  if (gguf_file !== null) return { location: join(folder, gguf_file), folder, kind: 'gguf', gguf_file };
  return { location, folder, kind: kind === 'file' && isGgufName(location) ? 'gguf' : kind, gguf_file };
}

/** The GGUF file, or the first of its parts, that a folder without a config holds; null where it holds none or several. */
async function onlyGguf(folder: string): Promise<string | null> {
  const names = await readdir(folder);
  const [first, ...others] = names.filter(isGgufName).sort();
  if (first === undefined || names.includes(CONFIG_NAME)) return null;
  const parts = partNames(first) ?? [];
  return others.every((name) => parts.includes(name)) ? first : null;
}

async function kindOf(location: string): Promise<'folder' | 'file' | null> {
  const found = await stat(location).catch(() => null);
  if (found?.isDirectory()) return 'folder';
  return (found ?? (await stat(`${location}.index`).catch(() => null))) ? 'file' : null;
}

/** Opens the weights of a place, whichever framework wrote them; of a folder those that its config names, if it names any. */
export async function openAt(
  { location, kind }: CheckpointPlace,
  options: Parameters<typeof openAnyCheckpoint>[1],
): Promise<CheckpointSource> {
  return openAnyCheckpoint(location, { ...options, ...(kind === 'folder' && (await weightsNamed(location))) });
}

/** Where a place's config comes from: its path, or the object that was given. */
export async function configSource(
  place: CheckpointPlace,
  { config }: ClassChoice,
): Promise<PretrainedConfig | string> {
  if (config) return config;
  if (place.kind === 'gguf') return place.location;
  for (const name of [CONFIG_NAME, ...originalConfigs.keys()]) {
    const file = join(place.folder, name);
    if ((await stat(file).catch(() => null))?.isFile()) return file;
  }
  const names = [CONFIG_NAME, ...originalConfigs.keys()];
  throw new OSError(
    `'${place.folder}' has none of the files ${names.join(', ')}; give the config of '${place.location}' as config`,
    { code: 'ERR_NO_CONFIG' },
  );
}

/**
 * The config of a checkpoint, of the class that its `model_type` names, or the class that was chosen. Those of original
 * releases, which name nothing, are known by their files' names, and taken for the class that was released, which a line tells.
 * @throws OSError, ValueError when there is none, when it names no type, or one of another class
 */
export async function configAt(
  place: CheckpointPlace,
  choice: ClassChoice,
  signal?: AbortSignal,
): Promise<PretrainedConfig> {
  const asked = choice.class == null ? null : classNamed(choice.class);
  const from = await configSource(place, choice);
  if (typeof from !== 'string') return asked === null ? from.clone() : ofClass(asked, from.clone(), '');
  const options = { ...(signal && { signal }) };
  const [fields] = await PretrainedConfig.get_config_dict(from, options);
  if (fields['model_type'] != null) {
    const config = await AutoConfig.from_pretrained(from, options);
    return asked === null ? config : ofClass(asked, config, ` in '${from}'`);
  }
  const release = originalConfigs.get(basename(from));
  const renamed = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [release?.names[name] ?? name, value]),
  );
  if (asked !== null) return asked.config_class.from_dict(renamed);
  if (release === undefined)
    throw new ValueError(
      `'${from}' has no model_type, so it does not say of which family the model is; name the model's class, such as ` +
        'BertForMaskedLM, as class',
      { code: 'ERR_MODEL_TYPE' },
    );
  return asReleased(AutoConfig.for_model(release.model_type, renamed), from);
}

/** A config that names no class, taken for that of the original release. */
function asReleased(config: PretrainedConfig, from: string): PretrainedConfig {
  const released = releasedClasses[modelTypeOf(config)] as string;
  config.architectures ??= [released];
  warn(
    `'${from}' names no class, and is taken for that of a ${released}, which the original release was; another can be ` +
      'named as class',
  );
  return config;
}

function modelTypeOf(config: PretrainedConfig): string {
  return (config.constructor as typeof PretrainedConfig).model_type;
}

function ofClass(asked: LoadableClass, config: PretrainedConfig, where: string): PretrainedConfig {
  if (modelTypeOf(config) === asked.config_class.model_type) return config;
  throw new ValueError(
    `${asked.name} is a class of '${asked.config_class.model_type}', and the config${where} is of '${modelTypeOf(config)}'; ` +
      'choose another class, or give the config of this model',
    { code: 'ERR_ARCHITECTURE' },
  );
}

/** The class of that name; TensorFlow's and Flax' names stand for PyTorch's. @throws ValueError for no name of a model's */
function classNamed(asked: string): LoadableClass {
  const name = architectureOf(asked);
  const known: string[] = [];
  for (const type of supportedModelTypes()) {
    for (const [candidate, value] of Object.entries(loadFamily(type))) {
      if (typeof value !== 'function' || !(value.prototype instanceof PreTrainedModel)) continue;
      if (candidate === name) return value as LoadableClass;
      known.push(candidate);
    }
  }
  const guess = nearest(name, known);
  throw new ValueError(`there is no class '${asked}' here${guess === null ? '' : `; did you mean ${guess}?`}`, {
    code: 'ERR_ARCHITECTURE',
  });
}

/**
 * The class whose weights a checkpoint holds: the one that was chosen, or that the config names; of a TensorFlow 1
 * checkpoint whose config names none, that of the original release, which a line tells.
 * @throws ValueError `ERR_ARCHITECTURE` when nothing names one that is here
 */
export function classAt(
  { location }: CheckpointPlace,
  choice: ClassChoice,
  config: PretrainedConfig,
  { format }: CheckpointSource,
): LoadableClass {
  if (choice.class != null) return classNamed(choice.class);
  if (format === 'tensorflow1' && !config.architectures && releasedClasses[modelTypeOf(config)])
    asReleased(config, location);
  return savedClass(config, location);
}
