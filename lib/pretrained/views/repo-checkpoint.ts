import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { numpyReader } from '../../checkpoint/formats';
import type { NumpyArray, NumpyData, NumpyDict } from '../../checkpoint/numpy-pickle';
import { FileNotFoundError, OSError, RuntimeError, TypeError } from '../../errors';
import { locateModel } from '../../hub/model-repo';
import type { HubOptions } from '../../hub/options';
import { arrayOf } from '../../tensor/dtype';
import { Tensor } from '../../tensor/tensor';
import { loadInto, openFor } from '../load-into';
import type { PreTrainedModel } from '../pretrained-model';

/** What Keras saves while it trains: weights, and what the optimizer remembers. */

/** An optimizer that can be given what was saved of one: its step count and slots, in Keras' order. */
export interface Restorable {
  set_weights(weights: Tensor[]): unknown;
}

const WEIGHTS = 'checkpoint/weights.h5';
const EXTRA = 'checkpoint/extra_data.pickle';

/** Restores a model and its optimizer. See `TensorFlowMethods.load_repo_checkpoint`. */
export async function loadRepoCheckpoint(
  model: PreTrainedModel,
  optimizer: unknown,
  location: string,
  hub: HubOptions,
): Promise<{ epoch: number }> {
  if (typeof location !== 'string')
    throw new TypeError(`load_repo_checkpoint takes a folder or the id of a repository, not a ${typeof location}`);
  if (typeof (optimizer as Partial<Restorable> | null | undefined)?.set_weights !== 'function')
    throw new RuntimeError(
      'Checkpoint loading failed as no optimizer is attached to the model: set model.optimizer to an object with ' +
        'set_weights(weights), which is given the saved state',
      { code: 'ERR_NO_OPTIMIZER' },
    );
  const [weights, extra] = await filesOf(location, hub);
  const signal = hub.signal ?? undefined;
  const data = await numpyReader().readNumpyPickle(extra, signal);
  const { epoch, state } = checkExtra(data, extra);
  await loadInto(model, openFor(weights, 'tf', signal), { strict: true, ...(signal && { signal }) });
  await (optimizer as Restorable).set_weights(state.map(tensorOf));
  return { epoch };
}

/** The two files of a checkpoint, fetched where they are not here. @throws FileNotFoundError naming the one that is not there */
async function filesOf(location: string, hub: HubOptions): Promise<[weights: string, extra: string]> {
  const found = await locateModel(location, hub);
  const names = [WEIGHTS, EXTRA];
  const absent = async (name: string) =>
    !(await (typeof found === 'string' ? isFile(join(found, name)) : found.has(name)));
  for (const name of names)
    if (await absent(name)) throw new FileNotFoundError(`Could not find checkpoint file ${name} in repo ${location}!`);
  const paths = names.map((name) => (typeof found === 'string' ? join(found, name) : found.require(name)));
  return Promise.all(paths) as Promise<[string, string]>;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}

function checkExtra(data: NumpyData, file: string): { epoch: number; state: NumpyArray[] } {
  const { epoch, optimizer_state: state } = (data ?? {}) as NumpyDict;
  if (
    typeof epoch === 'number' &&
    Array.isArray(state) &&
    state.every((each) => each instanceof numpyReader().NumpyArray)
  )
    return { epoch, state };
  throw new OSError(`'${file}' is no checkpoint of Keras: it must hold 'epoch' and the list 'optimizer_state'`, {
    code: 'ERR_CHECKPOINT',
  });
}

function tensorOf({ dtype, shape, bytes }: NumpyArray): Tensor {
  const { buffer } = new Uint8Array(bytes);
  const TypedArray = arrayOf(dtype) as unknown as new (buffer: ArrayBufferLike) => Float32Array;
  return new Tensor(dtype, new TypedArray(buffer), shape);
}
