import { basename, join } from 'node:path';
import { isFloating } from '../checkpoint/dtype';
import { BLOCK_DTYPES, isUnreadBlock } from '../checkpoint/gguf/block-types';
import { PLAIN_GGML_TYPES } from '../checkpoint/gguf/ggml-types';
import { ggufMetadata } from '../checkpoint/gguf/gguf-values';
import { openAnyCheckpoint } from '../checkpoint/open-any';
import type { CheckpointSource } from '../checkpoint/source';
import { resolveModelFolder } from '../env';
import { ValueError } from '../errors';
import type { PretrainedConfig } from '../pretrained/config';
import { CONFIG_NAME } from '../pretrained/config-file';
import { translate } from '../pretrained/dialects/translate';
import { withoutInit } from '../pretrained/init';
import { planSource } from '../pretrained/load-plan';
import { loadTargetOf } from '../pretrained/load-target';
import { inTurns, joinInSteps, type Steps, visitInSteps } from '../turns';
import { AutoModel, type LoadableClass } from './auto-model';
import {
  type CheckpointPlace,
  type ClassChoice,
  checkpointAt,
  classAt,
  configAt,
  configSource,
} from './checkpoint-place';
import { originalConfigs } from './original-releases';

/** What is known of a checkpoint without loading it. */
export interface CheckpointSummary {
  path: string;
  /** Whether the path is that of one file, or of a TensorFlow checkpoint's start. */
  isFile: boolean;
  model_type: string;
  architectures: string[];
  files: { file: string; format: string; tensors: number; bytes: number }[];
  dtypes: { dtype: string; tensors: number; parameters: number; bytes: number }[];
  /** Every tensor in file order, and whether its numbers can be read. */
  tensors: { name: string; dtype: string; shape: number[]; readable: boolean }[];
  /** What the files say of themselves in words. */
  metadata: [string, string][];
  parameters: number;
  bytes: number;
  /** Facts of the config that a user asks for: name and value. */
  details: [string, string][];
  loads: boolean;
  /** The call that loads it, where the path alone does not do. */
  call: string | null;
  /** Why it does not load; and what to know when it does. */
  reasons: string[];
}

/** Options of `inspectCheckpoint`. */
export type InspectOptions = ClassChoice;

/**
 * Reads config and headers of a checkpoint, and plans its load without reading a weight.
 * @throws OSError when there is nothing at the path; everything else that is wrong is among the reasons
 */
export async function inspectCheckpoint(path: string, options: InspectOptions = {}): Promise<CheckpointSummary> {
  const place = await checkpointAt(await resolveModelFolder(path));
  const summary: CheckpointSummary = {
    path,
    isFile: place.kind !== 'folder' && place.gguf_file === null,
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
    call: null,
    reasons: [],
  };
  if (place.gguf_file !== null)
    summary.reasons.push(`it is a GGUF file in a folder: set gguf_file to '${place.gguf_file}'`);
  const config = await attempt(summary, () => configAt(place, options));
  if (config) describeConfig(summary, config);
  const named = config?.['transformers_weights'] as string | undefined;
  const look = { lookOnly: true, ...(named !== undefined && { transformers_weights: named }) };
  const source = await attempt(summary, () => openAnyCheckpoint(place.location, look));
  if (source === null) return summary;
  try {
    await inTurns(describeFiles(summary, source));
    describeGguf(summary, source);
    if (source.forbidden.length > 0) {
      summary.reasons.push(
        `it holds what a load refuses: ${source.forbidden.join(', ')}; nothing is ever imported, and no other file read`,
      );
      return summary;
    }
    const ModelType =
      config && (await attempt(summary, () => inTurns(planFor(summary, place, options, config, source))));
    const unread = unreadTypes(summary);
    if (unread !== null) {
      const as = ModelType ? `, as ${ModelType.name}` : '';
      summary.reasons.push(
        unread,
        `the same model in any of ${READ_TYPES} loads${as}: quantise its original in one of them`,
      );
      return summary;
    }
    if (ModelType === null || (await attempt(summary, () => checkConfigNames(place, options))) === null) return summary;
    summary.loads = true;
    summary.call = await callFor(ModelType, place, options, source);
    return summary;
  } finally {
    await source.close();
  }
}

/** Options that a load must be given for another framework's own files. */
const FLAGS: Readonly<Record<string, string>> = {
  tensorflow: 'from_tf: true',
  tensorflow1: 'from_tf: true',
  flax: 'from_flax: true',
};

/** The call that loads the checkpoint; null where its path alone does. */
async function callFor(
  { name }: LoadableClass,
  place: CheckpointPlace,
  choice: ClassChoice,
  { files: [first = ''], format }: CheckpointSource,
): Promise<string | null> {
  if (place.gguf_file !== null)
    return `${name}.from_pretrained(${literal(place.folder)}, { gguf_file: ${literal(place.gguf_file)} })`;
  const isNamedByFile = place.kind === 'folder' && format === 'tensorflow1' && basename(first) !== 'model.ckpt.index';
  const location = isNamedByFile ? first.replace(/\.index$/, '') : place.location;
  const from = await configSource(place, choice);
  const isBeside = place.kind === 'gguf' || from === join(place.location, CONFIG_NAME);
  const options: string[] = [];
  const flag = FLAGS[format];
  if (flag !== undefined) options.push(flag);
  if (isNamedByFile || !isBeside || choice.config)
    options.push(typeof from === 'string' ? `config: ${literal(from)}` : 'config');
  return options.length === 0 ? null : `${name}.from_pretrained(${literal(location)}, { ${options.join(', ')} })`;
}

