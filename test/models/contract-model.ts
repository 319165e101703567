import { GPT2Config } from '../../lib/models/gpt2/model';
import { Parameter } from '../../lib/nn/parameter';
import type { PretrainedConfig } from '../../lib/pretrained/config';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { Tensor } from '../../lib/tensor/tensor';

type Loadable<M extends PreTrainedModel> = { new (config: never): M } & Pick<typeof PreTrainedModel, 'from_pretrained'>;

/** The contract's small GPT-2 (section 9). */
export async function contractModel<M extends PreTrainedModel>(ModelClass: Loadable<M>): Promise<M> {
  const sizes = { vocab_size: 17, n_positions: 64, n_embd: 8, n_layer: 2, n_head: 2 };
  return filledModel(ModelClass, new GPT2Config({ ...sizes, eos_token_id: 16, bos_token_id: 16 }), /wte|wpe/);
}

/** A model every parameter of which is filled by its number, so that results can be written down. @param big - times three */
export async function filledModel<M extends PreTrainedModel>(
  ModelClass: Loadable<M>,
  config: PretrainedConfig,
  big: RegExp,
): Promise<M> {
  const state_dict = new Map<string, Tensor>();
  let number = 0;
  const numbers = new Map<Parameter, number>();
  for (const [name, value] of new ModelClass(config as never).named_state()) {
    if (!(value instanceof Parameter)) continue;
    if (!numbers.has(value)) numbers.set(value, number++);
    state_dict.set(name, filled(name, value, numbers.get(value) as number, big));
  }
  const from_pretrained = ModelClass.from_pretrained as unknown as (path: null, options: object) => Promise<M>;
  return from_pretrained.call(ModelClass, null, { config, state_dict });
}

function filled(name: string, parameter: Parameter, number: number, bigNames: RegExp): Tensor {
  let state = number + 1;
  const isNorm = /(ln_\w+|layer_norm)\.weight$/.test(name);
  const big = bigNames.test(name);
  const values = Float32Array.from({ length: parameter.size }, () => {
    state = (Math.imul(1103515245, state) + 12345) & 0x7fffffff;
    const value = Math.fround(state / 2 ** 31) - 0.5;
    return isNorm ? 1 + 0.1 * value : big ? 3 * value : value;
  });
  return new Tensor('float32', values, parameter.dims);
}
