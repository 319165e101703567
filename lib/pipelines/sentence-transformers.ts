import { isAbsolute, join } from 'node:path';
import { NotImplementedError, OSError, ValueError } from '../errors';
import type { Linear } from '../nn/linear';
import { normalize } from '../tensor/ops/norm';
import type { PoolingMode } from '../tensor/ops/pool';
import type { Tensor } from '../tensor/tensor';
import { readDense } from './dense-module';
import { isObject, ModuleFile, readJson } from './module-file';

/**
 * What a sentence-transformers folder adds to a model: pooling, dense layers, normalisation, prompts. Both generations
 * of the layout are read: `type` by its last segment, pooling as flags or as names.
 */
export interface SentenceModules {
  /** Modes, concatenated in this order. */
  pooling: PoolingMode[];
  /** False when the tokens of a prompt do not take part in pooling. */
  include_prompt: boolean;
  /** What follows pooling, [B, C] → [B, C']. */
  layers: ((x: Tensor) => Tensor)[];
  /** Tokens at which texts are cut, special tokens included; null when the folder does not say. */
  max_seq_length: number | null;
  do_lower_case: boolean;
  prompts: Record<string, string>;
  default_prompt_name: string | null;
  /** Gives the memory of dense layers back. */
  dispose(): void;
}

/** The Normalize module: vectors of length 1. */
export const unitLength = (x: Tensor): Tensor => normalize(x);

/** One entry of modules.json. */
interface Entry {
  /** 'Pooling', of sentence_transformers.models.Pooling and of its later names. */
  kind: string;
  /** Where its files lie, inside the folder. */
  path: string;
}

/** The subfolder of the model and its tokenizer in a sentence-transformers folder: '' where they lie in the folder. */
export async function transformerFolder(folder: string): Promise<string> {
  const entries = await readEntries(folder);
  return entries?.[0]?.path ?? '';
}

const knownKinds = ['Transformer', 'Pooling', 'Normalize', 'Dense', 'Dropout'];

/**
 * What modules.json lists; null without one.
 * @throws ValueError for what is no list of modules; NotImplementedError for modules that are not known here, or in
 *   another order than Transformer, Pooling, others
 */
async function readEntries(folder: string): Promise<Entry[] | null> {
  const found = await readJson(folder, 'modules.json');
  if (!found) return null;
  const { value } = found;
  if (!Array.isArray(value) || !value.every(isObject))
    throw new ValueError(`modules.json of '${folder}' must be a list of modules, [{ type, path }, …]`, {
      code: 'ERR_CONFIG_TYPE',
    });
  const entries = value.map((module) => ({ kind: kindOf(folder, module), path: pathOf(folder, module) }));
  const misplaced = entries.some(
    ({ kind }, i) => (kind === 'Transformer') !== (i === 0) || (kind === 'Pooling') !== (i === 1),
  );
  if (misplaced || entries.length < 2)
    throw new NotImplementedError(
      `modules.json of '${folder}' lists ${entries.map(({ kind }) => kind).join(', ') || 'nothing'}; ` +
        'a Transformer, then a Pooling, then any of the others is what is supported here',
      { code: 'ERR_NOT_SUPPORTED_YET' },
    );
  return entries;
}

function kindOf(folder: string, module: Record<string, unknown>): string {
  const type = String(module['type']);
  const kind = type.split('.').pop() as string;
  if (type.startsWith('sentence_transformers.') && knownKinds.includes(kind)) return kind;
  throw new NotImplementedError(
    `modules.json of '${folder}' has a module of type '${type}'; known here, of sentence_transformers itself: ` +
      `${knownKinds.join(', ')}. Code in a repository is never run`,
    { code: 'ERR_NOT_SUPPORTED_YET' },
  );
}

/** Where a module's files lie in the folder. @throws ValueError for a path that leads out of it */
function pathOf(folder: string, module: Record<string, unknown>): string {
  const path = String(module['path'] ?? '');
  if (!isAbsolute(path) && !path.split(/[\\/]/).includes('..')) return path;
  throw new ValueError(`modules.json of '${folder}' has a module at '${path}', which is not inside the folder`, {
    code: 'ERR_PATH',
  });
}

/**
 * Reads `modules.json` and what it names; null for a folder without it.
 * @throws OSError for a file that is missing or no JSON; ValueError, NotImplementedError naming the file and the field that
 *   cannot be, is not known or is not supported
 */
export async function readSentenceModules(folder: string): Promise<SentenceModules | null> {
  const entries = await readEntries(folder);
  if (!entries) return null;
  const dense: Linear[] = [];
  const dispose = (): void => {
    for (const layer of dense) for (const [, parameter] of layer.named_parameters()) parameter.dispose();
  };
  const [transformer, pooling, ...others] = entries.map(({ kind, path }) => ({ kind, path: join(folder, path) }));
  const found: SentenceModules = {
    ...(await readTransformer((transformer as Entry).path)),
    ...(await readPooling((pooling as Entry).path)),
    ...(await readPrompts(folder)),
    layers: [],
    dispose,
  };
  try {
    for (const { kind, path } of others) {
      if (kind === 'Normalize') found.layers.push(await readNormalize(path));
      if (kind !== 'Dense') continue;
      const { layer, forward } = await readDense(path);
      dense.push(layer);
      found.layers.push(forward);
    }
    return found;
  } catch (error) {
    dispose();
    throw error;
  }
}

/** Names that the file of a Transformer module has had, the newest first. */
const transformerFiles = ['bert', 'roberta', 'distilbert', 'camembert', 'albert', 'xlm-roberta', 'xlnet'].map(
  (name) => `sentence_${name}_config.json`,
);

