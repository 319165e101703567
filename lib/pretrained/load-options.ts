import { NotImplementedError, TypeError, ValueError } from '../errors';
import type { GenerationConfig } from '../generation/generation-config';
import { type HubOptions, hubOptionsOf } from '../hub/options';
import { warn, warnOnce } from '../logging';
import { checkOptionKinds, type OptionKind } from '../options';
import type { ProgressCallback } from '../progress-info';
import { type DType, isFloating, isQuantizedName, parseDtype } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';
import { PretrainedConfig } from './config';
import { checkAttention } from './config-options';
import type { ModelClass } from './pretrained-model';

/**
 * Options of `from_pretrained`: those of downloads, which have no part in reading a folder, and these. Names that are none
 * of them override config fields.
 */
export interface FromPretrainedOptions extends Omit<HubOptions, 'user_agent' | 'onTransfer' | 'signal'> {
  /** A config, or where to load it from. */
  config?: PretrainedConfig | string | null;
  /** Weights to use in place of the file's. */
  state_dict?: ReadonlyMap<string, Tensor> | Record<string, Tensor> | null;
  /**
   * Element type of the weights: 'float32' (default), 'float16', 'bfloat16', or 'auto' for the checkpoint's own. By
   * part, it is that of '' or 'model'.
   */
  dtype?: string | Record<string, string> | null;
  torch_dtype?: string | Record<string, string> | null;
  /** Leaves out tensors of other shapes than the model's, which are then drawn anew, in place of an error. */
  ignore_mismatched_sizes?: boolean | null;
  /** Resolves to [model, info]. */
  output_loading_info?: boolean;
  /** true: safetensors files alone; false: never; default: before others. */
  use_safetensors?: boolean | null;
  /** The word in the names of files of weights, such as 'fp16'. */
  variant?: string | null;
  /**
   * Leave weights in their files, mapped into memory, in place of reading them: those that are stored in the dtype that they
   * are loaded in, row by row and uncompressed; others are read all the same. Default: true for files of the Hub cache,
   * which nobody changes; false elsewhere. See docs/loading.md.
   */
  mmap?: boolean | null;
  /** Folder inside the model's folder. */
  subfolder?: string | null;
  /** Weights that TensorFlow wrote, and Flax. */
  from_tf?: boolean | null;
  from_flax?: boolean | null;
  /** Of TensorFlow's and Flax' classes: weights that PyTorch wrote. */
  from_pt?: boolean | null;
  /**
   * Names in the checkpoint to names in the model: regular expressions and what takes their place, with groups as `$1` or
   * `\\1`. Of several the first that is found counts.
   */
  key_mapping?: Record<string, string> | null;
  /** A GGUF file in the folder or repository: weights, and the config unless one is given. A path to such a file is one, too. */
  gguf_file?: string | null;
  /** How the model generates, in place of its generation_config.json. */
  generation_config?: GenerationConfig | null;
  /** Further arguments of the constructor, behind the config. */
  model_args?: unknown[] | null;
  /** 'cpu'. */
  device?: string | null;
  /** 'eager', 'sdpa' or 'flash_attention_2': one kernel serves them all, with the same numbers. */
  attn_implementation?: string | null;
  /** Old name of attn_implementation 'flash_attention_2'. */
  use_flash_attention_2?: boolean | null;
  progress_callback?: ProgressCallback | null;
  signal?: AbortSignal;
  /** Accepted, and without effect: memory is bounded and weights are drawn once, whatever these say. */
  low_cpu_mem_usage?: boolean | null;
  _fast_init?: boolean | null;
  /** Accepted, and without effect: code in a repository is never run. */
  trust_remote_code?: boolean | null;
  code_revision?: string | null;
  /** Accepted as true: a pickle never runs anything here. */
  weights_only?: boolean | null;
  [other: string]: unknown;
}

