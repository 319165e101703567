import { TypeError } from '../errors';
import { givenOptions } from '../options';
import type { DType } from '../tensor/dtype';
import { PretrainedConfig } from './config';
import { constructorArguments } from './constructor-arguments';
import { withoutInit } from './init';
import { checkAttentionOf, checkRemoteCode, requestedDtype } from './load-options';
import type { ModelClass, PreTrainedModel } from './pretrained-model';

/** Options of a model that is made from a config alone. Further names are arguments of the constructor. */
export interface FromConfigOptions {
  /** Element type of the weights: 'float32', 'float16', 'bfloat16'; default what the config says, else 'float32'. */
  dtype?: string | null;
  torch_dtype?: string | null;
  attn_implementation?: string | null;
  use_flash_attention_2?: boolean;
  /** Changes nothing: code in a repository is never run. */
  trust_remote_code?: boolean;
  /** Further arguments of the constructor, behind the config. */
  model_args?: unknown[];
  [argument: string]: unknown;
}

const optionNames = [
  'dtype',
  'torch_dtype',
  'attn_implementation',
  'use_flash_attention_2',
  'trust_remote_code',
  'model_args',
];

/** A model with new weights. See `PreTrainedModel._from_config`. */
export function modelFromConfig<M extends PreTrainedModel>(
  ModelType: ModelClass<M>,
  config: PretrainedConfig,
  options?: FromConfigOptions | null,
): M {
  const where = `${ModelType.name}._from_config`;
  const given = givenOptions<FromConfigOptions>(options, where);
  checkIsConfig(where, config);
  checkRemoteCode(given);
  checkAttentionOf(ModelType, given);
  const asked = requestedDtype(given);
  const type = asked === null || asked === 'auto' ? dtypeOf(config) : asked;
  const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !optionNames.includes(name)));
  const further = constructorArguments(ModelType, given.model_args ?? [], rest, optionNames);
  const model = withoutInit(() => new ModelType(config.clone() as never, ...(further as never[])));
  for (const parameter of model.parameters()) parameter.type = type;
  if (asked !== null) model.config.torch_dtype = type;
  model.init_weights();
  return model;
}

/** @throws TypeError naming what came in a config's place */
export function checkIsConfig(where: string, config: unknown): asserts config is PretrainedConfig {
  if (config instanceof PretrainedConfig) return;
  throw new TypeError(
    `${where} takes a PretrainedConfig, such as AutoConfig.from_pretrained gives, not ` +
      `${config === null ? 'null' : typeof config === 'object' ? 'another object' : typeof config}`,
  );
}

/** What the config says that weights are. @throws ValueError when weights cannot be that */
function dtypeOf(config: PretrainedConfig): DType {
  return config.torch_dtype === null ? 'float32' : (requestedDtype({ dtype: config.torch_dtype }) as DType);
}
