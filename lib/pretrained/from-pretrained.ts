import { stat } from 'node:fs/promises';
import { memoryStats } from '../binding/runtime';
import { isGgufName } from '../checkpoint/gguf/locate-gguf';
import { type CheckpointSource, isSamePlace } from '../checkpoint/source';
import { modelSubfolder } from '../env';
import { OSError, RuntimeError, TypeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { hubOptionsOf } from '../hub/options';
import { DownloadProgress } from '../hub/progress';
import { info as logInfo, warn } from '../logging';
import type { Module } from '../nn/module';
import { Parameter } from '../nn/parameter';
import { Call } from '../tensor/call';
import { type DType, isFloating, itemSize } from '../tensor/dtype';
import { keep } from '../tensor/keep';
import { fence } from '../tensor/load';
import { cast } from '../tensor/ops/cast';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { PretrainedConfig } from './config';
import { adoptGenerationConfig } from './generation-file';
import { markInitialized } from './init';
import {
  checkLoadOptions,
  checkLoadTypes,
  checkWeightType,
  type FromPretrainedOptions,
  loadOptionNames,
  requestedDtype,
} from './load-options';
import { type LoadPlan, type Mismatch, planLoad } from './load-plan';
import { LoadProgress } from './load-progress';
import { reportLoad } from './load-report';
import { loadTargetOf } from './load-target';
import { inPyTorchTerms, openWeights, type Weights } from './load-weights';
import type { ModelClass, PreTrainedModel } from './pretrained-model';
import { storedTensor } from './stored-tensor';
import { keepApart } from './surgery/tie-weights';

export type { ProgressCallback, ProgressInfo } from '../progress-info';
export type { FromPretrainedOptions } from './load-options';

/** What a load left open: names in ascending order. */
export interface LoadingInfo {
  missing_keys: string[];
  unexpected_keys: string[];
  /** [name, shape in the checkpoint, shape in the model] */
  mismatched_keys: Mismatch[];
  error_msgs: string[];
}

/** Loads a model: config, then weights, then what they lack. See `PreTrainedModel.from_pretrained`. */
export async function loadPretrained<M extends PreTrainedModel>(
  ModelType: ModelClass<M>,
  path: string | null,
  options: FromPretrainedOptions,
): Promise<[M, LoadingInfo]> {
  throwIfAborted(options.signal);
  checkLoadTypes(`${ModelType.name}.from_pretrained`, options);
  const overrides = checkLoadOptions(options);
  const asked = requestedDtype(options);
  const { config, rest } = await findConfig(ModelType, path, options, overrides);
  const further = constructorArguments(ModelType, config, options, rest);
  config.name_or_path = path ?? 'None';
  const model = new ModelType(config as never, ...(further as never[]));
  const downloads = new DownloadProgress(String(path), (event) => options.progress_callback?.(event));
  const commit = options.config ? null : config._commit_hash;
  const hub = {
    ...hubOptionsOf(options),
    ...(commit && { _commit_hash: commit }),
    onTransfer: downloads.listen,
    ...(options.signal && { signal: options.signal }),
  };
  const stored = await openWeights(path, options, hub);
  try {
    const target = loadTargetOf(ModelType, model, options.key_mapping ?? {});
    const weights = inPyTorchTerms(stored, target);
    const dtype = asked === 'auto' ? autoDtype(config, weights) : (asked ?? 'float32');
    const plan = planLoad(weights.shapes, target, {
      ignore_mismatched_sizes: options.ignore_mismatched_sizes ?? false,
      otherKeys: weights.source?.otherKeys ?? [],
    });
    await untieDifferent(model, plan, weights);
    // Of a file that came over the network the listener has heard already.
    const listener = downloads.transferred ? null : (options.progress_callback ?? null);
    await fill(ModelType, model, plan, weights, dtype, { ...options, progress_callback: listener });
    markInitialized(model);
    if (config.torchscript) model.tie_weights();
    config.torch_dtype = dtype;
    reportLoad(ModelType.name, String(path), plan, config);
    model.eval();
    await adoptGenerationConfig(model, path, options, hub);
    const { missing_keys, unexpected_keys, mismatched_keys } = plan;
    return [model, { missing_keys, unexpected_keys, mismatched_keys, error_msgs: [] }];
  } catch (error) {
    await model.dispose();
    throw error;
  } finally {
    await stored.close();
  }
}

async function findConfig<M extends PreTrainedModel>(
  ModelType: ModelClass<M>,
  path: string | null,
  options: FromPretrainedOptions,
  overrides: Record<string, unknown>,
): Promise<{ config: PretrainedConfig; rest: Record<string, unknown> }> {
  const { config: given } = options;
  if (path === null && !(given && options.state_dict)) {
    if (!given && !options.state_dict)
      throw new OSError('None is not a folder; give a folder, or null with both config and state_dict');
    throw new ValueError(
      `from_pretrained(null) needs both config and state_dict; ${given ? 'state_dict' : 'config'} is missing`,
    );
  }
  if (given instanceof PretrainedConfig) return { config: given.clone(), rest: overrides };
  const from = given ?? (path as string);
  if (!given && !isGgufName(from) && (await isFile(from)))
    throw new OSError(`'${path}' is one weights file: give its config too, as { config }`, { code: 'ERR_NO_CONFIG' });
  const [config, rest] = await ModelType.config_class.from_pretrained(from, {
    subfolder: modelSubfolder(options.subfolder),
    ...(!given && { gguf_file: options.gguf_file ?? null }),
    signal: options.signal,
    ...hubOptionsOf(options),
    ...overrides,
    return_unused_kwargs: true,
  });
  return { config, rest };
}

/**
 * @throws TypeError for an option that is neither a config field nor an argument of the constructor, for more `model_args`
 *   than there are arguments, and for an argument that is given twice
 */
function constructorArguments(
  ModelType: ModelClass,
  config: PretrainedConfig,
  options: FromPretrainedOptions,
  rest: Record<string, unknown>,
): unknown[] {
  const { name: className, constructor_args: known } = ModelType;
  const values = [...(options.model_args ?? [])];
  if (values.length > known.length)
    throw new TypeError(
      `${className}.__init__() takes ${known.length === 0 ? 'no arguments' : known.join(', ')} behind the config, but ` +
        `model_args has ${values.length} values`,
    );
  for (const [name, value] of Object.entries(rest)) {
    const index = known.indexOf(name);
    if (index < 0) {
      const names = [...Object.keys(config), ...loadOptionNames, ...known];
      throw unknownName('keyword argument', name, `${className}.__init__()`, names);
    }
    if (index in values)
      throw new TypeError(`${className}.__init__() got ${name} twice: as an option, and in model_args`);
    values[index] = value;
  }
  return values;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isFile(),
    () => false,
  );
}

