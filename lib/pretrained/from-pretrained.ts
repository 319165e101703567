import { heldBytes, memoryStats } from '../binding/runtime';
import { type CheckpointSource, isSamePlace } from '../checkpoint/source';
import { storedDType } from '../checkpoint/stored-dtype';
import { modelSubfolder } from '../env';
import { RuntimeError, TypeError, throwIfAborted, ValueError } from '../errors';
import { hubOptionsOf } from '../hub/options';
import { DownloadProgress } from '../hub/progress';
import { info as logInfo, warn } from '../logging';
import type { Module } from '../nn/module';
import { Parameter } from '../nn/parameter';
import { Call } from '../tensor/call';
import { type DType, itemSize, parseDtype } from '../tensor/dtype';
import { keep } from '../tensor/keep';
import { fence } from '../tensor/load';
import { cast } from '../tensor/ops/cast';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { inTurns, type Steps } from '../turns';
import { checkLocation, knownCommit } from './check-location';
import { PretrainedConfig } from './config';
import { warnOfOtherType } from './config-options';
import { constructorArguments } from './constructor-arguments';
import { adoptGenerationConfig, checkGenerationOption } from './generation-file';
import { markInitialized, withoutInit } from './init';
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
import { inPyTorchTerms, openWeights, typesOf, type Weights } from './load-weights';
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
  const overrides = checkLoadOptions(ModelType, options);
  const asked = requestedDtype(options);
  checkGenerationOption(ModelType, options);
  await checkLocation(path, options);
  const { config, rest } = await findConfig(ModelType, path, options, overrides);
  const names = [...Object.keys(config), ...loadOptionNames];
  const further = constructorArguments(ModelType, options.model_args ?? [], rest, names);
  config.name_or_path = path ?? 'None';
  const model = withoutInit(() => new ModelType(config as never, ...(further as never[])));
  const downloads = new DownloadProgress(String(path), (event) => options.progress_callback?.(event));
  const commit = knownCommit(path, options, config);
  const hub = {
    ...hubOptionsOf(options),
    ...(commit && { _commit_hash: commit }),
    onTransfer: downloads.listen,
    ...(options.signal && { signal: options.signal }),
  };
  const stored = await openWeights(path, options, hub, config['transformers_weights'], ModelType.framework);
  try {
    const target = loadTargetOf(ModelType, model, options.key_mapping ?? null);
    const { signal } = options;
    const weights = await inTurns(inPyTorchTerms(stored, target), signal);
    const dtype = asked === 'auto' ? await inTurns(autoDtype(config, weights), signal) : (asked ?? 'float32');
    const planOptions = {
      ignore_mismatched_sizes: options.ignore_mismatched_sizes ?? false,
      otherKeys: weights.source?.otherKeys ?? [],
    };
    const plan = await inTurns(planLoad(weights.shapes, target, planOptions), signal);
    await untieDifferent(model, plan, weights);
    // Of a file that came over the network the listener has heard already.
    const listener = downloads.transferred ? null : (options.progress_callback ?? null);
    await fill(ModelType, model, plan, weights, dtype, { ...options, progress_callback: listener });
    markInitialized(model);
    model.adoptStoredTypes(weights.typeOf);
    if (config.torchscript) model.tie_weights();
    // Configs of other frameworks' classes keep what they say, as upstream.
    if (ModelType.framework === 'pt') config.torch_dtype = dtype;
    config._commit_hash = stored.commit ?? commit ?? config._commit_hash;
    const from = options.state_dict ? 'the given state_dict' : `the checkpoint at ${path}`;
    await inTurns(reportLoad(ModelType.name, from, plan, config), signal);
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

/** The model's config, and the options that are neither the load's nor its fields. */
async function findConfig(
  ModelType: ModelClass,
  path: string | null,
  options: FromPretrainedOptions,
  overrides: Record<string, unknown>,
): Promise<{ config: PretrainedConfig; rest: Record<string, unknown> }> {
  const { config: given } = options;
  if (given instanceof PretrainedConfig) {
    refuseFields(ModelType, given, overrides);
    warnOfOtherType((given.constructor as typeof PretrainedConfig).model_type, ModelType.config_class.model_type);
    return { config: given.clone(), rest: overrides };
  }
  const [config, rest] = await ModelType.config_class.from_pretrained(given ?? (path as string), {
    subfolder: modelSubfolder(options.subfolder),
    ...(!given && { gguf_file: options.gguf_file ?? null }),
    signal: options.signal,
    ...hubOptionsOf(options),
    ...overrides,
    return_unused_kwargs: true,
  });
  return { config, rest };
}

/** @throws TypeError for a field beside a config object: where that is given, options are the constructor's */
function refuseFields(
  { name: className, constructor_args }: ModelClass,
  config: PretrainedConfig,
  overrides: Record<string, unknown>,
): void {
  for (const name of Object.keys(overrides))
    if (config.has(name) && !constructor_args.includes(name))
      throw new TypeError(
        `${className}.__init__() got an unexpected keyword argument '${name}': beside a config object options go to the ` +
          `constructor; set config.${name} before`,
        { code: 'ERR_UNKNOWN_NAME' },
      );
}

/** 'auto': what the config says, else the checkpoint. */
function* autoDtype({ torch_dtype, name_or_path }: PretrainedConfig, weights: Weights): Steps<DType> {
  const indexMetadata = weights.source?.indexMetadata ?? null;
  const stored = torch_dtype === null ? yield* storedDType(typesOf(weights), indexMetadata) : null;
  const dtype = torch_dtype ?? stored?.dtype ?? 'float32';
  logInfo(`dtype 'auto' is ${dtype}, from ${stored?.from ?? 'the config'} of the checkpoint`);
  return checkWeightType(torch_dtype === null ? parseDtype(dtype) : configDtype(torch_dtype, name_or_path));
}

/** @throws ValueError naming the config whose torch_dtype is none */
function configDtype(torch_dtype: string, name_or_path: string): DType {
  try {
    return parseDtype(torch_dtype);
  } catch (cause) {
    throw new ValueError(
      `dtype 'auto' goes by the config, and torch_dtype in that of '${name_or_path}' is '${torch_dtype}', which is no dtype: ` +
        "correct it there, or give the dtype itself, such as 'float32'",
      { code: 'ERR_DTYPE', cause },
    );
  }
}

/**
 * A checkpoint that holds both names of a tied weight, with different numbers, was not tied: each name gets its own.
 * Source: transformers 5.18.0, which warns likewise.
 */
export async function untieDifferent(
  model: PreTrainedModel,
  plan: LoadPlan,
  weights: Pick<Weights, 'source'>,
): Promise<void> {
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
  const keptWhole = dtype === 'float16' ? ModelType._keep_in_fp32_modules.map((part) => `.${part}.`) : [];
  const typeOf = (name: string): DType => (keptWhole.some((part) => `.${name}.`.includes(part)) ? 'float32' : dtype);
  const progress = await inTurns(
    LoadProgress.of(model.config.name_or_path, weights.source, options.progress_callback ?? null),
    options.signal,
  );
  const call = new Call(options.signal);
  try {
    let waiting = 0;
    let read = Promise.resolve(); // all but the last few tensors: the threads have always more to do
    for (const step of plan.steps) {
      const { source, parameter } = step;
      const stored =
        weights.source &&
        (await storedTensor(weights.source, source, { signal: options.signal, map: isMapped(weights, source) }));
      call.run(() => {
        heldBytes.arriving(() => {
          parameter.value = stored
            ? stored.load(typeOf(step.name), parameter.pack)
            : keep(cast(weights.given?.get(source) as Tensor, typeOf(step.name)), parameter.pack);
        });
      });
      waiting += progress.reading(step.source);
      if (waiting < kReportBytes) continue;
      await read;
      progress.report();
      read = call.run(() => fence(options.signal));
      read.catch(() => {}); // heard of where it is awaited
      progress.mark();
      waiting = 0;
    }
    await call.run(() => fence(options.signal));
    progress.mark();
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
    heldBytes.arrived();
  }
}

function isMapped({ source, mapped }: Weights, name: string): boolean {
  return mapped.size > 0 && source !== null && mapped.has(source.info(name).file);
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
