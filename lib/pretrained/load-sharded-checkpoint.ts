import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, requirePyTorch } from '../checkpoint/open';
import type { CheckpointSource } from '../checkpoint/source';
import { SAFE_WEIGHTS_INDEX_NAME, WEIGHTS_INDEX_NAME } from '../checkpoint/weight-names';
import { RuntimeError, TypeError, throwIfAborted, ValueError } from '../errors';
import { Module } from '../nn/module';
import { Parameter } from '../nn/parameter';
import { namedOptions } from '../options';
import { inTurns, joinInSteps, type Steps, visitInSteps } from '../turns';
import { type Filling, fillParameters } from './fill-parameters';
import type { IncompatibleKeys } from './load-state-dict';
import type { PreTrainedModel } from './pretrained-model';

/** Options of `load_sharded_checkpoint`. */
export interface LoadShardedOptions {
  /** Names on one side only are an error (default). */
  strict?: boolean;
  /** Of two indexes, safetensors' goes before PyTorch's (default). */
  prefer_safe?: boolean;
  signal?: AbortSignal;
}

/**
 * Loads the shards in a folder into a model, in the dtype of its parameters: no prefix is added or removed, nothing is
 * tied or drawn. Names and shapes are checked before anything is loaded.
 * @returns names that the checkpoint lacks, without those that are tied to others, and names that the model lacks
 * @throws ValueError `Can't find a checkpoint index`; RuntimeError for names on one side only, unless `strict` is false,
 *   and for other shapes; CheckpointError for damaged files; AbortError
 */
export async function load_sharded_checkpoint(
  model: PreTrainedModel,
  folder: string,
  options?: LoadShardedOptions | null,
): Promise<IncompatibleKeys> {
  const { signal, ...given } = namedOptions(options, 'load_sharded_checkpoint', {
    strict: 'boolean',
    prefer_safe: 'boolean',
    signal: 'any',
  });
  const strict = given.strict ?? true;
  const prefer_safe = given.prefer_safe ?? true;
  if (!(model instanceof Module))
    throw new TypeError('load_sharded_checkpoint takes a model, and the folder with its shards');
  throwIfAborted(signal);
  const index = join(folder, await chosenIndex(folder, prefer_safe));
  await using source = await openCheckpoint(index, { ...(signal && { signal }) });
  requirePyTorch(source, 'load_sharded_checkpoint');
  const parameters = new Map<string, Parameter>();
  for (const [name, value] of model.named_state()) if (value instanceof Parameter) parameters.set(name, value);
  const keys = await inTurns(compare(model, source, parameters), signal);
  await inTurns(check(model, source, parameters, strict ? keys : { missing_keys: [], unexpected_keys: [] }), signal);
  await fillParameters(source, await inTurns(fillingsOf(source, parameters), signal), signal);
  return keys;
}

/** The name of the folder's index. @throws ValueError when there is none */
async function chosenIndex(folder: string, prefer: boolean): Promise<string> {
  const has = (name: string) =>
    stat(join(folder, name)).then(
      (found) => found.isFile(),
      () => false,
    );
  const [safe, pytorch] = await Promise.all([has(SAFE_WEIGHTS_INDEX_NAME), has(WEIGHTS_INDEX_NAME)]);
  if (!safe && !pytorch)
    throw new ValueError(
      `Can't find a checkpoint index (${WEIGHTS_INDEX_NAME} or ${SAFE_WEIGHTS_INDEX_NAME}) in ${folder}.`,
      { code: 'FILE_NOT_FOUND' },
    );
  return safe && (prefer || !pytorch) ? SAFE_WEIGHTS_INDEX_NAME : WEIGHTS_INDEX_NAME;
}

function* compare(
  model: PreTrainedModel,
  source: CheckpointSource,
  parameters: Map<string, Parameter>,
): Steps<IncompatibleKeys> {
  const tied = (model.constructor as typeof PreTrainedModel)._tied_weights_keys.map((pattern) => new RegExp(pattern));
  const unexpected_keys: string[] = [];
  yield* visitInSteps(source.names(), (name) => {
    if (!parameters.has(name)) unexpected_keys.push(name);
  });
  return {
    missing_keys: [...parameters.keys()].filter((name) => !source.has(name) && !tied.some((key) => key.test(name))),
    unexpected_keys,
  };
}

function* check(
  model: PreTrainedModel,
  source: CheckpointSource,
  parameters: Map<string, Parameter>,
  { missing_keys, unexpected_keys }: IncompatibleKeys,
): Steps<void> {
  const problems: string[] = [];
  if (missing_keys.length > 0) problems.push(`Missing key(s): ${yield* quoted(missing_keys)}.`);
  if (unexpected_keys.length > 0) problems.push(`Unexpected key(s): ${yield* quoted(unexpected_keys)}.`);
  for (const [name, { dims }] of parameters) {
    const shape = source.has(name) ? source.info(name).shape : dims;
    if (String(shape) !== String(dims))
      problems.push(`size mismatch for ${name}: the checkpoint has shape [${shape}], the model has [${dims}].`);
  }
  if (problems.length > 0)
    throw new RuntimeError(`Error(s) in loading state_dict for ${model.constructor.name}\n${problems.join('\n')}`, {
      code: 'ERR_STATE_DICT',
    });
}

function* quoted(names: readonly string[]): Steps<string> {
  const quotes: string[] = [];
  yield* visitInSteps(names, (name) => quotes.push(`"${name}"`));
  return yield* joinInSteps(quotes, ',');
}

/** The tensors of each shard that the model has places for. */
function* fillingsOf(
  { parts }: CheckpointSource,
  parameters: ReadonlyMap<string, Parameter>,
): Steps<[part: CheckpointSource, fillings: Filling[]][]> {
  const all: [CheckpointSource, Filling[]][] = [];
  for (const part of parts) {
    const fillings: Filling[] = [];
    yield* visitInSteps(part.names(), (name) => {
      const parameter = parameters.get(name);
      if (parameter) fillings.push([name, parameter]);
    });
    all.push([part, fillings]);
  }
  return all;
}
