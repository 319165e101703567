import { NotImplementedError, OSError, unknownName, ValueError } from '../errors';
import { type CheckpointFault, fault, quote } from './fault';
import { bundleReader, flaxReader, ggufReader, hdf5Reader, pytorchReader } from './formats';
import type { HeaderLimits } from './header-limits';
import {
  RESOLVE_OPTIONS,
  type ResolvedWeights,
  type ResolveOptions,
  resolveWeights,
  type WeightsFormat,
} from './resolve';
import { openSafetensors } from './safetensors';
import { type OpenFile, openShards } from './sharded';
import type { CheckpointSource } from './source';
import { nameInShard } from './weight-names';

/** Options of `openCheckpoint`. */
export interface OpenOptions extends ResolveOptions {
  limits?: Partial<HeaderLimits>;
  /**
   * Open files that a load refuses: `forbidden` lists what in PyTorch's and TensorFlow's it refuses them for; GGUF's have
   * tensors of types that are not read. Default false.
   */
  lookOnly?: boolean;
}

const OPTIONS = [...RESOLVE_OPTIONS, 'limits', 'lookOnly'];

const FORMAT_NAMES: Readonly<Record<WeightsFormat, string>> = {
  safetensors: 'safetensors',
  pytorch: 'PyTorch',
  tensorflow: 'TensorFlow',
  tensorflow1: 'TensorFlow 1',
  flax: 'Flax',
  gguf: 'GGUF',
};

/** How the formats that are read are opened. */
const OPENERS: Partial<Record<WeightsFormat, (lookOnly: boolean) => OpenFile>> = {
  safetensors: () => openSafetensors,
  flax: () => flaxReader().openFlax,
  pytorch: (lookOnly) => (path, options) => pytorchReader().openPyTorch(path, { ...options, lookOnly }),
  tensorflow: (lookOnly) => (path, options) => hdf5Reader().openHdf5(path, { ...options, lookOnly }),
  tensorflow1: (lookOnly) => (path, options) => bundleReader().openBundle(path, { ...options, lookOnly }),
  gguf: (lookOnly) => (path, options) => ggufReader().openGguf(path, { ...options, lookOnly }),
};

/**
 * Finds and opens the weights of a folder, or the file of weights that `location` is. See `resolveWeights` for what is
 * looked for.
 *
 * @throws CheckpointError `UNSUPPORTED_FORMAT` naming the file when its format is not read by this version, and what
 *   `resolveWeights`, `openSafetensors`, `openPyTorch` and `openShards` throw.
 * @throws ValueError when the metadata of a single file names a format that weights cannot have; OSError for a shard.
 */
export async function openCheckpoint(location: string, options: OpenOptions = {}): Promise<CheckpointSource> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'openCheckpoint()', OPTIONS);
  }
  const { limits, lookOnly = false, ...resolve } = options;
  const weights = await resolveWeights(location, resolve);
  const source = await openResolved(weights, { limits, signal: options.signal }, lookOnly);
  try {
    for (const part of source.parts) checkLayout(part, weights.sharded);
    checkAlike(source);
    refuseOtherFramework(weights.path, frameworkOf(source), options);
    return source;
  } catch (error) {
    await source.close();
    throw error;
  }
}

function openResolved(
  { format, path, sharded }: ResolvedWeights,
  options: { limits?: Partial<HeaderLimits>; signal?: AbortSignal },
  lookOnly: boolean,
): Promise<CheckpointSource> {
  const open = OPENERS[format];
  const rename = format === 'tensorflow' && sharded ? nameInShard : undefined;
  if (open !== undefined)
    return sharded ? openShards(path, options, open(lookOnly), rename) : open(lookOnly)(path, options);
  const message =
    `'${path}' holds ${FORMAT_NAMES[format]} weights, a format that is not supported yet; ` +
    'save the model as safetensors in Transformers: save_pretrained(folder, safe_serialization=True)';
  throw fault('UNSUPPORTED_FORMAT', message, { file: path });
}

/** The framework that named and arranged a checkpoint's weights. */
export type Framework = 'PyTorch' | 'TensorFlow' | 'TensorFlow 1' | 'Flax' | 'GGUF';

const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  tensorflow: 'TensorFlow',
  tensorflow1: 'TensorFlow 1',
  flax: 'Flax',
  gguf: 'GGUF',
};

