import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isFloating } from '../checkpoint/dtype';
import { ggufMetadata } from '../checkpoint/gguf/gguf-values';
import { isGgufName } from '../checkpoint/gguf/locate-gguf';
import { partNames } from '../checkpoint/gguf/part-names';
import { openCheckpoint } from '../checkpoint/open';
import { openAnyCheckpoint } from '../checkpoint/open-any';
import type { CheckpointSource } from '../checkpoint/source';
import { resolveModelFolder } from '../env';
import { OSError, ValueError } from '../errors';
import type { PretrainedConfig } from '../pretrained/config';
import { translate } from '../pretrained/dialects/translate';
import { withoutInit } from '../pretrained/init';
import { planLoad } from '../pretrained/load-plan';
import { loadTargetOf } from '../pretrained/load-target';
import type { ModelClass } from '../pretrained/pretrained-model';
import { AutoConfig } from './auto-config';
import { AutoModel } from './auto-model';
import { loadFamily } from './families';

/** What is known of a checkpoint without loading it. */
export interface CheckpointSummary {
  path: string;
  model_type: string;
  architectures: string[];
  files: { file: string; format: string; tensors: number; bytes: number }[];
  dtypes: { dtype: string; tensors: number; parameters: number; bytes: number }[];
  /** Every tensor in file order. */
  tensors: { name: string; dtype: string; shape: number[] }[];
  /** What the files say of themselves in words. */
  metadata: [string, string][];
  parameters: number;
  bytes: number;
  /** Facts of the config that a user asks for: name and value. */
  details: [string, string][];
  loads: boolean;
  /** Why it does not load; and what to know when it does. */
  reasons: string[];
}

/**
 * Reads config and headers of a checkpoint, and plans its load without reading a weight.
 * @throws OSError when there is no such folder; everything else that is wrong is among the reasons
 */
export async function inspectCheckpoint(path: string): Promise<CheckpointSummary> {
  const given = await resolveModelFolder(path);
  const found = await stat(given).catch(async (error: unknown) => {
    // The prefix of a TensorFlow 1 checkpoint.
    const index = await stat(`${given}.index`).catch(() => null);
    if (index) return index;
    throw new OSError(`there is no folder '${path}'; give the folder of a checkpoint, with config.json and weights`, {
      code: 'ERR_NO_FOLDER',
      cause: error,
    });
  });
  const summary: CheckpointSummary = {
    path,
    model_type: '',
    architectures: [],
    files: [],
    dtypes: [],
    tensors: [],
    metadata: [],
    parameters: 0,
    bytes: 0,
    details: [],
    loads: false,
    reasons: [],
  };
  const gguf = found.isDirectory() ? await onlyGguf(given) : null;
  if (gguf !== null) summary.reasons.push(`it is a GGUF file in a folder: set gguf_file to '${gguf}'`);
  const folder = gguf === null ? given : join(given, gguf);
  const hasOwnConfig = isGgufName(folder);
  if (found.isFile() && !hasOwnConfig)
    summary.reasons.push(
      `it is one file, of which from_pretrained needs the config too, as { config }; inspect its folder: '${dirname(folder)}'`,
    );
  const config =
    found.isFile() && !hasOwnConfig ? null : await attempt(summary, () => AutoConfig.from_pretrained(folder));
  if (config) describeConfig(summary, config);
  const source = await openToLook(summary, folder, config?.['transformers_weights'] as string | undefined);
  if (!source) return summary;
  try {
    describeFiles(summary, source);
    describeGguf(summary, source);
    if (source.forbidden.length > 0) {
      summary.reasons.push(
        `it holds what a load refuses: ${source.forbidden.join(', ')}; nothing is ever imported, and no other file read`,
      );
      return summary;
    }
    const planned = config && (await attempt(summary, async () => planFor(summary, config, source)));
    summary.loads = planned !== null && !summary.reasons.some((reason) => FLAG_NEEDED.test(reason));
    return summary;
  } finally {
    await source.close();
  }
}

/** The GGUF file, or the first of its parts, that a folder without a config holds; null where it holds none or several. */
async function onlyGguf(folder: string): Promise<string | null> {
  const names = await readdir(folder);
  const [first, ...others] = names.filter(isGgufName).sort();
  if (first === undefined || names.includes('config.json')) return null;
  const parts = partNames(first) ?? [];
  return others.every((name) => parts.includes(name)) ? first : null;
}

/** What errors say of files that a load takes only when it is asked to. */
const FLAG_NEEDED = /set (from_(tf|flax)|gguf_file)/;

