/** The files that hold a model's weights in a folder: how many, what they are called, and which old ones they replace. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { inTurns, type Steps, visitInSteps } from '../turns';
import { flaxWriter, hdf5Writer } from './formats';
import type { LayerToWrite } from './hdf5/hdf5-writer';
import { formatIndex } from './index-file';
import { type TensorAlias, writePyTorch } from './pytorch/pytorch-writer';
import { type TensorToWrite, writeSafetensors } from './safetensors-writer';
import { planShards } from './shard-plan';
import { writeWhole } from './staged-file';
import { indexName, nameInShard, shardName, variantName, WEIGHTS_NAMES } from './weight-names';

/** A tensor to write. */
export interface WeightToWrite extends TensorToWrite {
  byteLength: number;
  /** Tensors with the same storage may share bytes. */
  storage: unknown;
  /** Names with the same identity are one tensor. */
  identity: unknown;
  /** The layers of Keras that hold it. */
  layers?: readonly string[] | undefined;
}

/** How weights are laid out. */
export interface WeightsLayout {
  format: keyof typeof WEIGHTS_NAMES;
  /** Who names and arranges the weights, which files of safetensors note; default PyTorch. */
  framework?: 'PyTorch' | 'TensorFlow' | 'Flax';
  variant: string | null;
  /** Bytes that a file holds at most, unless a single tensor has more. */
  maxShardBytes: number;
}

/** One file of weights. */
export interface WeightsFile {
  name: string;
  weights: WeightToWrite[];
}

/** Every file of a checkpoint's weights. */
export interface WeightsPlan {
  layout: WeightsLayout;
  files: WeightsFile[];
  /** Bytes of all tensors; those that share bytes count once. */
  totalSize: number;
  /** The index of shards; null for a single file. */
  index: { name: string; text: string } | null;
}

/** Writes one file of a format. */
type WriteFile = (path: string, file: WeightsFile) => Promise<unknown>;