const acting = [
  'config',
  'state_dict',
  'dtype',
  'torch_dtype',
  'ignore_mismatched_sizes',
  'output_loading_info',
  'use_safetensors',
  'variant',
  'subfolder',
  'mmap',
  'from_tf',
  'from_flax',
  'from_pt',
  'key_mapping',
  'gguf_file',
  'generation_config',
  'model_args',
  'device',
  'attn_implementation',
  'use_flash_attention_2',
  'progress_callback',
  'signal',
];

/** They choose what is downloaded, and mean nothing for a folder. */
const hub = [
  'cache_dir',
  'force_download',
  'resume_download',
  'proxies',
  'local_files_only',
  'token',
  'use_auth_token',
  'revision',
  'mirror',
  '_commit_hash',
  '_from_auto',
  '_from_pipeline',
];

/** Here they change nothing: memory is always bounded, and nothing of a checkpoint is ever executed. */
const inert = ['low_cpu_mem_usage', '_fast_init', 'trust_remote_code', 'weights_only', 'code_revision'];

/** Of transformers.js; they describe ONNX files. */
const onnx = ['session_options', 'use_external_data_format', 'model_file_name', 'quantized'];

const later = [
  'device_map',
  'max_memory',
  'offload_folder',
  'offload_state_dict',
  'offload_buffers',
  'load_in_8bit',
  'load_in_4bit',
  'quantization_config',
  'adapter_kwargs',
  'adapter_name',
  'tp_plan',
  'tp_size',
  'distributed_config',
];

/** What the values of options may be, where nothing else checks them. */
const kinds: Readonly<Record<string, OptionKind>> = {
  state_dict: 'object',
  ignore_mismatched_sizes: 'boolean',
  output_loading_info: 'boolean',
  use_safetensors: 'boolean',
  variant: 'string',
  subfolder: 'string',
  mmap: 'boolean',
  from_tf: 'boolean',
  from_flax: 'boolean',
  from_pt: 'boolean',
  key_mapping: 'object',
  gguf_file: 'string',
  model_args: 'list',
  attn_implementation: 'string',
  use_flash_attention_2: 'boolean',
  progress_callback: 'function',
  low_cpu_mem_usage: 'boolean',
  _fast_init: 'boolean',
  trust_remote_code: 'boolean',
  weights_only: 'boolean',
  code_revision: 'string',
};

/** Every name that is an option of loading itself. */
export const loadOptionNames: readonly string[] = [...acting, ...hub, ...inert, ...onnx, ...later];

/** Options that choose a file of weights. */
const choosing = ['from_tf', 'from_flax', 'from_pt', 'use_safetensors', 'variant', 'gguf_file'];

/** @throws TypeError naming an option of loading whose value is of the wrong type */
export function checkLoadTypes(where: string, options: FromPretrainedOptions): void {
  checkOptionKinds(where, options, kinds);
  for (const [pattern, replacement] of Object.entries(options.key_mapping ?? {}))
    checkMapping(where, pattern, replacement);
  hubOptionsOf(options);
  const { config } = options;
  if (config === undefined || config === null || typeof config === 'string') return;
  if (config instanceof PretrainedConfig) return;
  throw new TypeError(
    `config of ${where} must be a config, such as AutoConfig.from_pretrained gives, or the path of one, not ` +
      `${typeof config === 'object' ? 'another object' : `a ${typeof config}`}; fields to change are options themselves`,
  );
}

function checkMapping(where: string, pattern: string, replacement: unknown): void {
  if (typeof replacement !== 'string')
    throw new TypeError(`key_mapping of ${where} maps '${pattern}' to a ${typeof replacement}; it must be a text`);
  try {
    new RegExp(pattern);
  } catch (error) {
    throw new ValueError(`key_mapping of ${where} has '${pattern}', which is no regular expression`, {
      code: 'ERR_OPTION_VALUE',
      cause: error,
    });
  }
}

/**
 * Checks the options of a load and returns those that are none of its own: config overrides or constructor arguments.
 * @throws NotImplementedError, ValueError, TypeError naming the option
 */
