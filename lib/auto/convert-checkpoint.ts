import { isGgufName } from '../checkpoint/gguf/locate-gguf';
import { frameworkOf } from '../checkpoint/open';
import { openAnyCheckpoint } from '../checkpoint/open-any';
import { parseSize } from '../checkpoint/size-text';
import type { CheckpointSource } from '../checkpoint/source';
import { planWeights, type WeightsLayout } from '../checkpoint/weights-files';
import { NotImplementedError, RuntimeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { warn } from '../logging';
import * as flax from '../models/flax';
import * as tensorflow from '../models/tensorflow';
import type { Parameter } from '../nn/parameter';
import { givenOptions } from '../options';
import type { PretrainedConfig } from '../pretrained/config';
import { CONFIG_NAME } from '../pretrained/config-file';
import { weightsOf } from '../pretrained/dialects/model-weights';
import { translate } from '../pretrained/dialects/translate';
import { type WrittenFramework, writingsOf } from '../pretrained/dialects/writing';
import { untieDifferent } from '../pretrained/from-pretrained';
import { withoutInit } from '../pretrained/init';
import { completeSaveIn } from '../pretrained/interrupted-save';
import { checkWeightType } from '../pretrained/load-options';
import { type LoadPlan, planLoad } from '../pretrained/load-plan';
import { loadTargetOf } from '../pretrained/load-target';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import {
  checkFolder,
  newConfig,
  parametersOf,
  rewriteCheckpoint,
  targetOf,
  weightFilesOf,
} from '../pretrained/rewrite-checkpoint';
import { FolderRewrite, type RewriteReport } from '../pretrained/rewrite-folder';
import { type RewriteStep, RewrittenWeights, typeOfMost } from '../pretrained/rewrite-weights';
import { namesToDrop, tiedNames } from '../pretrained/shared-tensors';
import { parseDtype } from '../tensor/dtype';
import { AutoConfig } from './auto-config';
import { savedClass } from './saved-class';

/** Formats of weights, and who names and arranges them there. */
const FORMATS = {
  safetensors: { format: 'safetensors', framework: 'PyTorch' },
  pytorch: { format: 'pytorch', framework: 'PyTorch' },
  tensorflow: { format: 'tensorflow', framework: 'TensorFlow' },
  flax: { format: 'flax', framework: 'Flax' },
} as const satisfies Record<string, { format: WeightsLayout['format']; framework: WrittenFramework }>;

/** Options of `convertCheckpoint`. */
export interface ConvertOptions {
  /** 'safetensors', 'pytorch' (`.bin`), 'tensorflow' (`.h5`) or 'flax' (`.msgpack`). */
  to: string;
  /** Type of every floating tensor; default: as they are, GGUF's blocks as float32. */
  dtype?: string | null | undefined;
  /** Bytes that a file holds at most, as `save_pretrained` takes them; default '5GB'. */
  max_shard_size?: string | null | undefined;
  /** Word in the names of PyTorch's files, old and new. */
  variant?: string | null | undefined;
  /** A new or empty folder for the result; default: the checkpoint's own, in one step. A GGUF file needs one. */
  output?: string | null | undefined;
  /** Texts to write beside the weights of a GGUF file, by name: its tokenizer. */
  textsOf?: ((location: string) => Promise<ReadonlyMap<string, string>>) | null | undefined;
  /** Only say what would change. */
  dryRun?: boolean | null | undefined;
  signal?: AbortSignal | null | undefined;
}

/** What a conversion changes, or would change. */
export interface ConvertReport extends RewriteReport {
  /** Tensors that the model has no place for, which the result lacks. */
  left_out: string[];
}

const OPTIONS = ['to', 'dtype', 'max_shard_size', 'variant', 'output', 'textsOf', 'dryRun', 'signal'];

/**
 * Writes a checkpoint's weights in another format, in the names and the layouts of the framework whose format it is, one
 * tensor at a time. Between PyTorch's own formats nothing but the files changes; else the class that the config names says
 * what each tensor is. Either folder holds the old state or the new one at any moment.
 *
 * @param location - a checkpoint's folder of any framework, or a GGUF file
 * @throws OSError, CheckpointError when it cannot be read or written; ValueError for options, and when the config names no
 *   class that is here; RuntimeError when the checkpoint lacks a weight of that class; NotImplementedError when the other
 *   framework has no such class; AbortError
 */
export async function convertCheckpoint(location: string, given: ConvertOptions): Promise<ConvertReport> {
  const options = givenOptions<ConvertOptions>(given, 'convertCheckpoint');
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'convertCheckpoint', OPTIONS);
  const { to } = options;
  if (!(to in FORMATS)) throw unknownName('format', String(to), 'convertCheckpoint', Object.keys(FORMATS));
  const form = FORMATS[to as keyof typeof FORMATS];
  const [variant, signal] = [options.variant ?? null, options.signal ?? undefined];
  throwIfAborted(signal);
  if (variant !== null && form.framework !== 'PyTorch')
    throw new ValueError(
      `variant is a word in the names of PyTorch's files, and these are ${form.framework}'s; leave it out`,
    );
  const isFile = isGgufName(location);
  if (isFile && options.output == null)
    throw new ValueError(`'${location}' is a file; give a new folder for the result as output`);
  if (!isFile) {
    await checkFolder(location);
    await completeSaveIn(location);
  }
  const source = await openAnyCheckpoint(location, { variant, ...(signal && { signal }) });
  const isSame = frameworkOf(source) === 'PyTorch' && form.framework === 'PyTorch';
  if (isSame) {
    await source.close();
    return { ...(await rewriteCheckpoint(location, rewriteOptions(options, form.format))), left_out: [] };
  }
  try {
    return await new Conversion(location, options, form, signal).run(source);
  } finally {
    await source.close();
  }
}