/** Opens the weights; TensorFlow's and Flax', which a load must be told of, with that among the reasons. */
async function openToLook(
  summary: CheckpointSummary,
  location: string,
  named: string | undefined,
): Promise<CheckpointSource | null> {
  const options = { lookOnly: true, ...(named !== undefined && { transformers_weights: named }) };
  const source = await attempt(summary, () => openCheckpoint(location, options));
  if (source || !FLAG_NEEDED.test(summary.reasons.at(-1) ?? '')) return source;
  return attempt(summary, () => openAnyCheckpoint(location, { lookOnly: true }));
}

/** Longest text of a value in the metadata. */
const LONGEST_VALUE = 100;

function describeGguf(summary: CheckpointSummary, source: CheckpointSource): void {
  const metadata = ggufMetadata(source);
  if (metadata === null) return;
  summary.metadata = [...metadata].map(([key, { type, value }]) => {
    if (type === 'array') return [key, `${value.length} × ${value.elementType}`];
    const text = type === 'string' ? JSON.stringify(value) : String(value);
    return [key, text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text];
  });
}

/** What `f` gives, or null with its error among the reasons. */
async function attempt<T>(summary: CheckpointSummary, f: () => Promise<T>): Promise<T | null> {
  try {
    return await f();
  } catch (error) {
    const { message } = error as Error;
    if (!summary.reasons.includes(message)) summary.reasons.push(message);
    return null;
  }
}

const shown = ['hidden_size', 'num_hidden_layers', 'num_attention_heads', 'vocab_size', 'max_position_embeddings'];

function describeConfig(summary: CheckpointSummary, config: PretrainedConfig): void {
  const type = config.constructor as typeof PretrainedConfig;
  summary.model_type = type.model_type;
  summary.architectures = config.architectures ?? [];
  const fields = config as unknown as Record<string, unknown>;
  for (const name of shown) if (fields[name] !== undefined) summary.details.push([name, String(fields[name])]);
}

function describeFiles(summary: CheckpointSummary, source: CheckpointSource): void {
  summary.metadata = [...source.metadata];
  const dtypes = new Map<string, { tensors: number; parameters: number; bytes: number }>();
  for (const part of source.parts) {
    let bytes = 0;
    const places = new Set<string>();
    for (const name of part.names()) {
      const info = part.info(name);
      const entry = dtypes.get(info.dtype) ?? { tensors: 0, parameters: 0, bytes: 0 };
      const size = info.shape.reduce((n, d) => n * d, 1);
      entry.tensors++;
      summary.tensors.push({ name, dtype: info.dtype, shape: info.shape });
      dtypes.set(info.dtype, entry);
      // A tied weight stands under several names in a PyTorch file, and is one all the same.
      const place = `${info.storage} ${info.byteOffset} ${info.shape} ${info.strides}`;
      if (info.storage !== undefined && places.size === places.add(place).size) continue;
      entry.parameters += size;
      entry.bytes += info.byteLength;
      if (isFloating(info.dtype)) summary.parameters += size;
      bytes += info.byteLength;
    }
    const file = basename(part.files[0] ?? '');
    summary.files.push({ file, format: part.format, tensors: part.names().length, bytes });
    summary.bytes += bytes;
  }
  summary.dtypes = [...dtypes].map(([dtype, entry]) => ({ dtype, ...entry }));
}

/** Plans the load of the class that the config names, else of the headless network. */
function planFor(summary: CheckpointSummary, config: PretrainedConfig, source: CheckpointSource): true {
  const type = config.constructor as typeof PretrainedConfig;
  const family = loadFamily(type.model_type);
  const named = summary.architectures.map((name) => family[name]).find((c) => c !== undefined);
  const ModelType = (named ?? AutoModel.classFor(config)) as ModelClass;
  const model = withoutInit(() => new ModelType(config as never));
  const target = loadTargetOf(ModelType, model);
  const weights = translate(source, target);
  const shapes = new Map(weights.names().map((name) => [name, weights.info(name).shape]));
  const plan = planLoad(shapes, target, { otherKeys: weights.otherKeys });
  summary.details.push(['loads as', ModelType.name]);
  if (!named && summary.architectures.length > 0)
    summary.reasons.push(`${summary.architectures.join(', ')} is no class here; ${ModelType.name} is what loads`);
  for (const { source: name } of plan.steps) {
    const { dtype } = weights.info(name);
    if (dtype.startsWith('complex'))
      throw new ValueError(`'${name}' is stored as ${dtype}, which no model computes in`);
  }
  if (plan.missing_keys.length > 0)
    summary.reasons.push(`missing, to be newly initialized: ${plan.missing_keys.join(', ')}`);
  if (plan.unexpected_keys.length > 0) summary.reasons.push(`not used: ${plan.unexpected_keys.join(', ')}`);
  return true;
}
