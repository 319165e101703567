import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ggufMetadata } from '../checkpoint/gguf/gguf-values';
import { writeGguf } from '../checkpoint/gguf/gguf-writer';
import { isGgufName } from '../checkpoint/gguf/locate-gguf';
import { type CheckpointSource, isSamePlace } from '../checkpoint/source';
import { kTokenizerConfigFile, kTokenizerFile, kVocabularyFiles } from '../checkpoint/tokenizer-files';
import { NotImplementedError, RuntimeError, unknownName, ValueError } from '../errors';
import { warn } from '../logging';
import { givenOptions } from '../options';
import type { PretrainedConfig } from '../pretrained/config';
import { translate } from '../pretrained/dialects/translate';
import { sameBytes } from '../pretrained/from-pretrained';
import { ggufClasses } from '../pretrained/gguf/gguf-config';
import { ROPE_FACTORS } from '../pretrained/gguf/gguf-weights';
import { type Entries, modelEntries } from '../pretrained/gguf/metadata';
import { ggufArchitectures, ggufNameOf, type HeadCounts } from '../pretrained/gguf/names';
import type { QuantizationError } from '../pretrained/gguf/quantization-error';
import {
  type GgufTensor,
  GgufTensors,
  type MatrixType,
  type QuantizedType,
  quantizedTypes,
  type TensorStep,
  type WrittenTensor,
} from '../pretrained/gguf/tensors';
import { type TokenizerFiles, tokenizerEntries } from '../pretrained/gguf/tokenizer-metadata';
import { withoutInit } from '../pretrained/init';
import { checkWeightType } from '../pretrained/load-options';
import { type LoadPlan, planSource } from '../pretrained/load-plan';
import { loadTargetOf } from '../pretrained/load-target';
import type { ModelClass } from '../pretrained/pretrained-model';
import { typeOfMost } from '../pretrained/rewrite-weights';
import { parseDtype } from '../tensor/dtype';
import { inTurns } from '../turns';
import { type CheckpointPlace, checkpointAt, configAt, openAt } from './checkpoint-place';
import { loadFamily } from './families';
import { tokenizerTexts } from './tokenizer-texts';

/** Options of `convertToGguf`. */
export interface ConvertToGgufOptions {
  /** The model's config, or where that is; default: the one beside the weights. */
  config?: PretrainedConfig | string | null | undefined;
  /** A file that ends in `.gguf`, or a folder for `model.gguf`; default: the checkpoint's own folder. */
  output?: string | null | undefined;
  /** Type of every matrix: 'float32', 'float16' or 'bfloat16'; default: as they are, blocks as float32. */
  dtype?: string | null | undefined;
  /** Blocks that matrices are quantised to: 'Q4_0', 'Q8_0', 'Q4_K' or 'Q6_K'. */
  quantize?: string | null | undefined;
  /** Only say what would be written. */
  dryRun?: boolean | null | undefined;
  signal?: AbortSignal | null | undefined;
}

/** What was written, or would be. */
export interface GgufReport {
  file: string;
  bytes: number;
  tensors: WrittenTensor[];
  /** How far all quantised numbers moved together; null where none was. */
  overall: QuantizationError | null;
}

const OPTIONS = ['config', 'output', 'dtype', 'quantize', 'dryRun', 'signal'];

/**
 * Writes a checkpoint of any framework as one GGUF file that llama.cpp and Transformers read: weights, config and tokenizer.
 * The checkpoint stays as it is; the file appears complete or not at all. One tensor at a time is in memory.
 *
 * @param location - as `convertCheckpoint` takes it; another GGUF file is quantised again
 * @throws NotImplementedError for architectures, config fields and tokenizers that GGUF has no words for here; ValueError for
 *   options; RuntimeError when the checkpoint lacks a weight or holds one that has no place; what reading and writing throw
 */
