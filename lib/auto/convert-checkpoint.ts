import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { frameworkOf } from '../checkpoint/open';
import { parseSize } from '../checkpoint/size-text';
import type { CheckpointSource } from '../checkpoint/source';
import { kTokenizerFiles } from '../checkpoint/tokenizer-files';
import type { WeightsLayout } from '../checkpoint/weights-files';
import { NotImplementedError, RuntimeError, unknownName, ValueError } from '../errors';
import { warn } from '../logging';
import * as flax from '../models/flax';
import * as tensorflow from '../models/tensorflow';
import type { Parameter } from '../nn/parameter';
import { checkOptionKinds, givenOptions, type OptionKind } from '../options';
import type { PretrainedConfig } from '../pretrained/config';
import { CONFIG_NAME } from '../pretrained/config-file';
import { weightsOf } from '../pretrained/dialects/model-weights';
import { translate } from '../pretrained/dialects/translate';
import { type WrittenFramework, writingsOf } from '../pretrained/dialects/writing';
import { untieDifferent } from '../pretrained/from-pretrained';
import { GENERATION_CONFIG_NAME } from '../pretrained/generation-file';
import { withoutInit } from '../pretrained/init';
import { checkWeightType } from '../pretrained/load-options';
import { type LoadPlan, planSource } from '../pretrained/load-plan';
import { loadTargetOf } from '../pretrained/load-target';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import {
  newConfig,
  newFolder,
  planAll,
  rewriteOpened,
  targetOf,
  weightFilesOf,
} from '../pretrained/rewrite-checkpoint';
import { FolderRewrite, type RewriteReport } from '../pretrained/rewrite-folder';
import { type RewriteStep, RewrittenWeights, typeOfMost } from '../pretrained/rewrite-weights';
import { namesToDrop, tiedNames } from '../pretrained/shared-tensors';
import { parseDtype } from '../tensor/dtype';
import { inTurns } from '../turns';
import {
  type CheckpointPlace,
  type ClassChoice,
  checkpointAt,
  classAt,
  configAt,
  configSource,
  openAt,
} from './checkpoint-place';
import { originalConfigs } from './original-releases';
import { tokenizerTexts } from './tokenizer-texts';

/** A format of weights, and who names and arranges them there. */
export interface Form {
  format: WeightsLayout['format'];
  framework: WrittenFramework;
}

/** Those that are written. */
export const FORMATS = {
  safetensors: { format: 'safetensors', framework: 'PyTorch' },
  pytorch: { format: 'pytorch', framework: 'PyTorch' },
  tensorflow: { format: 'tensorflow', framework: 'TensorFlow' },
  flax: { format: 'flax', framework: 'Flax' },
} as const satisfies Record<string, Form>;

/** Options of `convertCheckpoint`. */
export interface ConvertOptions extends ClassChoice {
  /** 'safetensors', 'pytorch' (`.bin`), 'tensorflow' (`.h5`) or 'flax' (`.msgpack`). */
  to: string;
  /** Type of every floating tensor; default: as they are, GGUF's blocks as float32. */
  dtype?: string | null | undefined;
  /** Bytes that a file holds at most, as `save_pretrained` takes them; default '5GB'. */
  max_shard_size?: string | null | undefined;
  /** Word in the names of PyTorch's files, old and new. */
  variant?: string | null | undefined;
  /** A new or empty folder for the result; default: the checkpoint's own, in one step. What is a file needs one. */
  output?: string | null | undefined;
  /** Only say what would change. */
  dryRun?: boolean | null | undefined;
  signal?: AbortSignal | null | undefined;
}

/** What a conversion changes, or would change. */
export interface ConvertReport extends RewriteReport {
  /** The class by which the weights were named; null where their names stayed. */
  class: string | null;
  /** Tensors that the model has no place for, which the result lacks. */
  left_out: string[];
}

const OPTIONS = ['to', 'config', 'class', 'dtype', 'max_shard_size', 'variant', 'output', 'dryRun', 'signal'];
const KINDS: Readonly<Record<string, OptionKind>> = {
  to: 'string',
  class: 'string',
  output: 'string',
  dryRun: 'boolean',
};

