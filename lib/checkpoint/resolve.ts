import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { type OSError, throwIfAborted, unknownName, ValueError } from '../errors';
import { candidates } from './candidates';
import { fault, messageOf, quote, systemCode } from './fault';
import { firstBytes, formatOf } from './first-bytes';
import { type ClassFramework, nothingFor } from './framework-files';
import { assertSafeShardName } from './shard-name';
import * as names from './weight-names';

/** Who writes a kind of weights file. */
export type WeightsFormat = 'safetensors' | 'pytorch' | 'tensorflow' | 'tensorflow1' | 'flax' | 'gguf';

/** The weights that a folder offers under given options. */
export interface ResolvedWeights {
  format: WeightsFormat;
  /** The file of weights; of a sharded checkpoint its index. */
  path: string;
  sharded: boolean;
}

/** Options of `resolveWeights`, as in `from_pretrained`. */
export interface ResolveOptions {
  /** Word in the file names, such as `'fp16'`. */
  variant?: string | null;
  /** true: only safetensors; false: never; null: safetensors before others. */
  use_safetensors?: boolean | null;
  /** Folder inside the location. */
  subfolder?: string;
  /** Take TensorFlow files first. */
  from_tf?: boolean;
  /** Take Flax files first. */
  from_flax?: boolean;
  /** Whose class looks for weights: each framework's has an order of its own. Default PyTorch's. */
  framework?: ClassFramework;
  /** Of another framework's class: take PyTorch files too. */
  from_pt?: boolean;
  /** File that the model's config names in place of a search. */
  transformers_weights?: string | null;
  signal?: AbortSignal;
}

export const RESOLVE_OPTIONS: readonly string[] = [
  'variant',
  'use_safetensors',
  'subfolder',
  'from_tf',
  'from_flax',
  'framework',
  'from_pt',
  'transformers_weights',
  'signal',
];

/**
 * Finds the weights in a folder in the order of Transformers, which `candidates` has. A path to one file is that file.
 *
 * @throws CheckpointError `FILE_NOT_FOUND` when there is no such folder, `WEIGHTS_NOT_FOUND` when it holds nothing that the
 *   options allow: the message names what it does hold.
 * @throws ValueError when the path is a TensorFlow 1 checkpoint and `from_tf` is not set.
 */
export async function resolveWeights(location: string, options: ResolveOptions = {}): Promise<ResolvedWeights> {
  for (const name of Object.keys(options)) {
    if (!RESOLVE_OPTIONS.includes(name)) throw unknownName('option', name, 'resolveWeights()', RESOLVE_OPTIONS);
  }
  throwIfAborted(options.signal);
  const kind = await kindOf(location);
  if (kind === 'file') return await fileAsGiven(location, options);
  if (kind === 'absent') return tensorflow1Prefix(location, options);
  const folder = join(location, options.subfolder ?? '');
  if (folder !== location && (await kindOf(folder)) !== 'folder') throw noFolder(folder);
  if (options.transformers_weights) return namedByConfig(folder, options.transformers_weights);
  for (const { name, format, sharded } of candidates(options)) {
    throwIfAborted(options.signal);
    const path = join(folder, name);
    if ((await kindOf(path)) === 'file') return { format, path, sharded };
  }
  throw await notFound(folder, options);
}

/** Formats by the end of a file's name. */
const ENDINGS: readonly [end: string, format: WeightsFormat][] = [
  ['.safetensors', 'safetensors'],
  ['.bin', 'pytorch'],
  ['.pt', 'pytorch'],
  ['.pth', 'pytorch'],
  ['.h5', 'tensorflow'],
  ['.msgpack', 'flax'],
  ['.gguf', 'gguf'],
  ['.index', 'tensorflow1'],
];
const INDEX_FORMATS: readonly [part: string, format: WeightsFormat][] = [
  ['.safetensors.index.', 'safetensors'],
  ['.bin.index.', 'pytorch'],
  ['.h5.index.', 'tensorflow'],
  ['.msgpack.index.', 'flax'],
];

/** The format of a single file of weights by the end of its name; null when it ends like none. */
export function weightsFormatOf(name: string): WeightsFormat | null {
  return ENDINGS.find(([end]) => name.toLowerCase().endsWith(end))?.[1] ?? null;
}

