/** The file names that Transformers gives to weights, and how a variant and a shard number change them. */
import { ValueError } from '../errors';
import { quote } from './fault';

export const SAFE_WEIGHTS_NAME = 'model.safetensors';
export const SAFE_WEIGHTS_INDEX_NAME = 'model.safetensors.index.json';
export const WEIGHTS_NAME = 'pytorch_model.bin';
export const WEIGHTS_INDEX_NAME = 'pytorch_model.bin.index.json';
export const TF_WEIGHTS_NAME = 'model.ckpt';
export const TF2_WEIGHTS_NAME = 'tf_model.h5';
export const TF2_WEIGHTS_INDEX_NAME = 'tf_model.h5.index.json';
export const FLAX_WEIGHTS_NAME = 'flax_model.msgpack';
export const FLAX_WEIGHTS_INDEX_NAME = 'flax_model.msgpack.index.json';

/** The file of weights of each format that is written. */
export const WEIGHTS_NAMES = {
  safetensors: SAFE_WEIGHTS_NAME,
  pytorch: WEIGHTS_NAME,
  tensorflow: TF2_WEIGHTS_NAME,
  flax: FLAX_WEIGHTS_NAME,
} as const;

/**
 * `name` of a variant: the variant goes before the last extension (`model.fp16.safetensors`,
 * `model.safetensors.index.fp16.json`).
 *
 * @throws ValueError when the variant cannot be part of a file name.
 */
export function variantName(name: string, variant: string | null | undefined): string {
  if (variant === null || variant === undefined) return name;
  if (typeof variant !== 'string' || !/^[^/\\:\p{Cc}]+$/u.test(variant)) {
    throw new ValueError(`variant ${quote(String(variant))} cannot be part of a file name; give a word such as 'fp16'`);
  }
  const point = name.lastIndexOf('.');
  return `${name.slice(0, point)}.${variant}${name.slice(point)}`;
}

/** Name of shard `number` (from 1) of `count` of a file: `model-00001-of-00003.safetensors`. */
export function shardName(name: string, number: number, count: number): string {
  const point = name.lastIndexOf('.');
  const digits = (n: number) => String(n).padStart(5, '0');
  return `${name.slice(0, point)}-${digits(number)}-of-${digits(count)}${name.slice(point)}`;
}

/** Name of the index of a sharded file: `model.safetensors` → `model.safetensors.index.json`, with the variant if any. */
export function indexName(name: string, variant?: string | null): string {
  return variantName(`${name}.index.json`, variant);
}

/**
 * What Transformers calls a variable in a shard: its name without the first level, the model's scope. Names of one level,
 * and those that contain 'model.', stay as they are. Source: tf_shard_checkpoint and load_tf_shard of Transformers 4.35.
 */
export function nameInShard(variable: string): string {
  const slash = variable.indexOf('/');
  return slash < 0 || variable.includes('model.') ? variable : variable.slice(slash + 1);
}