export async function convertToGguf(location: string, given: ConvertToGgufOptions = {}): Promise<GgufReport> {
  const options = givenOptions<ConvertToGgufOptions>(given, 'convertToGguf');
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'convertToGguf', OPTIONS);
  const signal = options.signal ?? undefined;
  const type = matrixType(options);
  const place = await checkpointAt(location, signal);
  const config = await configAt(place, options, signal);
  const architecture = architectureFor(config);
  const ModelType = loadFamily(architecture)[ggufClasses[architecture] as string] as ModelClass;
  const model = withoutInit(() => new ModelType(config as never));
  const target = loadTargetOf(ModelType, model);
  const counts = headCounts(config);
  const opened = await openAt(place, { ...(signal && { signal }) });
  const source = await inTurns(translate(opened, target), signal).catch(async (error: unknown) => {
    await opened.close();
    throw error;
  });
  const tensors = new GgufTensors(source, type, counts, signal);
  try {
    const steps = await stepsOf(source, target, architecture, signal);
    const file = fileFor(place, options.output ?? null, type);
    const all = steps.map((step) => tensors.tensor(step));
    if (opened.format === 'gguf' && opened.has(ROPE_FACTORS)) all.push(tensors.asStored(opened, ROPE_FACTORS));
    const metadata = modelEntries(config, architecture, nameOf(place), typeOfMost(all));
    for (const [key, value] of descriptionOf(opened)) metadata.set(key, value);
    for (const [key, value] of await tokenizerOf(place, opened, config, signal)) metadata.set(key, value);
    if (options.dryRun) return dryReport(file, all);
    await mkdir(dirname(file), { recursive: true });
    const bytes = await writeGguf(file, metadata, all, { signal });
    await source.verify();
    return { file, bytes, tensors: tensors.written, overall: tensors.overall.result() };
  } finally {
    tensors.close();
    await opened.close();
    await model.dispose();
  }
}

/** @throws ValueError, TypeError for types that are none, or two at once */
function matrixType({ dtype, quantize }: ConvertToGgufOptions): MatrixType {
  if (dtype != null && quantize != null)
    throw new ValueError(`dtype (${dtype}) and quantize (${quantize}) both say what matrices become; give one`);
  if (quantize == null) return dtype == null ? null : (checkWeightType(parseDtype(dtype)) as MatrixType);
  if ((quantizedTypes as readonly string[]).includes(quantize)) return quantize as QuantizedType;
  throw unknownName('type', quantize, 'quantize', quantizedTypes);
}

function architectureFor(config: PretrainedConfig): string {
  const { model_type } = config.constructor as typeof PretrainedConfig;
  if (ggufArchitectures.includes(model_type)) return model_type;
  throw new NotImplementedError(
    `models of type '${model_type}' cannot be written to GGUF here; ${ggufArchitectures.join(', ')} can`,
    { code: 'ERR_MODEL_TYPE' },
  );
}

function headCounts(config: PretrainedConfig): HeadCounts {
  const heads = (config['num_attention_heads'] ?? config['n_head']) as number;
  return { heads, kv_heads: (config['num_key_value_heads'] as number | undefined) ?? heads };
}

/** Tensors that a message names. */
const kNamed = 5;

/** Every tensor of the file in the order of the model. @throws RuntimeError when one is missing, or has no place */
async function stepsOf(
  source: CheckpointSource,
  target: ReturnType<typeof loadTargetOf>,
  architecture: string,
  signal: AbortSignal | undefined,
): Promise<TensorStep[]> {
  const plan = await inTurns(planSource(source, target), signal);
  const { missing_keys, unexpected_keys } = plan;
  const lost = [
    ...missing_keys.map((name) => `lacks ${name}`),
    ...unexpected_keys.slice(0, kNamed + 1).map((name) => `holds ${name}`),
  ];
  if (lost.length > 0)
    throw new RuntimeError(
      `the checkpoint cannot be written to GGUF: it ${lost.slice(0, kNamed).join(', ')}${lost.length > kNamed ? ', …' : ''}, ` +
        `and a GGUF file holds what ${target.className} has, all of it and nothing else`,
      { code: 'ERR_STATE_DICT' },
    );
  const steps = [...plan.steps, ...(await differingCopies(source, plan))];
  return steps.map(({ name, source: from, parameter }) => {
    const gguf = ggufNameOf(architecture, name);
    if (gguf === null) throw new RuntimeError(`GGUF has no name for '${name}'`, { code: 'ERR_STATE_DICT' });
    return { source: from, gguf, shape: parameter.dims };
  });
}

