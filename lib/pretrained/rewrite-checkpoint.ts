import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { copyOver } from '../checkpoint/carry-over';
import { hubBlobs } from '../checkpoint/hub-blobs';
import { type OpenOptions, openCheckpoint, requirePyTorch } from '../checkpoint/open';
import { parseSize } from '../checkpoint/size-text';
import type { CheckpointSource } from '../checkpoint/source';
import { writeWhole } from '../checkpoint/staged-file';
import { type FolderContents, saveFolder } from '../checkpoint/staged-folder';
import { indexName, SAFE_WEIGHTS_NAME, WEIGHTS_NAME } from '../checkpoint/weight-names';
import {
  isStaleWeights,
  planWeights,
  type WeightsPlan,
  type WeightToWrite,
  writeWeights,
} from '../checkpoint/weights-files';
import { OSError, throwIfAborted, ValueError } from '../errors';
import { type DType, parseDtype } from '../tensor/dtype';
import { CONFIG_NAME, readConfigFile } from './config-file';
import { formatJson } from './config-json';
import { completeSaveIn, folderSystem } from './interrupted-save';
import { checkWeightType } from './load-options';
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

/** What a rewrite changes, or would change. */
export interface RewriteReport {
  /** The folder that holds the result. */
  target: string;
  /** Types before and after, where they differ or not: tensors and their bytes. */
  dtypes: { from: string; to: string; tensors: number; bytesBefore: number; bytesAfter: number }[];
  /** Files that are written, with the bytes of their tensors. */
  written: { file: string; tensors: number; bytes: number }[];
  removed: string[];
  /** Files that the result has as they were. */
  kept: string[];
}

/**
 * Writes a checkpoint's weights anew, tensor by tensor, without knowing the model: other types, other files, another format.
 * All other files stay, and `config.json` says the new type. The folder holds the old state or the new one at any moment.
 *
 * @throws CheckpointError, OSError when it cannot be read or written; ValueError for options; AbortError
 */
export async function rewriteCheckpoint(folder: string, options: RewriteOptions): Promise<RewriteReport> {
  throwIfAborted(options.signal);
  const dtype = options.dtype === undefined ? null : checkWeightType(parseDtype(options.dtype));
  const maxShardBytes = parseSize(options.max_shard_size ?? '5GB');
  await checkFolder(folder);
  await completeSaveIn(folder);
  const target = await targetOf(folder, options.output);
  const open: OpenOptions = { ...(options.signal && { signal: options.signal }) };
  const source = await openCheckpoint(folder, { ...open, variant: options.variant ?? null });
  requirePyTorch(source, 'a rewrite');
  const format = options.format ?? (source.format === 'safetensors' ? 'safetensors' : 'pytorch');
  const weights = new RewrittenWeights(source, dtype, format === 'pytorch', options.signal);
  try {
    const layout = { format, variant: options.variant ?? null, maxShardBytes };
    const all = weights.all();
    const plan = planWeights(all, layout, parameters(all));
    const rewrite = new Rewrite(folder, target, source, plan, await newConfig(folder, dtype), options.signal);
    const report = await rewrite.report();
    if (!options.dryRun) await rewrite.run();
    return report;
  } finally {
    weights.close();
    await source.close();
  }
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (!found?.isDirectory())
    throw new OSError(`there is no folder '${folder}'; give the folder of a checkpoint`, { code: 'ERR_NO_FOLDER' });
}

/** @throws ValueError when the result would be mixed with other files, or with what was downloaded */
async function targetOf(folder: string, output: string | undefined): Promise<string> {
  if (output === undefined || resolve(output) === resolve(folder)) {
    if ((await hubBlobs(folder)) !== null)
      throw new ValueError(
        `'${folder}' lies in a Hub cache, which holds what was downloaded; give another folder as output`,
      );
    return folder;
  }
  const entries = await readdir(output).catch(() => []);
  if (entries.length > 0)
    throw new ValueError(`'${output}' is not empty; give a new folder, or none to rewrite '${folder}' itself`);
  return output;
}