async function fileAsGiven(path: string, options: ResolveOptions): Promise<ResolvedWeights> {
  const name = path.toLowerCase();
  if (name.endsWith('.json')) {
    const index = INDEX_FORMATS.find(([part]) => name.includes(part));
    if (index !== undefined) return { format: index[1], path, sharded: true };
  }
  const format = weightsFormatOf(name) ?? formatOf(await firstBytes(path));
  if (format === null) {
    const ends = ENDINGS.map(([end]) => end).join(', ');
    const message = `'${path}' neither ends like a file of weights (${ends}) nor starts like one`;
    throw fault('UNSUPPORTED_FORMAT', message, { file: path });
  }
  if (format === 'tensorflow1' && !readsTensorFlow1(options)) throw needsFromTf(path);
  return { format, path, sharded: false };
}

/** TensorFlow 1 checkpoints are named by what their files start with. */
async function tensorflow1Prefix(location: string, options: ResolveOptions): Promise<ResolvedWeights> {
  const path = `${location}.index`;
  if ((await kindOf(path)) !== 'file') throw noFolder(location);
  if (!readsTensorFlow1(options)) throw needsFromTf(location);
  return { format: 'tensorflow1', path, sharded: false };
}

function readsTensorFlow1({ from_tf, framework }: ResolveOptions): boolean {
  return from_tf === true || framework === 'tf';
}

function needsFromTf(path: string): ValueError {
  return new ValueError(`'${path}' is a TensorFlow 1 checkpoint; set from_tf (from_tf=True in Python) to read it`);
}

/** Checks the name of a file that a config has in place of a search. @throws ValueError, CheckpointError `UNSAFE_SHARD_NAME` */
export function checkNamedWeights(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !/\.safetensors(\.index\.json)?$/.test(name))
    throw new ValueError(
      `the config's transformers_weights names ${quote(String(name))}, which is neither a safetensors file (*.safetensors) ` +
        'nor an index of them (*.safetensors.index.json)',
    );
  assertSafeShardName(name, 'config.json');
}

async function namedByConfig(folder: string, name: string): Promise<ResolvedWeights> {
  checkNamedWeights(name);
  const sharded = name.endsWith('.json');
  const path = join(folder, name);
  if ((await kindOf(path)) === 'file') return { format: 'safetensors', path, sharded };
  const message = `the config's transformers_weights names '${name}', which is not in '${folder}'; fetch it, or correct config.json`;
  throw fault('WEIGHTS_NOT_FOUND', message, { file: path });
}

/** The error for a folder without weights that the options allow: what was looked for, what is there, what to do. */
async function notFound(folder: string, options: ResolveOptions): Promise<OSError> {
  const { variant, use_safetensors } = options;
  const { files, folders, gone } = await listFolder(folder);
  const error = (what: string) => fault('WEIGHTS_NOT_FOUND', what, { file: folder });
  const { framework = 'pt', from_pt } = options;
  const unusable = unusableFile(folders, gone, variant);
  if (framework !== 'pt')
    return error(
      `'${folder}' ${nothingFor(framework, files, { from_pt: from_pt ?? false, variant: variant ?? null, unusable })}`,
    );
  const has = (...wanted: string[]) => files.find((name) => wanted.includes(name));
  const safe = names.variantName(names.SAFE_WEIGHTS_NAME, variant);
  const torch = names.variantName(names.WEIGHTS_NAME, variant);
  const wanted = use_safetensors === true ? safe : torch;
  const tf = has(`${names.TF_WEIGHTS_NAME}.index`, names.TF2_WEIGHTS_NAME, names.TF2_WEIGHTS_INDEX_NAME);
  const flax = has(names.FLAX_WEIGHTS_NAME, names.FLAX_WEIGHTS_INDEX_NAME);
  if (tf)
    return error(
      `'${folder}' has no file ${wanted}, but TensorFlow weights (${tf}): set from_tf (from_tf=True in Python)`,
    );
  if (flax)
    return error(
      `'${folder}' has no file ${wanted}, but Flax weights (${flax}): set from_flax (from_flax=True in Python)`,
    );
  const hint = unusable === null ? otherFiles(files, options) : `; ${unusable}`;
  if (use_safetensors === true) return error(`'${folder}' has no file ${safe}${hint}`);
  const others = [torch, names.TF2_WEIGHTS_NAME, `${names.TF_WEIGHTS_NAME}.index`, names.FLAX_WEIGHTS_NAME];
  const all = use_safetensors === false ? others : [safe, ...others];
  return error(`'${folder}' has none of the files ${all.join(', ')}${hint}`);
}

