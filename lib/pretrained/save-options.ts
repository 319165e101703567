import { parseSize } from '../checkpoint/size-text';
import { variantName } from '../checkpoint/weight-names';
import type { WeightsLayout } from '../checkpoint/weights-files';
import { TypeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { warn, warnOnce } from '../logging';
import type { SaveProgressInfo } from '../progress-info';
import { Tensor } from '../tensor/tensor';
import type { WrittenFramework } from './dialects/writing';

/** Writes the tensors of one `.bin` file to `path`. */
export type SaveFunction = (shard: Map<string, Tensor>, path: string) => void | Promise<void>;

/** Options of `save_pretrained`. */
export interface SavePretrainedOptions {
  /** false: weights only, without config and clean-up. For several processes that save parts of one state. */
  is_main_process?: boolean;
  /** What to save in place of the model's own `state_dict()`. */
  state_dict?: ReadonlyMap<string, Tensor> | Record<string, Tensor> | null;
  /** Writes `.bin` files in place of our own writer; safetensors files are always written here. */
  save_function?: SaveFunction | null;
  push_to_hub?: boolean;
  /** Bytes that a file holds at most: a number, or a text such as '5GB'. */
  max_shard_size?: number | string;
  /** false writes PyTorch's `.bin` files. */
  safe_serialization?: boolean;
  /** Word in the names of weights files. */
  variant?: string | null;
  token?: string | boolean | null;
  save_peft_format?: boolean;
  /** Older name of `is_main_process`. */
  save_config?: boolean;
  /** Older name of `token`. */
  use_auth_token?: string | boolean | null;
  /** Hears of files and of the bytes that have been written of each. */
  progress_callback?: ((info: SaveProgressInfo) => void) | null;
  signal?: AbortSignal | null;
  /** Of `push_to_hub`. */
  repo_id?: string;
  commit_message?: string;
  commit_description?: string;
  private?: boolean | null;
  create_pr?: boolean;
  revision?: string | null;
  tags?: string | readonly string[] | null;
  organization?: string | null;
  proxies?: Readonly<Record<string, string>> | null;
}

/** The same, complete and checked. */
export interface CheckedSaveOptions {
  isMain: boolean;
  state: Map<string, Tensor> | null;
  save_function: SaveFunction | null;
  format: WeightsLayout['format'];
  framework: WrittenFramework;
  maxShardBytes: number;
  variant: string | null;
  progress: ((info: SaveProgressInfo) => void) | null;
  signal: AbortSignal | undefined;
}

const booleans = ['is_main_process', 'push_to_hub', 'safe_serialization', 'save_peft_format', 'save_config'] as const;
const ofHub = [
  'repo_id',
  'commit_message',
  'commit_description',
  'private',
  'create_pr',
  'revision',
  'tags',
  'organization',
  'proxies',
];
const known = [
  ...booleans,
  ...ofHub,
  'state_dict',
  'save_function',
  'max_shard_size',
  'variant',
  'token',
  'use_auth_token',
  'progress_callback',
  'signal',
];

/** The file that each framework's classes write by default, and the bytes of one. */
const OWN: Readonly<Record<WrittenFramework, { format: WeightsLayout['format']; size: string }>> = {
  PyTorch: { format: 'pytorch', size: '5GB' },
  TensorFlow: { format: 'tensorflow', size: '10GB' },
  Flax: { format: 'flax', size: '10GB' },
};

/** @throws TypeError, ValueError naming the option */
export function checkSaveOptions(
  className: string,
  options: SavePretrainedOptions,
  framework: WrittenFramework = 'PyTorch',
): CheckedSaveOptions {
  const where = `${className}.save_pretrained`;
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) throw unknownName('option', name, where, known);
    if ((booleans as readonly string[]).includes(name) && value !== undefined && typeof value !== 'boolean')
      throw new TypeError(`${name} of ${where} must be true or false, not ${String(value)}`);
  }
  checkHub(options);
  const { variant = null, signal, progress_callback, save_function = null } = options;
  throwIfAborted(signal);
  variantName('model.safetensors', variant);
  checkFunction('progress_callback', progress_callback);
  checkFunction('save_function', save_function);
  const isPyTorch = framework === 'PyTorch';
  if (!isPyTorch) refuseOfPyTorch(where, framework, options);
  const safe = options.safe_serialization ?? isPyTorch;
  if (safe && save_function) warn('save_function writes .bin files only, and this save writes safetensors files');
  return {
    isMain: isMainProcess(options),
    state: stateOf(options.state_dict),
    save_function: safe ? null : save_function,
    format: safe ? 'safetensors' : OWN[framework].format,
    framework,
    maxShardBytes: parseSize(options.max_shard_size ?? OWN[framework].size),
    variant,
    progress: progress_callback ?? null,
    signal: signal ?? undefined,
  };
}

/** @throws ValueError for what only PyTorch's files have */
function refuseOfPyTorch(where: string, framework: string, options: SavePretrainedOptions): void {
  for (const name of ['variant', 'save_function'] as const)
    if (options[name] != null)
      throw new ValueError(`${name} of ${where} is for PyTorch's files, and these are ${framework}'s; leave it out`);
}

function isMainProcess(options: SavePretrainedOptions): boolean {
  if (options.save_config === undefined) return options.is_main_process ?? true;
  warnOnce('FutureWarning: `save_config` is deprecated; use `is_main_process`');
  return options.save_config;
}

function checkHub(options: SavePretrainedOptions): void {
  const { token = null, use_auth_token = null } = options;
  if (use_auth_token !== null) {
    warnOnce('FutureWarning: `use_auth_token` is deprecated; use `token`');
    if (token !== null) throw new ValueError('`token` and `use_auth_token` are both specified; give `token` alone');
  }
  for (const given of [token, use_auth_token])
    if (given !== null && typeof given !== 'string' && typeof given !== 'boolean')
      throw new TypeError(`token must be a string, true, false or null, not ${typeof given}`);
  for (const name of ofHub)
    if (options[name as keyof SavePretrainedOptions] != null)
      throw new ValueError(`${name} means something with push_to_hub: true only; leave it out`);
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === 'function') return;
  throw new TypeError(`${name} must be a function, not ${typeof value}`);
}

function stateOf(given: SavePretrainedOptions['state_dict']): Map<string, Tensor> | null {
  if (given === undefined || given === null) return null;
  if (typeof given !== 'object') throw new TypeError(`state_dict must be a Map or an object, not ${typeof given}`);
  const state = new Map<string, Tensor>(Symbol.iterator in given ? given : Object.entries(given));
  for (const [name, tensor] of state)
    if (!(tensor instanceof Tensor)) throw new TypeError(`'${name}' in state_dict is no Tensor`);
  return state;
}