/** What writing weights may be given. */
export interface WriteWeightsOptions {
  /** In place of this package's own writer. */
  writeFile?: WriteFile | null;
  onTensor?: (file: string, name: string, byteLength: number) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Spreads `weights`, which come in `state_dict` order, over files.
 * @param totalParameters - for the index
 * @throws ValueError when the variant cannot be part of a file name
 */
export function* planWeights(
  weights: readonly WeightToWrite[],
  layout: WeightsLayout,
  totalParameters: number,
): Steps<WeightsPlan> {
  const stem = stemOf(layout);
  const byName = new Map<string, WeightToWrite>();
  yield* visitInSteps(weights, (weight) => byName.set(weight.name, weight));
  const { shards, totalSize } = yield* planShards(weights, layout.maxShardBytes);
  const files: WeightsFile[] = [];
  for (const [i, names] of shards.entries()) {
    const name = shards.length === 1 ? stem : shardName(stem, i + 1, shards.length);
    const file: WeightsFile = { name, weights: [] };
    yield* visitInSteps(names, (weight) => file.weights.push(byName.get(weight) as WeightToWrite));
    files.push(file);
  }
  if (files.length === 1) return { layout, files, totalSize, index: null };
  const metadata = new Map([['total_size', totalSize]]);
  if ((layout.framework ?? 'PyTorch') === 'PyTorch') metadata.set('total_parameters', totalParameters);
  const weightMap = new Map<string, string>();
  for (const file of files) yield* visitInSteps(file.weights, (weight) => weightMap.set(weight.name, file.name));
  const text = yield* formatIndex({ metadata, weightMap });
  return { layout, files, totalSize, index: { name: indexNameOf(layout), text } };
}

/**
 * Writes the files of a plan into `folder`, holding the bytes of one tensor at a time. Each file is on the disk when it
 * gets its name, the index last.
 * @returns their names
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`; ValueError for a type that the format does not have; AbortError
 */
export async function writeWeights(
  folder: string,
  plan: WeightsPlan,
  options: WriteWeightsOptions = {},
): Promise<string[]> {
  const { signal, onTensor } = options;
  for (const file of plan.files) {
    const path = join(folder, file.name);
    if (options.writeFile) {
      await options.writeFile(path, file);
      await syncFile(path);
    } else {
      const hear = onTensor && ((name: string, byteLength: number) => onTensor(file.name, name, byteLength));
      await WRITERS[plan.layout.format](path, file.weights, { onTensor: hear, signal }, plan);
    }
  }
  if (plan.index) await writeWhole(join(folder, plan.index.name), Buffer.from(plan.index.text), signal);
  return [...plan.files.map((file) => file.name), ...(plan.index ? [plan.index.name] : [])];
}

/** Writes one file. */
type Writer = (
  path: string,
  weights: readonly WeightToWrite[],
  options: WriterOptions,
  plan: WeightsPlan,
) => Promise<number>;

interface WriterOptions {
  onTensor: ((name: string, byteLength: number) => void) | undefined;
  signal: AbortSignal | undefined;
}

/** The writer of each format: the one place where a new one is named. */
const WRITERS: Readonly<Record<WeightsLayout['format'], Writer>> = {
  safetensors: (path, weights, options, { layout: { framework = 'PyTorch' } }) =>
    writeSafetensors(path, weights, { ...options, metadata: { format: LAYOUT_TAGS[framework] } }),
  pytorch: async (path, weights, options) =>
    writePyTorch(path, await inTurns(withAliases(weights), options.signal), options),
  // Transformers writes shards without Keras: by the names that weights have without their scope, in no layers.
  tensorflow: (path, weights, options, { index }) =>
    index
      ? hdf5Writer().writeHdf5(
          path,
          weights.map((weight) => ({ ...weight, name: nameInShard(weight.name) })),
          options,
        )
      : hdf5Writer().writeHdf5(path, weights, { ...options, layers: layersOf(weights) }),
  flax: (path, weights, options) => flaxWriter().writeFlax(path, weights, options),
};

/** What safetensors call the frameworks. */
const LAYOUT_TAGS = { PyTorch: 'pt', TensorFlow: 'tf', Flax: 'flax' } as const;

function layersOf(weights: readonly WeightToWrite[]): LayerToWrite[] {
  const layers = new Map<string, string[]>();
  for (const { name, layers: holders = [] } of weights)
    for (const layer of holders) layers.set(layer, [...(layers.get(layer) ?? []), name]);
  return Array.from(layers, ([name, names]) => ({ name, weights: names }));
}

/** Names that are one tensor become names of one storage. */
function* withAliases(weights: readonly WeightToWrite[]): Steps<(WeightToWrite | TensorAlias)[]> {
  const first = new Map<unknown, string>();
  const all: (WeightToWrite | TensorAlias)[] = [];
  yield* visitInSteps(weights, (weight) => {
    const { name, identity } = weight;
    const alias = first.get(identity);
    if (alias === undefined) first.set(identity, name);
    all.push(alias === undefined ? weight : { name, alias });
  });
  return all;
}

/**
 * Whether `name` is a file of weights of the same kind (format and variant) as those written, and none of them: a shard of
 * another count, a single file beside shards, an index beside a single file. Others are nobody's to remove.
 */
export function isStaleWeights(name: string, layout: WeightsLayout, written: ReadonlySet<string>): boolean {
  if (written.has(name)) return false;
  const stem = stemOf(layout);
  const point = stem.lastIndexOf('.');
  const [head, end] = [stem.slice(0, point), stem.slice(point)];
  const isShard =
    name.startsWith(head) && name.endsWith(end) && /^-\d{5}-of-\d{5}$/.test(name.slice(head.length, -end.length));
  return isShard || name === stem || name === indexNameOf(layout);
}

function stemOf({ format, variant }: WeightsLayout): string {
  return variantName(WEIGHTS_NAMES[format], variant);
}

function indexNameOf({ format, variant }: WeightsLayout): string {
  return indexName(WEIGHTS_NAMES[format], variant);
}

async function syncFile(path: string): Promise<void> {
  const handle = await fs.open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
