import { ValueError } from '../errors';
import type { PretrainedConfig } from '../pretrained/config';
import { PreTrainedModel } from '../pretrained/pretrained-model';
import type { LoadableClass } from './auto-model';
import { loadFamily } from './families';

/**
 * The class that was saved: that which `config.architectures` names.
 * @param location - where the config is from, for the message
 * @throws ValueError `ERR_ARCHITECTURE` when it names none that is here
 */
export function savedClass({ architectures, model_type }: PretrainedConfig, location: string): LoadableClass {
  const name = architectures?.[0];
  const found = loadFamily(model_type)[name ?? ''];
  if (typeof found === 'function' && found.prototype instanceof PreTrainedModel) return found as LoadableClass;
  throw new ValueError(
    `'${location}' is ${name ? `a ${name}` : 'of no named architecture (config.architectures)'}, which is not supported ` +
      'here: only the class that was saved holds all of its weights',
    { code: 'ERR_ARCHITECTURE' },
  );
}