/** 'auto': what the config says, else what the index says, else the first floating tensor's dtype. */
function autoDtype(config: PretrainedConfig, weights: Weights): DType {
  const stated = config.torch_dtype ?? weights.source?.indexMetadata.get('dtype');
  const types = [...weights.types.values()];
  const type = stated ?? types.find((t) => isFloating(t as DType)) ?? types[0] ?? 'float32';
  logInfo(
    `dtype 'auto' is ${String(type)}, from ${stated ? 'the config' : 'the first floating tensor of the checkpoint'}`,
  );
  return checkWeightType(String(type).replace(/^torch\./, '') as DType);
}

/**
 * A checkpoint that holds both names of a tied weight, with different numbers, was not tied: each name gets its own.
 * Source: transformers 5.18.0, which warns likewise.
 */
async function untieDifferent(model: PreTrainedModel, plan: LoadPlan, weights: Weights): Promise<void> {
  for (const { name, parameter, source, of } of plan.copies) {
    if (!weights.source || (await sameBytes(weights.source, source, of.source))) continue;
    warn(
      `the checkpoint holds '${of.source}' and '${source}' with different values, so they are not tied here although ` +
        'tied weights are what the config asks for; set tie_word_embeddings to false to say so',
    );
    const own = new Parameter(parameter.dims, parameter.dims.length === 2 ? 'gemm' : 'plain');
    model.replaceParameter(name, own);
    if (model.get_output_embeddings()?.weight === own) keepApart(model);
    plan.steps.push({ name, parameter: own, source });
  }
}

