import { nearest, TypeError, ValueError } from '../errors';
import { type HubOptions, hubOptionNames, hubOptionsOf } from '../hub/options';
import { warn } from '../logging';
import { checkOptionKinds } from '../options';
import type { ConfigLocation } from './config-file';

/**
 * Options of loading a config: those of downloads (`cache_dir`, `revision`, `token` …) among them, which have no part in
 * reading a folder. Any other name overrides a field, and must be one.
 */
export interface ConfigOptions extends ConfigLocation {
  /** Resolves to [config, what was no field]. */
  return_unused_kwargs?: boolean;
  [field: string]: unknown;
}

const locationOptions = ['subfolder', '_configuration_file', 'gguf_file', 'signal'];
const hubNames: readonly string[] = hubOptionNames;
const withoutEffect = ['attn_implementation', 'code_revision', 'trust_remote_code', 'progress_callback'];

/**
 * Parts `options` into those that say where the config lies and the rest, which are fields.
 * @throws ValueError when both names of the token are given; TypeError for an option of downloads of the wrong type
 */
export function partOptions(options: ConfigOptions): { location: ConfigLocation; rest: Record<string, unknown> } {
  if (options['trust_remote_code'] === true)
    warn('the option `trust_remote_code` has no effect here: code in a repository is never run. See Auto classes.');
  checkOptionKinds('a config', options, { subfolder: 'string', _configuration_file: 'string', gguf_file: 'string' });
  checkAttention(options['attn_implementation']);
  const location: Record<string, unknown> = { hub: { ...hubOptionsOf(options), ...fromAuto(options) } };
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (locationOptions.includes(name)) location[name] = value ?? undefined;
    else if (!hubNames.includes(name) && !withoutEffect.includes(name)) rest[name] = value;
  }
  return { location, rest };
}

/** Facts of the call for the user agent. */
function fromAuto({ _from_auto, _from_pipeline }: ConfigOptions): HubOptions {
  const facts = {
    ...(_from_auto !== undefined && { from_auto_class: String(Boolean(_from_auto)) }),
    ...(typeof _from_pipeline === 'string' && { using_pipeline: _from_pipeline }),
  };
  return { user_agent: { file_type: 'config', ...facts } };
}

/** Names of attention kernels in Transformers: here they are one, which gives the numbers of all. */
const attentions: readonly unknown[] = ['eager', 'sdpa', 'flash_attention_2'];

/** @throws ValueError for an `attn_implementation` that Transformers does not have */
export function checkAttention(name: unknown): void {
  if (name === undefined || name === null || attentions.includes(name)) return;
  throw new ValueError(`attn_implementation is '${String(name)}'; it must be 'eager', 'sdpa' or 'flash_attention_2'`);
}

/** @throws TypeError `ERR_UNKNOWN_NAME` for an override that is no field, and so would do nothing */
export function refuseUnused(className: string, unused: Record<string, unknown>, fields: Iterable<string>): void {
  const known = [...fields];
  for (const name of Object.keys(unused)) {
    if (name === 'torch_dtype' || name === 'dtype') continue;
    const guess = nearest(name, [...known, ...locationOptions, ...withoutEffect]);
    throw new TypeError(
      `${className} got an unexpected option '${name}', which is no field of it; ` +
        (guess ? `did you mean '${guess}'?` : 'return_unused_kwargs: true returns what is none'),
      { code: 'ERR_UNKNOWN_NAME' },
    );
  }
}

/** A config of one family can do for another, where it has the fields that this one reads. */
export function warnOfOtherType(found: unknown, model_type: string): void {
  if (found === undefined || model_type === '' || found === model_type) return;
  warn(
    `You are using a model of type ${String(found)} to instantiate a model of type ${model_type}. This is not supported for ` +
      'all configurations of models and can yield errors.',
  );
}