/**
 * Writes a checkpoint's weights in another format, in the names and the layouts of the framework whose format it is, one
 * tensor at a time. Between PyTorch's own formats nothing but the files changes, unless a config or a class is given; else
 * the class that the config names says what each tensor is. Either folder holds the old state or the new one at any moment.
 *
 * @param location - a checkpoint's folder of any framework, Google's original ones too; a file of weights, or an index of
 *   them; what the files of a TensorFlow checkpoint begin with; a GGUF file
 * @throws OSError, CheckpointError when it cannot be read or written; ValueError for options, and when neither the config
 *   nor `class` names a class that is here; RuntimeError when the checkpoint lacks a weight of that class;
 *   NotImplementedError when the other framework has no such class; AbortError
 */
export async function convertCheckpoint(location: string, given: ConvertOptions): Promise<ConvertReport> {
  const options = givenOptions<ConvertOptions>(given, 'convertCheckpoint');
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'convertCheckpoint', OPTIONS);
  checkOptionKinds('convertCheckpoint', options, KINDS);
  const { to } = options;
  if (!(to in FORMATS)) throw unknownName('format', String(to), 'convertCheckpoint', Object.keys(FORMATS));
  const form = FORMATS[to as keyof typeof FORMATS];
  return convertAs(location, options, () => form);
}

/**
 * Writes a checkpoint's weights in a format that is chosen once it is open.
 * @throws as `convertCheckpoint`; what `formOf` throws
 */
export async function convertAs(
  location: string,
  options: Omit<ConvertOptions, 'to'>,
  formOf: (source: CheckpointSource) => Form,
): Promise<ConvertReport> {
  const [variant, signal] = [options.variant ?? null, options.signal ?? undefined];
  const place = await checkpointAt(location, signal);
  await targetFor(place, options);
  const source = await openAt(place, { variant, ...(signal && { signal }) });
  try {
    const form = formOf(source);
    if (variant !== null && form.framework !== 'PyTorch')
      throw new ValueError(
        `variant is a word in the names of PyTorch's files, and these are ${form.framework}'s; leave it out`,
      );
    if (form.framework !== 'PyTorch' || !(await staysAsNamed(place, source, options)))
      return await new Conversion(place, options, form, signal).run(source);
    const along = place.kind === 'folder' ? undefined : isOfModel;
    const report = await rewriteOpened(source, place.folder, rewriteOptions(options, form.format), along);
    return { ...report, class: null, left_out: [] };
  } finally {
    await source.close();
  }
}

/** The folder for the result. @throws ValueError where it is not empty, or missing where it must be given */
function targetFor({ kind, folder }: CheckpointPlace, { output }: Pick<ConvertOptions, 'output'>): Promise<string> {
  return kind === 'folder' ? targetOf(folder, output ?? undefined) : newFolder(output ?? undefined);
}

/** Whether the weights are in PyTorch's names already, and nobody asks for those of a class. */
async function staysAsNamed(place: CheckpointPlace, source: CheckpointSource, options: ClassChoice): Promise<boolean> {
  if (frameworkOf(source) !== 'PyTorch' || options.config || options.class) return false;
  const isThere = async (name: string) => (await stat(join(place.folder, name)).catch(() => null)) !== null;
  if (await isThere(CONFIG_NAME)) return true;
  // An original release's config is of no use to whoever loads the result.
  for (const name of originalConfigs.keys()) if (await isThere(name)) return false;
  return true;
}

/** What goes along with one file of a folder: whatever belongs to the model and is no weight. */
function isOfModel(name: string): boolean {
  return name === CONFIG_NAME || name === GENERATION_CONFIG_NAME || kTokenizerFiles.includes(name);
}