function parameters(weights: readonly WeightToWrite[]): number {
  const tensors = new Map(weights.map(({ identity, shape }) => [identity, shape]));
  return [...tensors.values()].reduce((n, shape) => n + shape.reduce((m, dim) => m * dim, 1), 0);
}

/** The text of `config.json` for another type; null when it stays as it is. @throws ValueError for quantised weights */
async function newConfig(folder: string, dtype: DType | null): Promise<string | null> {
  const file = join(folder, CONFIG_NAME);
  if (dtype === null || !(await stat(file).catch(() => null))) return null;
  const config = await readConfigFile(file);
  if (config['quantization_config'])
    throw new ValueError(`the weights in '${folder}' are quantised (config.quantization_config), and cannot be cast`);
  if ((config['dtype'] ?? config['torch_dtype']) === dtype) return null;
  delete config['dtype'];
  config['torch_dtype'] = dtype;
  return `${formatJson(config, new Set(['id2label', 'pruned_heads']))}\n`;
}

class Rewrite implements FolderContents {
  private readonly inPlace: boolean;
  private readonly oldNames: ReadonlySet<string>;

  constructor(
    private readonly folder: string,
    private readonly target: string,
    private readonly source: CheckpointSource,
    private readonly plan: WeightsPlan,
    private readonly config: string | null,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.inPlace = target === folder;
    const base = source.format === 'safetensors' ? SAFE_WEIGHTS_NAME : WEIGHTS_NAME;
    const files = source.files.map((file) => basename(file));
    this.oldNames = new Set([...files, indexName(base, plan.layout.variant)]);
  }

  /** The old weights go, also where the format changes; so does what would win over the new ones at the next load. */
  isStale(name: string, written: ReadonlySet<string>): boolean {
    return !written.has(name) && (this.oldNames.has(name) || isStaleWeights(name, this.plan.layout, written));
  }

  async write(folder: string): Promise<string[]> {
    const { plan, signal } = this;
    const names = await writeWeights(folder, plan, { signal });
    await this.source.verify();
    if (this.config !== null) {
      await writeWhole(join(folder, CONFIG_NAME), Buffer.from(this.config), signal);
      names.push(CONFIG_NAME);
    }
    if (!this.inPlace) {
      const written = new Set(names);
      const isKept = (name: string) => !written.has(name) && !this.isStale(name, written);
      names.push(...(await copyOver(this.folder, folder, isKept, signal)));
    }
    return names;
  }

  async run(): Promise<void> {
    await saveFolder(this.target, this, folderSystem, this.signal);
  }

  async report(): Promise<RewriteReport> {
    const { index, files } = this.plan;
    const written = files.map(({ name, weights }) => ({
      file: name,
      tensors: weights.length,
      bytes: weights.reduce((n, weight) => n + weight.byteLength, 0),
    }));
    const texts = [
      ...(index ? [{ file: index.name, text: index.text }] : []),
      ...(this.config === null ? [] : [{ file: CONFIG_NAME, text: this.config }]),
    ];
    for (const { file, text } of texts) written.push({ file, tensors: 0, bytes: Buffer.byteLength(text) });
    const names = new Set(written.map(({ file }) => file));
    const there = (await readdir(this.folder)).sort();
    return {
      target: this.target,
      dtypes: this.dtypes(),
      written,
      removed: this.inPlace ? there.filter((name) => this.isStale(name, names)) : [],
      kept: there.filter((name) => !names.has(name) && !this.isStale(name, names)),
    };
  }

  private dtypes(): RewriteReport['dtypes'] {
    const rows = new Map<string, RewriteReport['dtypes'][0]>();
    for (const weight of this.plan.files.flatMap((file) => file.weights)) {
      const { dtype: from, byteLength } = this.source.info(weight.name);
      const key = `${from} ${weight.dtype}`;
      const row = rows.get(key) ?? { from, to: weight.dtype, tensors: 0, bytesBefore: 0, bytesAfter: 0 };
      row.tensors++;
      row.bytesBefore += byteLength;
      row.bytesAfter += weight.byteLength;
      rows.set(key, row);
    }
    return [...rows.values()];
  }
}
