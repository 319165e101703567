import { type CacheStep, recordSteps } from '../nn/cache';
import { type CallInputs, type ModelInputs, PreTrainedModel } from './pretrained-model';

/** Names of the inputs by which a decoder's caller handles its cache. */
export const cacheInputs: readonly string[] = ['past_key_values', 'use_cache', 'cache_position'];

/** A model that may keep the keys and values of what it has seen: what a call adds to a cache counts if it succeeds. */
export abstract class DecoderModel extends PreTrainedModel {
  override async compute<O>(inputs: CallInputs, forward: (named: ModelInputs) => O): Promise<O> {
    const steps: CacheStep[] = [];
    let succeeded = false;
    try {
      const output = await super.compute(inputs, (named) => recordSteps(steps, () => forward(named)));
      succeeded = true;
      return output;
    } finally {
      for (const step of steps) step.settle(succeeded);
    }
  }
}
