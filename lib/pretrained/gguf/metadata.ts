/** The metadata of a GGUF file for a model: what `readGgufConfig` reads, and what llama.cpp asks for beside. */
import type { StoredDType } from '../../checkpoint/dtype';
import type { GgufScalarType, GgufValue } from '../../checkpoint/gguf/gguf-values';
import { NotImplementedError } from '../../errors';
import type { PretrainedConfig } from '../config';
import { type RopeParameters, ropeParametersOf } from '../config-rope';
import { configKeys } from './gguf-config';

export type Entries = Map<string, GgufValue>;

export const text = (value: string): GgufValue => ({ type: 'string', value });
export const number = (type: GgufScalarType, value: number | boolean): GgufValue => ({ type, value });

/** Numbers by which llama.cpp says what most tensors of a file are. Source: llama.h (llama_ftype). */
const FILE_TYPES: Partial<Record<StoredDType, number>> = {
  float32: 0,
  float16: 1,
  Q4_0: 2,
  Q8_0: 7,
  Q4_K: 15,
  Q6_K: 18,
  bfloat16: 32,
};
/** The version of ggml's blocks. */
const QUANTIZATION_VERSION = 2;

/** Fields that GGUF has no words for: llama.cpp, and Transformers when it reads the file, take them to be so. */
const ASSUMED: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> = {
  llama: { hidden_act: ['silu', 'swish'] },
  qwen2: { hidden_act: ['silu', 'swish'], use_sliding_window: [false] },
  gpt2: {
    activation_function: ['gelu_new'],
    scale_attn_weights: [true],
    scale_attn_by_inverse_layer_idx: [false],
  },
};

function checkAssumed(config: PretrainedConfig, architecture: string): void {
  for (const [field, values] of Object.entries(ASSUMED[architecture] ?? {}))
    if (!values.includes(config[field]))
      throw new NotImplementedError(
        `config.${field} is ${JSON.stringify(config[field])}, which a GGUF file of architecture '${architecture}' cannot say: ` +
          `it stands for ${JSON.stringify(values[0])}`,
        { code: 'ERR_CONFIG_FIELD' },
      );
}

/** What the file says of the model. @throws NotImplementedError for what GGUF has no words for */
export function modelEntries(
  config: PretrainedConfig,
  architecture: string,
  name: string,
  dtype: StoredDType,
): Entries {
  checkAssumed(config, architecture);
  const entries: Entries = new Map([
    ['general.architecture', text(architecture)],
    ['general.name', text(name)],
    ['general.file_type', number('uint32', FILE_TYPES[dtype] ?? 0)],
    ['general.quantization_version', number('uint32', QUANTIZATION_VERSION)],
  ]);
  for (const [key, field] of Object.entries(configKeys[architecture] ?? {})) {
    const value = key === 'rope.freq_base' ? ropeOf(config)?.rope_theta : (config[field] ?? defaultOf(config, field));
    if (typeof value !== 'number') continue;
    entries.set(`${architecture}.${key}`, number(isReal(key) ? 'float32' : 'uint32', value));
  }
  const width = config['head_dim'];
  if (typeof width === 'number')
    for (const key of ['attention.key_length', 'attention.value_length'])
      entries.set(`${architecture}.${key}`, number('uint32', width));
  for (const [key, value] of ropeEntries(config)) entries.set(`${architecture}.rope.scaling.${key}`, value);
  return entries;
}

function isReal(key: string): boolean {
  return key.endsWith('epsilon') || key === 'rope.freq_base';
}

/** What a model computes with where its config leaves a number out. */
function defaultOf(config: PretrainedConfig, field: string): unknown {
  return field === 'n_inner' ? 4 * (config['n_embd'] as number) : undefined;
}

function ropeOf(config: PretrainedConfig): RopeParameters | null {
  return ropeParametersOf(config) as RopeParameters | null;
}

function ropeEntries(config: PretrainedConfig): [string, GgufValue][] {
  const rope = ropeOf(config) as (RopeParameters & Record<string, unknown>) | null;
  const type = rope?.rope_type ?? 'default';
  if (rope === null || type === 'default') return [];
  const factor: [string, GgufValue] = ['factor', number('float32', Number(rope['factor']))];
  if (type === 'linear') return [['type', text('linear')], factor];
  const known = ['rope_type', 'rope_theta', 'factor', 'original_max_position_embeddings'];
  const others = Object.keys(rope).filter((name) => !known.includes(name) && rope[name] != null);
  if (type === 'yarn' && others.length === 0) {
    const length = rope['original_max_position_embeddings'] ?? config['max_position_embeddings'];
    return [['type', text('yarn')], factor, ['original_context_length', number('uint32', Number(length))]];
  }
  throw new NotImplementedError(
    `rotary positions of type '${type}'${others.length > 0 ? ` with ${others.join(', ')}` : ''} cannot be written to GGUF ` +
      "here: 'default', 'linear' and plain 'yarn' can",
    { code: 'ERR_CONFIG_FIELD' },
  );
}