function rewriteOptions(options: ConvertOptions, format: WeightsLayout['format']) {
  return {
    format: format as 'safetensors' | 'pytorch',
    dtype: options.dtype ?? undefined,
    max_shard_size: options.max_shard_size ?? undefined,
    variant: options.variant ?? undefined,
    output: options.output ?? undefined,
    dryRun: options.dryRun ?? undefined,
    signal: options.signal ?? undefined,
  };
}

/** A conversion that goes by what a model's class calls its weights. */
class Conversion {
  private readonly folder: string | null;

  constructor(
    private readonly location: string,
    private readonly options: ConvertOptions,
    private readonly form: (typeof FORMATS)[keyof typeof FORMATS],
    private readonly signal: AbortSignal | undefined,
  ) {
    this.folder = isGgufName(location) ? null : location;
  }

  /** @param opened - stays open */
  async run(opened: CheckpointSource): Promise<ConvertReport> {
    const { options, form, signal, folder, location } = this;
    const variant = options.variant ?? null;
    const dtype = options.dtype == null ? null : checkWeightType(parseDtype(options.dtype));
    const maxShardBytes = parseSize(options.max_shard_size ?? '5GB');
    const target = await targetOf(folder ?? '', options.output ?? undefined);
    const config = await AutoConfig.from_pretrained(location, { ...(signal && { signal }) });
    const ModelType = savedClass(config, location);
    checkClass(form.framework, ModelType.name);
    const model: PreTrainedModel = withoutInit(() => new ModelType(config as never));
    const loadTarget = loadTargetOf(ModelType, model);
    const source = translate(opened, loadTarget);
    const shapes = new Map(source.names().map((name) => [name, source.info(name).shape]));
    const plan = planLoad(shapes, loadTarget, { otherKeys: source.otherKeys });
    this.checkComplete(plan, ModelType.name);
    await untieDifferent(model, plan, { source });
    const weights = new RewrittenWeights(source, dtype, signal);
    try {
      const all = this.steps(model, plan).map((step) => weights.weight(step));
      const layout: WeightsLayout = { ...form, variant, maxShardBytes };
      const texts = new Map(
        folder === null ? await this.textsOfFile(config, dtype ?? typeOfMost(all)) : await newConfig(folder, dtype),
      );
      const rewrite = new FolderRewrite(
        folder,
        target,
        planWeights(all, layout, parametersOf(all)),
        weightFilesOf(opened, variant),
        texts,
        () => opened.verify(),
        signal,
      );
      const report = await rewrite.report();
      if (!options.dryRun) await rewrite.run();
      return { ...report, left_out: plan.unexpected_keys };
    } finally {
      weights.close();
      await model.dispose();
    }
  }