function rewriteOptions(options: Omit<ConvertOptions, 'to'>, format: WeightsLayout['format']) {
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
  constructor(
    private readonly place: CheckpointPlace,
    private readonly options: Omit<ConvertOptions, 'to'>,
    private readonly form: Form,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** @param opened - stays open */
  async run(opened: CheckpointSource): Promise<ConvertReport> {
    const { options, form, signal, place } = this;
    const variant = options.variant ?? null;
    const dtype = options.dtype == null ? null : checkWeightType(parseDtype(options.dtype));
    const maxShardBytes = parseSize(options.max_shard_size ?? '5GB');
    const target = await targetFor(place, options);
    const config = await configAt(place, options, signal);
    const saysClass = config.architectures?.[0] ?? null;
    const ModelType = classAt(place, options, config, opened);
    checkClass(form.framework, ModelType.name);
    const model: PreTrainedModel = withoutInit(() => new ModelType(config as never));
    const loadTarget = loadTargetOf(ModelType, model);
    const source = await inTurns(translate(opened, loadTarget), signal);
    const plan = await inTurns(planSource(source, loadTarget), signal);
    this.checkComplete(plan, ModelType.name);
    await untieDifferent(model, plan, { source });
    const weights = new RewrittenWeights(source, dtype, signal);
    try {
      const all = this.steps(model, plan).map((step) => weights.weight(step));
      const layout: WeightsLayout = { ...form, variant, maxShardBytes };
      const rewrite = new FolderRewrite({
        folder: place.folder,
        target,
        plan: await inTurns(planAll(all, layout), signal),
        oldNames: weightFilesOf(opened, variant),
        texts:
          saysClass === ModelType.name && (await this.hasOwnConfig())
            ? await newConfig(place.folder, dtype)
            : await this.texts(config, ModelType.name, dtype ?? typeOfMost(all)),
        goesAlong: { folder: undefined, file: isOfModel, gguf: () => false }[place.kind],
        verify: () => opened.verify(),
        signal,
      });
      const report = await rewrite.report();
      if (!options.dryRun) await rewrite.run();
      return { ...report, class: ModelType.name, left_out: plan.unexpected_keys };
    } finally {
      weights.close();
      await model.dispose();
    }
  }

  /** Whether the config that is read is the one that goes along with the weights. */
  private async hasOwnConfig(): Promise<boolean> {
    const from = await configSource(this.place, this.options);
    return !this.options.config && typeof from === 'string' && basename(from) === CONFIG_NAME;
  }

  /** The config as one that names the class, and the tokenizer's files where they have other names. */
  private async texts(config: PretrainedConfig, className: string, dtype: string): Promise<Map<string, string>> {
    const { place, options } = this;
    const from = await configSource(place, options);
    const name = typeof from === 'string' ? basename(from) : '';
    config.architectures = [className];
    config.torch_dtype = dtype;
    delete config['transformers_weights']; // the result has files of the usual names
    const texts = new Map([[CONFIG_NAME, config.to_json_string()]]);
    for (const [here, there] of Object.entries(originalConfigs.get(name)?.files ?? {})) {
      const text = await readFile(join(place.folder, here), 'utf8').catch(() => null);
      if (text !== null) texts.set(there, text);
    }
    if (place.kind === 'gguf') for (const [file, text] of await this.ggufTokenizer()) texts.set(file, text);
    return texts;
  }

  private async ggufTokenizer(): Promise<ReadonlyMap<string, string>> {
    try {
      return await tokenizerTexts(this.place.location, this.signal);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_NO_TOKENIZER') throw error;
      warn(`the result is without a tokenizer: ${(error as Error).message}`);
      return new Map();
    }
  }

  /** @throws RuntimeError when the result would lack weights; tells of those that it leaves out */
  private checkComplete({ unfilled, unexpected_keys }: LoadPlan, className: string): void {
    if (unfilled.length > 0)
      throw new RuntimeError(
        `'${this.place.location}' lacks weights of ${className}, the class that it is converted as: ` +
          `${someOf(unfilled.map(({ name }) => name))}. ` +
          'Nothing was changed; give another class, or load it and save it to give them new values',
        { code: 'ERR_STATE_DICT' },
      );
    if (unexpected_keys.length > 0)
      warn(
        `${className} has no place for ${someOf(unexpected_keys)} of '${this.place.location}': the result is without`,
      );
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