/** Where weights lie that no variant is asked for. */
const plainNames: readonly string[] = [
  names.SAFE_WEIGHTS_NAME,
  names.SAFE_WEIGHTS_INDEX_NAME,
  names.WEIGHTS_NAME,
  names.WEIGHTS_INDEX_NAME,
];

/** Where the weights of other frameworks lie. */
const otherNames: readonly string[] = [
  names.TF2_WEIGHTS_NAME,
  names.TF2_WEIGHTS_INDEX_NAME,
  `${names.TF_WEIGHTS_NAME}.index`,
  names.FLAX_WEIGHTS_NAME,
  names.FLAX_WEIGHTS_INDEX_NAME,
];

/** What stands where weights would lie and is none: a folder, or a link to nothing. */
function unusableFile(
  folders: readonly string[],
  gone: readonly string[],
  variant: string | null | undefined,
): string | null {
  const varied = plainNames.map((name) => names.variantName(name, variant));
  const misplaced = folders.find((name) => [...varied, ...plainNames, ...otherNames].includes(name));
  if (misplaced) return `'${misplaced}' is a folder, where a file of weights has its name: put the file in its place`;
  const link = gone.find((name) => /\.(safetensors|bin|h5|msgpack|gguf|index|json)$/.test(name));
  return link === undefined ? null : `'${link}' is a link to a file that is gone: fetch it again`;
}

/** What the folder holds that other options would take, as the end of a sentence. */
function otherFiles(files: readonly string[], options: ResolveOptions): string {
  const gguf = files.find((name) => name.endsWith('.gguf'));
  if (gguf) return `; for '${gguf}' give gguf_file, or its path`;
  const [start] = bundlesAmong(files);
  if (start)
    return `; '${start}' is a TensorFlow 1 checkpoint under a name of its own: give that path, with from_tf and its config`;
  if (files.includes('adapter_config.json'))
    return '; it holds an adapter (adapter_config.json), which is not supported yet: load the model that it adapts';
  const varied = plainNames.map((name) => names.variantName(name, options.variant));
  if (options.variant && varied.some((name) => files.includes(name)))
    return `; it has weights of variant '${options.variant}' of another kind: leave use_safetensors out`;
  const unvaried = plainNames.find((name) => files.includes(name));
  if (unvaried && options.variant) return `; '${unvaried}' is there: leave variant out (variant=None in Python)`;
  if (unvaried) return '; it has weights of another kind: leave use_safetensors out';
  for (const name of files) {
    const variant =
      /^(?:model|pytorch_model)(?:\.(?:safetensors|bin)\.index)?\.([^.]+?)(?:-\d{5}-of-\d{5})?\.(?:safetensors|bin|json)$/.exec(
        name,
      )?.[1];
    if (variant && variant !== 'index') return `; it has weights of variant '${variant}': set variant`;
  }
  return '; check the path, or fetch the weights';
}

/** What the files of TensorFlow checkpoints begin with, among the names in a folder. */
export function bundlesAmong(names: readonly string[]): string[] {
  const starts = names.filter((name) => name.endsWith('.index')).map((name) => name.slice(0, -'.index'.length));
  return starts.filter((start) => names.some((name) => name.startsWith(`${start}.data-`))).sort();
}

/** Names in a folder, by what they stand for; `gone` are links to nothing. */
interface Listing {
  files: string[];
  folders: string[];
  gone: string[];
}

async function listFolder(folder: string): Promise<Listing> {
  let present: string[];
  try {
    present = await fs.readdir(folder);
  } catch (error) {
    throw fault('FILE_UNREADABLE', `'${folder}' cannot be listed: ${messageOf(error)}`, { file: folder, cause: error });
  }
  const kinds = await Promise.all(present.map((name) => kindOf(join(folder, name))));
  const of = (kind: 'file' | 'folder' | 'absent') => present.filter((_, i) => kinds[i] === kind);
  return { files: of('file'), folders: of('folder'), gone: of('absent') };
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'absent'> {
  try {
    const stat = await fs.stat(path);
    return stat.isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemCode(error))) return 'absent';
    throw fault('FILE_UNREADABLE', `'${path}' cannot be reached: ${messageOf(error)}`, { file: path, cause: error });
  }
}

function noFolder(path: string): OSError {
  return fault('FILE_NOT_FOUND', `There is no folder or file '${path}'; check the path`, { file: path });
}