const kCompareBytes = 4 * 2 ** 20;

/** Whether two tensors of a checkpoint hold the same. */
export async function sameBytes(source: CheckpointSource, a: string, b: string): Promise<boolean> {
  const [left, right] = [source.info(a), source.info(b)];
  if (left.dtype !== right.dtype || left.byteLength !== right.byteLength) return false;
  if (isSamePlace(left, right)) return true;
  for (let start = 0; start < left.byteLength; start += kCompareBytes) {
    const range = { start, end: Math.min(start + kCompareBytes, left.byteLength) };
    const [x, y] = await Promise.all([source.read(a, range), source.read(b, range)]);
    if (Buffer.compare(x, y) !== 0) return false;
  }
  return true;
}

/** Bytes that are read between two reports of progress. */
const kReportBytes = 32 * 2 ** 20;

async function fill(
  ModelType: ModelClass,
  model: PreTrainedModel,
  plan: LoadPlan,
  weights: Weights,
  dtype: DType,
  options: FromPretrainedOptions,
): Promise<void> {
  const typeOf = (name: string): DType =>
    dtype === 'float16' && name.split('.').some((part) => ModelType._keep_in_fp32_modules.includes(part))
      ? 'float32'
      : dtype;
  const progress = new LoadProgress(model.config.name_or_path, weights.source, options.progress_callback ?? null);
  const call = new Call(options.signal);
  try {
    let waiting = 0;
    for (const step of plan.steps) {
      const { source, parameter } = step;
      const stored = weights.source && (await storedTensor(weights.source, source, options.signal));
      call.run(() => {
        parameter.value = stored
          ? stored.load(typeOf(step.name), parameter.pack)
          : keep(cast(weights.given?.get(source) as Tensor, typeOf(step.name)), parameter.pack);
      });
      waiting += progress.reading(step.source);
      if (waiting < kReportBytes) continue;
      await call.run(() => fence(options.signal));
      progress.report();
      waiting = 0;
    }
    await call.run(() => fence(options.signal));
    progress.report();
    const owners = new Map<string, Module>(model.named_modules());
    for (const { name, parameter } of plan.unfilled) {
      const owner = owners.get(name.slice(0, Math.max(0, name.lastIndexOf('.')))) as Module;
      scope(() => parameter.renew(cast(model._init_weights(name, parameter, owner), typeOf(name))));
    }
    await weights.source?.verify();
    progress.done();
  } catch (error) {
    throw errorCode(error) === 'ERR_OUT_OF_MEMORY' ? tooLarge(ModelType.name, model, plan, typeOf, error) : error;
  } finally {
    call.end();
  }
}

/** What to say when the weights do not fit: the native error knows neither the model nor its size. */
function tooLarge(
  name: string,
  model: PreTrainedModel,
  { steps, unfilled }: LoadPlan,
  typeOf: (name: string) => DType,
  cause: unknown,
): RuntimeError {
  const wanted = [...steps, ...unfilled].reduce((n, step) => n + step.parameter.size * itemSize(typeOf(step.name)), 0);
  const { live, limit } = memoryStats();
  return new RuntimeError(
    `the weights of ${name} in '${model.config.name_or_path}' are ${wanted} bytes as ${typeOf('')}, which do not fit: of ` +
      `${limit} bytes, ${live} were in use. Dispose models that are no longer needed, load this one with ` +
      "{ dtype: 'bfloat16' }, or raise NATIVE_TRANSFORMERS_MEMORY",
    { code: 'ERR_OUT_OF_MEMORY', cause },
  );
}

function errorCode(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
