import { heldBytes } from '../binding/runtime';
import type { CheckpointSource } from '../checkpoint/source';
import type { Parameter } from '../nn/parameter';
import { Call } from '../tensor/call';
import { fence } from '../tensor/load';
import { storedTensor } from './stored-tensor';

/** A tensor's name in a checkpoint, and the parameter that it becomes. */
export type Filling = readonly [stored: string, parameter: Parameter];

/**
 * Brings tensors into parameters of a model that is there, in the parameters' types. What lies in one part of the checkpoint
 * is in place before the next part is begun.
 * @throws what reading throws, also where the files have changed meanwhile; AbortError
 */
export async function fillParameters(
  source: CheckpointSource,
  parts: Iterable<readonly [part: CheckpointSource, fillings: Iterable<Filling>]>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const call = new Call(signal);
  try {
    for (const [part, fillings] of parts) {
      for (const [name, parameter] of fillings) {
        const stored = await storedTensor(part, name, { signal });
        call.run(() => {
          heldBytes.arriving(() => {
            parameter.value = stored.load(parameter.type, parameter.pack);
          });
        });
      }
      await call.run(() => fence(signal));
    }
    await source.verify();
  } finally {
    call.end();
    heldBytes.arrived();
  }
}