export function checkLoadOptions(ModelType: ModelClass, options: FromPretrainedOptions): Record<string, unknown> {
  const rest: Record<string, unknown> = {};
  checkFramework(ModelType, options);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || acting.includes(name) || hub.includes(name) || inert.includes(name)) continue;
    if (onnx.includes(name)) warnOnce(`the option '${name}' describes ONNX files and means nothing here`);
    else if (!later.includes(name)) rest[name] = value;
    else if (value !== null && value !== false)
      throw new NotImplementedError(`the option '${name}' of from_pretrained is not supported yet`, {
        code: 'ERR_NOT_SUPPORTED_YET',
      });
  }
  checkRemoteCode(options);
  if (options['weights_only'] === false)
    throw new ValueError(
      'weights_only is false, which would let a pickle run code: here that is never done, and every file of weights that ' +
        'can be read is read without it; leave weights_only out',
      { code: 'ERR_OPTION_VALUE' },
    );
  checkDevice(options.device);
  checkAttentionOf(ModelType, options);
  checkGivenWeights(options);
  return rest;
}

/** @throws ValueError for an option that takes the files of a class' own framework, or of one that it does not read */
function checkFramework({ name, framework }: ModelClass, options: FromPretrainedOptions): void {
  const refuse = (option: string, what: string) => {
    if (!options[option]) return;
    throw new ValueError(`${option} is no option of ${name}, ${what}`, { code: 'ERR_OPTION_VALUE' });
  };
  const inPyTorch = name.replace(/^(TF|Flax)/, '');
  if (framework === 'pt') refuse('from_pt', "which takes PyTorch's files anyway; leave it out");
  if (framework === 'tf') refuse('from_flax', `a class of TensorFlow; load Flax' files with ${inPyTorch}`);
  if (framework === 'flax') refuse('from_tf', `a class of Flax; load TensorFlow's files with ${inPyTorch}`);
}

/** Says that code in repositories is not run, to whom it matters. */
export function checkRemoteCode(options: Readonly<Record<string, unknown>>): void {
  if (options['trust_remote_code'] === true)
    warn('the option `trust_remote_code` has no effect here: code in a repository is never run. See Auto classes.');
}

/** @throws ValueError for options that choose a file of weights although none is read: `state_dict` is in their place */
function checkGivenWeights(options: FromPretrainedOptions): void {
  if (!options.state_dict) return;
  for (const name of choosing)
    if (options[name] !== undefined && options[name] !== null && options[name] !== false)
      throw new ValueError(`${name} chooses a file of weights, but state_dict is given; leave one out`, {
        code: 'ERR_OPTION_VALUE',
      });
  if (options['low_cpu_mem_usage'])
    throw new ValueError(
      'low_cpu_mem_usage reads weights from a file tensor by tensor, but state_dict is given, which is in memory; leave ' +
        'one out',
      { code: 'ERR_OPTION_VALUE' },
    );
}

/**
 * Checks an attention that was asked for by either name.
 * @throws ValueError for one that there is not, one that the class does not have, and two that differ
 */
export function checkAttentionOf(
  ModelType: ModelClass,
  {
    attn_implementation: name,
    use_flash_attention_2,
  }: { attn_implementation?: unknown; use_flash_attention_2?: unknown },
): void {
  const flash = 'flash_attention_2';
  checkAttention(name);
  if (use_flash_attention_2 && name !== undefined && name !== null && name !== flash)
    throw new ValueError(
      `use_flash_attention_2 is set, and attn_implementation is '${String(name)}'; give attn_implementation alone`,
      { code: 'ERR_OPTION_VALUE' },
    );
  const lacks =
    ((use_flash_attention_2 || name === flash) && !ModelType._supports_flash_attn_2 && 'Flash Attention 2.0') ||
    (name === 'sdpa' && !ModelType._supports_sdpa && 'scaled_dot_product_attention (sdpa)');
  if (lacks)
    throw new ValueError(
      `${ModelType.name} does not support ${lacks}: leave the option out, or have the class say that it does ` +
        '(_supports_flash_attn_2, _supports_sdpa)',
      { code: 'ERR_OPTION_VALUE' },
    );
}