/** A text as programs write it, whatever the name of a folder holds. */
function literal(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped}'`;
}

/** @throws ValueError for a config whose fields have names of their own: only a conversion reads it */
async function checkConfigNames(place: CheckpointPlace, choice: ClassChoice): Promise<true> {
  const from = await configSource(place, choice);
  if (typeof from !== 'string' || Object.keys(originalConfigs.get(basename(from))?.names ?? {}).length === 0)
    return true;
  throw new ValueError(
    `the fields of '${from}' have other names than those of config.json: native-transformers convert makes of this ` +
      'checkpoint one that from_pretrained takes',
  );
}

/** ggml's names of the types that are read from GGUF files. */
const READ_TYPES = [...PLAIN_GGML_TYPES, ...BLOCK_DTYPES].join(', ');
/** Names of tensors that are told of one type. */
const MOST_NAMES = 3;

/** The tensors of types that are not read, by type; null where there are none. */
function unreadTypes({ tensors }: CheckpointSummary): string | null {
  const unread = tensors.filter(({ readable }) => !readable);
  if (unread.length === 0) return null;
  const told = [...new Set(unread.map(({ dtype }) => dtype))].map((type) => {
    const names = unread.filter(({ dtype }) => dtype === type).map(({ name }) => name);
    const some = names.slice(0, MOST_NAMES).join(', ') + (names.length > MOST_NAMES ? ', …' : '');
    return `${type} (${names.length} of ${tensors.length} tensors: ${some})`;
  });
  return `it holds blocks of types that are not read: ${told.join('; ')}`;
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

function* describeFiles(summary: CheckpointSummary, source: CheckpointSource): Steps<void> {
  summary.metadata = [...source.metadata];
  const dtypes = new Map<string, { tensors: number; parameters: number; bytes: number }>();
  for (const part of source.parts) {
    let bytes = 0;
    const places = new Set<string>();
    yield* visitInSteps(part.names(), (name) => {
      const { dtype, shape, strides, storage, byteOffset, byteLength } = part.info(name);
      const entry = dtypes.get(dtype) ?? { tensors: 0, parameters: 0, bytes: 0 };
      const size = shape.reduce((n, d) => n * d, 1);
      entry.tensors++;
      summary.tensors.push({ name, dtype, shape, readable: !isUnreadBlock(dtype) });
      dtypes.set(dtype, entry);
      // A tied weight stands under several names in a PyTorch file, and is one all the same.
      if (storage !== undefined && places.size === places.add(`${storage} ${byteOffset} ${shape} ${strides}`).size)
        return;
      entry.parameters += size;
      entry.bytes += byteLength;
      if (isFloating(dtype)) summary.parameters += size;
      bytes += byteLength;
    });
    const file = basename(part.files[0] ?? '');
    summary.files.push({ file, format: part.format, tensors: part.names().length, bytes });
    summary.bytes += bytes;
  }
  summary.dtypes = [...dtypes].map(([dtype, entry]) => ({ dtype, ...entry }));
}

/** Plans the load of the class that was chosen or that the config names, else of the headless network. */
function* planFor(
  summary: CheckpointSummary,
  place: CheckpointPlace,
  choice: ClassChoice,
  config: PretrainedConfig,
  source: CheckpointSource,
): Steps<LoadableClass> {
  const named = summary.architectures.length > 0 || choice.class != null || source.format === 'tensorflow1';
  const [ModelType, why] = named ? classOrHeadless(place, choice, config, source) : [AutoModel.classFor(config), null];
  const model = withoutInit(() => new ModelType(config as never));
  const target = loadTargetOf(ModelType, model);
  const weights = yield* translate(source, target);
  const plan = yield* planSource(weights, target);
  summary.details.push(['loads as', ModelType.name]);
  if (why !== null) summary.reasons.push(why);
  for (const { source: name } of plan.steps) {
    const { dtype } = weights.info(name);
    if (dtype.startsWith('complex'))
      throw new ValueError(`'${name}' is stored as ${dtype}, which no model computes in`);
  }
  if (plan.missing_keys.length > 0)
    summary.reasons.push(`missing, to be newly initialized: ${plan.missing_keys.join(', ')}`);
  if (plan.unexpected_keys.length > 0)
    summary.reasons.push(`not used: ${yield* joinInSteps(plan.unexpected_keys, ', ')}`);
  return ModelType;
}

/** The class of a checkpoint; where the config names one that is not here the headless network, and what to say of that. */
function classOrHeadless(
  place: CheckpointPlace,
  choice: ClassChoice,
  config: PretrainedConfig,
  source: CheckpointSource,
): [LoadableClass, string | null] {
  try {
    return [classAt(place, choice, config, source), null];
  } catch (error) {
    if (choice.class != null) throw error;
    const ModelType = AutoModel.classFor(config);
    return [ModelType, `${config.architectures?.join(', ')} is no class here; ${ModelType.name} is what loads`];
  }
}
