import { NotImplementedError, TypeError, unknownName } from '../errors';
import { givenOptions } from '../options';
import { type DType, parseDtype } from '../tensor/dtype';
import { PretrainedConfig } from './config';
import { checkAttention } from './config-options';
import { checkWeightType } from './load-options';
import type { ModelClass, PreTrainedModel } from './pretrained-model';

/** Options of a model that is made from a config alone. */
export interface FromConfigOptions {
  /** Element type of the weights: 'float32' (default), 'float16', 'bfloat16'. */
  dtype?: string | null;
  torch_dtype?: string | null;
  attn_implementation?: string | null;
  /** Changes nothing: code in a repository is never run. */
  trust_remote_code?: boolean;
}

const known = ['dtype', 'torch_dtype', 'attn_implementation', 'trust_remote_code'];
const later = ['use_flash_attention_2'];

/** A model with new weights. See `PreTrainedModel._from_config`. */
export function modelFromConfig<M extends PreTrainedModel>(
  ModelType: ModelClass<M>,
  config: PretrainedConfig,
  options: FromConfigOptions | null | undefined,
): M {
  const given = givenOptions(options, 'from_config');
  for (const name of Object.keys(given)) {
    if (later.includes(name))
      throw new NotImplementedError(`the option '${name}' of from_config is not supported yet`, {
        code: 'ERR_NOT_SUPPORTED_YET',
      });
    if (!known.includes(name)) throw unknownName('option', name, 'from_config', known);
  }
  if (given.attn_implementation) checkAttention(given.attn_implementation);
  if (!(config instanceof PretrainedConfig)) throw new TypeError('from_config takes a PretrainedConfig');
  const asked = given.dtype ?? given.torch_dtype ?? null;
  const type: DType = asked === null ? 'float32' : checkWeightType(parseDtype(asked));
  const model = new ModelType(config.clone() as never);
  for (const parameter of model.parameters()) parameter.type = type;
  if (asked !== null) model.config.torch_dtype = type;
  model.init_weights();
  return model;
}
