import { info as logInfo, warn } from '../logging';
import { joinInSteps, type Steps } from '../turns';
import type { PretrainedConfig } from './config';
import type { LoadPlan } from './load-plan';
import { architectureOf } from './views/view';

/** Logs what a load left open, each list at its level. @param from - where the weights come from */
export function* reportLoad(className: string, from: string, plan: LoadPlan, config: PretrainedConfig): Steps<void> {
  const { missing_keys, unexpected_keys, mismatched_keys, renamed } = plan;
  for (const [old, name] of renamed) logInfo(`'${old}' of the checkpoint is '${name}' here`);
  if (unexpected_keys.length > 0) {
    const loud = (config.architectures ?? []).includes(architectureOf(className)) ? warn : logInfo;
    const names = yield* joinInSteps(unexpected_keys, ', ');
    loud(`Some weights of ${from} were not used when initializing ${className}: ${names}`);
  } else logInfo(`all weights of ${from} were used when initializing ${className}`);
  if (missing_keys.length > 0)
    warn(
      `Some weights of ${className} were not initialized from ${from} and are newly initialized: ` +
        `${missing_keys.join(', ')}. You should probably TRAIN this model on a down-stream task to be able to use it ` +
        'for predictions and inference.',
    );
  else if (mismatched_keys.length === 0) logInfo(`all the weights of ${className} were initialized from ${from}`);
  if (mismatched_keys.length > 0)
    warn(
      `Some weights of ${className} were not initialized from ${from} and are newly initialized ` +
        `because the shapes did not match:\n${mismatched_keys
          .map(
            ([name, found, wanted]) =>
              `- ${name}: found shape [${found}] in the checkpoint and [${wanted}] in the model`,
          )
          .join('\n')}`,
    );
}
