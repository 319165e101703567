import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AutoConfig } from '../auto/auto-config';
import { modelSubfolder } from '../env';
import { TypeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { givenOptions, refuseSurplus } from '../options';
import { AutoTokenizer, type PreTrainedTokenizer } from '../preprocess';
import { kTokenizerFile, kVocabularyFiles } from '../preprocess/tokenizer/folder';
import type { PretrainedConfig } from '../pretrained/config';
import { checkLoadTypes, type FromPretrainedOptions, loadOptionNames } from '../pretrained/load-options';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import { fetchModel } from './fetch-model';
import { LoadProgress } from './load-progress';
import type { Pipeline } from './pipeline';
import { transformerFolder } from './sentence-transformers';
import { type PipelineOf, type PipelineType, type Task, taskOf } from './tasks';

export {
  type FeatureExtractionOptions,
  FeatureExtractionPipeline,
  type FeaturePooling,
} from './feature-extraction';
export { type FillMaskOptions, type FillMaskOutput, FillMaskPipeline, type FillMaskSingle } from './fill-mask';
export { Pipeline, type PipelineParts } from './pipeline';
export {
  type QuestionAnsweringOptions,
  type QuestionAnsweringOutput,
  QuestionAnsweringPipeline,
  type QuestionInContext,
} from './question-answering';
export type { PipelineOf, PipelineType } from './tasks';
export {
  type TextClassificationOptions,
  type TextClassificationOutput,
  TextClassificationPipeline,
  type TextClassificationSingle,
} from './text-classification';
export {
  type TokenClassificationGroup,
  type TokenClassificationOptions,
  TokenClassificationPipeline,
  type TokenClassificationSingle,
} from './token-classification';
export {
  type ZeroShotClassificationOptions,
  type ZeroShotClassificationOutput,
  ZeroShotClassificationPipeline,
} from './zero-shot-classification';

/**
 * Options of `pipeline`: those of `from_pretrained`, fields of the config to override, and options of the task's calls,
 * which every call then starts from.
 */
export type PipelineOptions = FromPretrainedOptions;

/**
 * Loads what a task needs from a folder or the Hub: its model, with the head of the task, and its tokenizer.
 * @param task - such as 'feature-extraction' or 'sentiment-analysis'
 * @param model - a folder, a model id under `env.localModelPath`, or the id of a model on the Hub
 * @throws KeyError `ERR_NO_SUCH_TASK`; NotImplementedError for tasks that are not here yet; TypeError for unknown options;
 *   what loading the model and its tokenizer throws; AbortError
 */
export async function pipeline<T extends PipelineType>(
  task: T,
  model?: string | null,
  options?: PipelineOptions | null,
  ...surplus: never[]
): Promise<PipelineOf<T>> {
  refuseSurplus('pipeline()', surplus);
  const found = taskOf(task);
  return (await load(
    found,
    checkModel(found, model),
    givenOptions(options, `pipeline('${found.name}')`),
  )) as PipelineOf<T>;
}

async function load(task: Task, model: string, options: PipelineOptions): Promise<Pipeline> {
  checkLoadTypes(`pipeline('${task.name}')`, options);
  const { signal, progress_callback: listener } = options;
  throwIfAborted(signal);
  const { folder, transferred } = await fetchModel(model, options);
  const subfolder = await subfolderOf(task, folder, options);
  const location = { subfolder, ...(signal && { signal }) };
  // Of files that came over the network the listener has heard already.
  const progress = new LoadProgress((!transferred && listener) || (() => {}), model);
  if (listener && !transferred) await progress.expect(folder, { ...options, subfolder });
  const given = options.config ?? folder;
  const config =
    typeof given === 'object'
      ? given
      : await progress.around('config.json', () => AutoConfig.from_pretrained(given, location));
  const { loading, defaults } = partOptions(task, config, options);
  const tokenizerLocation = await withTokenizer(folder, location);
  const [network, tokenizer] = await both(
    task.auto.from_pretrained(folder, { ...loading, ...location, progress_callback: progress.report }),
    AutoTokenizer.from_pretrained(folder, { ...tokenizerLocation, progress_callback: progress.report }),
  );
  network.config.name_or_path = model;
  try {
    const made = await task.make({ task: task.name, folder, model: network, tokenizer, defaults });
    listener?.({ status: 'ready', task: task.name, model });
    return made;
  } catch (error) {
    await network.dispose();
    tokenizer.dispose();
    throw error;
  }
}

function checkModel(task: Task, model: unknown): string {
  if (typeof model === 'string') return model;
  if (model !== undefined && model !== null)
    throw new TypeError(`pipeline('${task.name}') takes the folder or the id of a model, not a ${typeof model}`);
  throw new ValueError(
    `pipeline('${task.name}') needs a model: there are no default models here; give a folder or the id of a model on the Hub`,
    { code: 'ERR_NO_MODEL' },
  );
}

/** Where the model lies in its folder: as asked for, else as modules.json says. */
async function subfolderOf(task: Task, folder: string, { subfolder }: PipelineOptions): Promise<string> {
  const asked = modelSubfolder(subfolder);
  if (asked !== '' || subfolder === '') return asked;
  return task.name === 'feature-extraction' ? transformerFolder(folder) : '';
}

/** The tokenizer lies beside the model, or above it. */
async function withTokenizer<L extends { subfolder: string }>(folder: string, location: L): Promise<L> {
  if (location.subfolder === '' || (await holdsVocabulary(join(folder, location.subfolder)))) return location;
  return (await holdsVocabulary(folder)) ? { ...location, subfolder: '' } : location;
}

async function holdsVocabulary(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => name === kTokenizerFile || kVocabularyFiles.includes(name));
}

/**
 * Parts the options of loading from those of calls.
 * @throws TypeError for a name that is none of them and no field of the config
 */
function partOptions(task: Task, config: PretrainedConfig, options: PipelineOptions) {
  const loading: Record<string, unknown> = {};
  const defaults: Record<string, unknown> = {};
  const further = task.auto.classFor(config).constructor_args;
  for (const [name, value] of Object.entries(options)) {
    if (task.call_options.includes(name)) defaults[name] = value;
    else if (loadOptionNames.includes(name) || name in config || further.includes(name)) loading[name] = value;
    else throw unknownName('option', name, `pipeline('${task.name}')`, [...task.call_options, ...loadOptionNames]);
  }
  return { loading, defaults };
}

/** Both, or the error of the first that fails, with the other one's memory given back. */
async function both(
  model: Promise<PreTrainedModel>,
  tokenizer: Promise<PreTrainedTokenizer>,
): Promise<[PreTrainedModel, PreTrainedTokenizer]> {
  const [network, words] = await Promise.allSettled([model, tokenizer]);
  if (network.status === 'fulfilled' && words.status === 'fulfilled') return [network.value, words.value];
  if (network.status === 'fulfilled') await network.value.dispose();
  if (words.status === 'fulfilled') words.value.dispose();
  throw network.status === 'rejected' ? network.reason : (words as PromiseRejectedResult).reason;
}
