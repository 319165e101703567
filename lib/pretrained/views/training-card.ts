import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../checkpoint/staged-file';
import { TypeError } from '../../errors';
import { CARD_NAME, yamlText } from '../../hub/model-card';
import { transformersVersion } from '../config-fields';
import { makeFolder } from '../config-file';
import type { PreTrainedModel } from '../pretrained-model';
import { architectureOf } from './view';

/** What a model card is to say; one or several where a list may be given. */
export interface ModelCardOptions {
  language?: string | readonly string[] | null;
  license?: string | null;
  tags?: string | readonly string[] | null;
  /** The model that this one was made from; default where it was loaded from, unless that is a folder. */
  finetuned_from?: string | null;
  /** Tasks such as 'fill-mask'; default what the class is for. */
  tasks?: string | readonly string[] | null;
  /** Ids of data sets on the Hub. */
  dataset_tags?: string | readonly string[] | null;
  /** What data sets are called in the text; default their ids. */
  dataset?: string | readonly string[] | null;
  /** What part of each data set. */
  dataset_args?: string | readonly string[] | null;
}

const TASKS: Readonly<Record<string, string>> = {
  ForMaskedLM: 'fill-mask',
  ForSequenceClassification: 'text-classification',
  ForTokenClassification: 'token-classification',
  ForQuestionAnswering: 'question-answering',
  ForMultipleChoice: 'multiple-choice',
  ForConditionalGeneration: 'text2text-generation',
  LMHeadModel: 'text-generation',
  ForCausalLM: 'text-generation',
};

/** Writes the draft of a model card. See `TensorFlowMethods.create_model_card`. */
export async function writeTrainingCard(
  model: PreTrainedModel,
  folder: string,
  name: string,
  options: ModelCardOptions,
): Promise<void> {
  for (const [what, value] of Object.entries({ output_dir: folder, model_name: name }))
    if (typeof value !== 'string' || value === '')
      throw new TypeError(`${what} of create_model_card must be a text, not ${value === '' ? 'empty' : typeof value}`);
  for (const [what, value] of Object.entries(options))
    if (value !== null && !asList(value).every((each) => typeof each === 'string'))
      throw new TypeError(
        `${what} of create_model_card must be a text${what === 'license' ? '' : ', or a list of texts'}`,
      );
  const finetuned_from = options.finetuned_from ?? (await originOf(model));
  const text = `${header(model, name, { ...options, finetuned_from })}${body(name, { ...options, finetuned_from })}`;
  await makeFolder(folder);
  await writeWhole(join(folder, CARD_NAME), Buffer.from(text));
}

/** The repository that the model was loaded from; null for a folder, and for a model that was not loaded. */
async function originOf({ config: { name_or_path } }: PreTrainedModel): Promise<string | null> {
  if (!name_or_path || name_or_path === 'None') return null;
  const isHere = await stat(name_or_path).catch(() => null);
  return isHere ? null : name_or_path;
}

/** The front matter: what the Hub reads. Fields without a value are left out. */
function header(model: PreTrainedModel, name: string, options: ModelCardOptions): string {
  const tags = [...new Set([...asList(options.tags), ...(model.model_tags ?? [])])];
  const [task = taskOf(model)] = asList(options.tasks);
  const lines = [
    ...list('language', options.language),
    ...value('license', options.license),
    ...value('base_model', options.finetuned_from),
    ...value('pipeline_tag', task),
    ...list('tags', tags),
    ...list('datasets', options.dataset_tags),
    'model-index:',
    `- name: ${yamlText(name)}`,
    '  results: []',
  ];
  return `---\n${lines.join('\n')}\n---\n`;
}

function taskOf(model: PreTrainedModel): string | null {
  const name = architectureOf(model.constructor.name);
  return Object.entries(TASKS).find(([end]) => name.endsWith(end))?.[1] ?? null;
}

const open = 'To be written.';

function body(name: string, options: ModelCardOptions): string {
  const from = options.finetuned_from;
  const origin = from
    ? `Made from [${from}](https://huggingface.co/${from}) by further training`
    : 'Trained from its first weights';
  const tasks = asList(options.tasks);
  const lines = [
    '',
    `# ${name}`,
    '',
    `${origin} on ${datasets(options)}.${tasks.length > 0 ? ` For ${listed(tasks)}.` : ''}`,
    '',
    ...[
      'Model description',
      'Intended uses & limitations',
      'Training and evaluation data',
      'Training procedure',
    ].flatMap((title) => [`## ${title}`, '', open, '']),
    '### Framework versions',
    '',
    `- Transformers ${transformersVersion} (the version whose format this is)`,
    '',
  ];
  return lines.join('\n');
}

function datasets({ dataset, dataset_tags, dataset_args }: ModelCardOptions): string {
  const names = asList(dataset ?? dataset_tags);
  if (names.length === 0) return 'an unknown dataset';
  const parts = asList(dataset_args);
  const all = names.map((each, i) => `${each}${parts[i] ? ` (${parts[i]})` : ''}`);
  return `the ${listed(all)} dataset${all.length > 1 ? 's' : ''}`;
}

function listed(names: readonly string[]): string {
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : (names[0] ?? '');
}

function asList(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value as string];
}

function list(field: string, values: string | readonly string[] | null | undefined): string[] {
  const all = asList(values);
  return all.length === 0 ? [] : [`${field}:`, ...all.map((each) => `- ${yamlText(each)}`)];
}

function value(field: string, text: string | null | undefined): string[] {
  return text ? [`${field}: ${yamlText(text)}`] : [];
}