/** @throws ValueError for a device that this build does not have */
export function checkDevice(device: unknown): void {
  if (device === undefined || device === null || device === 'cpu' || device === 'wasm' || device === 'auto') return;
  throw new ValueError(`device '${String(device)}' is not available; it must be 'cpu' ('wasm' means the same here)`, {
    code: 'ERR_DEVICE',
  });
}

/**
 * The dtype that was asked for: null for the default, 'auto' for the checkpoint's own.
 * @throws ValueError for what is no floating dtype; NotImplementedError for quantised names
 */
export function requestedDtype(options: FromPretrainedOptions): DType | 'auto' | null {
  const { dtype, torch_dtype } = options;
  if (dtype == null || torch_dtype == null) return settledDtype(dtype ?? torch_dtype ?? null);
  const settled = settledDtype(dtype);
  if (settled === settledDtype(torch_dtype)) return settled;
  throw new ValueError(`both dtype (${textOf(dtype)}) and torch_dtype (${textOf(torch_dtype)}) are given; use dtype`);
}

function textOf(given: string | Record<string, string>): string {
  return typeof given === 'string' ? given : JSON.stringify(given);
}

/** One dtype that was asked for, by whichever name. */
function settledDtype(given: string | Record<string, string> | null): DType | 'auto' | null {
  const asked = dtypeOfModel(given);
  if (asked === null || asked === 'auto') return asked;
  if (typeof asked !== 'string') throw new TypeError(`dtype must be a string, not ${typeof asked}`);
  if (isQuantizedName(asked))
    throw new NotImplementedError(
      `dtype '${asked}' is not supported yet: weights are 'fp32', 'fp16', 'bf16' or 'auto' until quantisation comes`,
      { code: 'ERR_NOT_SUPPORTED_YET' },
    );
  return checkWeightType(parseDtype(asked));
}

/** The parts that a dtype can be given for: Transformers calls the model itself '', transformers.js 'model'. */
const parts = ['', 'model'];

/** The model's own dtype in a map of dtypes by part. @throws TypeError for parts that the model does not have */
function dtypeOfModel(asked: unknown): unknown {
  if (typeof asked !== 'object' || asked === null) return asked;
  if (Array.isArray(asked)) throw new TypeError('dtype must be a string, or a map of them, not a list');
  const map = asked as Record<string, unknown>;
  const other = Object.keys(map).filter((part) => !parts.includes(part) && map[part] !== undefined);
  if (other.length > 0)
    throw new TypeError(
      `dtype names the part${other.length > 1 ? 's' : ''} ${other.map((part) => `'${part}'`).join(', ')}, and this model ` +
        "has none but itself: give one dtype, or it as { '': 'float32' }",
      { code: 'ERR_UNKNOWN_NAME' },
    );
  if (map[''] != null && map['model'] != null && map[''] !== map['model'])
    throw new ValueError(
      `dtype is ${String(map[''])} for '' and ${String(map['model'])} for 'model'; both are the model`,
    );
  return map[''] ?? map['model'] ?? null;
}

/** @throws ValueError when weights cannot be of that type */
export function checkWeightType(type: DType): DType {
  if (!isFloating(type))
    throw new ValueError(`Can't instantiate a model under dtype=${type} since it is not a floating point dtype`, {
      code: 'ERR_DTYPE',
    });
  if (!['float32', 'float16', 'bfloat16'].includes(type))
    throw new ValueError(`weights cannot be held as ${type} here; use 'float32', 'float16' or 'bfloat16'`, {
      code: 'ERR_DTYPE',
    });
  return type;
}