  /** @throws RuntimeError when the result would lack weights; tells of those that it leaves out */
  private checkComplete({ unfilled, unexpected_keys }: LoadPlan, className: string): void {
    if (unfilled.length > 0)
      throw new RuntimeError(
        `'${this.location}' lacks weights of ${className}, which its config names: ${someOf(unfilled.map(({ name }) => name))}. ` +
          'Nothing was changed; load it and save it to give them new values',
        { code: 'ERR_STATE_DICT' },
      );
    if (unexpected_keys.length > 0)
      warn(`${className} has no place for ${someOf(unexpected_keys)} of '${this.location}': the result is without`);
  }

  /** Every tensor that is written, in the order of the model. */
  private steps(model: PreTrainedModel, plan: LoadPlan): RewriteStep[] {
    const { format, framework } = this.form;
    const sources = new Map<Parameter, string>(plan.steps.map(({ parameter, source }) => [parameter, source]));
    const weights = weightsOf(model);
    const step = (parameter: Parameter, writing: RewriteStep['writing'], identity: unknown): RewriteStep => ({
      source: sources.get(parameter) as string,
      writing,
      identity,
    });
    if (framework !== 'PyTorch') {
      const writings = writingsOf(model, framework, false);
      return weights.flatMap(({ name, parameter }) => {
        const writing = writings.get(name);
        return writing ? [step(parameter, writing, writing.name)] : [];
      });
    }
    const dropped = format === 'safetensors' ? tiedCopies(model) : new Set<string>();
    return weights
      .filter(({ name }) => !dropped.has(name))
      .map(({ name, parameter }) => step(parameter, { name, shape: parameter.dims }, parameter));
  }

  private async textsOfFile(config: PretrainedConfig, dtype: string): Promise<Map<string, string>> {
    config.torch_dtype = dtype;
    const texts = new Map([[CONFIG_NAME, config.to_json_string()]]);
    for (const [name, text] of (await this.options.textsOf?.(this.location)) ?? []) texts.set(name, text);
    return texts;
  }
}

/** @throws NotImplementedError `UNSUPPORTED_LAYOUT` when the framework never had such a class */
function checkClass(framework: WrittenFramework, className: string): void {
  if (framework === 'PyTorch') return;
  const [views, name] = framework === 'Flax' ? [flax, `Flax${className}`] : [tensorflow, `TF${className}`];
  if (name in views) return;
  throw new NotImplementedError(
    `${framework} has no class for ${className}: Transformers had no ${name}, so nothing could read such files`,
    { code: 'UNSUPPORTED_LAYOUT' },
  );
}

/** Names of tied weights that a file of safetensors does not hold. */
function tiedCopies(model: PreTrainedModel): Set<string> {
  const names = new Map<Parameter, string[]>();
  for (const { name, parameter } of weightsOf(model)) names.set(parameter, [...(names.get(parameter) ?? []), name]);
  const tied = tiedNames(model);
  return new Set([...names.values()].flatMap((group) => (group.length > 1 ? namesToDrop(group, tied) : [])));
}

function someOf(names: readonly string[]): string {
  return names.slice(0, 5).join(', ') + (names.length > 5 ? `, … (${names.length} in all)` : '');
}
