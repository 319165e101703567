import { NotImplementedError, TypeError, ValueError } from '../errors';
import { warn, warnOnce } from '../logging';
import { type DType, isFloating, isQuantizedName, parseDtype } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';
import type { PretrainedConfig } from './config';

/** What `progress_callback` hears, in transformers.js's words. */
export interface ProgressInfo {
  status: 'initiate' | 'download' | 'progress' | 'progress_total' | 'done' | 'ready';
  /** The folder or model id. */
  name?: string;
  file?: string;
  /** Percent, bytes so far, bytes in all. */
  progress?: number;
  loaded?: number;
  total?: number;
  /** Of each file, with 'progress_total'. */
  files?: Record<string, { loaded: number; total: number }>;
  task?: string;
  model?: string;
}

/** Options of `from_pretrained`. Names that are none of these override config fields. */
export interface FromPretrainedOptions {
  /** A config, or where to load it from. */
  config?: PretrainedConfig | string | null;
  /** Weights to use in place of the file's. */
  state_dict?: ReadonlyMap<string, Tensor> | Record<string, Tensor> | null;
  /** Element type of the weights: 'float32' (default), 'float16', 'bfloat16', or 'auto' for the checkpoint's own. */
  dtype?: string | Record<string, string> | null;
  torch_dtype?: string | Record<string, string> | null;
  ignore_mismatched_sizes?: boolean;
  /** Resolves to [model, info]. */
  output_loading_info?: boolean;
  use_safetensors?: boolean | null;
  variant?: string | null;
  subfolder?: string;
  from_tf?: boolean;
  from_flax?: boolean;
  key_mapping?: Record<string, string> | null;
  /** Further arguments of the constructor, behind the config. */
  model_args?: unknown[];
  device?: string | null;
  attn_implementation?: string | null;
  progress_callback?: ((info: ProgressInfo) => void) | null;
  signal?: AbortSignal;
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
  'from_tf',
  'from_flax',
  'key_mapping',
  'model_args',
  'device',
  'attn_implementation',
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
const inert = ['low_cpu_mem_usage', '_fast_init', 'trust_remote_code', 'weights_only'];

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
  'gguf_file',
  'generation_config',
  'tp_plan',
  'tp_size',
  'distributed_config',
  'use_flash_attention_2',
];

/** Every name that is an option of loading itself. */
export const loadOptionNames: readonly string[] = [...acting, ...hub, ...inert, ...onnx, ...later];

/**
 * Checks the options of a load and returns those that are none of its own: config overrides or constructor arguments.
 * @throws NotImplementedError, ValueError, TypeError naming the option
 */
export function checkLoadOptions(options: FromPretrainedOptions): Record<string, unknown> {
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || acting.includes(name) || hub.includes(name) || inert.includes(name)) continue;
    if (onnx.includes(name)) warnOnce(`the option '${name}' describes ONNX files and means nothing here`);
    else if (!later.includes(name)) rest[name] = value;
    else if (value !== null && value !== false)
      throw new NotImplementedError(`the option '${name}' of from_pretrained is not supported yet`, {
        code: 'ERR_NOT_SUPPORTED_YET',
      });
  }
  if (options['trust_remote_code'])
    warn('the option `trust_remote_code` has no effect here: code in a repository is never run. See Auto classes.');
  checkDevice(options.device);
  if (options.attn_implementation) checkAttention(options.attn_implementation);
  return rest;
}

/** @throws ValueError unless it is the name of an implementation of attention */
export function checkAttention(name: unknown): void {
  if (!['eager', 'sdpa', 'flash_attention_2'].includes(name as string))
    throw new ValueError(`attn_implementation is '${String(name)}'; it must be 'eager', 'sdpa' or 'flash_attention_2'`);
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
  if (dtype != null && torch_dtype != null && dtype !== torch_dtype)
    throw new ValueError(`both dtype (${String(dtype)}) and torch_dtype (${String(torch_dtype)}) are given; use dtype`);
  let asked: unknown = dtype ?? torch_dtype ?? null;
  if (typeof asked === 'object' && asked !== null) asked = (asked as Record<string, unknown>)[''] ?? null;
  if (asked === null || asked === 'auto') return asked;
  if (typeof asked !== 'string') throw new TypeError(`dtype must be a string, not ${typeof asked}`);
  if (isQuantizedName(asked))
    throw new NotImplementedError(
      `dtype '${asked}' is not supported yet: weights are 'fp32', 'fp16', 'bf16' or 'auto' until quantisation comes`,
      { code: 'ERR_NOT_SUPPORTED_YET' },
    );
  return checkWeightType(parseDtype(asked));
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