/** Frameworks that arrange the same weights in another layout, by what `format` in the metadata of safetensors says. */
const LAYOUTS: ReadonlyMap<string | undefined, Framework> = new Map([
  ['tf', 'TensorFlow'],
  ['flax', 'Flax'],
]);

/** Who named and arranged the weights: the container tells, or the metadata of safetensors. */
export function frameworkOf({ format, metadata }: CheckpointSource): Framework {
  return FRAMEWORKS[format] ?? LAYOUTS.get(metadata.get('format')) ?? 'PyTorch';
}

/** @throws NotImplementedError `UNSUPPORTED_LAYOUT` for weights that only a model's class can name as PyTorch does */
export function requirePyTorch(source: CheckpointSource, doing: string): void {
  const framework = frameworkOf(source);
  if (framework === 'PyTorch') return;
  throw new NotImplementedError(
    `'${source.files[0]}' holds weights in the layout of ${framework}, and ${doing} takes them only as PyTorch names and ` +
      'arranges them; load the model with from_pretrained and save it again',
    { code: 'UNSUPPORTED_LAYOUT' },
  );
}

/**
 * @throws ValueError when another framework's weights are asked for than these are; OSError when they are another
 *   framework's than the class' that asks
 */
function refuseOtherFramework(path: string, found: Framework, options: OpenOptions): void {
  const { from_tf, from_flax, framework = 'pt' } = options;
  if (framework !== 'pt') {
    if (!isTakenBy(framework, path, found, options.from_pt ?? false)) throw notOfClass(path, found, framework);
  } else if (from_tf || from_flax) {
    const [option, asked] = from_tf ? ['from_tf', 'TensorFlow'] : ['from_flax', 'Flax'];
    if (found.startsWith(asked)) return;
    throw new ValueError(
      `${option} asks for ${asked} weights, but '${path}' is what there is, and it is ${found}'s; leave ${option} out`,
      { code: 'ERR_OPTION_VALUE' },
    );
  }
}

/** Whether a class of that framework takes the file. Safetensors say of themselves who arranged them: any class takes them. */
function isTakenBy(framework: 'tf' | 'flax', path: string, found: Framework, from_pt: boolean): boolean {
  const isSafetensors = /\.safetensors(\.index(\.[^.]+)?\.json)?$/.test(path);
  const isOwn = found.startsWith(framework === 'tf' ? 'TensorFlow' : 'Flax');
  return isSafetensors || isOwn || found === 'GGUF' || (found === 'PyTorch' && from_pt);
}

function notOfClass(path: string, found: Framework, framework: 'tf' | 'flax'): OSError {
  const what =
    found === 'PyTorch'
      ? 'set from_pt (from_pt=True in Python) to load PyTorch weights'
      : `load it with a class of ${found.replace(/ 1$/, '')}`;
  const code: CheckpointFault = 'UNSUPPORTED_LAYOUT';
  const asking = framework === 'tf' ? 'TensorFlow' : 'Flax';
  return new OSError(
    `Unable to load weights from '${path}': it is ${found}'s, and a class of ${asking} asks; ${what}`,
    {
      code,
    },
  );
}

/** @throws OSError when one shard is arranged as PyTorch does it and another is not: no reading of all of them is right */
function checkAlike({ parts }: CheckpointSource): void {
  const [first, ...others] = parts as [CheckpointSource, ...CheckpointSource[]];
  const framework = frameworkOf(first);
  const other = others.find((part) => frameworkOf(part) !== framework);
  if (other === undefined) return;
  const code: CheckpointFault = 'METADATA_FORMAT';
  throw new OSError(
    `by their metadata, '${first.files[0]}' is ${framework}'s and '${other.files[0]}' is ${frameworkOf(other)}'s, which cannot ` +
      'be one checkpoint; save it again with save_pretrained',
    { code },
  );
}

/** Checks what the metadata says of the layout: PyTorch's, TensorFlow's, Flax's, or nothing. */
function checkLayout(part: CheckpointSource, sharded: boolean): void {
  const layout = part.metadata.get('format');
  if (
    part.format !== 'safetensors' ||
    layout === undefined ||
    layout === 'pt' ||
    layout === 'mlx' ||
    LAYOUTS.has(layout)
  )
    return;
  const message = `'${part.files[0]}' has metadata format ${quote(layout)}; expected pt, tf or flax, or none. Save the model again with save_pretrained`;
  const code: CheckpointFault = 'METADATA_FORMAT';
  throw sharded ? new OSError(message, { code }) : new ValueError(message, { code });
}