/** What the Transformer module says of texts. What it says of loading is refused where it would change the vectors. */
async function readTransformer(folder: string): Promise<Pick<SentenceModules, 'max_seq_length' | 'do_lower_case'>> {
  let file: ModuleFile | null = null;
  for (const name of transformerFiles) file ??= await ModuleFile.open(folder, name);
  if (!file) return { max_seq_length: null, do_lower_case: false };
  const length = file.count('max_seq_length');
  const do_lower_case = file.flag('do_lower_case', false);
  file.only('transformer_task', 'feature-extraction');
  file.only('modality_config', { text: { method: 'forward', method_output_name: 'last_hidden_state' } });
  file.only('module_output_name', 'token_embeddings');
  for (const name of [
    'processing_kwargs',
    'tokenizer_name_or_path',
    'query_length',
    'document_length',
    'query_expansion',
  ])
    file.only(name, null, {});
  file.inert('unpad_inputs');
  refuseArguments(
    file,
    ['model_args', 'model_kwargs'],
    ['add_pooling_layer', 'attn_implementation', 'low_cpu_mem_usage'],
  );
  refuseArguments(file, ['config_args', 'config_kwargs'], []);
  refuseArguments(file, ['tokenizer_args', 'processor_kwargs'], ['use_fast', 'model_max_length']);
  const ofTokenizer = { ...file.object('tokenizer_args'), ...file.object('processor_kwargs') }['model_max_length'];
  file.refuseOthers();
  if (ofTokenizer === undefined) return { max_seq_length: length, do_lower_case };
  if (!Number.isSafeInteger(ofTokenizer) || (ofTokenizer as number) < 1)
    throw new ValueError(
      `model_max_length is ${JSON.stringify(ofTokenizer)} in '${file.path}'; it must be a whole number above 0`,
      {
        code: 'ERR_CONFIG_TYPE',
      },
    );
  return { max_seq_length: ofTokenizer as number, do_lower_case };
}

/** Arguments of Transformers' `from_pretrained` under their older and newer name. `trust_remote_code` is never heeded. */
function refuseArguments(file: ModuleFile, names: readonly string[], known: readonly string[]): void {
  for (const name of names)
    for (const [argument, value] of Object.entries(file.object(name)))
      if (![...known, 'trust_remote_code'].includes(argument))
        throw new NotImplementedError(
          `${name} of '${file.path}' sets ${argument} to ${JSON.stringify(value)}, which is not supported here`,
          { code: 'ERR_CONFIG_FIELD' },
        );
}

/** The Normalize module, whose file may be missing. */
async function readNormalize(folder: string): Promise<(x: Tensor) => Tensor> {
  const file = await ModuleFile.open(folder, 'config.json');
  file?.only('module_input_name', 'sentence_embedding');
  file?.only('module_output_name', 'sentence_embedding', null);
  return unitLength;
}

async function readPrompts(folder: string): Promise<Pick<SentenceModules, 'prompts' | 'default_prompt_name'>> {
  const file = await ModuleFile.open(folder, 'config_sentence_transformers.json');
  if (!file) return { prompts: {}, default_prompt_name: null };
  const prompts: Record<string, string> = {};
  for (const [name, prompt] of Object.entries(file.object('prompts'))) {
    if (prompt !== null && typeof prompt !== 'string') throw file.wrong('prompts', 'texts by their names');
    prompts[name] = prompt ?? '';
  }
  const name = file.any('default_prompt_name') ?? null;
  if (name === 'query' || name === 'document') prompts[name] ??= ''; // every model has these two
  if (name !== null && (typeof name !== 'string' || !Object.hasOwn(prompts, name)))
    throw file.wrong(
      'default_prompt_name',
      `one of its prompts (${Object.keys(prompts).join(', ') || 'none'}), or null`,
    );
  return { prompts, default_prompt_name: name };
}

/** Flags of the older layout, in the order in which their vectors are concatenated. */
const poolingFlags: [flag: string, mode: PoolingMode][] = [
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'mean_sqrt_len_tokens'],
  ['pooling_mode_weightedmean_tokens', 'weightedmean'],
  ['pooling_mode_lasttoken', 'lasttoken'],
];

async function readPooling(folder: string): Promise<Pick<SentenceModules, 'pooling' | 'include_prompt'>> {
  const file = await ModuleFile.open(folder, 'config.json');
  if (!file)
    throw new OSError(`the Pooling module in '${folder}' has no config.json, which says how tokens become a vector`, {
      code: 'ERR_NO_CONFIG',
    });
  const pooling = poolingModes(file);
  const include_prompt = file.flag('include_prompt', true);
  file.inert('embedding_dimension', 'word_embedding_dimension'); // the model has its own width
  file.refuseOthers();
  return { pooling, include_prompt };
}

/** Names go before flags; without either, and with no flag set, it is the mean, as in sentence-transformers. */
function poolingModes(file: ModuleFile): PoolingMode[] {
  const flagged = poolingFlags.filter(([flag]) => file.flag(flag, false)).map(([, mode]) => mode);
  if (!file.has('pooling_mode')) return flagged.length > 0 ? flagged : ['mean'];
  const known = poolingFlags.map(([, mode]) => mode);
  const named = file.any('pooling_mode');
  const modes = Array.isArray(named) ? named : [named];
  if (modes.length === 0 || !modes.every((mode) => known.includes(mode)))
    throw file.wrong('pooling_mode', `one of, or a list of, ${known.join(', ')}`);
  return modes;
}
