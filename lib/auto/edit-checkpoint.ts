import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { openCheckpoint, requirePyTorch } from '../checkpoint/open';
import { RuntimeError, throwIfAborted, ValueError } from '../errors';
import type { LoadingInfo } from '../pretrained/from-pretrained';
import { withoutInit } from '../pretrained/init';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import { type DType, isFloating } from '../tensor/dtype';
import { AutoConfig } from './auto-config';
import type { LoadableClass } from './auto-model';
import { savedClass } from './saved-class';

/** Surgery on a checkpoint's folder: the model that its config names is loaded, changed and saved. */

/** What to do with the result. */
export interface EditOptions {
  /** A new or empty folder for the result; default: the checkpoint's own, in one step. */
  output?: string | undefined;
  /** Bytes that a file holds at most, as `save_pretrained` takes them. */
  max_shard_size?: string | undefined;
  variant?: string | undefined;
  /** Only say what would change; the weights are not read. */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** What an edit changes, or would change. */
export interface EditReport {
  /** The folder that holds the result. */
  target: string;
  /** The class that was edited. */
  architecture: string;
  /** Tensors whose shape changes. */
  tensors: { name: string; before: readonly number[]; after: readonly number[] }[];
  /** Config fields that change. */
  config: { field: string; before: unknown; after: unknown }[];
  parameters: { before: number; after: number };
}

/**
 * Applies `edit` to the checkpoint in `folder` and saves it. All other files stay, or go along into `output`; either
 * folder holds the old state or the new one at any moment.
 * @throws OSError, CheckpointError when it cannot be read or written; ValueError when the config names no class that is
 *   here, or `output` is not empty; RuntimeError when the class does not hold every weight of the checkpoint; AbortError;
 *   what `edit` throws
 */
export async function editCheckpoint(
  folder: string,
  edit: (model: PreTrainedModel) => void,
  options: EditOptions = {},
): Promise<EditReport> {
  throwIfAborted(options.signal);
  const target = await targetOf(folder, options.output);
  const ModelType = savedClass(await AutoConfig.from_pretrained(folder), folder);
  const found = await report(folder, target, ModelType, edit);
  if (!options.dryRun) await rewrite(folder, target, ModelType, edit, options);
  return found;
}

async function targetOf(folder: string, output: string | undefined): Promise<string> {
  if (output === undefined || resolve(output) === resolve(folder)) return folder;
  if ((await readdir(output).catch(() => [])).length > 0)
    throw new ValueError(`'${output}' is not empty; give a new folder, or none to change '${folder}' itself`);
  return output;
}

/** What the edit does to the shapes and the config of the folder's model; no weights are read. */
async function report(
  folder: string,
  target: string,
  ModelType: LoadableClass,
  edit: (model: PreTrainedModel) => void,
): Promise<EditReport> {
  const config = await AutoConfig.from_pretrained(folder);
  const [old, model] = [config.clone(), config].map((c) => withoutInit(() => new ModelType(c as never))) as [
    PreTrainedModel,
    PreTrainedModel,
  ];
  edit(model);
  const shapes = new Map([...model.named_state()].map(([name, { dims }]) => [name, dims]));
  const tensors = [...old.named_state()].map(([name, { dims }]) => ({
    name,
    before: dims,
    after: shapes.get(name) ?? [],
  }));
  const [before, after] = [old.config.to_dict(), model.config.to_dict()];
  const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  return {
    target,
    architecture: ModelType.name,
    tensors: tensors.filter((tensor) => differs(tensor.before, tensor.after)),
    config: Object.keys(after)
      .filter((field) => differs(before[field], after[field]))
      .map((field) => ({ field, before: before[field], after: after[field] })),
    parameters: { before: old.num_parameters(), after: model.num_parameters() },
  };
}

async function rewrite(
  folder: string,
  target: string,
  ModelType: LoadableClass,
  edit: (model: PreTrainedModel) => void,
  options: EditOptions,
): Promise<void> {
  const { variant = null, signal } = options;
  const weights = await weightsOf(folder, variant, signal);
  const [model, info] = (await ModelType.from_pretrained(folder, {
    dtype: weights.dtype,
    variant,
    output_loading_info: true,
    ...(signal && { signal }),
  })) as [PreTrainedModel, LoadingInfo];
  try {
    checkComplete(folder, ModelType.name, info);
    edit(model);
    const save = (to: string) =>
      model.save_pretrained(to, {
        variant,
        safe_serialization: weights.isSafetensors,
        ...(options.max_shard_size !== undefined && { max_shard_size: options.max_shard_size }),
        signal: signal ?? null,
      });
    if (target === folder) await save(folder);
    else await saveBeside(folder, target, weights.files, save);
  } finally {
    await model.dispose();
  }
}

/** @throws ValueError when the weights are of several types: one model holds one */
async function weightsOf(folder: string, variant: string | null, signal: AbortSignal | undefined) {
  await using source = await openCheckpoint(folder, { variant, ...(signal && { signal }) });
  requirePyTorch(source, 'editing in place');
  const types = new Set(source.names().map((name) => source.info(name).dtype));
  const floating = [...types].filter((type) => isFloating(type as DType));
  const [dtype, ...others] = floating;
  if (dtype === undefined || others.length > 0)
    throw new ValueError(
      `the weights in '${folder}' are ${floating.join(' and ') || 'not floating'}; bring them to one type first: ` +
        'native-transformers cast',
    );
  return { dtype, isSafetensors: source.format === 'safetensors', files: source.files.map((file) => basename(file)) };
}

/** @throws RuntimeError when saving would lose or invent weights */
function checkComplete(folder: string, name: string, { missing_keys, unexpected_keys }: LoadingInfo): void {
  if (missing_keys.length === 0 && unexpected_keys.length === 0) return;
  throw new RuntimeError(
    `the weights in '${folder}' are not those of ${name}: missing ${missing_keys.join(', ') || 'none'}; left over ` +
      `${unexpected_keys.join(', ') || 'none'}. Nothing was changed`,
    { code: 'ERR_STATE_DICT' },
  );
}

/** Makes the new folder under another name, with the old one's other files, and gives it its own when it is whole. */
async function saveBeside(
  folder: string,
  target: string,
  weightFiles: readonly string[],
  save: (to: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(resolve(target));
  await mkdir(parent, { recursive: true });
  const staged = await mkdtemp(join(parent, `.${basename(target)}-`));
  try {
    for (const name of await readdir(folder))
      if (!weightFiles.includes(name) && !name.endsWith('.index.json'))
        await cp(join(folder, name), join(staged, name), { recursive: true, preserveTimestamps: true });
    await save(staged);
    await rename(staged, target);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
}