/** Tied weights that the checkpoint holds twice with different numbers, which are not tied then. */
async function differingCopies(source: CheckpointSource, { copies }: LoadPlan): Promise<LoadPlan['copies']> {
  const different: LoadPlan['copies'] = [];
  for (const copy of copies) {
    const same = isSamePlace(source.info(copy.source), source.info(copy.of.source));
    if (!same && !(await sameBytes(source, copy.source, copy.of.source))) different.push(copy);
  }
  return different;
}

function fileFor({ location, folder, kind }: CheckpointPlace, output: string | null, type: MatrixType): string {
  if (output !== null) return isGgufName(output) ? resolve(output) : resolve(output, 'model.gguf');
  if (kind !== 'gguf') return resolve(folder, 'model.gguf');
  return resolve(folder, `${stemOf(location)}-${type ?? 'converted'}.gguf`);
}

/** The name of a GGUF file without its end, nor the number of a part. */
function stemOf(file: string): string {
  return basename(file).replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '');
}

function nameOf({ location, folder, kind }: CheckpointPlace): string {
  return kind === 'gguf' ? stemOf(location) : basename(resolve(folder));
}

/** What a GGUF file says of its origin: name, author, licence, sources; what it says of its tensors is said anew. */
function descriptionOf(source: CheckpointSource): Entries {
  const own = ['general.alignment', 'general.file_type', 'general.quantization_version'];
  const entries = [...(ggufMetadata(source) ?? [])];
  return new Map(entries.filter(([key]) => key.startsWith('general.') && !own.includes(key)));
}

/**
 * What the file says of the tokenizer: as the GGUF file says it that is converted, or as tokenizer.json says it, which is
 * made of an older vocabulary where there is none.
 */
async function tokenizerOf(
  { folder }: CheckpointPlace,
  source: CheckpointSource,
  config: PretrainedConfig,
  signal: AbortSignal | undefined,
): Promise<Entries> {
  const metadata = ggufMetadata(source);
  if (metadata !== null) return new Map([...metadata].filter(([key]) => key.startsWith('tokenizer.')));
  const files = await tokenizerFiles(folder, signal);
  if (files === null) {
    warn(
      `'${folder}' holds no tokenizer (${kTokenizerFile}, ${kVocabularyFiles.join(', ')}), so the GGUF file is written ` +
        'without one, and llama.cpp takes ids only',
    );
    return new Map([['tokenizer.ggml.model', { type: 'string', value: 'none' }]]);
  }
  const { bos_token_id, eos_token_id, pad_token_id } = config;
  return tokenizerEntries(
    { ...files, ids: { bos_token_id, eos_token_id, pad_token_id } },
    config['vocab_size'] as number,
  );
}

/** The contents of tokenizer.json and tokenizer_config.json; null for a folder without any vocabulary. */
async function tokenizerFiles(
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Pick<TokenizerFiles, 'tokenizer' | 'config'> | null> {
  const names = await readdir(folder);
  const read = async (name: string) =>
    names.includes(name) ? parseObject(join(folder, name), await readFile(join(folder, name), 'utf8')) : null;
  const tokenizer = await read(kTokenizerFile);
  if (tokenizer !== null) return { tokenizer, config: await read(kTokenizerConfigFile) };
  if (!names.some((name) => kVocabularyFiles.includes(name))) return null;
  const texts = await tokenizerTexts(folder, signal);
  const made = (name: string) => parseObject(join(folder, name), texts.get(name) as string);
  return { tokenizer: made(kTokenizerFile), config: made(kTokenizerConfigFile) };
}

function parseObject(file: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw new ValueError(`${file} is not valid JSON: ${(error as Error).message}`, { code: 'ERR_JSON', cause: error });
  }
  throw new ValueError(`${file} must hold a JSON object`, { code: 'ERR_JSON' });
}

function dryReport(file: string, all: readonly GgufTensor[]): GgufReport {
  const tensors = all.map(({ name, dtype, shape, from, byteLength }) => ({
    name,
    shape: [...shape],
    from,
    to: dtype,
    bytes: byteLength,
    error: null,
  }));
  return { file, bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0), tensors, overall: null };
}
