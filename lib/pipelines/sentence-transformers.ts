import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { openCheckpoint } from '../checkpoint/open';
import { NotImplementedError, OSError, ValueError } from '../errors';
import { activate, createActivation } from '../nn/activation';
import { Linear } from '../nn/linear';
import { storedTensor } from '../pretrained/stored-tensor';
import { fence } from '../tensor/load';
import { normalize } from '../tensor/ops/norm';
import type { PoolingMode } from '../tensor/ops/pool';
import type { Tensor } from '../tensor/tensor';

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

type Json = Record<string, unknown>;

/** The JSON object in `folder/name`, or null when there is no such file. @throws OSError when it is not JSON */
export async function readJson(folder: string, name: string): Promise<Json | null> {
  const path = join(folder, name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new OSError(`'${path}' cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new OSError(`'${path}' is not a valid JSON file: ${(error as Error).message}`, { cause: error });
  }
}

/** The subfolder of the model and its tokenizer in a sentence-transformers folder: '' where they lie in the folder. */
export async function transformerFolder(folder: string): Promise<string> {
  const modules = (await readJson(folder, 'modules.json')) as unknown as Json[] | null;
  const transformer = modules?.find((module) => kindOf(module) === 'Transformer');
  return transformer ? pathOf(folder, transformer) : '';
}

/** Where a module's files lie in the folder. @throws ValueError for a path that leads out of it */
function pathOf(folder: string, module: Json): string {
  const path = String(module['path'] ?? '');
  if (!isAbsolute(path) && !path.split(/[\\/]/).includes('..')) return path;
  throw new ValueError(`modules.json of '${folder}' has a module at '${path}', which is not inside the folder`, {
    code: 'ERR_PATH',
  });
}

function kindOf(module: Json): string {
  return String(module['type']).split('.').pop() as string;
}

/**
 * Reads `modules.json` and what it names; null for a folder without it.
 * @throws NotImplementedError for a kind of module that is not known here
 */
export async function readSentenceModules(folder: string): Promise<SentenceModules | null> {
  const modules = (await readJson(folder, 'modules.json')) as unknown as Json[] | null;
  if (!modules) return null;
  const dense: Linear[] = [];
  const dispose = (): void => {
    for (const layer of dense) for (const [, parameter] of layer.named_parameters()) parameter.dispose();
  };
  const found: SentenceModules = {
    pooling: [],
    include_prompt: true,
    layers: [],
    max_seq_length: null,
    do_lower_case: false,
    ...(await readPrompts(folder)),
    dispose,
  };
  for (const module of modules) {
    const kind = kindOf(module);
    const path = join(folder, pathOf(folder, module));
    if (kind === 'Transformer') Object.assign(found, await readLimits(path));
    else if (kind === 'Pooling') {
      const config = (await readJson(path, 'config.json')) ?? {};
      found.pooling = poolingModes(config);
      found.include_prompt = config['include_prompt'] !== false;
    } else if (kind === 'Normalize') found.layers.push(unitLength);
    else if (kind === 'Dense') {
      const { layer, forward } = await readDense(path);
      dense.push(layer);
      found.layers.push(forward);
    } else if (kind !== 'Dropout')
      throw new NotImplementedError(
        `modules.json of '${folder}' has a module of type '${String(module['type'])}'; ` +
          'known here: Transformer, Pooling, Normalize, Dense, Dropout',
        { code: 'ERR_NOT_SUPPORTED_YET' },
      );
  }
  if (found.pooling.length === 0) found.pooling = ['mean'];
  return found;
}

/** What the Transformer module says of texts. */
async function readLimits(folder: string): Promise<{ max_seq_length: number | null; do_lower_case: boolean }> {
  const config = (await readJson(folder, 'sentence_bert_config.json')) ?? {};
  const length = config['max_seq_length'];
  return {
    max_seq_length: typeof length === 'number' ? length : null,
    do_lower_case: config['do_lower_case'] === true,
  };
}

async function readPrompts(folder: string) {
  const config = (await readJson(folder, 'config_sentence_transformers.json')) ?? {};
  return {
    prompts: (config['prompts'] as Record<string, string> | undefined) ?? {},
    default_prompt_name: (config['default_prompt_name'] as string | null | undefined) ?? null,
  };
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

function poolingModes(config: Json): PoolingMode[] {
  const known = poolingFlags.map(([, mode]) => mode);
  const named = config['pooling_mode'];
  if (named !== undefined && named !== null) {
    const modes = (Array.isArray(named) ? named : [named]) as PoolingMode[];
    for (const mode of modes)
      if (!known.includes(mode))
        throw new ValueError(`pooling mode '${mode}' is not known; known: ${known.join(', ')}`);
    return modes;
  }
  const modes = poolingFlags.filter(([flag]) => config[flag] === true).map(([, mode]) => mode);
  return modes.length > 0 ? modes : ['mean'];
}

/** torch.nn's activations, by their class's name. */
const torchActivations: Record<string, string> = {
  Identity: 'linear',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
};

async function readDense(folder: string): Promise<{ layer: Linear; forward: (x: Tensor) => Tensor }> {
  const config = (await readJson(folder, 'config.json')) as Json;
  const name = String(config['activation_function'] ?? 'torch.nn.modules.activation.Tanh')
    .split('.')
    .pop() as string;
  const activation = torchActivations[name];
  if (!activation)
    throw new NotImplementedError(
      `the activation '${name}' of the Dense module in '${folder}' is not known; known: ${Object.keys(torchActivations).join(', ')}`,
    );
  const layer = new Linear(config['in_features'] as number, config['out_features'] as number, {
    bias: config['bias'] !== false,
  });
  await using source = await openCheckpoint(folder);
  for (const [key, parameter] of layer.named_state()) {
    const stored = await storedTensor(source, `linear.${key}`);
    (parameter as { value: Tensor }).value = stored.load('float32', key === 'weight' ? 'rows' : null);
  }
  await fence();
  const act = createActivation(activation, 'activation_function');
  return { layer, forward: (x) => activate(act, layer.forward(x)) };
}
