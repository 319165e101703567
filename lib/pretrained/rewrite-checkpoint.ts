import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { hubBlobs } from '../checkpoint/hub-blobs';
import type { OpenOptions } from '../checkpoint/open';
import { parseSize } from '../checkpoint/size-text';
import type { CheckpointSource } from '../checkpoint/source';
import { indexName, WEIGHTS_NAMES } from '../checkpoint/weight-names';
import { planWeights, type WeightsLayout, type WeightsPlan, type WeightToWrite } from '../checkpoint/weights-files';
import { ValueError } from '../errors';
import { type DType, parseDtype } from '../tensor/dtype';
import { inTurns, type Steps, visitInSteps } from '../turns';
import { CONFIG_NAME, readConfigFile } from './config-file';
import { formatJson } from './config-json';
import { checkWeightType } from './load-options';
import { FolderRewrite, type RewriteReport } from './rewrite-folder';
import { RewrittenWeights } from './rewrite-weights';

/** What to do to a checkpoint's files. */
export interface RewriteOptions {
  /** Type of every floating tensor; default: as they are. */
  dtype?: string | undefined;
  /** Bytes that a file holds at most, as `save_pretrained` takes them; default '5GB'. */
  max_shard_size?: string | undefined;
  /** Default: the format that it has. */
  format?: 'safetensors' | 'pytorch' | undefined;
  variant?: string | undefined;
  /** Another folder for the result, which must be new or empty; default: the checkpoint's own, in one step. */
  output?: string | undefined;
  /** Only say what would change. */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Writes an open checkpoint in PyTorch's names anew, tensor by tensor, without knowing the model: other types, other files,
 * another format. `config.json` says the new type. The folder holds the old state or the new one at any moment; the checkpoint
 * stays open.
 *
 * @param folder - the one that it lies in
 * @param goesAlong - which of the folder's other files go along into another one, where the checkpoint is a file of it alone
 * @throws CheckpointError, OSError when it cannot be read or written; ValueError for options; AbortError
 */
export async function rewriteOpened(
  source: CheckpointSource,
  folder: string,
  options: RewriteOptions,
  goesAlong?: (name: string) => boolean,
): Promise<RewriteReport> {
  const dtype = options.dtype === undefined ? null : checkWeightType(parseDtype(options.dtype));
  const maxShardBytes = parseSize(options.max_shard_size ?? '5GB');
  const target = goesAlong ? await newFolder(options.output) : await targetOf(folder, options.output);
  const format = options.format ?? (source.format === 'safetensors' ? 'safetensors' : 'pytorch');
  const layout = { format, variant: options.variant ?? null, maxShardBytes };
  const weights = new RewrittenWeights(source, dtype, options.signal);
  try {
    const all = await inTurns(weights.all(format === 'pytorch'), options.signal);
    const plan = await inTurns(planAll(all, layout), options.signal);
    const rewrite = new FolderRewrite({
      folder,
      target,
      plan,
      oldNames: weightFilesOf(source, plan.layout.variant),
      texts: await newConfig(folder, dtype),
      goesAlong,
      verify: () => source.verify(),
      signal: options.signal,
    });
    const report = await rewrite.report();
    if (!options.dryRun) await rewrite.run();
    return report;
  } finally {
    weights.close();
  }
}

/** The files that hold a checkpoint's weights, and their index. */
export function weightFilesOf({ files, format }: CheckpointSource, variant: string | null): Set<string> {
  const names = files.map((file) => basename(file));
  const stem = WEIGHTS_NAMES[format as keyof typeof WEIGHTS_NAMES] as string | undefined;
  if (stem !== undefined) names.push(indexName(stem, variant));
  // TensorFlow's graph of the same checkpoint, and the note of which checkpoint is the latest.
  if (format === 'tensorflow1') names.push((names[0] as string).replace(/index$/, 'meta'), 'checkpoint');
  return new Set(names);
}

/** @throws ValueError when the result would be mixed with other files, or with what was downloaded */
export async function targetOf(folder: string, output: string | undefined): Promise<string> {
  if (output === undefined || resolve(output) === resolve(folder)) {
    if ((await hubBlobs(folder)) !== null)
      throw new ValueError(
        `'${folder}' lies in a Hub cache, which holds what was downloaded; give another folder as output`,
      );
    return folder;
  }
  return newFolder(output, `, or none to rewrite '${folder}' itself`);
}

/** The folder for what has no folder of its own to be changed. @throws ValueError when there is something in it, or none is given */
export async function newFolder(output: string | undefined, otherwise = ''): Promise<string> {
  if (output === undefined)
    throw new ValueError('the checkpoint is a file; give a new folder for the result as output');
  const entries = await readdir(output).catch(() => []);
  if (entries.length > 0) throw new ValueError(`'${output}' is not empty; give a new folder${otherwise}`);
  return output;
}

/** Spreads weights over files. @throws ValueError when the variant cannot be part of a file name */
export function* planAll(weights: readonly WeightToWrite[], layout: WeightsLayout): Steps<WeightsPlan> {
  const tensors = new Map<unknown, readonly number[]>();
  yield* visitInSteps(weights, ({ identity, shape }) => tensors.set(identity, shape));
  let parameters = 0;
  yield* visitInSteps(tensors.values(), (shape) => {
    parameters += shape.reduce((n, dim) => n * dim, 1);
  });
  return yield* planWeights(weights, layout, parameters);
}

const NAMED = 'transformers_weights';

/** The file of weights that a folder's config names in place of a search, as an option of opening them. */
export async function weightsNamed(folder: string): Promise<Pick<OpenOptions, typeof NAMED>> {
  const file = join(folder, CONFIG_NAME);
  if (!(await stat(file).catch(() => null))) return {};
  const named = (await readConfigFile(file))[NAMED] as string | null | undefined;
  return named == null ? {} : { [NAMED]: named };
}

/**
 * `config.json` for another type, and for files that have their usual names; nothing when it stays as it is.
 * @throws ValueError for quantised weights
 */
export async function newConfig(folder: string, dtype: DType | null): Promise<Map<string, string>> {
  const file = join(folder, CONFIG_NAME);
  if (!(await stat(file).catch(() => null))) return new Map();
  const config = await readConfigFile(file);
  const isNamed = config[NAMED] != null;
  if (dtype === null && !isNamed) return new Map();
  if (dtype !== null && config['quantization_config'])
    throw new ValueError(`the weights in '${folder}' are quantised (config.quantization_config), and cannot be cast`);
  const isOfType = dtype === null || (config['dtype'] ?? config['torch_dtype']) === dtype;
  if (isOfType && !isNamed) return new Map();
  delete config[NAMED];
  if (!isOfType) {
    delete config['dtype'];
    config['torch_dtype'] = dtype;
  }
  return new Map([[CONFIG_NAME, `${formatJson(config, new Set(['id2label', 'pruned_heads']))}\n`]]);
}
